import Faults
import Files
import JSONText
import Records

/// What was found in one source and what was taken of it: a line of the manifest.
struct SourceReport {
    var file: String?
    var kind: String
    var weight: Double
    var digest: String?
    var documents = 0
    var duplicates = 0
    var empty = 0
    /// Wrong records that were left out.
    var skipped: [Fault] = []
    /// Conversations whose definitions of tools were not rendered.
    var withTools = 0
    /// Whether a plain text's first line is a record in JSON.
    var beginsWithRecord = false
    var documentsUsed = 0
    /// Prompts that were not answered, for want of room.
    var promptsTooLong = 0
    /// Tokens of the documents used, separators included.
    var tokens = 0
    var samplesAsked = 0
    var samples = 0
    /// Where replies are marked.
    var replies: Replies?

    /// What was found of an assistant's turns.
    struct Replies {
        /// Tokens of them in the documents used.
        var tokens = 0
        /// Documents used that have no turns: all of each counts.
        var plain = 0
        /// Positions of the samples that count.
        var positions = 0
        /// Samples left out because none of their positions counts.
        var leftOut = 0
    }

    /// What a file's documents are, and how many of them others have told of.
    mutating func add(_ file: DocumentFile, seen: inout Set<DocumentFile.Identity>) {
        digest = file.digest
        withTools = file.withTools
        documents = file.count
        empty = file.emptyCount
        skipped = file.skipped
        duplicates = file.identities.count { !seen.insert($0).inserted }
    }

    /// The last component of a path: a manifest does not tell where things stand on the user's machine.
    static func name(of path: String) -> String { FileSystem.last(path) }

    var json: JSONValue {
        var object = JSONObject()
        if let file { object[.file] = .string(SourceReport.name(of: file)) }
        object[.kind] = .string(kind)
        if let digest { object[.digest] = .string(digest) }
        object[.weight] = .double(weight)
        object[.documents] = .integer(documents)
        object[.duplicates] = .integer(duplicates)
        object[.empty] = .integer(empty)
        if !skipped.isEmpty { object[.skippedLines] = .integer(skipped.count) }
        object[.documentsUsed] = .integer(documentsUsed)
        object[.tokens] = .integer(tokens)
        object[.samples] = .integer(samples)
        if let replies {
            object[.countedPositions] = .integer(replies.positions)
            object[.samplesLeftOut] = .integer(replies.leftOut)
        }
        return .object(object)
    }

    var label: String { file.map(SourceReport.name) ?? "self" }

    var counts: String {
        "\(label): \(CountText.of(documents, "document")), \(empty) empty ones, "
            + "\(CountText.of(tokens, "token")), \(CountText.of(samples, "sample"))"
    }
}
