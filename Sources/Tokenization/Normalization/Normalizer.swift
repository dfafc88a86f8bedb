import Faults

/// One step that rewrites text before it is cut.
enum Normalizer: Sendable {
    /// Unicode canonical composition.
    case nfc
    case prepend([UInt8])
    case replace([UInt8], with: [UInt8])
    case replaceBlanks(BlankPattern, with: [UInt8])
    case characterMap(CharacterMap)
    /// White space leaves the ends.
    case strip(left: Bool, right: Bool)

    /// The steps of a tokenizer's `normalizer`, sequences flattened.
    ///
    /// - Throws: `Fault` of kind `badData` naming a step that is not supported.
    static func steps(_ component: Component) throws(Fault) -> [Normalizer] {
        switch try component.type() {
        case "NFC": return [.nfc]
        case "Prepend": return [.prepend(Array(try component.string("prepend").utf8))]
        case "Replace":
            let content = Array(try component.string("content").utf8)
            if let regex = component.object["pattern"]?.objectValue?["Regex"]?.stringValue,
                let known = BlankPattern(rawValue: regex)
            {
                return [.replaceBlanks(known, with: content)]
            }
            return [.replace(try component.literalPattern("pattern"), with: content)]
        case "Precompiled":
            // A file without a table changes nothing.
            guard component.optional("precompiled_charsmap") != nil else { return [] }
            return [
                .characterMap(
                    try CharacterMap(base64: try component.string("precompiled_charsmap"), place: component.place))
            ]
        case "Strip":
            return [
                .strip(left: try component.bool("strip_left"), right: try component.bool("strip_right"))
            ]
        case "Sequence":
            var steps: [Normalizer] = []
            for part in try component.components("normalizers") { steps += try Normalizer.steps(part) }
            return steps
        case let type:
            throw component.unsupported(
                "normalizer \(type)", expected: "NFC, Precompiled, Prepend, Replace, Strip or Sequence")
        }
    }

    /// Whether it can replace what a text starts with.
    var movesStart: Bool {
        switch self {
        case .nfc, .prepend, .replace: false
        case .replaceBlanks, .characterMap: true
        case .strip(let left, _): left
        }
    }

    /// Whether it is known to change nothing in a text.
    func leaves(_ text: UTF8Text) -> Bool {
        if case .nfc = self { isComposed(text) } else { false }
    }

    func apply(to text: [UInt8]) -> [UInt8] {
        switch self {
        case .nfc: return canonicallyComposed(text)
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content):
            return text.withUnsafeBufferPointer { $0.replacingOccurrences(of: pattern, with: content) }
        case .characterMap(let map): return map.apply(to: text)
        case .strip(let left, let right):
            return text.withUnsafeBufferPointer { text in
                let isSpace = { (value: UInt32) in Unicode.Scalar(value)?.properties.isWhitespace ?? false }
                var (start, end) = (0, text.count)
                while left, start < end, isSpace(text.scalar(at: start).value) {
                    start += text.scalar(at: start).length
                }
                while right, start < end, isSpace(text.scalar(at: text.start(ofScalarBefore: end)).value) {
                    end = text.start(ofScalarBefore: end)
                }
                return Array(text[start..<end])
            }
        case .replaceBlanks(let pattern, let content):
            return text.withUnsafeBufferPointer { $0.replacing(pattern.matches(in: $0), with: content) }
        }
    }
}

extension [Normalizer] {
    func apply(to text: UTF8Text) -> [UInt8] {
        // What a step was given goes as soon as the step is done.
        var normalized = [UInt8](text)
        for step in self { normalized = step.apply(to: normalized) }
        return normalized
    }

    /// How many bytes the steps put before every text.
    var prefixCount: Int {
        var prefix: [UInt8] = []
        for step in self {
            if case .prepend(let bytes) = step { prefix = bytes + prefix } else { prefix = step.apply(to: prefix) }
        }
        return prefix.count
    }
}
