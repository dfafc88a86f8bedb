import Faults

/// One step that rewrites text before it is cut.
enum Normalizer: Sendable {
    /// Unicode canonical composition.
    case nfc
    case prepend([UInt8])
    case replace([UInt8], with: [UInt8])
    case replaceBlanks(BlankPattern, with: [UInt8])

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
        case "Sequence":
            var steps: [Normalizer] = []
            for part in try component.components("normalizers") { steps += try Normalizer.steps(part) }
            return steps
        case let type:
            throw component.unsupported("normalizer \(type)", expected: "NFC, Prepend, Replace or Sequence")
        }
    }

    func apply(to text: [UInt8]) -> [UInt8] {
        switch self {
        case .nfc: return canonicallyComposed(text)
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content):
            return text.withUnsafeBufferPointer { $0.replacingOccurrences(of: pattern, with: content) }
        case .replaceBlanks(let pattern, let content):
            return text.withUnsafeBufferPointer { $0.replacing(pattern.matches(in: $0), with: content) }
        }
    }
}

extension [Normalizer] {
    func apply(to text: UTF8Text) -> [UInt8] {
        reduce(Array<UInt8>(text)) { $1.apply(to: $0) }
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
