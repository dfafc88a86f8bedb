#!/usr/bin/env python3
"""Shows where AutoTokenizer passes over the steps of a tokenizer.json, which `ClassSteps` tells.

Packages: transformers==5.24.0, tokenizers. Usage: check_class_steps.py TOKENIZER_JSON

Writes folders with one tokenizer.json and one tokenizer_config.json for each class, and prints whether the normalizer and
the pre-tokenizer that transformers ends with are those of the file.
"""

import json
import pathlib
import sys
import tempfile

from transformers import AutoTokenizer


def steps(text):
    root = json.loads(text)
    return root["normalizer"], root["pre_tokenizer"]


source = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
for name in ["PreTrainedTokenizerFast", "LlamaTokenizer", "LlamaTokenizerFast", "GPT2Tokenizer", "Qwen2Tokenizer"]:
    for settings in [{}, {"legacy": True}, {"add_prefix_space": True}, {"add_prefix_space": False}]:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "tokenizer.json").write_text(source, encoding="utf-8")
            (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **settings}))
            (path / "config.json").write_text('{"model_type": "llama"}')
            found = steps(AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str())
        print(name, settings, "kept" if found == steps(source) else f"built anew: {json.dumps(found)}")
