#!/usr/bin/env python3
"""Make folders-*.json of Tests/TokenizationTests/Fixtures: folders whose tokenizer is told by several files, and
the ids that transformers' AutoTokenizer gives.

usage: make_tokenizer_folder_fixtures.py FIXTURES_DIR

texts.json (of make_tokenizer_fixtures.py) is read there.  Contents of files stand once under "contents" and are named by
the cases.  Needs: transformers 5.24.0, tokenizers 0.23.3, sentencepiece 0.2.3, protobuf; no network.
"""

import base64
import copy
import io
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

LETTERS = "▁abcdefgimnostu<>|_"


def config(model_type="llama", **more):
    return {"architectures": ["X"], "model_type": model_type, "vocab_size": 4096, **more}


def token(content, **flags):
    return {
        "content": content,
        "lstrip": False,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
        "special": True,
        **flags,
    }


def characters():
    """A tokenizer of single characters, as small as one can be."""
    vocabulary = {piece: id_ for id_, piece in enumerate(["<unk>", "<s>", "</s>", *LETTERS])}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id_, **token(piece)} for id_, piece in enumerate(["<unk>", "<s>", "</s>"])],
        "normalizer": None,
        "pre_tokenizer": metaspace,
        "post_processor": None,
        "decoder": metaspace,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }


