import Checkpoints

/// A weight as it is stored, for counting zeros.
struct Matrix {
    let rows: Int
    let columns: Int
    let values: [Float]

    init(_ checkpoint: Checkpoint, _ name: String) throws {
        let shape = checkpoint.tensor(name)?.shape ?? [0, 0]
        rows = shape[0]
        columns = shape[1]
        values = try checkpoint.floats(name)
    }

    var zeros: Int { values.count { $0 == 0 } }
    var zerosByRow: [Int] {
        (0..<rows).map { row in values[row * columns..<(row + 1) * columns].count { $0 == 0 } }
    }

    /// Whether every group of `size` columns in every row has exactly `size` − `kept` zeros.
    func hasExactly(_ kept: Int, of size: Int) -> Bool {
        stride(from: 0, to: values.count, by: size).allSatisfy { start in
            values[start..<start + size].count { $0 == 0 } == size - kept
        }
    }
}
