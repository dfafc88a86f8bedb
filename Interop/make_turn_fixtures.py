#!/usr/bin/env python3
"""Tokens of conversations and which of them are the assistant's, for Tests/TokenizationTests.

    python3 make_turn_fixtures.py ../Tests/TokenizationTests/Fixtures > ../Tests/TokenizationTests/Fixtures/turns.json

The templates are those of make_chat_fixtures.py with {% generation %} written into them by hand around what the
assistant says and the token that ends its turn, as TRL's training templates have it; the masks are transformers' own
(`return_assistant_tokens_mask`). A conversation that a template refuses has null. Needs transformers.
"""

import json
import sys

from make_chat_fixtures import CONVERSATIONS, TEMPLATES, A, S, U
from transformers import PreTrainedTokenizerFast

MORE = [
    [U("Hi\n\n"), A("\n\nHello there"), U("x"), A("  two blanks")],
    [U("a"), A(""), U("b"), A("\u0301combining"), U("c"), A("🙂 smile 🙂")],
    [U("say <|im_end|> and </s>"), A("I say <|im_end|> and </s>, too.\n"), U("assistant\nwho?"), A("assistant\nme")],
    [S("s"), U("e\u0301"), A("Ame\u0301lie A\u030a \u212b"), U("1234567"), A("12345678 90")],
    [U("Long"), A("word " * 30 + "\n\n\n\tend  ")],
]


def change(template, *pairs):
    for old, new in pairs:
        assert template.count(old) == 1, (template.count(old), old)
        template = template.replace(old, new)
    return template


def turn(role, head, words, tail="''"):
    """A message in one expression as two: what is in `words` counts for the assistant."""
    return (
        "{{ %s }}{%% if %s == 'assistant' %%}{%% generation %%}{{ %s }}{%% endgeneration %%}{%% else %%}{{ %s }}{%% endif %%}{{ %s }}"
        % (head, role, words, words, tail)
    )


def only(words, tail="''"):
    return "{%% generation %%}{{ %s }}{%% endgeneration %%}{{ %s }}" % (words, tail)


def marked(name, text):
    if name in ("SmolLM2", "Qwen2", "ChatML without default"):
        newline = "'\n'" if "+ '\n' + message['content']" in text else "'\\n'"
        whole = f"'<|im_start|>' + message['role'] + {newline} + message['content'] + '<|im_end|>' + {newline}"
        return change(
            text,
            (
                "{{" + whole + "}}",
                turn(
                    "message['role']",
                    f"'<|im_start|>' + message['role'] + {newline}",
                    "message['content'] + '<|im_end|>'",
                    newline,
                ),
            ),
        )
    if name == "Qwen2.5":
        return change(
            text,
            (
                "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}",
                turn(
                    "message.role", "'<|im_start|>' + message.role + '\\n'", "message.content + '<|im_end|>'", "'\\n'"
                ).replace("{{ ", "{{- ", 1),
            ),
        )
    if name == "Qwen3":
        text = change(
            text,
            (
                "        {%- if loop.index0 > ns.last_query_index %}",
                "        {{- '<|im_start|>' + message.role + '\\n' }}{% generation %}"
                "{%- if loop.index0 > ns.last_query_index %}",
            ),
            ("{{- '<|im_start|>' + message.role + '\\n<think>\\n' +", "{{- '<think>\\n' +"),
            ("        {{- '<|im_end|>\\n' }}", "        {{- '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"),
        )
        start, rest = text.split("{% generation %}")
        body, end = rest.split("{% endgeneration %}")
        return (
            start
            + "{% generation %}"
            + body.replace("'<|im_start|>' + message.role + '\\n' + content", "content")
            + ("{% endgeneration %}")
            + end
        )
    if name.startswith("Llama 3.1"):
        head = "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
        words = "message['content'] | trim + '<|eot_id|>'"
        return change(
            text, ("{{- " + head + "+ " + words + " }}", turn("message['role']", head, words).replace("{{ ", "{{- ", 1))
        )
    if name.startswith("Llama 3"):
        head = "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
        words = "message['content'] | trim + '<|eot_id|>'"
        return change(
            text,
            ("{% set content = " + head + "+ " + words + " %}", ""),
            ("{% set content = bos_token + content %}", "{{ bos_token }}"),
            ("{{ content }}", turn("message['role']", head, words)),
        )
    if name == "Llama 2":
        words = "' '  + content.strip() + ' ' + eos_token"
        return change(text, ("{{ " + words + " }}", only(words)))
    if name == "Mistral v0.1":
        return change(
            text,
            (
                "{{ message['content'] + eos_token + ' ' }}",
                only("message['content'] + eos_token", "' '"),
            ),
        )
    if name == "Mistral v0.2":
        return change(text, ("{{ message['content'] + eos_token }}", only("message['content'] + eos_token")))
    if name == "Mistral v0.2, new":
        words = "' ' + message['content'] + ' ' + eos_token"
        return change(text, ("{{ " + words + " }}", only(words)))
    if name == "Mistral v0.3":
        words = '" " + message["content"]|trim + eos_token'
        return change(text, ('{{- " " + message["content"]|trim + eos_token}}', only(words)))
    assert name == "Zephyr", name
    return change(
        text,
        (
            "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n",
            "{{ '<|assistant|>\n' }}" + only("message['content'] + eos_token") + "\n",
        ),
    )


def tokenizer_of(name):
    if name.startswith("SmolLM2") or name.startswith("ChatML"):
        return "smollm"
    if name.startswith("Qwen"):
        return "qwen2"
    if name.startswith("Llama 3"):
        return "llama3"
    return "mistral" if name.startswith("Mistral") else "llama2"


def encoded(folder, name, template, bos, eos, conversation):
    own = PreTrainedTokenizerFast(
        tokenizer_file=f"{folder}/{tokenizer_of(name)}.tokenizer.json", bos_token=bos, eos_token=eos
    )
    try:
        text = own.apply_chat_template(conversation, chat_template=template, tokenize=False)
    except Exception:
        return None
    changed = marked(name, template)
    assert own.apply_chat_template(conversation, chat_template=changed, tokenize=False) == text, name
    found = own.apply_chat_template(
        conversation, chat_template=changed, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    return {"ids": found["input_ids"], "mask": "".join(map(str, found["assistant_masks"]))}


def main():
    folder = sys.argv[1]
    conversations = CONVERSATIONS + MORE
    cases = [
        {
            "name": name,
            "template": template,
            "tokenizer": tokenizer_of(name),
            "bos": bos,
            "eos": eos,
            "tokens": [encoded(folder, name, template, bos, eos, conversation) for conversation in conversations],
        }
        for name, template, bos, eos in TEMPLATES
    ]
    json.dump({"conversations": conversations, "cases": cases}, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
