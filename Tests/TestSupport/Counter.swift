import Synchronization

/// 0, 1, 2, …, on any thread.
public final class Counter: Sendable {
    private let value = Mutex(0)

    public init() {}

    public func next() -> Int {
        value.withLock { value in
            value += 1
            return value - 1
        }
    }
}