def table_cases():
    own, size = characters(), 3 + len(LETTERS)
    plain = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "unk_token": "<unk>"}
    full = {
        **plain,
        "eos_token": "<|im_end|>",
        "added_tokens_decoder": {"0": token("<unk>"), str(size): token("<|im_end|>")},
    }

    def listed(tokens, **more):
        return {**full, "added_tokens_decoder": {**full["added_tokens_decoder"], **tokens}, **more}

    def case(name, settings=None, special=None, added=None, tokenizer=own, model_type="llama", **more):
        files = {
            "tokenizer.json": tokenizer,
            "tokenizer_config.json": settings,
            "special_tokens_map.json": special,
            "added_tokens.json": added,
        }
        return name, config(model_type, **more), {key: value for key, value in files.items() if value is not None}

    template = copy.deepcopy(own)
    template["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    fewer, taken, ordinary = copy.deepcopy(own), copy.deepcopy(own), copy.deepcopy(own)
    fewer["added_tokens"] = fewer["added_tokens"][:1]
    taken["added_tokens"].append({"id": size, **token("<x>")})
    ordinary["added_tokens"][2]["special"] = False
    return [
        case("tokenizer.json alone"),
        case("only tokenizer_config.json lists it", full),
        case("mistral", full, model_type="mistral"),
        case("a class that nobody knows", {**full, "tokenizer_class": "FooTokenizer"}),
        case("no class", {key: value for key, value in full.items() if key != "tokenizer_class"}),
        case("an id with a gap", listed({str(size + 3): token("<x>")})),
        case("an id of another token", listed({"5": token("<x>")})),
        case("an id that tokenizer.json gives another", full, tokenizer=taken),
        case("flags", listed({str(size + 1): token("ab", special=False, normalized=True, lstrip=True)})),
        case("rstrip", listed({str(size + 1): token("<x>", rstrip=True)})),
        case("single word", listed({str(size + 1): token("a", single_word=True)})),
        case("a token of the vocabulary", listed({"5": token("b", special=False, lstrip=True)})),
        case("other flags than tokenizer.json", listed({"2": token("</s>", rstrip=True, special=False)})),
        case("special only in tokenizer_config.json", listed({"2": token("</s>")}), tokenizer=ordinary),
        case("named but not special in tokenizer.json", {**full, "eos_token": "</s>"}, tokenizer=ordinary),
        case("named but not special in the table", listed({str(size): token("<|im_end|>", special=False)})),
        case("named alone", {**plain, "eos_token": "<|im_end|>"}),
        case("named in the vocabulary, not listed", full, tokenizer=fewer),
        case("named as an object", {**full, "bos_token": {"__type": "AddedToken", **token("<x>", lstrip=True)}}),
        case("a null name", {**full, "pad_token": None, "unk_token": None}),
        case("pad and mask", {**full, "pad_token": "<x>", "mask_token": "<y>"}),
        case(
            "added_tokens.json",
            {"tokenizer_class": "PreTrainedTokenizerFast"},
            added={"<|im_end|>": size, "<x>": size + 1},
        ),
        case(
            "added_tokens.json by ids",
            {"tokenizer_class": "PreTrainedTokenizerFast"},
            added={"<x>": size + 1, "<|im_end|>": size},
        ),
        case("added_tokens.json alone", added={"<|im_end|>": size}),
        case("added_tokens.json with a named token", {**plain, "eos_token": "<|im_end|>"}, added={"<|im_end|>": size}),
        case(
            "added_tokens.json with a wrong id", {**plain, "eos_token": "<|im_end|>"}, added={"<x>": size + 1, "<y>": 5}
        ),
        case("added_tokens.json beside a table", full, added={"<x>": size + 1}),
        case("special_tokens_map.json alone", special={"eos_token": "<|im_end|>"}),
        case("special_tokens_map.json with objects", special={"eos_token": token("<|im_end|>", lstrip=True)}),
        case("special_tokens_map.json with a list", special={"additional_special_tokens": ["<x>", "<y>"]}),
        case("special_tokens_map.json with a new list", special={"extra_special_tokens": ["<x>", "<y>"]}),
        case("special_tokens_map.json overrules", {**plain, "eos_token": "<|im_end|>"}, {"eos_token": "<x>"}),
        case("special_tokens_map.json beside a table", full, {"eos_token": "<x>"}),
        case("a name of its own in special_tokens_map.json", plain, {"image_token": "<x>"}),
        case("additional", {**full, "additional_special_tokens": ["<x>", "<y>"]}),
        case("extra", {**full, "extra_special_tokens": ["<x>", "<y>"]}),
        case(
            "extra beside additional", {**full, "extra_special_tokens": ["<x>"], "additional_special_tokens": ["<y>"]}
        ),
        case(
            "empty extra beside additional", {**full, "extra_special_tokens": [], "additional_special_tokens": ["<y>"]}
        ),
        case("extra by names", {**full, "extra_special_tokens": {"image_token": "<x>", "a": "<y>"}}),
        case(
            "one token twice with other flags",
            {
                **plain,
                "mask_token": {"__type": "AddedToken", **token("<x>", rstrip=True)},
                "extra_special_tokens": ["<x>"],
            },
        ),
        case(
            "a named object in added_tokens.json",
            {**plain, "pad_token": {"__type": "AddedToken", **token("a b", normalized=True)}},
            added={"a b": size},
        ),
        case("a name of its own in both files", {**plain, "image_token": "<x>"}, {"image_token": "<y>"}),
        case("lists in both files", {**plain, "extra_special_tokens": ["<x>"]}, {"additional_special_tokens": ["<y>"]}),
        case(
            "an empty list before another",
            {**plain, "extra_special_tokens": []},
            {"additional_special_tokens": ["<y>"]},
        ),
        case(
            "extra by names beside additional",
            {**plain, "extra_special_tokens": {"a": "<y>"}, "additional_special_tokens": ["<x>"]},
        ),
        case("a list that added_tokens.json repeats", None, {"additional_special_tokens": ["<x>"]}, {"<x>": size}),
        case("a name of its own", {**full, "image_token": "<x>", "foo_token": token("<y>")}),
        case("add_bos_token without a template", {**full, "add_bos_token": True, "add_eos_token": True}),
        case("add_bos_token against a template", {**full, "add_bos_token": False}, tokenizer=template),
    ]


def byte_vocabulary(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=700,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            max_token_length=8,
            show_progress=False,
        ),
    )
    model = json.loads(tokenizer.to_str())["model"]
    merges = "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in model["merges"])
    return model["vocab"], merges


