import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A block that a thread of its own reads.
///
/// Nothing is shared but the task: the thread ends before anybody looks at its result, and before this is gone.
final class ReadAhead {
    /// What the thread is given and what it leaves.
    private final class Task: @unchecked Sendable {
        let read: () throws(Fault) -> Block
        var result: Result<Block, Fault>?

        init(_ read: @escaping () throws(Fault) -> Block) { self.read = read }

        func run() {
            do throws(Fault) { result = .success(try read()) } catch { result = .failure(error) }
        }
    }

    private let task: Task
    /// Nil where the thread has ended, or could not be made.
    private var thread: pthread_t?

    init(_ read: @escaping () throws(Fault) -> Block) {
        let task = Task(read)
        self.task = task
        let argument = Unmanaged.passRetained(task)
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let failure = pthread_create(&thread, nil, ReadAhead.entry, argument.toOpaque())
        if failure == 0 {
            self.thread = thread
        } else {
            argument.release()
        }
    }

    #if canImport(Darwin)
        private static let entry: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { argument in
            Unmanaged<Task>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }
    #else
        private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<Task>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }
    #endif

    deinit { join() }

    private func join() {
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    /// Waits for the block; where no thread could be made it is read now.
    func result() throws(Fault) -> Block {
        join()
        guard let result = task.result else { return try task.read() }
        return try result.get()
    }
}
