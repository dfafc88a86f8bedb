import Faults
import JSONText

/// The `model` part of `tokenizer.json`, checked.
struct ModelFile {
    /// More merges than this are refused; the largest published vocabularies have under a million.
    static let mostMerges = 10_000_000

    /// Tokens and their ids as written.
    let vocabulary: [(token: String, id: Int32)]
    private let component: Component
    private let merges: Merges

    private enum Merges {
        case list(ModelList)
        case tables(ModelTables)

        var count: Int {
            switch self {
            case .list(let list): list.count
            case .tables(let tables): tables.mergeCount
            }
        }
    }

    /// - Parameters:
    ///   - merges: where they were left as text.
    ///   - pieces: the vocabulary where it was left as text, which is wrong here.
    ///   - tables: vocabulary and merges where `json` has none.
    init(
        _ json: JSONValue, merges: JSONTextList? = nil, pieces: JSONTextList? = nil, tables: ModelTables? = nil,
        mostMerges: Int = ModelFile.mostMerges
    ) throws(Fault) {
        var component = try Component(json, place: "model")
        // Files older than the `type` field hold a BPE model if they hold merges.
        let type = component.optional("type") == nil && component.object["merges"] != nil ? "BPE" : try component.type()
        guard type == "BPE" else { throw component.unsupported("model type \(type)", expected: "BPE or Unigram") }
        if let dropout = component.optional("dropout"), dropout.doubleValue != 0 {
            throw component.unsupported("dropout \(dropout.text())", expected: "null: merges must not be random")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] where component.optional(key) != nil {
            let affix = try component.string(key)
            guard affix.isEmpty else { throw component.unsupported("\(key) \"\(affix)\"", expected: "null") }
        }
        if let tables {
            vocabulary = (0..<tables.tokenCount).map { (tables.token($0), Int32($0)) }
            self.merges = .tables(tables)
        } else {
            vocabulary = try ModelFile.vocabulary(&component, pieces)
            self.merges = .list(try ModelList(merges, or: component, "merges"))
        }
        self.component = component
        guard self.merges.count <= mostMerges else {
            throw component.unsupported("\(self.merges.count) merges", expected: "at most \(mostMerges)")
        }
    }

    /// Tokens and ids that the component holds, and then no longer.
    private static func vocabulary(
        _ component: inout Component, _ pieces: JSONTextList?
    ) throws(Fault) -> [(token: String, id: Int32)] {
        guard let members = component.object["vocab"]?.objectValue else {
            if pieces != nil {
                throw Fault(
                    .badData, "a field of the tokenizer is invalid", place: "model.vocab", found: "an array",
                    expected: "an object of tokens and ids")
            }
            throw component.wrong("vocab", expected: "an object of tokens and ids")
        }
        var vocabulary: [(token: String, id: Int32)] = []
        vocabulary.reserveCapacity(members.count)
        for (token, value) in members.members {
            guard let id = value.integerValue, id >= 0, let id = Int32(exactly: id) else {
                throw Fault(
                    .badData, "a token of the tokenizer has an invalid id", place: "model.vocab, token \"\(token)\"",
                    found: value.kindName, expected: "an integer from 0 to 2147483647")
            }
            vocabulary.append((token, id))
        }
        // The values take more than what was made of them.
        _ = component.take("vocab")
        return vocabulary
    }

    /// The model over all ids of the tokenizer.
    ///
    /// - Parameter byteLevel: whether pre-tokenization ends in bytes.
    func model(_ vocabulary: Vocabulary, byteLevel: Bool) throws(Fault) -> BPEModel {
        var unknown: Int32?
        if component.optional("unk_token") != nil {
            let token = try component.string("unk_token")
            guard let id = vocabulary.modelID(of: Array(token.utf8)) else {
                throw Fault(
                    .badData, "the tokenizer's unk_token is not in its vocabulary", place: "model.unk_token",
                    found: "\"\(token)\"")
            }
            unknown = id
        }
        let fallback = try component.bool("byte_fallback", default: false) ? vocabulary.byteTokens() : nil
        let ignoresMerges = try component.bool("ignore_merges", default: false)
        let merges = try mergeTable(vocabulary)
        let marker = Array("▁".utf8)
        let canCut = !byteLevel && !ignoresMerges && vocabulary.modelID(of: marker) != nil
        return BPEModel(
            vocabulary: vocabulary, merges: merges, alphabet: byteLevel ? .bytes(ByteAlphabet()) : .scalars,
            unknown: unknown, fusesUnknown: try component.bool("fuse_unk", default: false), fallback: fallback,
            ignoresMerges: ignoresMerges,
            boundary: canCut && !ModelFile.anyToken(of: vocabulary, has: marker) ? marker : nil)
    }

    private func mergeTable(_ vocabulary: Vocabulary) throws(Fault) -> MergeTable {
        var table = MergeTable(capacity: merges.count)
        func insert(_ left: [UInt8], _ right: [UInt8], rank: Int) throws(Fault) {
            let ids = [left, right, left + right].map { vocabulary.modelID(of: $0) }
            guard let leftID = ids[0], let rightID = ids[1], let mergedID = ids[2] else {
                let missing = ids[0] == nil ? left : ids[1] == nil ? right : left + right
                throw Fault(
                    .badData, "a merge of the tokenizer names a token that is not in its vocabulary",
                    place: "model.merges[\(rank)]", found: "\"\(String(decoding: missing, as: UTF8.self))\"")
            }
            table.insert(leftID, rightID, rank: UInt32(rank), merged: mergedID)
        }
        switch merges {
        case .list(let list):
            try list.forEach { (rank, merge) throws(Fault) in
                let (left, right) = try ModelFile.pair(merge, rank: rank)
                try insert(left, right, rank: rank)
            }
        case .tables(let tables):
            var rank = 0
            var fault: Fault?
            tables.forEachMerge { left, right in
                guard fault == nil else { return }
                do throws(Fault) { try insert(Array(left), Array(right), rank: rank) } catch { fault = error }
                rank += 1
            }
            if let fault { throw fault }
        }
        return table
    }

    /// `"left right"` or `["left", "right"]`.
    private static func pair(_ merge: JSONValue, rank: Int) throws(Fault) -> (left: [UInt8], right: [UInt8]) {
        if let text = merge.stringValue {
            let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            if parts.count == 2 { return (Array(parts[0]), Array(parts[1])) }
        } else if let parts = merge.arrayValue, parts.count == 2, let left = parts[0].stringValue,
            let right = parts[1].stringValue
        {
            return (Array(left.utf8), Array(right.utf8))
        }
        throw Fault(
            .badData, "a merge of the tokenizer is not a pair", place: "model.merges[\(rank)]", found: merge.kindName,
            expected: "\"left right\" or [\"left\", \"right\"]")
    }

    /// Whether a token has the marker after another scalar.
    private static func anyToken(of vocabulary: Vocabulary, has marker: [UInt8]) -> Bool {
        vocabulary.modelIDs.contains { id in
            let token = vocabulary.token(of: id) ?? []
            return token.withUnsafeBufferPointer { text in
                text.occurrences(of: marker).contains { range in
                    range.lowerBound > 0
                        && !(range.lowerBound >= marker.count && text.has(marker, at: range.lowerBound - marker.count))
                }
            }
        }
    }
}
