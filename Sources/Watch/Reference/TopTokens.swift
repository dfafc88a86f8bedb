/// A prediction's likeliest tokens.
public enum TopTokens {
    /// The indices of the `count` largest values, largest first; of equal values the lower index first.
    public static func largest(_ count: Int, of values: some RandomAccessCollection<Float>) -> [Int32] {
        // The smallest value kept stands at the root, where a larger one replaces it.
        var heap: [(value: Float, index: Int32)] = []
        let capacity = min(count, values.count)
        guard capacity > 0 else { return [] }
        heap.reserveCapacity(capacity)
        func isSmaller(_ a: (value: Float, index: Int32), _ b: (value: Float, index: Int32)) -> Bool {
            a.value != b.value ? a.value < b.value : a.index > b.index
        }
        func sink(_ start: Int) {
            var parent = start
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                    if isSmaller(heap[child], heap[least]) { least = child }
                }
                if least == parent { return }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        for (index, value) in values.enumerated() {
            if heap.count < capacity {
                heap.append((value, Int32(index)))
                if heap.count == capacity {
                    for parent in stride(from: capacity / 2, through: 0, by: -1) { sink(parent) }
                }
            } else if value > heap[0].value {
                heap[0] = (value, Int32(index))
                sink(0)
            }
        }
        return heap.sorted { isSmaller($1, $0) }.map(\.index)
    }
}
