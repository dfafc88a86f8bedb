#!/usr/bin/env python3
"""Make the fixtures of Tests/TokenizationTests: small tokenizers and the ids that `tokenizers` gives.

usage: make_tokenizer_fixtures.py OUT_DIR TRAINING_TEXT... [--merges N] [--real NAME=TOKENIZER_JSON]...

For every family a tokenizer with that family's pipeline is trained on the texts and written as
NAME.tokenizer.json, beside NAME.expected.json with ids and decoded texts for the inputs of texts.json.
Of a real tokenizer only the expected file is written.  Needs: tokenizers (made with 0.23.3).
"""

import argparse
import json
import os
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

TEXTS = [
    "",
    " ",
    "  ",
    "\n",
    "\x00",
    "a\x00b\x00\x00",
    "Hello, world!",
    # Scripts.
    "Ünïcödé – naïve façade, Œuvre, ſtraße, İstanbul ıI, Ǆ ǅ ǆ, ﬁ ﬂ",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. №5 – «кавычки»",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία; ΑΒΓ ά έ ή ᾳ ᾼ",
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت ١٢٣٤٥ ۱۲۳",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה שָׁלוֹם",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण १२३ क्ष ज्ञ",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓",
    "我能吞下玻璃而不伤身体。二〇二四年十二月，价格：￥１２３．４５",
    "いろはにほへと ちりぬるを ガギグゲゴ カ\u3099 ﾊﾟ 〜ー々",
    "나는 유리를 먹을 수 있어요. 그래도 아프지 않아요 \u1112\u1161\u11ab\u1100\u1173\u11af \uac00\u11a8",
    "Ａｆｕｌｌ ｗｉｄｔｈ 　空白",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻𝒶𝓃𝒸𝓎 𐍈𐌰 𓀀𓁐 𠀀𠮷",
    "\U0010ffff\ue000\U000f0000\ufffd\ufffe",
    # Code.
    "def f(x):\n    return {\n\t'a': x**2,  # comment\n        \"b\": [i for i in range(10)]}\n\n\nclass A(B):\n\tpass\n",
    '#include <stdio.h>\r\nint main(void) {\r\n\tprintf("%d\\n", 0x1F600);\r\n\treturn 0;\r\n}\r\n\r\n',
    'for (int i=0;i<10;++i){a[i]+=b[i]<<2;}//done\n<html><body class="x">&nbsp;</body></html>',
    "ABC中DE FGh 中文abcDEF ǅx éÉé\u0301É xĀ\u0301B \u0301\u0301AB \u0301Ab .\u0301A //x/\n/\ny !/\n\n/ʰAʰB",
    "CamelCaseWord snake_case_word SCREAMING_SNAKE 3dPrint x2y3 v1.2.3-rc4 C:\\path\\file.txt http://a.b/?q=a+b&c=%20#d",
    # Emoji, signs, digits.
    "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ☕️ 1️⃣ 🧑🏿‍🚀😀😀😀!!! ❤️‍🔥",
    "e=mc² ∑∫√∞≈≠≤≥ ←↑→↓ €£¥₹ ©®™ †‡§¶ “quotes” ‘single’ …—–- ...!!!???...  ...\n\n...",
    "1 12 123 1234 12345 1,234.56 ٣٤٥٦ ४५६७ ๔๕๖๗ ⅷⅸ ½¾ ²³ ①② 一二三 Ⅻ𝟘𝟙𝟚 ௧௨௩ 𐄇𐄈",
    # White space.
    "a  b   c    d\t\te\n\nf\r\n\r\ng \n h\n \n  i   ",
    "   leading",
    "trailing   ",
    " \t \n \r\n \t",
    "\r\r\n\n\r",
    "a\u00a0b\u1680c\u2003d\u2009e\u202ff\u205fg\u3000h\u2028i\u2029j\u0085k\u000bl\u000cm\u200bn\ufeffo\u180ep",
    "\u00a0\u00a0x \u3000\u3000 y\u2003\n\u2003z \u00a0",
    "!\n",
    " !\n\n x",
    "a.\nb.\r\nc!\n\n\nd",
    "  \n\n  x\n  ",
    "x\n\n\n",
    # Combining marks, also alone, and what NFC changes or must not change.
    "\u0301\u0308a\u0301e\u0323\u0302 \u0301 x\u0301\u0301\u0301\u0301",
    "A\u030a\u0323 Å \u212b \u1e9b\u0323 \u0958 \u2126 q\u0307\u0323",
    # Contractions.
    "I'm you're he's we've they'll I'd don't I'M YOU'RE HE'S WE'VE THEY'LL I'D DON'T it’s 'S'T'LL'l'r're' ''s 'x 'lL 'Ve",
    "x'ſ 'ſt K's ſ'K \u212a'm '\u212a 'ß 'ŉ ŉ's",
    "'s",
    "'",
    "''",
    "don't'",
    "'tis 'twas",
    # Special tokens inside text, whole and broken.
    "<|im_start|>user\nHi<|im_end|>\n<|endoftext|><|endoftext|> text <|im_start|",
    "a<|endoftext|>b <s>x</s> <unk>y <s> z",
    "<s>",
    "<s></s>",
    " <s> ",
    "<|begin_of_text|>Hi<|eot_id|>",
    "▁▁a ▁b▁",
    "▁",
    "a▁b c",
    "a <mask> b<mask>c  <left>  d  <right>  e <word> f<word> g_<word> <word>! éa Éa NORM norm <|a|><|a|b|> <|a|b",
    # Long words.
    "a" * 150,
    "=" * 90,
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenfabrikantentochter",
    # Scalars assigned late or not at all.
    "\x7f\x01\x02\x1b[0m",
    "\u0378\u0530 \U000105c9 \u088f\u0c5c\ua7f1",
]


