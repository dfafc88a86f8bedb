#!/usr/bin/env python3
"""Renders conversations with published chat templates, for the tests of the built-in ones.

    python3 make_chat_fixtures.py > ../Tests/CalibrationTests/Fixtures/chat.json

Needs transformers, which renders; a conversation that a template refuses has the text null. Branches for tools are
shortened to their beginning: no conversation here enters them.
"""

import json
import sys

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nDEFAULT"
    "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PLAIN_CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TOOLS = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {{- "# Tools" }}
"""
QWEN25 = (
    TOOLS
    + """{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
)
QWEN3 = (
    TOOLS
    + """{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'system' %}{{ '<<SYS>>\\n' + content.strip() + '\\n<</SYS>>\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
)
LLAMA3_REPLY = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
LLAMA31 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- This block extracts the system message, so we can slot it into the right place. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}

{#- System message + builtin tools #}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
LLAMA32 = LLAMA31.replace(
    '{%- set date_string = "26 Jul 2024" %}',
    '{%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}'
    '{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}',
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ USER }}{% elif message['role'] == 'assistant' %}{{ ASSISTANT }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
MISTRAL3 = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (loop.index0 % 2 == 0) %}
        {{- raise_exception("roles must alternate") }}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- endif %}
{%- endfor %}
"""
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)


def mistral(user, assistant):
    return MISTRAL.replace("USER", user).replace("ASSISTANT", assistant)


USER = "'[INST] ' + message['content'] + ' [/INST]'"
TEMPLATES = [
    (
        "SmolLM2",
        CHATML.replace("DEFAULT", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        "<|im_start|>",
        "<|im_end|>",
    ),
    ("Qwen2", CHATML.replace("DEFAULT", "You are a helpful assistant."), None, "<|im_end|>"),
    ("ChatML without default", PLAIN_CHATML, None, "<|im_end|>"),
    ("Qwen2.5", QWEN25, None, "<|im_end|>"),
    ("Qwen3", QWEN3, None, "<|im_end|>"),
    ("Llama 2", LLAMA2, "<s>", "</s>"),
    (
        "Llama 3",
        LLAMA3 + "{% if add_generation_prompt %}" + LLAMA3_REPLY + "{% endif %}",
        "<|begin_of_text|>",
        "<|eot_id|>",
    ),
    ("Llama 3, first version", LLAMA3 + LLAMA3_REPLY, "<|begin_of_text|>", "<|end_of_text|>"),
    ("Llama 3.1", LLAMA31, "<|begin_of_text|>", "<|eot_id|>"),
    ("Mistral v0.1", mistral(USER, "message['content'] + eos_token + ' '"), "<s>", "</s>"),
    ("Mistral v0.2", mistral(USER, "message['content'] + eos_token"), "<s>", "</s>"),
    (
        "Mistral v0.2, new",
        mistral("' [INST] ' + message['content'] + ' [/INST]'", "' ' + message['content'] + ' ' + eos_token"),
        "<s>",
        "</s>",
    ),
    ("Mistral v0.3", MISTRAL3, "<s>", "</s>"),
    ("Zephyr", ZEPHYR, "<s>", "</s>"),
]
UNKNOWN = [
    ("Llama 3.2", LLAMA32),
    ("ChatML with a twist", PLAIN_CHATML.replace("message['content']", "message['content'] | trim")),
    ("empty loop", "{% for message in messages %}{% endfor %}"),
    ("broken", "{% for message in"),
]


def message(role, content):
    return {"role": role, "content": content}


S, U, A = (
    (lambda text: message("system", text)),
    (lambda text: message("user", text)),
    (lambda text: message("assistant", text)),
)
CONVERSATIONS = [
    [U("Hello?"), A("Hi! \n"), U(" And 'you'?\n"), A('Fine, "thanks".')],
    [S(" Be brief.\n"), U("Why?"), A("Because.")],
    [S("Be brief."), U("Why?"), A("Because."), U("\u3000é\u0301 日本 🙂\u3000")],
    [U("Only a question")],
    [U("2+2?"), A("<think>\nTwo and two.\n</think>\n\n4"), U("3+3?"), A("<think>\n\nThree…\n\n</think>\n\n6")],
    [U("2+2?"), A("<think>x</think>4"), A("5"), A("6")],
    [U("Use it"), A("<think>\ncall\n</think>\n\nnow"), U("<tool_response>\n1\n</tool_response>"), A("done")],
    [U("a"), U("b")],
    [A("starts"), U("late")],
    [U("a"), S("in the middle"), A("b")],
    [A("alone</think>\n\u0301x")],
]


def render(template, bos, eos, conversation, reply=False):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token=bos, eos_token=eos)
    tokenizer.chat_template = template
    try:
        return tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=reply)
    except Exception:
        return None


def main():
    known = [
        {
            "name": name,
            "template": template,
            "bos": bos,
            "eos": eos,
            "texts": [render(template, bos, eos, conversation) for conversation in CONVERSATIONS],
            "prompts": [
                render(template, bos, eos, conversation, reply=True)
                for conversation in CONVERSATIONS
                if conversation[-1]["role"] != "assistant"
            ],
        }
        for name, template, bos, eos in TEMPLATES
    ]
    json.dump(
        {"conversations": CONVERSATIONS, "known": known, "unknown": [{"name": n, "template": t} for n, t in UNKNOWN]},
        sys.stdout,
        ensure_ascii=False,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
