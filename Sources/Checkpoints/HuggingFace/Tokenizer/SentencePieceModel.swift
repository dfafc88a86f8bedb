import Faults

/// What a SentencePiece model file (`tokenizer.model`, protobuf) holds.
struct SentencePieceModel {
    enum Algorithm: Int {
        case unigram = 1
        case bpe = 2
        case word = 3
        case character = 4
    }

    enum Kind: Int {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    struct Piece {
        var text = ""
        var score: Float = 0
        var kind = Kind.normal
    }

    private(set) var pieces: [Piece] = []
    private(set) var algorithm = Algorithm.unigram
    private(set) var byteFallback = false
    private(set) var unknownID = 0
    private(set) var beginningID = 1
    private(set) var endID = 2
    private(set) var unknown = "<unk>"
    private(set) var beginning = "<s>"
    private(set) var end = "</s>"
    /// A table by which characters of a text are rewritten; often empty.
    private(set) var characterMap: [UInt8] = []
    private(set) var addsPrefix = true
    private(set) var removesExtraBlanks = true
    private(set) var escapesBlanks = true

    /// - Throws: `badData` for what is not such a file.
    init(_ bytes: [UInt8]) throws(Fault) {
        var reader = ProtobufReader(bytes[...])
        while let (field, value) = try reader.next() {
            guard case .bytes(let message) = value else { continue }
            switch field {
            case 1: pieces.append(try SentencePieceModel.piece(message, id: pieces.count))
            case 2: try readTrainer(message)
            case 3: try readNormalizer(message)
            default: break
            }
        }
        guard !pieces.isEmpty else {
            throw Fault(.badData, "the file is not a SentencePiece model", found: "no pieces")
        }
    }

    private static func piece(_ message: ArraySlice<UInt8>, id: Int) throws(Fault) -> Piece {
        var piece = Piece()
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let bytes)): piece.text = try text(bytes, place: "piece \(id)")
            case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .number(let number)):
                guard let kind = Int(exactly: number).flatMap(Kind.init(rawValue:)) else {
                    throw Fault(
                        .badData, "a piece of the SentencePiece model has an unknown type", place: "piece \(id)",
                        found: "\(number)", expected: "1 to 6")
                }
                piece.kind = kind
            default: break
            }
        }
        guard piece.score.isFinite else {
            throw Fault(
                .badData, "a piece of the SentencePiece model has an invalid score", place: "piece \(id)",
                found: "\(piece.score)")
        }
        return piece
    }

    private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(Fault) {
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .number(let number)):
                guard let known = Int(exactly: number).flatMap(Algorithm.init(rawValue:)) else {
                    throw Fault(
                        .badData, "the SentencePiece model has an unknown type", place: "trainer_spec.model_type",
                        found: "\(number)", expected: "1 to 4")
                }
                algorithm = known
            case (35, .number(let number)): byteFallback = number != 0
            case (40, .number(let number)): unknownID = SentencePieceModel.id(number)
            case (41, .number(let number)): beginningID = SentencePieceModel.id(number)
            case (42, .number(let number)): endID = SentencePieceModel.id(number)
            case (45, .bytes(let bytes)): unknown = try SentencePieceModel.text(bytes, place: "unk_piece")
            case (46, .bytes(let bytes)): beginning = try SentencePieceModel.text(bytes, place: "bos_piece")
            case (47, .bytes(let bytes)): end = try SentencePieceModel.text(bytes, place: "eos_piece")
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ message: ArraySlice<UInt8>) throws(Fault) {
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let bytes)): characterMap = Array(bytes)
            case (3, .number(let number)): addsPrefix = number != 0
            case (4, .number(let number)): removesExtraBlanks = number != 0
            case (5, .number(let number)): escapesBlanks = number != 0
            default: break
            }
        }
    }

    /// A negative id means that there is none.
    private static func id(_ number: UInt64) -> Int { Int(Int32(truncatingIfNeeded: number)) }

    private static func text(_ bytes: ArraySlice<UInt8>, place: String) throws(Fault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(.badData, "a text in the SentencePiece model is not UTF-8", place: place)
        }
        return text
    }
}