def random_texts(count, rng):
    pool = "".join(TEXTS)
    for _ in range(count):
        yield "".join(rng.choice(rng.choice([pool, " \t\n\r\u00a0'.aA1sſé▁"])) for _ in range(rng.randint(1, 30)))


def byte_level(pre_tokenizer, texts, merges, normalizer=None, specials=()):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=merges + 256 + len(specials),
            special_tokens=list(specials),
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return tokenizer


def sentence_piece(texts, merges):
    """Characters with byte fallback, trained on words that start with the marker, as SentencePiece does."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=merges + len(specials) + 100, special_tokens=specials, limit_alphabet=100, show_progress=False
        ),
    )
    settings = json.loads(tokenizer.to_str())
    settings["added_tokens"] = settings["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def families(texts, merges):
    def split(pattern):
        return pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )

    yield (
        "gpt2",
        byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), texts, merges, specials=["<|endoftext|>"]),
    )

    tokenizer = byte_level(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
        texts,
        merges,
        specials=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    )
    yield "smollm", tokenizer

    tokenizer = byte_level(split(LLAMA3), texts, merges)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]),
        ]
    )
    settings = json.loads(tokenizer.to_str())
    settings["model"]["ignore_merges"] = True
    # A token that no merge makes: only ignore_merges reaches it.
    settings["model"]["merges"].pop()
    yield "llama3", Tokenizer.from_str(json.dumps(settings))

    tokenizer = byte_level(split(QWEN2), texts, merges, normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "qwen2", tokenizer

    tokenizer = byte_level(split(TEKKEN), texts, merges, specials=["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    yield "tekken", tokenizer

    tokenizer = sentence_piece(texts, merges)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    settings = json.loads(tokenizer.to_str())
    settings["pre_tokenizer"] = None
    yield "llama2", Tokenizer.from_str(json.dumps(settings))

    tokenizer = sentence_piece(texts, merges)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    yield "mistral", tokenizer

    # No family's: options that the families leave alone, with added tokens of every kind.
    tokenizer = sentence_piece(texts, merges // 4)
    settings = json.loads(tokenizer.to_str())
    settings["model"].update(byte_fallback=False, fuse_unk=False)
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("NORM", "norm")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("=", "contiguous"),
            pre_tokenizers.Split("!", "merged_with_previous"),
            pre_tokenizers.Split("<", "merged_with_next"),
            pre_tokenizers.Split("?", "removed"),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_tokens(
        [
            AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False),
            AddedToken("<left>", lstrip=True),
            AddedToken("<right>", rstrip=True, special=True),
            AddedToken("<word>", single_word=True, normalized=False),
            AddedToken("E\u0301a", normalized=True),
            AddedToken("norm", normalized=True),
            AddedToken("<|a|>", normalized=False),
            AddedToken("<|a|b|>", normalized=False),
        ]
    )
    yield "options", tokenizer

    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), texts, merges // 4)
    tokenizer.decoder = None
    yield "prefix-space", tokenizer


def written(name, tokenizer):
    if name != "llama3":
        return tokenizer.to_str()
    settings = json.loads(tokenizer.to_str())
    settings["model"]["merges"] = [" ".join(pair) for pair in settings["model"]["merges"]]  # as older files have them
    return json.dumps(settings, ensure_ascii=False)


def expected(tokenizer, texts, rng):
    plain = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    decodings = plain[::4]
    size = tokenizer.get_vocab_size()
    bytes_ = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in range(256)]
    bytes_ += [tokenizer.token_to_id(chr(scalar)) for scalar in range(0x100, 0x144)]
    bytes_ = [id_ for id_ in bytes_ if id_ is not None] or [0]
    for _ in range(60):
        # Ids in no sensible order: broken UTF-8, special tokens anywhere, one id beyond the vocabulary.
        decodings.append([rng.choice([rng.choice(bytes_), rng.randrange(size + 1)]) for _ in range(rng.randint(1, 12))])
    return {
        "plain": plain,
        "special": [tokenizer.encode(text).ids for text in texts],
        "decodings": [
            {
                "ids": ids,
                "text": tokenizer.decode(ids, skip_special_tokens=False),
                "skipped": tokenizer.decode(ids, skip_special_tokens=True),
            }
            for ids in decodings
        ],
    }


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out")
    arguments.add_argument("text", nargs="+")
    arguments.add_argument("--merges", type=int, default=2000)
    arguments.add_argument("--real", action="append", default=[])
    arguments = arguments.parse_args()
    os.makedirs(arguments.out, exist_ok=True)

    def write(name, text):
        return open(os.path.join(arguments.out, name), "w", encoding="utf-8").write(text + "\n")

    rng = random.Random(1)
    texts = TEXTS + list(random_texts(120, rng))
    write("texts.json", json.dumps(texts))
    training = [open(path, encoding="utf-8").read() for path in arguments.text]
    training = [line for text in training for line in text.splitlines(keepends=True)] + TEXTS * 3
    for name, tokenizer in families(training, arguments.merges):
        write(f"{name}.tokenizer.json", written(name, tokenizer))
        write(f"{name}.expected.json", json.dumps(expected(tokenizer, texts, rng), separators=(",", ":")))
    for name, path in (real.split("=", 1) for real in arguments.real):
        tokenizer = Tokenizer.from_file(path)
        write(f"{name}.expected.json", json.dumps(expected(tokenizer, texts, rng), separators=(",", ":")))


main()
