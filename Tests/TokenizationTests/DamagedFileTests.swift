import Faults
import JSONText
import Testing

@testable import Tokenization

@Suite struct DamagedFileTests {
    /// Every part of a file replaced by something else, one at a time: a fault or a tokenizer that works, never a
    /// crash.
    @Test func `a damaged file is refused or works`() throws {
        let whole = try JSONValue(parsing: DamagedFileTests.file)
        _ = try Tokenizer(json: whole)
        let damages: [JSONValue?] = [
            nil, .null, .bool(true), .integer(-1), .number("1e400"), .integer(.max), .string(""), .string("\u{0}é"),
            .array([]), .array([.null]), .object(JSONObject()),
        ]
        var refused = 0
        var accepted = 0
        for damage in damages {
            for position in 0..<DamagedFileTests.parts(of: whole) {
                var countdown = position
                guard let damaged = DamagedFileTests.damaged(whole, by: damage, at: &countdown) else { continue }
                do throws(Fault) {
                    let tokenizer = try Tokenizer(json: damaged)
                    let ids = tokenizer.encode("ab <s> a 12 é <m>\n x", addSpecialTokens: true)
                    _ = tokenizer.decode(ids, skipSpecialTokens: true)
                    accepted += 1
                } catch {
                    #expect(error.kind == .badData)
                    refused += 1
                }
            }
        }
        #expect(refused > 500 && accepted > 50)
    }

    private static let file = #"""
        {"added_tokens": [
           {"id": 6, "content": "<s>", "special": true, "normalized": false, "lstrip": false, "rstrip": true},
           {"id": 7, "content": "<m>", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "▁"},
           {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
           {"type": "Split", "pattern": {"String": "x"}, "behavior": "MergedWithNext", "invert": false},
           {"type": "Digits", "individual_digits": true},
           {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}]},
         "post_processor": {"type": "Sequence", "processors": [{"type": "TemplateProcessing",
           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
           "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}}]},
         "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
           {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]},
         "model": {"type": "BPE", "dropout": null, "unk_token": "?", "fuse_unk": true, "byte_fallback": true,
           "ignore_merges": false, "vocab": {"a": 0, "b": 1, "ab": 2, "▁": 3, "▁ab": 4, "?": 5},
           "merges": ["a b", ["▁", "ab"]]}}
        """#

    private static func parts(of json: JSONValue) -> Int {
        switch json {
        case .array(let items): 1 + items.map(parts).reduce(0, +)
        case .object(let object): 1 + object.members.map { parts(of: $0.value) }.reduce(0, +)
        default: 1
        }
    }

    /// The document with its part of that number, counted in depth-first order, replaced or removed.
    private static func damaged(_ json: JSONValue, by damage: JSONValue?, at position: inout Int) -> JSONValue? {
        defer { position -= 1 }
        if position == 0 { return damage }
        switch json {
        case .array(let items):
            var copy: [JSONValue] = []
            for item in items {
                position -= 1
                if let part = damaged(item, by: damage, at: &position) { copy.append(part) }
                position += 1
            }
            return .array(copy)
        case .object(let object):
            var copy = JSONObject()
            for (key, value) in object.members {
                position -= 1
                if let part = damaged(value, by: damage, at: &position) { copy[key] = part }
                position += 1
            }
            return .object(copy)
        default: return json
        }
    }
}
