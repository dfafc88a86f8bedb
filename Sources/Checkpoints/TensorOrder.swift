import Faults
import JSONText

/// Another order of the rows and columns of some tensors: entry i is the place in the source of what comes i-th.
///
/// What the numbers mean together, so that the model stays the same function, is the business of whoever makes one.
public struct TensorOrder: Equatable, Sendable {
    /// By the tensor's name; of a vector its elements.
    public var rows: [String: [Int]] = [:]
    public var columns: [String: [Int]] = [:]

    public init() {}
}

extension Checkpoint {
    /// The same model with rows and columns of its tensors read in another order. Nothing is written.
    ///
    /// - Parameter order: of each tensor that it names, every row or column once.
    public func reordered(_ order: TensorOrder) -> Checkpoint { reading { ReorderedSource($0, order) } }
}

/// Tensors of another source whose rows and columns come in an order of their own.
private struct ReorderedSource: TensorSource {
    private let base: any TensorSource
    private let rows: [ExactText: [Int]]
    private let columns: [ExactText: [Int]]

    init(_ base: any TensorSource, _ order: TensorOrder) {
        self.base = base
        func table(_ names: [String: [Int]]) -> [ExactText: [Int]] {
            Dictionary(names.map { (ExactText($0), $1) }) { first, _ in first }
        }
        (rows, columns) = (table(order.rows), table(order.columns))
    }

    func weightFile(of name: String) -> String? { base.weightFile(of: name) }
    func checkUnchanged() throws(Fault) { try base.checkUnchanged() }

    func read(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        let (rows, columns) = (rows[ExactText(tensor.name)], columns[ExactText(tensor.name)])
        let height = tensor.shape.first ?? 0
        guard rows != nil || columns != nil, height > 0, target.count > 0 else {
            return try base.read(tensor, from: start, into: target)
        }
        let width = tensor.count / height
        if let rows, tensor.shape.count == 1 {
            let whole = try Checkpoint.filled(tensor.count) { (buffer) throws(Fault) in
                try base.read(tensor, from: 0, into: buffer)
            }
            for index in 0..<target.count { target[index] = whole[rows[start + index]] }
            return
        }
        if let rows {
            for row in 0..<target.count / width {
                try base.read(
                    tensor, from: rows[start / width + row] * width,
                    into: UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width]))
            }
        } else {
            try base.read(tensor, from: start, into: target)
        }
        guard let columns else { return }
        var row = [Float](repeating: 0, count: width)
        for first in stride(from: 0, to: target.count, by: width) {
            for column in 0..<width { row[column] = target[first + columns[column]] }
            for column in 0..<width { target[first + column] = row[column] }
        }
    }

    func readStored(_ tensor: TensorDescription, into target: UnsafeMutableRawBufferPointer) throws(Fault) {
        let (rows, columns) = (rows[ExactText(tensor.name)], columns[ExactText(tensor.name)])
        let height = tensor.shape.first ?? 0
        guard rows != nil || columns != nil, height > 0, target.count > 0 else {
            return try base.readStored(tensor, into: target)
        }
        let whole: [UInt8] = try Checkpoint.filled(tensor.byteCount) { (buffer) throws(Fault) in
            try base.readStored(tensor, into: UnsafeMutableRawBufferPointer(buffer))
        }
        let width = tensor.count / height
        let size = tensor.byteCount / tensor.count
        whole.withUnsafeBytes { bytes in
            for row in 0..<height {
                let first = (rows?[row] ?? row) * width
                guard let columns else {
                    let part = UnsafeRawBufferPointer(rebasing: bytes[first * size..<(first + width) * size])
                    UnsafeMutableRawBufferPointer(rebasing: target[row * width * size..<(row + 1) * width * size])
                        .copyMemory(from: part)
                    continue
                }
                for column in 0..<width {
                    let (old, new) = ((first + columns[column]) * size, (row * width + column) * size)
                    for byte in 0..<size { target[new + byte] = bytes[old + byte] }
                }
            }
        }
    }
}
