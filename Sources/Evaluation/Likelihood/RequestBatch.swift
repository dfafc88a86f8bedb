import Decoders
import Tasks

/// Requests that go through the model together: one row of tokens in which common beginnings stand once.
///
/// The requests of an item share their longest common beginning: the context of its choices. What all items of the
/// batch begin with, such as solved examples, stands before that once, where it is long enough to be worth a node.
struct RequestBatch {
    /// The row whose prediction is compared with a target token.
    struct Score: Equatable {
        var request: Int
        var row: Int
        var target: Int32
    }

    private(set) var tree = TokenTree()
    /// All scored tokens, request after request.
    private(set) var scores: [Score] = []

    /// Tokens that the items of a batch must have in common before these get a node of their own.
    static let leastHeader = 32

    /// - Parameter items: the requests of each item; request numbers run through all of them.
    init(_ items: some Collection<[TokenRequest]>) {
        let inputs = items.map { $0.map(\.input) }
        let header = RequestBatch.common(inputs.map(RequestBatch.common))
        let isShared = items.count > 1 && header.count >= RequestBatch.leastHeader
        let root = isShared ? tree.add(header) : .root
        var number = 0
        for requests in items {
            let shared = RequestBatch.common(requests.map { $0.input[...] })
            let stem = tree.add(shared.dropFirst(root.length), behind: root)
            for request in requests {
                let leaf = tree.add(request.input.dropFirst(stem.length), behind: stem)
                let first = request.input.count - request.targets.count
                for (offset, target) in request.targets.enumerated() {
                    // A request has as many input tokens as targets at least, so the row is there.
                    if let row = leaf.row(at: first + offset) {
                        scores.append(Score(request: number, row: row, target: target))
                    }
                }
                number += 1
            }
        }
    }

    /// The longest common beginning.
    private static func common(_ sequences: [[Int32]]) -> ArraySlice<Int32> { common(sequences.map { $0[...] }) }

    private static func common(_ sequences: [ArraySlice<Int32>]) -> ArraySlice<Int32> {
        guard var shared = sequences.first else { return [] }
        for sequence in sequences.dropFirst() {
            let length = zip(shared, sequence).prefix { $0 == $1 }.count
            shared = shared.prefix(length)
        }
        return shared
    }
}
