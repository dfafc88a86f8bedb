import Foundation
import JSONText
import Testing
import Tokenization

/// Files of the Fixtures folder, made by Interop/make_tokenizer_fixtures.py.
enum Fixture {
    static func json(_ name: String) throws -> JSONValue {
        let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        return try JSONValue(parsing: try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer(json: try json("\(name).tokenizer.json"))
    }

    static func texts() throws -> [String] {
        try #require(try json("texts.json").arrayValue).map { try #require($0.stringValue) }
    }
}

extension JSONValue {
    func member(_ key: String) throws -> JSONValue { try #require(objectValue?[key]) }

    func ids() throws -> [Int32] {
        try #require(arrayValue).map { Int32(try #require($0.integerValue)) }
    }

    /// The document with a member replaced, or removed by nil; the path is keys joined by points.
    func with(_ path: String, _ value: JSONValue?) throws -> JSONValue {
        var object = try #require(objectValue)
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        object[parts[0]] = parts.count == 1 ? value : try member(parts[0]).with(parts[1], value)
        return .object(object)
    }
}

/// SplitMix64: the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func text(upTo length: Int) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...length, using: &self) {
            let ranges: [ClosedRange<UInt32>] = [
                0...0x7F, 0x20...0x7E, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0x10FFFF,
            ]
            let range = ranges[Int.random(in: 0..<ranges.count, using: &self)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &self)) { text.append(scalar) }
        }
        return String(text)
    }
}
