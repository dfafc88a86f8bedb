#!/usr/bin/env python3
"""Make pipelines.json of Tests/TokenizationTests/Fixtures: pre-tokenizers of published tokenizer.json files and others,
with the ids that the `tokenizers` package gives.

usage: make_pipeline_fixtures.py FIXTURES_DIR

The model is trained without cutting, so that its merges cross every border of a piece and its ids tell where a
pre-tokenizer cuts.  texts.json (of make_tokenizer_fixtures.py) is read there.  Also written: the scalars at which
`Punctuation` cuts, as ranges.  Needs: tokenizers (made with 0.23.3).
"""

import json
import os
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
POSSESSIVE = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|%s| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def byte_level(regex=False, prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def digits(individual):
    return {"type": "Digits", "individual_digits": individual}


def punctuation(behavior):
    return {"type": "Punctuation", "behavior": behavior}


THREE = split("[0-9][0-9][0-9]")
PIPELINES = {
    "Falcon": [punctuation("Contiguous"), byte_level(True), digits(False), THREE],
    "Falcon with single digits": [punctuation("Contiguous"), byte_level(True), digits(True), THREE],
    "bytes, then digits": [byte_level(False, True), digits(True)],
    "bytes twice": [byte_level(True), byte_level(True)],
    "punctuation removed": [punctuation("Removed"), byte_level()],
    "punctuation before": [punctuation("MergedWithPrevious"), byte_level()],
    "punctuation behind": [punctuation("MergedWithNext"), byte_level()],
    "punctuation": [{"type": "Punctuation"}, byte_level()],
    "white space": [{"type": "WhitespaceSplit"}, byte_level(False, True)],
    "possessive, three digits": [split(POSSESSIVE % r"\p{N}{1,3}"), byte_level()],
    "possessive, one digit": [split(POSSESSIVE % r"\p{N}"), byte_level()],
    "the complement removed": [split(CL100K, "Removed", True), byte_level()],
    "GPT-4o": [split(O200K), byte_level()],
    "GPT-4o, the complement removed": [split(O200K, "Removed", True), byte_level()],
    "a literal": [split(" ", "MergedWithPrevious"), split("'s"), byte_level()],
}


def ranges(scalars):
    found = []
    for scalar in scalars:
        if found and found[-1][1] == scalar - 1:
            found[-1][1] = scalar
        else:
            found.append([scalar, scalar])
    return found


def main():
    folder = sys.argv[1]
    texts = json.load(open(os.path.join(folder, "texts.json"), encoding="utf-8"))[:64]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.train_from_iterator(
        texts * 2,
        trainers.BpeTrainer(
            vocab_size=1200,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            max_token_length=8,
            show_progress=False,
        ),
    )
    settings = json.loads(tokenizer.to_str())
    cases = []
    for name, parts in PIPELINES.items():
        settings["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": parts}
        tokenizer = Tokenizer.from_str(json.dumps(settings))
        cases.append(
            {
                "name": name,
                "pre_tokenizer": settings["pre_tokenizer"],
                "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
            }
        )
    cutter = pre_tokenizers.Punctuation("isolated")
    signs = [
        scalar
        for scalar in range(0x110000)
        if not 0xD800 <= scalar < 0xE000 and len(cutter.pre_tokenize_str("a" + chr(scalar) + "a")) == 3
    ]
    with open(os.path.join(folder, "pipelines.json"), "w", encoding="utf-8") as file:
        json.dump(
            {"model": settings["model"], "cases": cases, "punctuation": ranges(signs)}, file, separators=(",", ":")
        )
        file.write("\n")


main()
