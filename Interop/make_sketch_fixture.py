#!/usr/bin/env python3
"""Makes Tests/CalibrationTests/Fixtures/sketch.json: what a manifest keeps of a calibration text, computed by itself.

Python 3.9 or newer, standard library only: python3 Interop/make_sketch_fixture.py
"""

import base64
import hashlib
import json
import os
import random
import re
import unicodedata

LENGTH, ONE_IN, BYTES = 13, 16, 6
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALONE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def words(text):
    found, word = [], ""
    for character in text + " ":
        # All letters and numbers of the text below are of these categories.
        if unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "Mn":
            if ALONE.match(character):
                found += [word] * bool(word) + [character]
                word = ""
            else:
                word += character.lower()
        else:
            found += [word] * bool(word)
            word = ""
    return found


def hashes(items, seed):
    runs = (b"".join(items[i : i + LENGTH]) for i in range(len(items) - LENGTH + 1))
    return {hashlib.sha256(seed + run).digest()[:BYTES] for run in runs}


def of_words(text):
    return hashes([word.encode() + b" " for word in words(text)], b"words ")


def of_tokens(ids):
    return hashes([i.to_bytes(4, "little", signed=True) for i in ids], b"tokens ")


def sketch(values):
    kept = sorted(v for v in values if int.from_bytes(v, "big") % ONE_IN == 0)
    return base64.b64encode(b"".join(kept)).decode()


random.seed(7)
pool = "the River, runs Über den fluß 7 times; don't été — Привет мир 漢字かな สวัสดี e\u0301a No. 42 (again)".split(" ")
calibration = " ".join(random.choice(pool) for _ in range(900))
copied = " ".join(calibration.split(" ")[300:700])
evaluation = copied.upper().replace("SS", "ß") + "\n" + " ".join(random.choice(pool) for _ in range(400))
tokens = [random.randrange(1000) for _ in range(400)]
a, b = of_words(calibration), of_words(evaluation)
sampled = {v for v in b if int.from_bytes(v, "big") % ONE_IN == 0}
fixture = {
    "calibration": calibration,
    "evaluation": evaluation,
    "tokens": tokens,
    "words": words(calibration)[:60],
    "sketch": sketch(a),
    "token_sketch": sketch(of_tokens(tokens)),
    "total": len(b),
    "found": len(a & b),
    "sampled_total": len(sampled),
    "sampled_found": len(a & sampled),
}
path = os.path.join(root, "Tests/CalibrationTests/Fixtures/sketch.json")
with open(path, "w", encoding="utf-8") as file:
    json.dump(fixture, file, ensure_ascii=False, indent=1)
    file.write("\n")
print({k: v for k, v in fixture.items() if isinstance(v, int)})
