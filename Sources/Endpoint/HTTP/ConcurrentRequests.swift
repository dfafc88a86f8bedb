import Faults
import Foundation
import Synchronization

/// Requests that are on their way together, each on a thread that waits for its answer.
public enum ConcurrentRequests {
    /// - Parameters:
    ///   - count: requests in all.
    ///   - width: requests at a time.
    ///   - done: told on the caller's thread how many have ended.
    ///   - body: makes a request, by its index; on any thread.
    /// - Returns: the answers in order.
    /// - Throws: what the first request that failed threw; no further one is begun then.
    public static func run<Answer: Sendable>(
        _ count: Int, width: Int, done: (Int) -> Void = { _ in },
        _ body: @escaping @Sendable (Int) throws(Fault) -> Answer
    ) throws(Fault) -> [Answer] {
        guard count > 0 else { return [] }
        let shared = Shared<Answer>(count)
        let width = max(1, min(width, count))
        for _ in 0..<width {
            Thread.detachNewThread {
                while let index = shared.take() {
                    do throws(Fault) { shared.end(index, .success(try body(index))) } catch {
                        shared.end(index, .failure(error))
                    }
                }
                shared.leave()
            }
        }
        var (ended, left) = (0, 0)
        while left < width {
            shared.signal.wait()
            let state = shared.progress
            if state.ended > ended {
                ended = state.ended
                done(ended)
            }
            left = state.left
        }
        return try shared.answers()
    }

    private final class Shared<Answer: Sendable>: Sendable {
        private struct State {
            var next = 0
            var ended = 0
            var left = 0
            var results: [Answer?]
            var fault: (index: Int, fault: Fault)?
        }

        private let state: Mutex<State>
        private let count: Int
        let signal = DispatchSemaphore(value: 0)

        init(_ count: Int) {
            self.count = count
            state = Mutex(State(results: Array(repeating: nil, count: count)))
        }

        func take() -> Int? {
            state.withLock { state in
                guard state.fault == nil, state.next < count else { return nil }
                state.next += 1
                return state.next - 1
            }
        }

        func end(_ index: Int, _ result: Result<Answer, Fault>) {
            state.withLock { state in
                switch result {
                case .success(let answer):
                    state.results[index] = answer
                    state.ended += 1
                case .failure(let fault):
                    if state.fault.map({ index < $0.index }) ?? true { state.fault = (index, fault) }
                }
            }
            signal.signal()
        }

        func leave() {
            state.withLock { $0.left += 1 }
            signal.signal()
        }

        var progress: (ended: Int, left: Int) { state.withLock { ($0.ended, $0.left) } }

        func answers() throws(Fault) -> [Answer] {
            let (results, fault) = state.withLock { ($0.results.compactMap { $0 }, $0.fault?.fault) }
            if let fault { throw fault }
            return results
        }
    }
}
