import Calibration
import Faults
import Foundation
import JSONText
import Testing

@Suite("Chat templates")
struct ChatTemplateTests {
    private struct Known {
        var name: String
        var template: String
        var choice: ChatTemplate.Choice
        var texts: [String?]
        /// With the opening of a reply, of the conversations that do not end with one.
        var prompts: [String?]
    }

    /// Made by Interop/make_chat_fixtures.py.
    private func fixture() throws -> (conversations: [[ChatMessage]], known: [Known], unknown: [(String, String)]) {
        let url = try #require(Bundle.module.url(forResource: "chat", withExtension: "json", subdirectory: "Fixtures"))
        let root = try #require(try JSONValue(parsing: Data(contentsOf: url)).objectValue)
        let conversations = try #require(root["conversations"]?.arrayValue).map { item in
            (item.arrayValue ?? []).compactMap { message -> ChatMessage? in
                guard let object = message.objectValue, let content = object["content"]?.stringValue,
                    let role = ChatMessage.Role(rawValue: object["role"]?.stringValue ?? "")
                else { return nil }
                return ChatMessage(role: role, content: content)
            }
        }
        let known = try #require(root["known"]?.arrayValue).compactMap(\.objectValue).map { object in
            let template = object["template"]?.stringValue ?? ""
            return Known(
                name: object["name"]?.stringValue ?? "", template: template,
                choice: .recognise(template, object), texts: (object["texts"]?.arrayValue ?? []).map(\.stringValue),
                prompts: (object["prompts"]?.arrayValue ?? []).map(\.stringValue))
        }
        let unknown = try #require(root["unknown"]?.arrayValue).compactMap(\.objectValue).map {
            ($0["name"]?.stringValue ?? "", $0["template"]?.stringValue ?? "")
        }
        return (conversations, known, unknown)
    }

    @Test("every built-in template gives what the model's own gives, and refuses what that refuses")
    func equalToTransformers() throws {
        let fixture = try fixture()
        #expect(fixture.known.count == 14)
        for known in fixture.known {
            let template = try known.choice.template()
            #expect(known.texts.count == fixture.conversations.count)
            for (conversation, text) in zip(fixture.conversations, known.texts) {
                let rendered = try? template.rendered(conversation)
                #expect(
                    rendered.map { Array($0.utf8) } == text.map { Array($0.utf8) },
                    "\(known.name): \(conversation.map(\.content))")
            }
        }
    }

    @Test("the opening of a reply is the one that the model's own template writes")
    func openingOfAReply() throws {
        let fixture = try fixture()
        let open = fixture.conversations.filter { $0.last?.role != .assistant }
        for known in fixture.known {
            let template = try known.choice.template()
            #expect(known.prompts.count == open.count)
            for (conversation, text) in zip(open, known.prompts) {
                let exchange = try? template.exchange(conversation)
                #expect(exchange.map { Array($0.prompt.utf8) } == text.map { Array($0.utf8) }, "\(known.name)")
                #expect(exchange?.reply == nil)
            }
        }
    }

    @Test("a reply is what follows the opening")
    func reply() throws {
        let fixture = try fixture()
        for known in fixture.known where known.name != "Qwen3" {
            let template = try known.choice.template()
            let conversation = fixture.conversations[0]
            let (prompt, reply) = try template.exchange(conversation)
            #expect(prompt == (try template.exchange(conversation.dropLast()).prompt))
            #expect(try template.rendered(conversation).hasPrefix(prompt + (try #require(reply))), "\(known.name)")
        }
        // Qwen3's own template puts an empty frame of thoughts before a reply without them; a server does not.
        let qwen = try #require(fixture.known.first { $0.name == "Qwen3" }).choice.template()
        let (prompt, reply) = try qwen.exchange(fixture.conversations[0])
        #expect(prompt.hasSuffix("<|im_start|>assistant\n") && reply == "Fine, \"thanks\".")
        #expect(throws: Fault.self) { try qwen.exchange([ChatMessage(role: .assistant, content: "to nothing")]) }
    }

    /// Expected texts: the template in the fixture, rendered by transformers 5.24.
    @Test("thoughts that a record keeps apart are rendered where the template does")
    func reasoning() throws {
        func messages(_ json: String) throws -> [ChatMessage] { try ChatMessage.list(JSONValue(parsing: json)) }
        let qwen = try #require(try fixture().known.first { $0.name == "Qwen3" }).choice.template()
        let user = #"{"role": "user", "content": "hi"}"#
        let start = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        let first = try messages(
            #"[\#(user), {"role": "assistant", "content": "\nhello", "reasoning_content": "\nhm\n"}]"#)
        #expect(try qwen.rendered(first) == start + "<think>\nhm\n</think>\n\nhello<|im_end|>\n")
        #expect(try qwen.exchange(first).reply == "<think>\nhm\n</think>\n\nhello")
        let earlier = try messages(
            #"[\#(user), {"role": "assistant", "content": "a</think>b", "reasoning_content": "hm"}, "#
                + #"{"role": "user", "content": "x"}, {"role": "assistant", "content": "c", "reasoning_content": ""}]"#)
        #expect(
            try qwen.rendered(earlier) == start
                + "a</think>b<|im_end|>\n<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"
                + "<think>\n\n</think>\n\nc<|im_end|>\n")
        let both = try messages(
            #"[\#(user), {"role": "assistant", "content": "<think>\nx\n</think>\n\nb", "reasoning_content": "hm"}]"#)
        #expect(
            try qwen.rendered(both) == start
                + "<think>\nhm\n</think>\n\n<think>\nx\n</think>\n\nb<|im_end|>\n")
        // A template that knows no thoughts.
        let plain = try #require(try fixture().known.first { $0.name == "SmolLM2" }).choice.template()
        let without = first.map { ChatMessage(role: $0.role, content: $0.content) }
        #expect(try plain.rendered(first) == plain.rendered(without))
    }

    @Test("a known template written with other spaces and quotes is recognised")
    func otherSpelling() throws {
        let known = try fixture().known.first { $0.name == "SmolLM2" }
        let template = try #require(known).template
        let respelt = template.replacingOccurrences(of: "{% if ", with: "{%-  if ")
            .replacingOccurrences(of: "'role'", with: "\"role\"").replacingOccurrences(of: " + ", with: "+")
            .replacingOccurrences(of: "'<|im_end|>'", with: "\"<|im_end|>\"")
        #expect(
            ChatTemplate.recognise(respelt, beginning: nil, end: nil)
                == ChatTemplate.recognise(template, beginning: nil, end: nil))
    }

    @Test("a change that alters the text makes a template unknown")
    func alteredTemplates() throws {
        for known in try fixture().known {
            for (old, new) in [
                ("message", "m"), ("message['role']", "message['name']"), ("+ '\\n' +", "+ ' ' +"), ("\n' +", "' +"),
            ] {
                let altered = known.template.replacingOccurrences(of: old, with: new)
                guard altered != known.template else { continue }
                guard case .unknown = ChatTemplate.recognise(altered, beginning: nil, end: nil) else {
                    Issue.record("\(known.name) with \(new) for \(old)")
                    continue
                }
            }
        }
    }

    @Test("an unknown template is refused with its digest and advice; no template, with advice")
    func unknownTemplates() throws {
        for (name, template) in try fixture().unknown {
            let choice = ChatTemplate.recognise(template, beginning: "<s>", end: "</s>")
            let fault = try #require(faultOf { () throws(Fault) in try choice.template() }, "\(name)")
            #expect(fault.kind == .badData)
            #expect(fault.found?.hasPrefix("a template with SHA-256 ") == true)
            #expect(fault.summary.contains("today's date") == (name == "Llama 3.2"))
            #expect(fault.advice != nil)
        }
        #expect(ChatTemplate.recognise(nil, beginning: nil, end: nil) == .missing)
        #expect(faultOf { () throws(Fault) in try ChatTemplate.Choice.missing.template() }?.advice != nil)
    }

    @Test("the template is found in a tokenizer's configuration, and the template file goes before it")
    func configuration() throws {
        let known = try #require(try fixture().known.first { $0.name == "Zephyr" })
        let template = JSONValue.string(known.template)
        let end = JSONValue.object(["content": .string("</s>")])
        let single = JSONValue.object(["chat_template": template, "bos_token": .string("<s>"), "eos_token": end])
        #expect(ChatTemplate.recognise(tokenizerConfiguration: single, templateFile: nil) == known.choice)
        let several = JSONValue.object([
            "chat_template": .array([
                .object(["name": .string("tool_use"), "template": .string("x")]),
                .object(["name": .string("default"), "template": template]),
            ]), "bos_token": .string("<s>"), "eos_token": end,
        ])
        #expect(ChatTemplate.recognise(tokenizerConfiguration: several, templateFile: nil) == known.choice)
        #expect(ChatTemplate.recognise(tokenizerConfiguration: single, templateFile: "x") != known.choice)
        #expect(ChatTemplate.recognise(tokenizerConfiguration: .object([:]), templateFile: nil) == .missing)
    }

    @Test(
        "hostile templates end in a refusal",
        arguments: ["{{", "{%", "{#", "{{'", "{% raw %}{{\\", "'", "{{ x -}}", "{%-", "{{'\\"])
    func hostileTemplates(template: String) {
        guard case .unknown = ChatTemplate.recognise(template, beginning: nil, end: nil) else {
            Issue.record("\(template) was recognised")
            return
        }
    }

    @Test("a conversation in a .jsonl file is taken as its template gives it, without more special tokens")
    func conversationInFile() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"é\"}]}\n")
        let known = try #require(try fixture().known.first { $0.name == "Zephyr" })
        let text = "<|user|>\né</s>\n"
        let set = try build([path], samples: 1, length: text.unicodeScalars.count, chat: known.choice)
        #expect(set.rows == [text.unicodeScalars.map { Int32($0.value) }])
    }

    @Test("roles in an order that the template refuses are an error with file and line")
    func refusedRoles() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.jsonl", "\n{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}\n")
        let known = try #require(try fixture().known.first { $0.name == "Llama 2" })
        let fault = try #require(faultOf { () throws(Fault) in try build([path], chat: known.choice) })
        #expect(fault.file == path)
        #expect(fault.place == "line 2")
    }
}

extension ChatTemplate.Choice {
    fileprivate static func recognise(_ template: String, _ object: JSONObject) -> ChatTemplate.Choice {
        ChatTemplate.recognise(template, beginning: object["bos"]?.stringValue, end: object["eos"]?.stringValue)
    }
}