def merges_cases(texts):
    vocabulary, merges = byte_vocabulary(texts)
    size = len(vocabulary)

    def case(name, settings=None, model_type="llama", added=None, special=None, **more):
        files = {
            "vocab.json": vocabulary,
            "merges.txt": merges,
            "tokenizer_config.json": settings,
            "added_tokens.json": added,
            "special_tokens_map.json": special,
        }
        return name, config(model_type, **more), {key: value for key, value in files.items() if value is not None}

    qwen = {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "errors": "replace",
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "added_tokens_decoder": {
            str(size + index): token(content)
            for index, content in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        },
    }
    return [
        case("GPT2Tokenizer", {"tokenizer_class": "GPT2Tokenizer"}),
        case(
            "GPT2Tokenizer with everything",
            {
                "tokenizer_class": "GPT2TokenizerFast",
                "add_bos_token": True,
                "add_eos_token": True,
                "bos_token": "<s>",
                "eos_token": "</s>",
                "unk_token": "<unk>",
                "add_prefix_space": True,
            },
            added={"<mask>": size},
        ),
        case("GPTNeoXTokenizer", {"tokenizer_class": "GPTNeoXTokenizer"}),
        case("CodeGenTokenizer", {"tokenizer_class": "CodeGenTokenizer"}),
        case("the class in config.json", tokenizer_class="GPT2Tokenizer"),
        case("Qwen2Tokenizer", qwen),
        case("qwen2 overrules the class", {**qwen, "tokenizer_class": "GPT2Tokenizer"}, model_type="qwen2"),
        case("qwen3 without a class", model_type="qwen3"),
        case("qwen3 with another class", {"tokenizer_class": "GPT2Tokenizer"}, model_type="qwen3"),
        case(
            "qwen2 of older files",
            {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>"},
            model_type="qwen2",
            added={"<|endoftext|>": size, "<|im_start|>": size + 1, "<|im_end|>": size + 2},
            special={"eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]},
        ),
    ]


def sentence_piece(texts, kind="bpe", **options):
    lines = [line for text in texts for line in text.split("\n") if line.strip() and "\x00" not in line]
    buffer = io.BytesIO()
    settings = {
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        **options,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 3),
        model_writer=buffer,
        model_type=kind,
        vocab_size=720,
        minloglevel=2,
        character_coverage=0.98,
        hard_vocab_limit=False,
        **settings,
    )
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(buffer.getvalue())
    proto.normalizer_spec.normalization_rule_tsv = ""  # the name of a temporary file
    return proto.SerializeToString()


def piece_cases(texts):
    def case(name, model, settings=None, model_type="llama", added=None):
        files = {"tokenizer.model": model, "tokenizer_config.json": settings, "added_tokens.json": added}
        return name, config(model_type), {key: value for key, value in files.items() if value is not None}

    bpe, unigram = sentence_piece(texts), sentence_piece(texts, "unigram")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        # Full width to plain, e with a mark to one scalar, three kinds of blanks, a sign to nothing, one to three.
        rules.write("FF21\t41\nFF46\t66\n65 301\tE9\nA0\t20\n3000\t20\n9\t20\n200B\n2026\t2E 2E 2E\n1F44D\t2B\n")
        rules.flush()
        mapped = sentence_piece(
            texts,
            "unigram",
            normalization_rule_tsv=rules.name,
            normalization_rule_name="user_defined",
            remove_extra_whitespaces=True,
            user_defined_symbols=["<mask>", "a|b", "▁▁"],
            control_symbols=["<ctl>"],
        )
        mapped_bpe = sentence_piece(
            texts,
            normalization_rule_tsv=rules.name,
            normalization_rule_name="user_defined",
            remove_extra_whitespaces=True,
            byte_fallback=False,
        )
    stripped = sentence_piece(texts, remove_extra_whitespaces=True)
    defined = sentence_piece(texts, user_defined_symbols=["<mask>", "▁▁"], control_symbols=["<ctl>"])
    bare = sentence_piece(texts, add_dummy_prefix=False, byte_fallback=False)
    llama = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False}
    more = {
        "0": token("<unk>"),
        "1": token("<s>"),
        "2": token("</s>"),
        "720": token("<|im_end|>"),
        "721": token("<mask>", normalized=True, special=False),
    }
    return [
        case("LlamaTokenizer", bpe, llama),
        case("LlamaTokenizer, legacy", bpe, {**llama, "legacy": True}),
        case("LlamaTokenizer, not legacy", bpe, {**llama, "legacy": False, "add_eos_token": True}),
        case("LlamaTokenizer without a prefix", bpe, {**llama, "add_prefix_space": False}),
        case("LlamaTokenizer without settings", bpe, {"tokenizer_class": "LlamaTokenizer"}),
        case(
            "LlamaTokenizer with more tokens", bpe, {**llama, "eos_token": "<|im_end|>", "added_tokens_decoder": more}
        ),
        case("LlamaTokenizer with added_tokens.json", bpe, llama, added={"<|im_end|>": 720, "<mask>": 721}),
        case("LlamaTokenizer over pieces of the user", defined, llama),
        case(
            "LlamaTokenizer over pieces of the user, with a list", defined, {**llama, "extra_special_tokens": ["<x>"]}
        ),
        case("no class", bpe),
        case("no class, not legacy", bpe, {"legacy": False, "add_bos_token": True}),
        case("no class, blanks removed", stripped, {"add_bos_token": True}),
        case("no class, neither prefix nor bytes", bare),
        case("no class, more tokens", bpe, {"add_bos_token": True, "added_tokens_decoder": more}),
        case("no class, a piece renamed", bpe, {"added_tokens_decoder": {"400": token("<|im_end|>")}}),
        case("mistral overrules the class", bpe, llama, model_type="mistral"),
        case("no class, pieces of the user", defined),
        case("LlamaTokenizer over Unigram", unigram, llama),
        case("no class, Unigram", unigram),
        case("no class, Unigram with everything", mapped, {"add_bos_token": True, "extra_special_tokens": ["<x>"]}),
        case("no class, a table of characters", mapped_bpe),
        *unigram_cases(mapped),
    ]


