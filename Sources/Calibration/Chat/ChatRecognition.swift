import Foundation

/// Tells templates by their canonical text.
///
/// Short templates must agree as a whole. Long ones, which also render tools, must hold all the statements that a
/// conversation without tools goes through.
enum ChatRecognition {
    static func style(of canonical: String) -> ChatTemplate.Style? {
        let text = withoutMessages(canonical)
        let (body, hasReplyHeader) = withoutReply(text)
        return chatML(body) ?? shortTemplate(body, hasReplyHeader) ?? mistral(body) ?? qwen25(text) ?? qwen3(text)
            ?? llama31(text) ?? mistralWithSystem(text)
    }

    private static func chatML(_ body: String) -> ChatTemplate.Style? {
        let message = "{{'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>'+'\\n'}}{%endfor%}"
        let loop = "{%formessageinmessages%}"
        if body == loop + message { return .chatML(defaultSystem: nil) }
        let opening = loop + "{%ifloop.firstandmessages[0]['role']!='system'%}{{'<|im_start|>system\\n"
        return hole(body, opening, "<|im_end|>\\n'}}{%endif%}" + message).map { .chatML(defaultSystem: $0) }
    }

    private static func shortTemplate(_ body: String, _ hasReplyHeader: Bool) -> ChatTemplate.Style? {
        switch body {
        case llama2: return .llama2
        case llama3: return .llama3(endsWithHeader: false)
        case llama3 + "{{'<|start_header_id|>assistant<|end_header_id|>\\n\\n'}}" where !hasReplyHeader:
            return .llama3(endsWithHeader: true)
        case zephyr: return .zephyr
        default: return nil
        }
    }

    private static let llama2 =
        "{%ifmessages[0]['role']=='system'%}{%setloop_messages=messages[1:]%}"
        + "{%setsystem_message=messages[0]['content']%}{%else%}{%setloop_messages=messages%}"
        + "{%setsystem_message=false%}{%endif%}{%formessageinloop_messages%}"
        + "{%if(message['role']=='user')!=(loop.index0%2==0)%}{{raise}}{%endif%}"
        + "{%ifloop.index0==0andsystem_message!=false%}"
        + "{%setcontent='<<SYS>>\\n'+system_message+'\\n<</SYS>>\\n\\n'+message['content']%}"
        + "{%else%}{%setcontent=message['content']%}{%endif%}"
        + "{%ifmessage['role']=='user'%}{{bos_token+'[INST] '+content.strip()+' [/INST]'}}"
        + "{%elifmessage['role']=='system'%}{{'<<SYS>>\\n'+content.strip()+'\\n<</SYS>>\\n\\n'}}"
        + "{%elifmessage['role']=='assistant'%}{{' '+content.strip()+' '+eos_token}}{%endif%}{%endfor%}"

    private static let llama3 =
        "{%setloop_messages=messages%}{%formessageinloop_messages%}{%setcontent='<|start_header_id|>'+message['role']"
        + "+'<|end_header_id|>\\n\\n'+message['content']|trim+'<|eot_id|>'%}"
        + "{%ifloop.index0==0%}{%setcontent=bos_token+content%}{%endif%}{{content}}{%endfor%}"

    private static let zephyr =
        "{%formessageinmessages%}{%ifmessage['role']=='user'%}{{'<|user|>\\n'+message['content']+eos_token}}\n"
        + "{%elifmessage['role']=='system'%}{{'<|system|>\\n'+message['content']+eos_token}}\n"
        + "{%elifmessage['role']=='assistant'%}{{'<|assistant|>\\n'+message['content']+eos_token}}\n{%endif%}"
        + "{%ifloop.lastandadd_generation_prompt%}{{'<|assistant|>'}}\n{%endif%}{%endfor%}"

    /// Mistral 7B v0.1 and v0.2, old and new spellings.
    private static func mistral(_ body: String) -> ChatTemplate.Style? {
        let opening =
            "{{bos_token}}{%formessageinmessages%}{%if(message['role']=='user')!=(loop.index0%2==0)%}{{raise}}{%endif%}"
            + "{%ifmessage['role']=='user'%}"
        let users: [(String, [String])] = [
            ("{{'[INST] '+message['content']+' [/INST]'}}", ["[INST] ", " [/INST]"]),
            ("{{' [INST] '+message['content']+' [/INST]'}}", [" [INST] ", " [/INST]"]),
        ]
        let assistants: [(String, [String])] = [
            ("{{message['content']+eos_token}}", ["", "\0"]), ("{{message['content']+eos_token+' '}}", ["", "\0 "]),
            ("{{' '+message['content']+' '+eos_token}}", [" ", " \0"]),
            ("{{' '+message['content']+eos_token}}", [" ", "\0"]),
        ]
        for (user, userParts) in users {
            for (assistant, assistantParts) in assistants {
                let whole =
                    opening + user + "{%elifmessage['role']=='assistant'%}" + assistant
                    + "{%else%}{{raise}}{%endif%}{%endfor%}"
                if body == whole { return .mistral(user: userParts, assistant: assistantParts) }
            }
        }
        return nil
    }

    private static func qwen25(_ text: String) -> ChatTemplate.Style? {
        let opening =
            "{{'<|im_start|>system\\n'+messages[0]['content']+'<|im_end|>\\n'}}{%else%}{{'<|im_start|>system\\n"
        let closing =
            "<|im_end|>\\n'}}{%endif%}{%endif%}{%formessageinmessages%}{%if(message.role=='user')"
            + "or(message.role=='system'andnotloop.first)or(message.role=='assistant'andnotmessage.tool_calls)%}"
            + "{{'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>'+'\\n'}}{%elif"
        guard let start = text.range(of: opening), let end = text.range(of: closing),
            start.upperBound <= end.lowerBound, text.hasPrefix("{%iftools%}")
        else { return nil }
        return unescaped(String(text[start.upperBound..<end.lowerBound])).map { .chatML(defaultSystem: $0) }
    }

