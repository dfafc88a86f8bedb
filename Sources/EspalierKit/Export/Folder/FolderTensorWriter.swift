import Checkpoints
import Faults

/// Writes an exported folder's tensors, some rows at a time: the model is never in memory as a whole.
struct FolderTensorWriter {
    let checkpoint: Checkpoint
    let shard: SafetensorsWriter

    /// Numbers at a time, unless a row has more.
    private static let part = 4 << 20

    /// - Parameter advance: told how many bytes are written; what it throws ends the writing.
    /// - Throws: `badData` for a number that the type has no place for, and what reading and writing throw.
    func write(_ planned: FolderTensor, advance: (Int) throws(Fault) -> Void) throws(Fault) {
        let tensor = planned.tensor
        switch planned.source {
        case .constant(let value):
            try fill(tensor, count: tensor.count, with: value, advance)
        case .padded(let name, let rows, let columns):
            if rows.isWhole, columns.isWhole, checkpoint.tensor(name)?.type == tensor.type {
                return try checkpoint.storedParts(name) { (part) throws(Fault) in
                    try shard.write(tensor.name, part)
                    try advance(part.count)
                }
            }
            try write(tensor, name, rows, columns, advance)
        }
    }

    private func write(
        _ tensor: TensorDescription, _ name: String, _ rows: ZeroPadding, _ columns: ZeroPadding,
        _ advance: (Int) throws(Fault) -> Void
    ) throws(Fault) {
        let height = checkpoint.tensor(name)?.shape.first ?? 0
        let width = (checkpoint.tensor(name)?.count ?? 0) / max(1, height)
        // A GGUF file's own rows are put in order a tensor at a time, and read once.
        let whole = try checkpoint.format == .gguf ? checkpoint.floats(name) : []
        let step = max(1, FolderTensorWriter.part / max(1, max(width, columns.count)))
        for run in rows.runs {
            guard let start = run.start else {
                try fill(tensor, count: run.count * columns.count, with: 0, advance)
                continue
            }
            for first in stride(from: start, to: start + run.count, by: step) {
                let count = min(step, start + run.count - first)
                let values =
                    try whole.isEmpty
                    ? checkpoint.floats(name, rows: first..<first + count, width: width)
                    : Array(whole[first * width..<(first + count) * width])
                var padded: [Float] = []
                if columns.isWhole {
                    padded = values
                } else {
                    padded.reserveCapacity(count * columns.count)
                    for row in 0..<count { columns.spread(values[row * width..<(row + 1) * width], into: &padded) }
                }
                try write(tensor, padded, from: first, of: name, advance)
            }
        }
    }

    private func write(
        _ tensor: TensorDescription, _ values: [Float], from row: Int, of name: String,
        _ advance: (Int) throws(Fault) -> Void
    ) throws(Fault) {
        guard let narrowed = FloatConversion.narrow(values, to: tensor.type) else {
            throw Fault(
                .badData, "a weight cannot be stored in \(tensor.type.rawValue)", file: checkpoint.path,
                place: "tensor '\(name)'", expected: "F32, F16 or BF16")
        }
        if narrowed.overflows > 0 || !values.allSatisfy(\.isFinite) {
            let wrong = values.first { !$0.isFinite || FloatConversion.narrow([$0], to: tensor.type)?.overflows != 0 }
            let isFinite = values.allSatisfy(\.isFinite)
            throw Fault(
                .badData, "a weight cannot be stored in \(tensor.type.rawValue)", file: checkpoint.path,
                place: "tensor '\(name)', rows from \(row)", found: wrong.map { "\($0)" },
                expected: isFinite ? "a magnitude that \(tensor.type.rawValue) has a number for" : "a finite number",
                advice: isFinite ? "export with --type BF16 or --type F32" : "look at the model with espalier inspect")
        }
        try shard.write(tensor.name, narrowed.bytes)
        try advance(narrowed.bytes.count)
    }

    private func fill(
        _ tensor: TensorDescription, count: Int, with value: Float, _ advance: (Int) throws(Fault) -> Void
    ) throws(Fault) {
        guard count > 0 else { return }
        let size = min(count, FolderTensorWriter.part)
        let bytes = FloatConversion.narrow(repeatElement(value, count: size), to: tensor.type)?.bytes ?? []
        let each = bytes.count / size
        var left = count
        while left > 0 {
            let now = min(left, size)
            try shard.write(tensor.name, now == size ? bytes : Array(bytes[..<(now * each)]))
            try advance(now * each)
            left -= now
        }
    }
}

extension Checkpoint {
    /// Some rows of a tensor as float32.
    fileprivate func floats(_ name: String, rows: Range<Int>, width: Int) throws(Fault) -> [Float] {
        var fault: Fault?
        let values = [Float](unsafeUninitializedCapacity: rows.count * width) { buffer, initialized in
            let target = UnsafeMutableBufferPointer(rebasing: buffer[..<(rows.count * width)])
            do throws(Fault) {
                try read(name, rows: rows, into: target)
                initialized = target.count
            } catch { fault = error }
        }
        if let fault { throw fault }
        return values
    }
}
