import Checkpoints
import Faults

/// What the values of a weight matrix show: zeros, their pattern, and what is not a number.
public struct WeightScan: Equatable, Sendable {
    /// Values that were read.
    public var elements = 0
    /// Those that are zero.
    public var zeros = 0
    /// Those that are NaN or infinite.
    public var nonFinite = 0
    /// Whether every four consecutive input columns of every row hold at most two weights, and eight at most four.
    public var holdsTwoOfFour = true
    public var holdsFourOfEight = true

    /// Of nothing.
    public init() {}

    /// The share of zeros; 0 of nothing.
    public var zeroFraction: Double { elements == 0 ? 0 : Double(zeros) / Double(elements) }

    /// The patterns that hold, if there is any zero.
    public var patterns: [String] {
        (holdsTwoOfFour && elements > 0 ? ["2:4"] : []) + (holdsFourOfEight && elements > 0 ? ["4:8"] : [])
    }

    /// Takes another tensor's scan into this one.
    public mutating func add(_ other: WeightScan) {
        elements += other.elements
        zeros += other.zeros
        nonFinite += other.nonFinite
        holdsTwoOfFour = holdsTwoOfFour && other.holdsTwoOfFour
        holdsFourOfEight = holdsFourOfEight && other.holdsFourOfEight
    }

    /// Reads a tensor [rows, columns] or [columns].
    public init(_ checkpoint: Checkpoint, _ tensor: TensorDescription) throws(Fault) {
        let values = try checkpoint.floats(tensor.name)
        self.init(values, columns: tensor.shape.last ?? 1)
    }

    /// - Parameters:
    ///   - values: row by row.
    ///   - columns: values of a row; the number of values is a multiple of it.
    public init(_ values: [Float], columns: Int) {
        elements = values.count
        values.withUnsafeBufferPointer { buffer in
            for value in buffer {
                if value == 0 { zeros += 1 }
                if !value.isFinite { nonFinite += 1 }
            }
            holdsTwoOfFour = WeightScan.holds(keep: 2, of: 4, buffer, columns: columns)
            holdsFourOfEight = WeightScan.holds(keep: 4, of: 8, buffer, columns: columns)
        }
    }

    /// Whether every `group` consecutive columns of every row hold at most `keep` weights that are not zero. Columns
    /// that do not fill a group break the pattern.
    static func holds(keep: Int, of group: Int, _ values: UnsafeBufferPointer<Float>, columns: Int) -> Bool {
        guard group > 0, columns > 0, columns.isMultiple(of: group) else { return false }
        // Rows are whole groups, so the groups follow each other through the whole matrix.
        var start = 0
        while start + group <= values.count {
            var kept = 0
            for index in start..<start + group where values[index] != 0 { kept += 1 }
            if kept > keep { return false }
            start += group
        }
        return true
    }
}