    private static func qwen3(_ text: String) -> ChatTemplate.Style? {
        let plain = "{{'<|im_start|>'+message.role+'\\n'+content}}"
        let statements = [
            "{%else%}{%ifmessages[0].role=='system'%}{{'<|im_start|>system\\n'+messages[0].content+'<|im_end|>\\n'}}"
                + "{%endif%}{%endif%}{%setns=namespace(multi_step_tool=true,last_query_index=messages|length-1)%}",
            "{%setns.last_query_index=index%}",
            "{%if(message.role=='user')or(message.role=='system'andnotloop.first)%}{{'<|im_start|>'+message.role+'\\n'+",
            ".split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')%}",
            ".split('</think>')[-1].lstrip('\\n')%}",
            "{%ifloop.index0>ns.last_query_index%}{%ifloop.lastor(notloop.lastandreasoning_content)%}"
                + "{{'<|im_start|>'+message.role+'\\n<think>\\n'+reasoning_content.strip('\\n')+'\\n</think>\\n\\n'"
                + "+content.lstrip('\\n')}}{%else%}\(plain){%endif%}{%else%}\(plain){%endif%}",
            "{{'<|im_end|>\\n'}}",
        ]
        return text.hasPrefix("{%iftools%}") && statements.allSatisfy(text.contains) ? .qwen3 : nil
    }

    private static func llama31(_ text: String) -> ChatTemplate.Style? {
        let opening = "{%ifnotdate_stringisdefined%}{%setdate_string='"
        let statements = [
            "{%setsystem_message=messages[0]['content']|trim%}{%setmessages=messages[1:]%}{%else%}"
                + "{%setsystem_message=''%}{%endif%}{{'<|start_header_id|>system<|end_header_id|>\\n\\n'}}",
            "{{'Cutting Knowledge Date: December 2023\\n'}}{{'Today Date: '+date_string+'\\n\\n'}}",
            "{{system_message}}{{'<|eot_id|>'}}",
            "{{'<|start_header_id|>'+message['role']+'<|end_header_id|>\\n\\n'+message['content']|trim+'<|eot_id|>'}}",
        ]
        guard text.hasPrefix("{{bos_token}}"), !text.contains("strftime_now"), statements.allSatisfy(text.contains),
            let start = text.range(of: opening), let end = text[start.upperBound...].range(of: "'%}{%endif%}")
        else { return nil }
        return unescaped(String(text[start.upperBound..<end.lowerBound])).map { .llama31(date: $0) }
    }

    private static func mistralWithSystem(_ text: String) -> ChatTemplate.Style? {
        let statements = [
            "{%ifmessages[0]['role']=='system'%}{%setsystem_message=messages[0]['content']%}"
                + "{%setloop_messages=messages[1:]%}{%else%}{%setloop_messages=messages%}{%endif%}",
            "{{bos_token}}{%formessageinloop_messages%}{%ifmessage['role']=='user'%}",
            "{%ifloop.lastandsystem_messageisdefined%}"
                + "{{'[INST] '+system_message+'\\n\\n'+message['content']+'[/INST]'}}{%else%}"
                + "{{'[INST] '+message['content']+'[/INST]'}}{%endif%}",
            "{%elifmessage['role']=='assistant'%}{{' '+message['content']|trim+eos_token}}",
        ]
        return statements.allSatisfy(text.contains) ? .mistralWithSystem : nil
    }

    /// `raise_exception('…')` is the same refusal whatever it says.
    private static func withoutMessages(_ text: String) -> String {
        var output = text
        while let start = output.range(of: "raise_exception('"), let end = output[start.upperBound...].range(of: "')") {
            output.replaceSubrange(start.lowerBound..<end.upperBound, with: "raise")
        }
        return output
    }

    /// The template without the statement at its end that opens a reply when one is wanted.
    private static func withoutReply(_ text: String) -> (body: String, had: Bool) {
        let condition = "{%ifadd_generation_prompt%}{{'"
        guard let start = text.range(of: condition), text.hasSuffix("'}}{%endif%}") else { return (text, false) }
        let reply = text[start.upperBound...].dropLast("'}}{%endif%}".count)
        return reply.contains("{%") || reply.contains("}}") ? (text, false) : (String(text[..<start.lowerBound]), true)
    }

    /// What stands between a known beginning and a known end, as the literal that it is.
    private static func hole(_ text: String, _ opening: String, _ closing: String) -> String? {
        guard text.hasPrefix(opening), text.hasSuffix(closing), text.count >= opening.count + closing.count else {
            return nil
        }
        return unescaped(String(text.dropFirst(opening.count).dropLast(closing.count)))
    }

    /// The text of a canonical literal's inside; nil when it is more than one literal or has an unusual escape.
    private static func unescaped(_ literal: String) -> String? {
        var output = String.UnicodeScalarView()
        var scalars = literal.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "\\" else {
                if scalar == "'" { return nil }
                output.append(scalar)
                continue
            }
            switch scalars.next() {
            case "n": output.append("\n")
            case "t": output.append("\t")
            case "'": output.append("'")
            case "\\": output.append("\\")
            default: return nil
            }
        }
        return String(output)
    }
}
