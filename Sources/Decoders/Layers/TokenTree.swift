/// Sequences that begin alike, in one row of tokens: each shared beginning is there once.
///
/// A node holds tokens that follow those of its parent, so a sequence is the path from a root to a node. Nodes have no
/// common length and need no padding. Matrix products see one row [1, tokens, hidden]; only attention and the rotary
/// angles know the tree.
public struct TokenTree: Equatable, Sendable {
    /// The tokens of all nodes, node after node.
    public private(set) var ids: [Int32] = []
    /// The position of each token in its sequence.
    public private(set) var positions: [Int] = []
    /// For each node the rows of its ancestors from the root on, then its own; nodes without tokens are left out.
    public private(set) var paths: [[Range<Int>]] = []

    public init() {}

    /// A node, known by the rows on the way to it.
    public struct Node: Equatable, Sendable {
        /// The rows of the whole sequence, piece by piece.
        public fileprivate(set) var path: [Range<Int>]

        /// The tree's origin, before any token.
        public static let root = Node(path: [])

        /// Tokens of the sequence that ends here.
        public var length: Int { path.reduce(0) { $0 + $1.count } }

        /// The row of the token at a position of the sequence.
        public func row(at position: Int) -> Int? {
            var left = position
            for range in path {
                if left < range.count { return range.lowerBound + left }
                left -= range.count
            }
            return nil
        }
    }

    /// Adds a node after `parent`; without tokens it is the parent.
    public mutating func add(_ tokens: some Collection<Int32>, behind parent: Node = .root) -> Node {
        guard !tokens.isEmpty else { return parent }
        let start = parent.length
        let rows = ids.count..<ids.count + tokens.count
        ids += tokens
        positions += start..<start + tokens.count
        let node = Node(path: parent.path + [rows])
        paths.append(node.path)
        return node
    }
}
