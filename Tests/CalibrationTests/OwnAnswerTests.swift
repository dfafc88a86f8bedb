import Calibration
import Faults
import TestSupport
import Testing

/// Calibration text that the model writes in answer to prompts.
@Suite("Answers of the model's own")
struct OwnAnswerTests {
    /// Answers every prompt with "!!" and an end.
    private final class Sampler: SelfSampler {
        var prompts: [[Int32]] = []
        var shares: [Double] = []

        func documents(tokenCount: Int, sequenceLength: Int, seed: UInt64) throws(Fault) -> [[Int32]] { [] }

        func answers(
            length: Int, seed: UInt64, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Double
        ) throws(Fault) {
            while let next = try prompt() {
                prompts.append(next)
                let share = take(next + [33, 33, 2], next.count)
                shares.append(share)
                if share >= 1 { return }
            }
        }
    }

    private let folder: TemporaryFolder
    private let chatML = ChatTemplate.recognise(
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
            + "'\\n'}}{% endfor %}", beginning: nil, end: nil)

    init() throws { folder = try TemporaryFolder() }

    private func text(_ tokens: some Sequence<Int32>) -> String {
        String(String.UnicodeScalarView(tokens.compactMap { Unicode.Scalar(UInt32($0)) }))
    }

    @Test("a conversation is asked up to its last reply, in the model's template, and what it answers counts")
    func conversations() throws {
        let record =
            #"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},"#
            + #"{"role":"user","content":"Who?"},{"role":"assistant","content":"theirs"}]}"#
        let path = try folder.write("asked.jsonl", String(repeating: record + "\n", count: 5))
        let sampler = Sampler()
        let set = try build(
            ["self:" + path], samples: 9, length: 160, context: 200, chat: chatML, sampler: sampler, marksReplies: true)
        let prompt = try #require(sampler.prompts.first.map(text))
        #expect(prompt.hasSuffix("<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"))
        #expect(prompt.contains("Hello") && !prompt.contains("theirs"))
        #expect(sampler.prompts.count == 5 && set.rows.count >= 3)
        let counted = try #require(set.counted)
        #expect(zip(set.rows.joined(), counted.values).allSatisfy { [33, 2].contains($0) == $1 })
    }

    @Test("prompts are asked once each, until there is enough; those without room for an answer are told of")
    func enough() throws {
        let path = try folder.write(
            "asked.jsonl",
            (0..<40).map { "{\"prompt\":\"ab\($0 % 10)\"}\n" }.joined() + #"{"prompt":"much too long"}"# + "\n")
        let few = Sampler()
        let set = try build(["self:" + path], samples: 3, length: 7, sampler: few)
        #expect(set.rows.count == 3 && few.prompts.count == 3)
        #expect(few.shares == [1.0 / 3, 2.0 / 3, 1])
        // The beginning's token stands before a prompt, as before any text.
        #expect(few.prompts.allSatisfy { $0.first == 1 && $0.count == 4 })
        #expect(set.rows.allSatisfy { $0.suffix(3) == [33, 33, 2] })
        let source = set.sources[0]
        #expect(source["kind"] == .string("self") && source["file"] == .string("asked.jsonl"))
        #expect(source["documents"] == .integer(41) && source["documents_used"] == .integer(3))
        #expect(source["sha256"] != nil)
        #expect(try build(["self:" + path], samples: 3, length: 7, sampler: Sampler()).rows == set.rows)
        #expect(try build(["self:" + path], samples: 3, length: 7, seed: 1, sampler: Sampler()).rows != set.rows)

        let all = Sampler()
        let short = try build(["self:" + path], samples: 99, length: 7, sampler: all)
        #expect(short.rows.count == 40 && all.prompts.count == 40)
        #expect(short.warnings.contains { $0.contains("1 prompt of asked.jsonl left out") })
        #expect(short.warnings.contains { $0.contains("only 40 of the 99 samples") })
    }

    @Test("nobody to answer, a record without a prompt, and prompts that all lack room are refused")
    func refused() throws {
        let path = try folder.write("asked.jsonl", #"{"prompt":"abc"}"# + "\n")
        #expect(faultOf { () throws(Fault) in try build(["self:" + path]) }?.kind == .usage)
        let long = faultOf { () throws(Fault) in try build(["self:" + path], length: 4, sampler: Sampler()) }
        #expect(long?.kind == .badData && long?.summary.contains("not enough calibration text") == true)
        let unmarked = faultOf { () throws(Fault) in
            try build(["self:" + path], length: 4, sampler: Sampler(), marksReplies: true)
        }
        #expect(unmarked?.summary == long?.summary)
        let bad = try folder.write("bad.jsonl", "{\"prompt\":\"abc\"}\n{\"question\":1}\n")
        let fault = faultOf { () throws(Fault) in try build(["self:" + bad], sampler: Sampler()) }
        #expect(fault?.kind == .badData && fault?.place == "line 2")
        let skipping = try build(["self:" + bad], length: 7, skippedLines: 1, sampler: Sampler())
        #expect(skipping.rows.count == 1 && skipping.warnings.contains { $0.contains("1 invalid line of bad.jsonl") })
        let missing = faultOf { () throws(Fault) in try build(["self:none.jsonl"], sampler: Sampler()) }
        #expect(missing?.kind == .missingInput)
    }
}
