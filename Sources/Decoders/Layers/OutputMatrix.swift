import Faults
import Torch

/// A model's final norm, and its output matrix a few thousand rows at a time: the matrix and the logits of the whole
/// vocabulary need not be in memory.
public struct OutputMatrix {
    /// Rows of the matrix.
    public let vocabularySize: Int
    /// The stream [n, hidden] that left the last block -> what is multiplied by the matrix, in the products' number
    /// type; gradients pass through it.
    public let normalise: (Tensor) -> Tensor
    /// Some rows [count, hidden], in the products' number type.
    let rows: (Range<Int>) throws(Fault) -> Tensor
    /// c in c · tanh(l / c), which the logits l go through.
    public let softCap: Double?

    /// The other model of a comparison, whose predictions count as the true ones.
    public enum Dense {
        /// A model, with its stream [n, hidden] for the same positions.
        case model(OutputMatrix, stream: Tensor)
        /// Its logits [n, vocabulary], made earlier.
        case logits(Tensor)
    }

    /// Positions and tokens of a piece of logits, which stays in cache between the product and the scores.
    private static let piecePositions = 1024
    private static let pieceTokens = 512
    /// Rows that are read together.
    private static let readRows = 8192

    /// Logits of a piece, for plans of memory.
    public static let pieceElements = piecePositions * pieceTokens

    /// Bytes of the rows that are read together, for plans of memory: as they are stored, and in the products' type.
    ///
    /// - Parameter width: bytes of a number of the products.
    public static func readBytes(_ configuration: DecoderConfiguration, width: Int) -> Int {
        min(readRows, configuration.vocabularySize) * configuration.hiddenSize * (4 + width)
    }

