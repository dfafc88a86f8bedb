import Faults

/// One step on the way from tokens to text.
enum DecodingStep: Sendable {
    case byteLevel(ByteAlphabet)
    case metaspace(Metaspace)
    case replace([UInt8], with: [UInt8])
    /// Runs of `<0x..>` tokens become the text of their bytes.
    case byteFallback
    /// The tokens become one.
    case fuse
    /// Up to `start` and `stop` occurrences of a character leave the ends of a token.
    case strip([UInt8], start: Int, stop: Int)
    /// What a tokenizer without a decoder does: a blank between tokens.
    case spaced

    /// The steps of a tokenizer's `decoder`, sequences flattened.
    ///
    /// - Throws: `Fault` of kind `badData` naming a step that is not supported.
    static func steps(_ component: Component) throws(Fault) -> [DecodingStep] {
        var steps: [DecodingStep] = []
        try append(component, to: &steps)
        var isFused = false
        for step in steps {
            switch step {
            case .byteLevel where isFused:
                throw component.unsupported("decoder ByteLevel after Fuse", expected: "ByteLevel first")
            case .byteFallback where isFused:
                throw component.unsupported("decoder ByteFallback after Fuse", expected: "ByteFallback before Fuse")
            case .byteLevel, .fuse: isFused = true
            default: break
            }
        }
        return steps
    }

    private static func append(_ component: Component, to steps: inout [DecodingStep]) throws(Fault) {
        switch try component.type() {
        case "Sequence":
            for part in try component.components("decoders") { try append(part, to: &steps) }
        case "ByteLevel": steps.append(.byteLevel(ByteAlphabet()))
        case "Metaspace": steps.append(.metaspace(try Metaspace(component)))
        case "ByteFallback": steps.append(.byteFallback)
        case "Fuse": steps.append(.fuse)
        case "Replace":
            let content = Array(try component.string("content").utf8)
            steps.append(.replace(try component.literalPattern("pattern"), with: content))
        case "Strip":
            // Published files have 1. What may have to go waits for the next token, so this bounds the work for each.
            let bounds = 0...1024
            steps.append(
                .strip(
                    Array(String(try component.scalar("content")).utf8),
                    start: try component.integer("start", in: bounds), stop: try component.integer("stop", in: bounds)))
        case let type:
            throw component.unsupported(
                "decoder \(type)", expected: "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip or Sequence")
        }
    }
}
