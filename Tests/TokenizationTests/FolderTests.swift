import Faults
import Foundation
import JSONText
import Testing

@testable import Checkpoints
@testable import Tokenization

/// Folders whose tokenizer several files tell, against transformers' `AutoTokenizer`; the fixtures are made by
/// Interop/make_tokenizer_folder_fixtures.py.
@Suite struct FolderTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let kind: String
        let index: Int
        let name: String
        var testDescription: String { "\(kind): \(name)" }
    }

    static let cases: [Case] = ["tables", "merges", "pieces", "unigram"].flatMap { kind -> [Case] in
        let cases = (try? Fixture.json("folders-\(kind).json").member("cases"))?.arrayValue ?? []
        return cases.enumerated().map { Case(kind: kind, index: $0, name: (try? $1.member("name"))?.stringValue ?? "") }
    }

    @Test func `the fixtures are there`() { #expect(FolderTests.cases.count > 60) }

    @Test(arguments: cases) func `ids and texts equal the reference`(one: Case) throws {
        let file = try Fixture.json("folders-\(one.kind).json")
        let expected = try #require(try file.member("cases").arrayValue)[one.index]
        let files = try FolderTests.files(expected, of: file)
        let configuration = try #require(try expected.member("config").objectValue)
        let made = try #require(
            try FolderTokenizer(folder: "model", configuration: configuration) { (name) throws(Fault) in files[name] })
        let tokenizer = try Tokenizer(parsing: made.json)
        #expect(tokenizer.vocabularySize == (try expected.member("size").integerValue))
        let texts = try #require(try file.member("texts").arrayValue).map { try #require($0.stringValue) }
        let plain = try #require(try expected.member("plain").arrayValue)
        let skipped = try #require(try expected.member("skipped").arrayValue)
        for (index, text) in texts.enumerated() {
            let ids = try plain[index].ids()
            #expect(tokenizer.encode(text, addSpecialTokens: false) == ids, "\(text.debugDescription)")
            let decoded = tokenizer.decode(ids, skipSpecialTokens: true)
            #expect(decoded.utf8.elementsEqual(try #require(skipped[index].stringValue).utf8), "\(ids)")
        }
        #expect(tokenizer.encode("a", addSpecialTokens: true) == (try expected.member("special").ids()))
        #expect(tokenizer.encode("a", addSpecialTokens: false) == (try expected.member("bare").ids()))
    }

    /// What the files of a case hold, by name.
    static func files(_ one: JSONValue, of file: JSONValue) throws -> [String: [UInt8]] {
        let contents = try #require(try file.member("contents").arrayValue)
        var files: [String: [UInt8]] = [:]
        for (name, position) in try #require(try one.member("files").objectValue).members {
            let content = contents[try #require(position.integerValue)]
            if let base64 = content.objectValue?["base64"]?.stringValue {
                files[name] = Array(try #require(Data(base64Encoded: base64)))
            } else {
                files[name] = Array((content.stringValue ?? content.text()).utf8)
            }
        }
        return files
    }
}