    /// What the model predicts for n positions, in one pass over the vocabulary.
    ///
    /// - Parameters:
    ///   - stream: [n, hidden] float32, as it left the last block.
    ///   - dense: another model of the same vocabulary; nil leaves the scores' comparison empty.
    ///   - overwrites: whether the streams are used up, so that no copy of them need be in memory.
    ///   - targets: n tokens, each the one that followed its position; negative at one that is not scored.
    ///   - progress: told the share of the vocabulary that is done.
    /// - Returns: the scores of the positions with a target, in order.
    /// - Throws: what reading weights throws.
    public func scores(
        _ stream: Tensor, against dense: Dense? = nil, overwriting overwrites: Bool = false, targets: [Int64],
        progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> [VocabularyScores.Score] {
        let scores = VocabularyScores(targets: targets, hasDense: dense != nil, device: stream.device)
        var model = pieces(stream, overwriting: overwrites)
        var other: Pieces?
        if case .model(let matrix, let stream) = dense {
            other = matrix.pieces(stream, overwriting: overwrites)
        }
        try inPieces(of: targets.count) { (read) throws(Fault) in
            try model.take(rows(read))
            if case .model(let matrix, _) = dense { try other?.take(matrix.rows(read)) }
        } piece: { positions, tokens, first in
            let logits = model.logits(positions, tokens)
            var otherLogits = other?.logits(positions, tokens)
            if case .logits(let all) = dense {
                otherLogits = all.narrowed(0, positions.lowerBound, positions.count)
                    .narrowed(1, first, tokens.count)
            }
            scores.add(logits, dense: otherLogits, rows: positions, first: first)
        } progress: {
            progress($0)
        }
        return scores.results()
    }

    /// A piece of the logits of n positions.
    public struct Piece {
        public let positions: Range<Int>
        public let tokens: Range<Int>
        /// [positions, tokens] in the products' number type, soft cap included; overwritten by the next piece.
        public let logits: Tensor
        /// The tokens' rows of the matrix, [tokens, hidden].
        public let weight: Tensor
    }

    /// Brings the logits of all n positions, a piece at a time, in one pass over the vocabulary.
    ///
    /// - Parameter input: [n, hidden] as `normalise` gives it.
    /// - Throws: what reading weights throws.
    public func pieces(_ input: Tensor, visit: (Piece) -> Void) throws(Fault) {
        var model = Pieces(input, input.dtype, softCap: softCap)
        try inPieces(of: input.size(0)) { (read) throws(Fault) in
            try model.take(rows(read))
        } piece: { positions, tokens, first in
            visit(
                Piece(
                    positions: positions, tokens: first..<first + tokens.count, logits: model.logits(positions, tokens),
                    weight: model.weight.narrowed(0, tokens.lowerBound, tokens.count)))
        }
    }

    /// The order in which everything passes over the vocabulary: the positions of a few tokens one after the other,
    /// while the tokens' rows are in cache.
    ///
    /// - Parameters:
    ///   - read: told the rows that the pieces are of from now on.
    ///   - piece: given positions, tokens within those rows, and the first of them in the vocabulary.
    private func inPieces(
        of count: Int, read: (Range<Int>) throws(Fault) -> Void,
        piece: (_ positions: Range<Int>, _ tokens: Range<Int>, _ first: Int) -> Void,
        progress: (Double) -> Void = { _ in }
    ) throws(Fault) {
        for first in stride(from: 0, to: vocabularySize, by: OutputMatrix.readRows) {
            let rows = first..<min(first + OutputMatrix.readRows, vocabularySize)
            try read(rows)
            for start in stride(from: 0, to: rows.count, by: OutputMatrix.pieceTokens) {
                let tokens = start..<min(start + OutputMatrix.pieceTokens, rows.count)
                for position in stride(from: 0, to: count, by: OutputMatrix.piecePositions) {
                    piece(position..<min(position + OutputMatrix.piecePositions, count), tokens, first + start)
                }
            }
            progress(Double(rows.upperBound) / Double(vocabularySize))
        }
    }

    /// What logits are made of, a piece at a time.
    ///
    /// A stream that may be overwritten takes up the normalised values, which it holds exactly also where the products'
    /// number type is a shorter one.
    private func pieces(_ stream: Tensor, overwriting overwrites: Bool) -> Pieces {
        guard overwrites, stream.size(0) > 0 else {
            let input = normalise(stream)
            return Pieces(input, input.dtype, softCap: softCap)
        }
        var dtype = stream.dtype
        for start in stride(from: 0, to: stream.size(0), by: OutputMatrix.piecePositions) {
            let part = stream.narrowed(0, start, min(OutputMatrix.piecePositions, stream.size(0) - start))
            let normalised = normalise(part)
            dtype = normalised.dtype
            part.copy(from: normalised)
        }
        return Pieces(stream, dtype, softCap: softCap)
    }

    /// The logits [n, vocabulary] of a stream [n, hidden], in the products' number type: for few positions.
    ///
    /// - Throws: what reading weights throws.
    public func logits(_ stream: Tensor) throws(Fault) -> Tensor {
        let logits = normalise(stream).linear(try rows(0..<vocabularySize))
        return softCap.map(logits.softCapped) ?? logits
    }

    /// A model's logits, a piece at a time, in memory that is taken once.
    private struct Pieces {
        /// [n, hidden], of values of the products' number type.
        let input: Tensor
        let dtype: DType
        /// Rows of the matrix, [count, hidden]; the input until some are taken.
        private(set) var weight: Tensor
        private let buffer: Tensor
        private let softCap: Double?

        init(_ input: Tensor, _ dtype: DType, softCap: Double?) {
            self.input = input
            self.dtype = dtype
            self.softCap = softCap
            weight = input
            let positions = min(input.size(0), OutputMatrix.piecePositions)
            buffer = Tensor.empty([positions * OutputMatrix.pieceTokens], dtype, device: input.device)
        }

        /// The rows [count, hidden] that logits are of from now on.
        mutating func take(_ rows: Tensor) { weight = rows }

        /// - Parameter tokens: within the rows that were taken.
        /// - Returns: [positions, tokens], overwritten by the next call.
        func logits(_ positions: Range<Int>, _ tokens: Range<Int>) -> Tensor {
            let piece = buffer.narrowed(0, 0, positions.count * tokens.count).reshaped([positions.count, tokens.count])
            piece.setLinear(
                input.narrowed(0, positions.lowerBound, positions.count).to(dtype),
                weight.narrowed(0, tokens.lowerBound, tokens.count))
            if let softCap { piece.copy(from: piece.softCapped(at: softCap)) }
            return piece
        }
    }
}

extension Head {
    /// The same matrix as one that is already in memory.
    public var matrix: OutputMatrix {
        OutputMatrix(
            vocabularySize: weight.size(0), normalise: normalised,
            rows: { (rows) throws(Fault) in weight.narrowed(0, rows.lowerBound, rows.count) }, softCap: softCap)
    }
}

extension Decoder {
    /// The output matrix, read from the checkpoint where it is used.
    public func outputMatrix(dtype: DType) throws(Fault) -> OutputMatrix {
        let norm = try finalNorm()
        let epsilon = configuration.normEpsilon
        let name = headWeightName
        return OutputMatrix(
            vocabularySize: configuration.vocabularySize,
            normalise: { $0.rmsNorm(weight: norm, epsilon: epsilon, output: dtype) },
            rows: { (rows) throws(Fault) in try tensor(name, rows: rows).to(dtype) },
            softCap: configuration.blueprint.logitSoftCap)
    }
}
