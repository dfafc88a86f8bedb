import Calibration
import Faults
import Foundation
import JSONText

/// A folder for one test's files, removed with it.
final class TestFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("calibration-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file.path
    }

    func write(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }

    /// A token file of int32, or of int64 when `isWide`.
    func writeTokens(_ name: String, _ rows: [[Int]], isWide: Bool = false, tensor: String = "tokens") throws -> String
    {
        var data: [UInt8] = []
        for id in rows.joined() {
            if isWide {
                withUnsafeBytes(of: Int64(id).littleEndian) { data += $0 }
            } else {
                withUnsafeBytes(of: Int32(id).littleEndian) { data += $0 }
            }
        }
        let header =
            "{\"\(tensor)\":{\"dtype\":\"\(isWide ? "I64" : "I32")\",\"shape\":[\(rows.count),\(rows.first?.count ?? 0)],"
            + "\"data_offsets\":[0,\(data.count)]}}"
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        return try write(name, length + Array(header.utf8) + data)
    }
}

/// One token per scalar; BOS 1 and EOS 2.
struct ScalarTokenizer: TextTokenizer {
    var beginningToken: Int32? = 1
    var endToken: Int32? = 2
    var rowBeginning: Int32?
    /// Whether it can tell which tokens are those of a part.
    var isExact = true
    func encode(_ text: String) throws(Fault) -> [Int32] { text.unicodeScalars.map { Int32($0.value) } }

    func encode(
        _ text: String, marking marked: [Range<Int>]
    ) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])? {
        guard isExact else { return nil }
        let places = text.unicodeScalars.indices.map { text.utf8.distance(from: text.startIndex, to: $0) }
        return (try encode(text), places.map { place in marked.contains { $0.contains(place) } })
    }
}

/// The fault that the body throws.
func faultOf<Result>(_ body: () throws(Fault) -> Result) -> Fault? {
    do throws(Fault) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func build(
    _ sources: [String], samples: Int = 4, length: Int? = 4, seed: UInt64 = 0, context: Int = 64,
    vocabulary: Int = 200_000, skippedLines: Int = 0, evaluation: [String] = [],
    tokenizer: ScalarTokenizer = ScalarTokenizer(), chat: ChatTemplate.Choice = .missing,
    sampler: (any SelfSampler)? = nil, marksReplies: Bool = false
) throws(Fault) -> CalibrationSet {
    var parsed: [CalibrationSource] = []
    for source in sources { parsed.append(try CalibrationSource(parsing: source)) }
    var request = CalibrationRequest(
        sources: parsed, samples: samples, sequenceLength: length, seed: seed, contextLength: context,
        vocabularySize: vocabulary, skippedLines: skippedLines, evaluation: evaluation)
    request.marksReplies = marksReplies
    return try CalibrationBuilder(request, tokenizer: tokenizer, chat: chat, sampler: sampler).build()
}

extension CalibrationSet {
    /// The sources of the manifest.
    var sources: [JSONObject] { manifest["sources"]?.arrayValue?.compactMap(\.objectValue) ?? [] }

    var rows: [[Int32]] { (0..<tokens.rows).map { Array(tokens[$0]) } }
}