def unigram_cases(model):
    """tokenizer.json files as transformers wrote them of Unigram models."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model)
    table = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    made = []
    for name, fallback, normalizer, cutter in [
        (
            "T5",
            False,
            [table, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")],
            [pre_tokenizers.Metaspace()],
        ),
        (
            "XLM-R",
            False,
            [table, normalizers.Replace(Regex(" {2,}"), " ")],
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()],
        ),
        (
            "Unigram with bytes",
            True,
            [normalizers.Replace(" ", "▁"), normalizers.Prepend("▁")],
            [pre_tokenizers.Metaspace(prepend_scheme="never", split=False)],
        ),
    ]:
        tokenizer = Tokenizer(models.Unigram([(piece.piece, piece.score) for piece in proto.pieces], 0, fallback))
        tokenizer.normalizer = normalizers.Sequence(normalizer)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cutter)
        tokenizer.decoder = decoders.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
        tokenizer.add_special_tokens(["<s>", "</s>", "<unk>"])
        tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, normalized=True)])
        made.append(
            (
                name,
                config(),
                {
                    "tokenizer.json": json.loads(tokenizer.to_str()),
                    "tokenizer_config.json": {
                        "tokenizer_class": "PreTrainedTokenizerFast",
                        "extra_special_tokens": ["<x>"],
                    },
                },
            )
        )
    return made


def main():
    folder = sys.argv[1]
    texts = json.load(open(os.path.join(folder, "texts.json"), encoding="utf-8"))
    texts = [text for text in texts if len(text.encode()) < 400]
    marks = [
        "abc<|im_end|>de",
        "<s>ab</s> <unk>c",
        "ab <|im_end|> c <x> d",
        "<y>a<x>b<|im_end|>",
        "  <x>  <y> ",
        "",
        "a b a_a",
        "b  b <x>ab",
        "<x> </s> a</s> b",
    ]
    chosen = (
        marks
        + texts[7:65:3]
        + [
            "<|im_start|>a<|im_end|>\n<|endoftext|>",
            "a <mask> b<mask>c",
            "  a  b ",
            "▁a",
            " <s> a ",
            "<ctl>a<x>",
            "x\u0301 12 don't I'M",
            "ＡＢｆ e\u0301\u0308 ae\u0301 …a\u00a0 \u3000b\tc\u200bd 👍🏽 a|b a| \r\n",
        ]
    )
    pieces = piece_cases(texts)
    for kind, group, inputs in [
        ("tables", table_cases(), marks),
        ("merges", merges_cases(texts), chosen),
        ("pieces", pieces[:-7], chosen),
        ("unigram", pieces[-7:], chosen[::2] + chosen[-1:]),
    ]:
        contents, cases = [], []

        def position(value):
            entry = {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
            if entry not in contents:
                contents.append(entry)
            return contents.index(entry)

        for name, settings, files in group:
            with tempfile.TemporaryDirectory() as path:
                for file, value in {**files, "config.json": settings}.items():
                    data = (
                        value
                        if isinstance(value, bytes)
                        else (value if isinstance(value, str) else json.dumps(value)).encode()
                    )
                    open(os.path.join(path, file), "wb").write(data)
                tokenizer = AutoTokenizer.from_pretrained(path)
            plain = [tokenizer.encode(text, add_special_tokens=False) for text in inputs]
            cases.append(
                {
                    "name": name,
                    "config": settings,
                    "files": {file: position(value) for file, value in files.items()},
                    "plain": plain,
                    "special": tokenizer.encode("a", add_special_tokens=True),
                    "bare": tokenizer.encode("a", add_special_tokens=False),
                    "size": len(tokenizer),
                    "skipped": [tokenizer._tokenizer.decode(ids, skip_special_tokens=True) for ids in plain],
                }
            )
        with open(os.path.join(folder, f"folders-{kind}.json"), "w", encoding="utf-8") as file:
            json.dump({"contents": contents, "texts": inputs, "cases": cases}, file, separators=(",", ":"))
            file.write("\n")


main()
