#!/usr/bin/env python3
"""Make the fixtures that hold GGUF's names of pre-tokenizers against the `tokenizers` package.

usage: make_pre_tokenizer_fixtures.py TOKENIZATION_FIXTURES CHECKPOINTS_FIXTURES

In TOKENIZATION_FIXTURES texts.json (of make_tokenizer_fixtures.py) is read; written are
  uncut.tokenizer.json           a byte-level BPE trained without cutting, whose merges cross every border of a piece,
                                 so that its ids tell where a pre-tokenizer cuts
  pre-tokenizers.expected.json   for every name the pre-tokenizer and the ids that it gives with that model
and in CHECKPOINTS_FIXTURES
  pre-tokenizers.json            for every name what goes into tokenizer.json
The rules are those of llama.cpp's table of names (src/llama-vocab.cpp), with the models' published expressions where
llama.cpp approximates them.  Needs: tokenizers (made with 0.23.3).
"""

import json
import os
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TIKTOKEN = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
LLAMA3, QWEN2, ANY_DIGITS = (TIKTOKEN % digits for digits in (r"\p{N}{1,3}", r"\p{N}", r"\p{N}+"))
SMALL = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
CAPITALS = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
TEKKEN = SMALL + "|" + CAPITALS + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
GPT4O = SMALL + CONTRACTIONS + "?|" + CAPITALS + CONTRACTIONS + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACES
SEED_CODER = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + SPACES
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
    + "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# Letters of alphabets with capitals, by number: some are canonically equivalent to others.
CASED = """41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1
3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A
1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4
1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128
212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D
A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3
104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943"""
CASED = "".join("-".join(chr(int(end, 16)) for end in part.split("-")) for part in CASED.split())
BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def byte_level(trim=True, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": trim, "use_regex": regex}


DIGITS = {"type": "Digits", "individual_digits": True}


def splits(*patterns):
    return [split(pattern) for pattern in patterns] + [byte_level()]


RULES = [
    (
        "gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat a.x-4.0 mellum modern-bert jina-es jina-de "
        "jina-v2-es jina-v2-de",
        [byte_level(regex=True)],
    ),
    ("smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", [DIGITS, byte_level(regex=True)]),
    (
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe glm4 chatglm-bpe",
        splits(LLAMA3),
    ),
    (
        "qwen2 deepseek-r1-qwen stablelm2 megrez hunyuan solar-open grok-2 kormo f2llmv2",
        [split(QWEN2), byte_level(trim=False)],
    ),
    ("tekken", splits(TEKKEN)),
    ("gpt-4o llama4 kanana2 talkie", splits(GPT4O)),
    ("qwen35", splits(QWEN35)),
    ("seed-coder", splits(SEED_CODER)),
    ("minicpm5", splits(r"\p{N}{1,3}", ANY_DIGITS)),
    ("deepseek-coder", [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(CJK), DIGITS, byte_level()]),
    (
        "deepseek-llm",
        [
            split("[\r\n]"),
            split(r"\s?[" + CASED + "]+"),
            split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
            split(r"\s+$"),
            split(CJK),
            DIGITS,
            byte_level(),
        ],
    ),
    (
        "deepseek-v3 hunyuan-dense joyai-llm",
        splits(r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK3),
    ),
    ("falcon", splits(r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]")),
    ("poro-chat bloom gpt3-finnish", splits(BLOOM)),
    ("viking", splits(BLOOM, r"\p{N}")),
    ("default", splits(r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")),
]


def main():
    tokenization, checkpoints = sys.argv[1:]
    texts = json.load(open(os.path.join(tokenization, "texts.json"), encoding="utf-8"))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts * 3,
        trainers.BpeTrainer(
            vocab_size=3500,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            max_token_length=16,
            show_progress=False,
        ),
    )
    settings = json.loads(tokenizer.to_str())

    def write(folder, name, value):
        return open(os.path.join(folder, name), "w", encoding="utf-8").write(
            json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n"
        )

    expected, by_name = {}, {}
    for names, parts in RULES:
        settings["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": parts}
        tokenizer = Tokenizer.from_str(json.dumps(settings))
        first = names.split()[0]
        expected[first] = {
            "pre_tokenizer": settings["pre_tokenizer"],
            "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
        }
        for name in names.split():
            by_name[name] = settings["pre_tokenizer"]
    settings["pre_tokenizer"] = json.loads(Tokenizer.from_str(json.dumps(settings)).to_str())["pre_tokenizer"]
    write(tokenization, "uncut.tokenizer.json", settings)
    write(tokenization, "pre-tokenizers.expected.json", expected)
    write(checkpoints, "pre-tokenizers.json", by_name)


main()
