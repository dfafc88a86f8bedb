import Faults

/// What a tokenizer puts around a text when special tokens are wanted.
struct Template: Sendable {
    var prefix: [Int32] = []
    var suffix: [Int32] = []

    /// The template of a tokenizer's `post_processor`: each part of a sequence wraps the result of those before it.
    ///
    /// - Throws: `Fault` of kind `badData` naming a part that is not supported.
    mutating func add(_ component: Component, vocabularySize: Int) throws(Fault) {
        switch try component.type() {
        case "Sequence":
            for part in try component.components("processors") { try add(part, vocabularySize: vocabularySize) }
        case "ByteLevel": break  // It moves offsets, which are not kept here; ids stay.
        case "TemplateProcessing": try addTemplate(component, vocabularySize: vocabularySize)
        case let type:
            throw component.unsupported(
                "post-processor \(type)", expected: "TemplateProcessing, ByteLevel or Sequence")
        }
    }

    private mutating func addTemplate(_ component: Component, vocabularySize: Int) throws(Fault) {
        let known = try Component(
            component.object["special_tokens"] ?? .null, place: "\(component.place).special_tokens")
        var before: [Int32] = []
        var after: [Int32] = []
        var sequences = 0
        for piece in try component.components("single") {
            if let value = piece.object["Sequence"] {
                let sequence = try Component(value, place: "\(piece.place).Sequence")
                guard try sequence.string("id") == "A" else { throw sequence.wrong("id", expected: "\"A\"") }
                sequences += 1
            } else {
                let token = try Component(piece.object["SpecialToken"] ?? .null, place: "\(piece.place).SpecialToken")
                let name = try token.string("id")
                guard let entry = known.object[name] else {
                    throw known.wrong(name, expected: "the ids of this token, which the template uses")
                }
                let ids = try Template.ids(
                    Component(entry, place: "\(known.place).\(name)"), vocabularySize: vocabularySize)
                guard prefix.count + suffix.count + before.count + after.count + ids.count <= Template.mostIDs else {
                    throw component.unsupported(
                        "a template of more than \(Template.mostIDs) tokens", expected: "a few around each text")
                }
                if sequences == 0 { before += ids } else { after += ids }
            }
        }
        guard sequences == 1 else {
            throw component.wrong("single", expected: "the sequence A exactly once")
        }
        prefix = before + prefix
        suffix += after
    }

    /// They stand around every text.
    private static let mostIDs = 1024

    private static func ids(_ entry: Component, vocabularySize: Int) throws(Fault) -> [Int32] {
        var ids: [Int32] = []
        for value in try entry.array("ids") {
            guard let id = value.integerValue, id >= 0, id < vocabularySize else {
                throw entry.wrong("ids", expected: "ids below \(vocabularySize)")
            }
            ids.append(Int32(id))
        }
        return ids
    }
}
