import Checkpoints
import Dispatch
import Faults
import Files

/// Writes planned tensors, some rows at a time: the model is never in memory as a whole.
struct GGUFTensorWriter {
    let checkpoint: Checkpoint
    let file: OutputFile
    /// How much errors count, for as many inputs as the matrices have; nil for all the same.
    let importance: ImportanceMatrix?
    /// What the matrices written so far lost by their types.
    private(set) var loss = QuantisationLoss()

    init(checkpoint: Checkpoint, file: OutputFile, importance: ImportanceMatrix?) {
        (self.checkpoint, self.file, self.importance) = (checkpoint, file, importance)
    }

    /// Elements at a time, unless a row or a head has more.
    private static let part = 8 << 20

    /// - Parameter advance: told how many bytes are written; what it throws ends the writing.
    /// - Throws: `badData` for a number that the type has no place for, and what reading and writing throw.
    mutating func write(_ planned: GGUFPlannedTensor, advance: (Int) throws(Fault) -> Void) throws(Fault) {
        let tensor = planned.tensor
        let rows = tensor.shape.count > 1 || planned.permutedHeads != nil ? tensor.shape[0] : 1
        let width = tensor.count / max(rows, 1)
        let weights = tensor.shape.count > 1 && tensor.type.isQuantised ? importance?.weights(tensor.name) : nil
        precondition(weights.map { $0.count == width } ?? true, "the export has compared the sizes")
        var step = max(1, min(rows, GGUFTensorWriter.part / max(width, 1)))
        if let heads = planned.permutedHeads {
            let head = rows / heads
            // A GGUF file's own rows are put in order a tensor at a time, and read once.
            step = checkpoint.format == .gguf ? rows : max(head, step / head * head)
        }
        var start = 0
        while start < rows {
            let count = min(step, rows - start)
            var values = try read(planned, rows: start..<start + count, of: rows, width: width)
            if planned.addsOne { for index in values.indices { values[index] += 1 } }
            if let heads = planned.permutedHeads {
                values = GGUFTensorWriter.interleaved(values, rows: count, head: rows / heads)
            }
            try write(values, planned, from: start * width, width: width, weights: weights)
            try advance(count * width / tensor.type.blockSize * tensor.type.blockBytes)
            start += count
        }
        try file.write([UInt8](repeating: 0, count: tensor.padding))
    }

    private func read(
        _ planned: GGUFPlannedTensor, rows range: Range<Int>, of rows: Int, width: Int
    ) throws(Fault) -> [Float] {
        switch planned.source {
        case .values(let values): return values
        case .constant(let value): return [Float](repeating: value, count: range.count * width)
        case .stored(let name):
            if range.count == rows { return try checkpoint.floats(name) }
            var fault: Fault?
            let values = [Float](unsafeUninitializedCapacity: range.count * width) { buffer, initialized in
                let target = UnsafeMutableBufferPointer(rebasing: buffer[..<(range.count * width)])
                do throws(Fault) {
                    try checkpoint.read(name, rows: range, into: target)
                    initialized = target.count
                } catch { fault = error }
            }
            if let fault { throw fault }
            return values
        }
    }

    private mutating func write(
        _ values: [Float], _ planned: GGUFPlannedTensor, from start: Int, width: Int, weights: [Float]?
    ) throws(Fault) {
        let type = planned.tensor.type
        let (bytes, wrong, loss) = GGUFTensorWriter.quantised(values, type, width: width, weights: weights)
        if planned.tensor.shape.count > 1, case .stored = planned.source { self.loss += loss }
        if let wrong {
            var name = planned.tensor.name
            if case .stored(let source) = planned.source { name = source }
            let isFinite = values[wrong].isFinite
            throw Fault(
                .badData, "a weight cannot be stored in \(type.name)", file: checkpoint.path,
                place: "tensor '\(name)', element \(start + wrong)", found: "\(values[wrong])",
                expected: isFinite ? "a magnitude that \(type.name) has a number for" : "a finite number",
                advice: isFinite ? "export with --type BF16 or --type F32" : "look at the model with espalier inspect")
        }
        try file.write(bytes)
    }

    /// Rows as a type's bytes, on all cores.
    ///
    /// - Returns: with the bytes the first element that the type has no number for, and what was lost.
    static func quantised(
        _ values: [Float], _ type: GGUFTensorType, width: Int, weights: [Float]?
    ) -> (bytes: [UInt8], wrong: Int?, loss: QuantisationLoss) {
        let rows = values.count / max(width, 1)
        let parts = max(1, min(Processor.availableCores, rows))
        var bytes = [UInt8](repeating: 0, count: values.count / type.blockSize * type.blockBytes)
        var results = [(wrong: Int?, loss: QuantisationLoss)](repeating: (nil, QuantisationLoss()), count: parts)
        bytes.withUnsafeMutableBytes { target in
            values.withUnsafeBufferPointer { source in
                results.withUnsafeMutableBufferPointer { results in
                    // Each part has rows, bytes and a result of its own.
                    nonisolated(unsafe) let (target, source, results) = (target, source, results)
                    DispatchQueue.concurrentPerform(iterations: parts) { part in
                        let range = part * rows / parts * width..<(part + 1) * rows / parts * width
                        let own = UnsafeBufferPointer(rebasing: source[range])
                        let perElement = { $0 / type.blockSize * type.blockBytes }
                        let out = UnsafeMutableRawBufferPointer(
                            rebasing: target[perElement(range.lowerBound)..<perElement(range.upperBound)])
                        let wrong = Quantisation.quantise(own, type, weights: weights, into: out)
                        results[part] = (
                            wrong.map { $0 + range.lowerBound },
                            wrong == nil ? QuantisationLoss(own, type, UnsafeRawBufferPointer(out)) : QuantisationLoss()
                        )
                    }
                }
            }
        }
        return (
            bytes, results.lazy.compactMap(\.wrong).first, results.reduce(into: QuantisationLoss()) { $0 += $1.loss }
        )
    }

    /// Rows as llama.cpp's rotation pairs them: within a head of d rows, row j·d/2 + i of the model (j = 0, 1) becomes
    /// row 2·i + j.
    ///
    /// - Parameters:
    ///   - rows: whole heads.
    ///   - head: rows of one, an even number.
    static func interleaved(_ values: [Float], rows: Int, head: Int) -> [Float] {
        let width = values.count / rows
        var result: [Float] = []
        result.reserveCapacity(values.count)
        for first in stride(from: 0, to: rows, by: head) {
            for row in 0..<head {
                let source = first + (row & 1) * (head / 2) + row / 2
                result += values[source * width..<(source + 1) * width]
            }
        }
        return result
    }
}
