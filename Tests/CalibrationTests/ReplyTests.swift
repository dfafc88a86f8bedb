import Faults
import Foundation
import Testing

@testable import Calibration

/// Which tokens count where a loss is to count an assistant's turns.
@Suite("Assistants' turns")
struct ReplyTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// "<|im_start|>role\ntext<|im_end|>\n" for every message.
    private let chatML = ChatTemplate.recognise(
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
            + "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
        beginning: nil, end: "<|im_end|>")

    /// The text of the tokens that count, row by row, and of all.
    private func texts(_ set: CalibrationSet) throws -> (counted: [String], all: [String]) {
        let mask = try #require(set.counted)
        #expect(mask.rows == set.tokens.rows && mask.columns == set.tokens.columns)
        func text(_ tokens: [Int32]) -> String {
            String(String.UnicodeScalarView(tokens.compactMap { Unicode.Scalar(UInt32($0)) }))
        }
        return (
            (0..<mask.rows).map { row in text(zip(set.tokens[row], mask[row]).filter(\.1).map(\.0)) },
            set.rows.map(text)
        )
    }

    private func conversation(_ user: String, _ assistant: String) -> String {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"\(user)\"},"
            + "{\"role\":\"assistant\",\"content\":\"\(assistant)\"}]}\n"
    }

    @Test("of a conversation the replies count with the token that ends them, cut with the tokens")
    func conversations() throws {
        let path = try folder.write("chat.jsonl", conversation("Hi", "Hello there") + conversation("One", "Two"))
        let set = try build([path], samples: 40, length: 8, chat: chatML, marksReplies: true)
        let (counted, all) = try texts(set)
        // A sequence ends anywhere in a reply.
        let replies = ["Hello there<|im_end|>", "Two<|im_end|>"]
        #expect(counted.allSatisfy { text in replies.contains { $0.contains(text) } })
        #expect(counted.allSatisfy { !$0.isEmpty } && counted.joined().count > 20)
        // Sequences without a reply are left out, the others are those of all tokens.
        let plain = try build([path], samples: 40, length: 8, chat: chatML)
        #expect(plain.counted == nil && plain.rows.count > all.count)
        #expect(set.rows.allSatisfy(plain.rows.contains))
        let left = plain.rows.count - all.count
        #expect(set.warnings.contains { $0.hasPrefix("\(left) sequences of chat.jsonl left out") })
        #expect(set.sources[0]["samples_left_out"]?.integerValue == left)
        let mask = try #require(set.counted)
        #expect(
            set.sources[0]["counted_positions"]?.integerValue
                == (0..<8).prefix(mask.rows).reduce(0) { $0 + mask.positions(in: $1) })
        #expect(plain.sources[0]["counted_positions"] == nil)
    }

    @Test("completions, outputs and chosen answers count with the end that follows them")
    func answers() throws {
        for record in [
            #"{"prompt":"ask ","completion":"answer"}"#, #"{"prompt":"ask ","response":"answer"}"#,
            #"{"prompt":"ask ","chosen":"answer","rejected":"no"}"#,
            #"{"prompt":"ask ","chosen":"ask answer","rejected":"no"}"#,
            #"{"instruction":"ask ","output":"answer"}"#,
        ] {
            let path = try folder.write("answers.jsonl", record + "\n")
            let length = try #require(
                try build([path], samples: 1, length: 4).manifest["sources"]?.arrayValue?.first?.objectValue?["tokens"]?
                    .integerValue)
            let set = try build([path], samples: 1, length: length, context: 1000, marksReplies: true)
            #expect(try texts(set).counted == ["answer\u{2}"], "\(record)")
            #expect(set.rows[0].last == 2)
        }
    }

    @Test("texts beside conversations count as a whole, and records that are texts are told")
    func texts() throws {
        let chat = try folder.write("chat.jsonl", conversation("Hi", "Hello there") + "{\"text\":\"12345678\"}\n")
        let text = try folder.write("web.txt", "some words of a text\n")
        let set = try build([chat, text], samples: 20, length: 4, chat: chatML, marksReplies: true)
        let (counted, all) = try texts(set)
        for (counted, all) in zip(counted, all) where "\u{1}some words of a text\u{2}".contains(all) {
            #expect(counted == all)
        }
        #expect(all.count { "\u{1}some words of a text\u{2}".contains($0) } == 5)
        #expect(set.warnings.contains("1 of 2 records of chat.jsonl are plain texts, all of which counts"))
        // The teacher's own text has no turns.
        struct Sampler: SelfSampler {
            func documents(tokenCount: Int, sequenceLength: Int, seed: UInt64) throws(Fault) -> [[Int32]] {
                [[Int32](repeating: 65, count: tokenCount)]
            }
            func answers(
                length: Int, seed: UInt64, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Double
            ) throws(Fault) {}
        }
        let own = try build(
            [chat, "self"], samples: 6, length: 4, chat: chatML, sampler: Sampler(), marksReplies: true)
        #expect(try texts(own).counted.count { $0 == "AAAA" } == 3)
    }

    @Test("what begins every row is not counted")
    func beginnings() throws {
        var tokenizer = ScalarTokenizer()
        tokenizer.rowBeginning = 1
        let path = try folder.write("answers.jsonl", #"{"prompt":"abc","completion":"defgh"}"#)
        let set = try build([path], samples: 9, length: 4, tokenizer: tokenizer, marksReplies: true)
        #expect(set.rows == [[1, 100, 101, 102], [1, 103, 104, 2]])
        #expect(set.counted?.values == [false, true, true, true, false, true, true, true])
        #expect(set.counted?.positions(in: 1) == 3)
    }

    @Test("a calibration without an assistant's turn is refused by its file")
    func nothing() throws {
        let users = try folder.write(
            "users.jsonl", String(repeating: #"{"messages":[{"role":"user","content":"Hello?"}]}"# + "\n", count: 3))
        let found = faultOf { () throws(Fault) in try build([users], chat: chatML, marksReplies: true) }
        #expect(found?.kind == .badData && found?.file == users)
        #expect(found?.summary == "the calibration holds no assistant's turns")
        #expect(found?.found == "3 conversations in which no assistant speaks")
        #expect(found?.advice?.contains("--turns") == true)
        let texts = try folder.write("texts.jsonl", "{\"text\":\"plain words\"}\n")
        let other = faultOf { () throws(Fault) in try build([texts], chat: chatML, marksReplies: true) }
        #expect(other?.found == "1 text and no conversation" && other?.file == texts)
    }

    @Test("a turn whose tokens are not certain is refused by its line")
    func uncertain() throws {
        var tokenizer = ScalarTokenizer()
        tokenizer.isExact = false
        let path = try folder.write("chat.jsonl", "\n" + conversation("Hi", "Hello there"))
        let found = faultOf { () throws(Fault) in
            try build([path], tokenizer: tokenizer, chat: chatML, marksReplies: true)
        }
        #expect(found?.kind == .badData && found?.file == path && found?.place == "line 2")
    }

    @Test("token files are refused, as they do not tell whose tokens they hold")
    func tokenFiles() throws {
        let path = try folder.writeTokens("tokens.safetensors", [[1, 2, 3, 4]])
        let found = faultOf { () throws(Fault) in try build([path], marksReplies: true) }
        #expect(found?.kind == .usage && found?.file == path)
    }
}
