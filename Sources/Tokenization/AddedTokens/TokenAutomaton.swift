/// Finds, for every place of a text, the longest of many patterns that starts there, in time linear in the text
/// whatever the patterns are.
///
/// The automaton of Aho and Corasick over the reversed patterns, run from the text's end: where a reversed pattern
/// ends, the pattern starts, so nothing has to be tried again at the next place.
struct TokenAutomaton: Sendable {
    /// The node after (node, byte).
    private var edges: [UInt64: Int32] = [:]
    /// The node of the longest proper end of a node's bytes that is a node too.
    private var failures: [Int32] = []
    /// The longest pattern that ends in a node's bytes, or -1.
    private var longest: [Int32] = [-1]
    /// Whether a pattern ends with this byte.
    private var isLast = [Bool](repeating: false, count: 256)

    /// - Parameter patterns: empty ones match nowhere; the first counts where two are the same.
    init(_ patterns: [[UInt8]]) {
        /// The byte on the edge to a node, its parent and how deep it lies; the last is counted for an order by depth.
        var bytes: [UInt8] = [0]
        var parents: [Int32] = [0]
        var depths: [Int32] = [0]
        for (index, pattern) in patterns.enumerated() {
            guard let last = pattern.last else { continue }
            isLast[Int(last)] = true
            var node: Int32 = 0
            for (depth, byte) in pattern.reversed().enumerated() {
                let key = TokenAutomaton.key(node, byte)
                if let next = edges[key] {
                    node = next
                } else {
                    parents.append(node)
                    node = Int32(longest.count)
                    edges[key] = node
                    bytes.append(byte)
                    depths.append(Int32(depth + 1))
                    longest.append(-1)
                }
            }
            if longest[Int(node)] < 0 { longest[Int(node)] = Int32(index) }
        }
        failures = [Int32](repeating: 0, count: longest.count)
        for node in TokenAutomaton.order(by: depths) where depths[node] > 0 {
            let parent = parents[node]
            if parent != 0 { failures[node] = next(failures[Int(parent)], bytes[node]) }
            if longest[node] < 0 { longest[node] = longest[Int(failures[node])] }
        }
    }

    /// The places where patterns start, each with the index of the longest one, from the last place to the first.
    func startsFromEnd(in text: UTF8Text) -> [(place: Int, index: Int)] {
        var starts: [(place: Int, index: Int)] = []
        var node: Int32 = 0
        var at = text.count
        while at > 0 {
            at -= 1
            let byte = text[at]
            if node == 0, !isLast[Int(byte)] { continue }
            node = next(node, byte)
            let index = longest[Int(node)]
            if index >= 0 { starts.append((at, Int(index))) }
        }
        return starts
    }

    private func next(_ node: Int32, _ byte: UInt8) -> Int32 {
        var node = node
        while true {
            if let next = edges[TokenAutomaton.key(node, byte)] { return next }
            if node == 0 { return 0 }
            node = failures[Int(node)]
        }
    }

    /// Indices from the least to the greatest value.
    private static func order(by depths: [Int32]) -> [Int] {
        var counts = [Int](repeating: 0, count: Int(depths.max() ?? 0) + 2)
        for depth in depths { counts[Int(depth) + 1] += 1 }
        for depth in counts.indices.dropFirst() { counts[depth] += counts[depth - 1] }
        var order = [Int](repeating: 0, count: depths.count)
        for (index, depth) in depths.enumerated() {
            order[counts[Int(depth)]] = index
            counts[Int(depth)] += 1
        }
        return order
    }

    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
    }
}
