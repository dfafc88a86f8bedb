import JSONText
import Testing

@testable import Tokenization

/// A tokenizer whose vocabulary and merges are handed out one after another is the one that its whole file gives.
@Suite struct ModelTablesTests {
    private static func tables(_ json: JSONValue) throws -> ModelTables {
        let members = try #require(try json.member("model").member("vocab").objectValue).members
        var tokens = [String](repeating: "", count: members.count)
        for (token, id) in members { tokens[try #require(id.integerValue)] = token }
        let merges = try #require(try json.member("model").member("merges").arrayValue).map { merge in
            try merge.arrayValue?.map { try #require($0.stringValue) }
                ?? #require(merge.stringValue).split(separator: " ").map(String.init)
        }
        return ModelTables(
            tokenCount: tokens.count, mergeCount: merges.count, token: { [tokens] in tokens[$0] },
            forEachMerge: { body in
                for merge in merges {
                    Array(merge[0].utf8).withUnsafeBufferPointer { left in
                        Array(merge[1].utf8).withUnsafeBufferPointer { body(left, $0) }
                    }
                }
            })
    }

    private static func frame(_ json: JSONValue) throws -> [UInt8] {
        let frame = try json.with("model.vocab", .object(JSONObject())).with("model.merges", .array([]))
        return Array(frame.text().utf8)
    }

    @Test(arguments: ["gpt2", "llama2", "llama3", "mistral", "qwen2", "smollm", "tekken"])
    func `ids and texts are the same`(name: String) throws {
        let json = try Fixture.json("\(name).tokenizer.json")
        let tokenizer = try Tokenizer(
            parsing: try ModelTablesTests.frame(json), tables: try ModelTablesTests.tables(json))
        let whole = try Tokenizer(json: json)
        #expect(tokenizer.vocabularySize == whole.vocabularySize)
        for text in try Fixture.texts() {
            let ids = whole.encode(text, addSpecialTokens: true)
            #expect(tokenizer.encode(text, addSpecialTokens: true) == ids)
            #expect(
                tokenizer.decode(ids, skipSpecialTokens: false) == whole.decode(ids, skipSpecialTokens: false))
        }
    }

    @Test func `a merge of a token that is missing is refused with its place`() throws {
        let json = try Fixture.json("gpt2.tokenizer.json")
        let tables = try ModelTablesTests.tables(json)
        let wrong = ModelTables(
            tokenCount: tables.tokenCount, mergeCount: tables.mergeCount + 1, token: tables.token
        ) { body in
            tables.forEachMerge(body)
            for _ in 0..<2 { Array("no such token".utf8).withUnsafeBufferPointer { body($0, $0) } }
        }
        let frame = try ModelTablesTests.frame(json)
        let found = #expect(throws: (any Error).self) { try Tokenizer(parsing: frame, tables: wrong) }
        let text = String(describing: try #require(found))
        #expect(text.contains("model.merges[\(tables.mergeCount)]") && text.contains("no such token"))
    }
}
