#!/usr/bin/env python3
"""Makes the fixtures of the zero-shot tasks with EleutherAI's lm-evaluation-harness itself.

    pip install lm-eval==0.4.13 torch transformers datasets
    Interop/make_task_fixtures.py                                  Tests/EvaluationTests/Fixtures/Tasks
    Interop/make_task_fixtures.py --real DATA --model HF_FOLDER    Tests/EvaluationTests/Fixtures/real-tasks.json

The first writes a random model of a few thousand weights, items of our own making in each set's published form, and
`expected.json`: for every task what lm-eval asked (the exact strings), what it got and what it made of it. The tasks are
lm-eval's own; only `datasets.load_dataset` is replaced, by the same items in the hub's form. The second does the same
with the first items of real sets, of which only results are stored, and a trained model.
"""

import argparse
import csv
import io
import json
import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["DISABLE_MULTIPROC"] = "1"
import datasets
import lm_eval.api.task as harness
import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "Tests/EvaluationTests/Fixtures/Tasks")
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

# --- items ------------------------------------------------------------------------------------------------------------
LONG = "The lake was calm and the boat went on and on along the shore. " * 6  # longer than the model's context

hellaswag = [
    dict(
        activity_label="Removing ice",
        ctx_a="A man stands on a car. He",
        ctx_b="ICE scrapes the ΟΔΟΣ with McTool",
        label=1,
        endings=["sings a song.", "goes on [substeps] scraping.", " drives  off.", "[title] sleeps."],
    ),
    dict(
        activity_label="Cooking",
        ctx_a="How to boil an egg. [header] Take a pot [title] Fill it.",
        ctx_b="",
        label=0,
        endings=["Put it on the stove.", "Throw it away.", "Eat the pot. [step] Then rest.", "Wait [for\nlong] here."],
    ),
    dict(
        activity_label="Straße",
        ctx_a="Die Läuferin startet.",
        ctx_b="ßie läuft",
        label=3,
        endings=["weg.", "schnell.", "nie.", "über die e\u0301tape."],
    ),
    dict(
        activity_label="Sailing",
        ctx_a=LONG,
        ctx_b="the boat",
        label=2,
        endings=["stops.", "sinks.", "turns.", "flies."],
    ),
    dict(
        activity_label="Chess",
        ctx_a="Two players sit.",
        ctx_b="one",
        label=1,
        endings=["moves a pawn.", "moves a pawn.", "moves the queen.", "leaves."],
    ),
]
hellaswag_train = [
    dict(
        activity_label=f"Game {i}",
        ctx_a=f"Player {i} comes.",
        ctx_b="the ball",
        label=i % 4,
        endings=[f"rolls {i}.", "stops.", "flies.", "sinks."],
    )
    for i in range(6)
]
piqa = [
    dict(goal="open a jar", sol1="turn the lid", sol2="turn the jar upside down and wait", label=0),
    dict(goal="dry socks ", sol1="Put them in water.", sol2="Hang them up.", label=1),
    dict(goal="sharpen a pencil", sol1="use a knife", sol2="use a spoon", label=0),
]
piqa_train = [dict(goal=f"do thing {i}", sol1=f"way {i}", sol2="no way", label=i % 2) for i in range(40)]
arc = [
    dict(question="Which is a metal?", texts=["wood", "iron", "water", "air"], labels="ABCD", key="B"),
    dict(question="How many legs has a spider?", texts=["4", "6", "8"], labels="123", key="3"),
    dict(question="What do plants need?", texts=["light", "noise", "salt", "ice", "dust"], labels="ABCDE", key="A"),
    dict(question="What falls from clouds?", texts=["rain", "stones"], labels="AB", key="A"),
]
arc_train = [
    dict(question=f"What is {i}?", texts=["one", "two", "three"], labels="ABC", key="ABC"[i % 3]) for i in range(7)
]
winogrande = [
    dict(
        sentence="The cup did not fit in the bag because the _ was too large.", option1="cup", option2="bag", answer="1"
    ),
    dict(sentence="Ann thanked Eve, since _ had helped.  ", option1="Ann", option2="Eve", answer="2"),
    dict(sentence="_ is cold.", option1="Ice", option2="Fire", answer="1"),
]
winogrande_train = [
    dict(sentence=f"Item {i}: the _ is blue.", option1="sky", option2="sun", answer=str(1 + i % 2)) for i in range(9)
]
boolq = [
    dict(
        title="Moon",
        passage="The Moon goes around the Earth.",
        question="does the moon go around the earth",
        answer=True,
    ),
    dict(title="Ice", passage="Ice floats\non water.", question="is ice heavier than water", answer=False),
]
boolq_train = [dict(title=f"T{i}", passage=f"Fact {i}.", question=f"is it {i}", answer=i % 2 == 0) for i in range(5)]
openbook = [
    dict(question="The sun gives", texts=["light", "cheese", "rest", "paper"], labels="ABCD", key="A"),
    dict(question="A dog is an", texts=["animal", "engine", "ocean", "hour"], labels="ABCD", key=" A"),
]
openbook_train = [
    dict(question=f"Number {i} is", texts=["odd", "even", "red", "old"], labels="ABCD", key="BA"[i % 2])
    for i in range(5)
]
rte = [
    dict(sentence1='He said "yes" to it.', sentence2="He agreed.", label=0),
    dict(sentence1="Rain fell on Monday.", sentence2="It was dry.", label=1),
    dict(sentence1="Ten people came.", sentence2="People came.", label=0),
]
rte_train = [dict(sentence1=f"A {i}.", sentence2=f"B {i}.", label=i % 2) for i in range(6)]
lambada = [
    "The dog ran after the cat and then the cat climbed up the tree",
    "one two three four",
    "She said hello\n\nand he said  hello",
    "word",
]
subject_rows = [
    ["What is 1+1?\nThink.", "1", "2", "3", "4", "B"],
    [' Which is a "fruit"? ', "apple", "car, red", "sea", "ink", "A"],
    ["The sky is", "green", "black", "blue", "square", "C"],
]
subject_dev = [[f"Is {i} odd?", "yes", "no", "maybe", "never", "AB"[(i + 1) % 2]] for i in range(3)]
wiki = (
    ' \n = Boats = \n \n A boat @-@ like thing , or " ship " , is 1 @,@ 000 tonnes @.@ 5 ( or more ) . \n \n'
    " = = Uses = = \n \n It is used ' daily ' [ sometimes ] ; the ships ' owners { all } say : yes ! Why ? N 5 ° it 's . \n"
    " = Ice = \n \n Ice is cold . " + "It is very cold in the north . " * 20 + "\n \n"
)

own = [
    dict(
        country=dict(name="France"),
        n=3,
        flags=[True, False],
        share=1.5,
        cities=["Rome", "Paris", "Bern e\u0301"],
        right="Paris",
    ),
    dict(country=dict(name="Österreich"), n=-1, flags=[False, True], share=2.0, cities=["Wien", "Linz"], right="Wien"),
]
OWN = dict(
    task="own",
    dataset_path="own",
    test_split="test",
    output_type="multiple_choice",
    description="Capitals.\n",
    doc_to_text="The capital of {{country.name}} ({{n}}, {{flags[1]}}, {{share}}) is",
    doc_to_choice="{{cities}}",
    doc_to_target="{{right}}",
    target_delimiter=": ",
    metadata=dict(version=3),
    metric_list=[dict(metric=m, aggregation="mean", higher_is_better=True) for m in ("acc", "acc_norm")],
)


# --- published forms ----------------------------------------------------------------------------------------------------
def lines(path, rows):
    os.makedirs(os.path.dirname(os.path.join(OUT, path)), exist_ok=True)
    with open(os.path.join(OUT, path), "w", encoding="utf-8") as f:
        for row in rows:
            f.write(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False))
            f.write("\n")


def science(d, i):
    return dict(
        id=str(i),
        question=dict(stem=d["question"], choices=[dict(text=t, label=l) for t, l in zip(d["texts"], d["labels"])]),
        answerKey=d["key"],
    )


def table(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    lines(path, [text.getvalue().rstrip("\n")])


def published():
    lines("hellaswag_val.jsonl", [dict(d, ind=i, ctx=d["ctx_a"] + " " + d["ctx_b"]) for i, d in enumerate(hellaswag)])
    lines("hellaswag_train.jsonl", hellaswag_train)
    for part, rows in ("valid", piqa), ("train", piqa_train):
        lines(f"piqa/{part}.jsonl", [{k: d[k] for k in ("goal", "sol1", "sol2")} for d in rows])
        lines(f"piqa/{part}-labels.lst", [str(d["label"]) for d in rows])
    for name in "ARC-Easy", "ARC-Challenge":
        lines(f"{name}-Test.jsonl", [science(d, i) for i, d in enumerate(arc)])
        lines(f"{name}-Train.jsonl", [science(d, i) for i, d in enumerate(arc_train)])
    lines("winogrande/dev.jsonl", winogrande)
    lines("winogrande/train_xl.jsonl", winogrande_train)
    lines("boolq/dev.jsonl", boolq)
    lines("boolq/train.jsonl", boolq_train)
    lines("openbookqa/test.jsonl", [science(d, i) for i, d in enumerate(openbook)])
    lines("openbookqa/train.jsonl", [science(d, i) for i, d in enumerate(openbook_train)])
    label = ["entailment", "not_entailment"]
    for part, rows in ("dev", rte), ("train", rte_train):
        lines(
            f"RTE/{part}.tsv",
            ["index\tsentence1\tsentence2\tlabel"]
            + [f"{i}\t{d['sentence1']}\t{d['sentence2']}\t{label[d['label']]}" for i, d in enumerate(rows)],
        )
    lines("lambada_test.jsonl", [dict(text=t) for t in lambada])
    table("mmlu/test/subject_test.csv", subject_rows)
    table("mmlu/dev/subject_dev.csv", subject_dev)
    lines("own.jsonl", own)
    lines(
        "own.yaml",
        [
            "name: own",
            "data: own.jsonl",
            f'prompt: "{OWN["doc_to_text"]}"',
            "choices: cities",
            "answer: right",
            'description: "Capitals.\\n"',
            'target_delimiter: ": "',
            "version: 3",
        ],
    )
    with open(os.path.join(OUT, "wiki.test.raw"), "w", encoding="utf-8") as f:
        f.write(wiki)


# --- the hub's forms ----------------------------------------------------------------------------------------------------
def pages(text):
    """The rule of the hub's document-level WikiText: a page begins at a heading of the first level."""
    found, page = [], []
    for line in text.split("\n"):
        short = line.replace("= = =", "===").replace("= =", "==").strip()
        if short.startswith("= ") and short.endswith(" ="):
            if "\n".join(page).strip():
                found.append("\n".join(page))
            page = []
        page.append(line)
    return found + ["\n".join(page)]


def hub_science(rows, key="question"):
    return [
        {key: d["question"], "choices": dict(text=d["texts"], label=list(d["labels"])), "answerKey": d["key"]}
        for d in rows
    ]


def hub_mmlu(rows):
    return [dict(question=r[0], choices=r[1:5], answer="ABCD".index(r[5])) for r in rows]


def hub_boolq(rows):
    return [
        dict(question=d["question"], passage=f"{d['title']} -- {d['passage']}", label=int(d["answer"])) for d in rows
    ]


def own_hub(path, name):
    parts = {
        "own": dict(test=own),
        "Rowan/hellaswag": dict(
            validation=[dict(d, label=str(d["label"])) for d in hellaswag],
            train=[dict(d, label=str(d["label"])) for d in hellaswag_train],
        ),
        "baber/piqa": dict(validation=piqa, train=piqa_train),
        "allenai/ai2_arc": dict(test=hub_science(arc), train=hub_science(arc_train)),
        "allenai/winogrande": dict(validation=winogrande, train=winogrande_train),
        "aps/super_glue": dict(validation=hub_boolq(boolq), train=hub_boolq(boolq_train)),
        "allenai/openbookqa": dict(
            test=hub_science(openbook, "question_stem"), train=hub_science(openbook_train, "question_stem")
        ),
        "nyu-mll/glue": dict(validation=rte, train=rte_train),
        "EleutherAI/lambada_openai": dict(test=[dict(text=t) for t in lambada]),
        "cais/mmlu": dict(test=hub_mmlu(subject_rows), dev=hub_mmlu(subject_dev)),
        "EleutherAI/wikitext_document_level": dict(test=[dict(page=p) for p in pages(wiki)]),
    }[path]
    return parts


def take_prepared_hellaswag():
    """The six-line form is prepared already; lm-eval's preparation is tested on the published form."""
    make = harness.ConfigurableTask.__init__

    def init(self, *values, config=None, **options):
        if config and config.get("task") == "hellaswag":
            config = dict(config, process_docs=None)
        make(self, *values, config=config, **options)

    harness.ConfigurableTask.__init__ = init


def real_hub(folder, count):
    """The first items of the sets as they are in `folder`, in the forms of which Documentation/Tasks.md tells."""

    def rows(name):
        return [json.loads(line) for line in open(os.path.join(folder, "tasks", name + ".jsonl"), encoding="utf-8")][
            :count
        ]

    def keyed(rows, question):
        return [
            {
                question: d["query"].removeprefix("Question: ") if question == "question" else d["query"],
                "choices": dict(text=d["choices"], label=list("ABCDEFGH"[: len(d["choices"])])),
                "answerKey": "ABCDEFGH"[d["gold"]],
            }
            for d in rows
        ]

    def load(path, name):
        if path == "allenai/ai2_arc":
            return dict(test=keyed(rows("arc_easy" if name == "ARC-Easy" else "arc_challenge"), "question"))
        if path == "allenai/openbookqa":
            return dict(test=keyed(rows("openbook_qa"), "question_stem"))
        if path == "baber/piqa":
            return dict(
                validation=[
                    dict(
                        goal=d["query"].removeprefix("Question: ").removesuffix("\n"),
                        sol1=d["choices"][0],
                        sol2=d["choices"][1],
                        label=d["gold"],
                    )
                    for d in rows("piqa")
                ]
            )
        if path == "allenai/winogrande":
            made = []
            for d in rows("winogrande"):
                a, b = d["context_options"]
                start = os.path.commonprefix([a, b])
                made.append(
                    dict(
                        sentence=start + "_ " + d["continuation"],
                        option1=a[len(start) :],
                        option2=b[len(start) :],
                        answer=str(d["gold"] + 1),
                    )
                )
            return dict(validation=made)
        if path == "aps/super_glue":
            made = []
            for d in rows("boolq"):
                passage, question = d["query"].removeprefix("Passage: ").rsplit("\nQuestion: ", 1)
                made.append(dict(passage=passage, question=question.removesuffix("?"), label=d["gold"]))
            return dict(validation=made)
        if path == "nyu-mll/glue":
            with open(os.path.join(folder, "tasks/rte_dev.tsv"), encoding="utf-8", newline="") as f:
                return dict(
                    validation=[
                        dict(sentence1=r["sentence1"], sentence2=r["sentence2"], label=int(r["label"]))
                        for r in csv.DictReader(f, delimiter="\t")
                    ][:count]
                )
        if path == "EleutherAI/lambada_openai":
            return dict(test=[dict(text=d["context"] + " " + d["continuation"]) for d in rows("lambada_openai")])
        if path == "Rowan/hellaswag":
            text = open(os.path.join(folder, "tasks/hellaswag_val_full.txt"), encoding="utf-8").read().split("\n")
            return dict(
                validation=[
                    dict(query=text[i], choices=text[i + 2 : i + 6], label=text[i + 1]) for i in range(0, 6 * count, 6)
                ]
            )
        if path == "EleutherAI/wikitext_document_level":
            text = open(os.path.join(folder, "wikitext-2-raw/wiki.test.raw"), encoding="utf-8").read()
            return dict(test=[dict(page=p) for p in pages(text)][:count])
        raise KeyError(path)

    return load


def install(load):
    def fake(path, name=None, **options):
        parts = load(path, name)
        # lm-eval opens the training part even when no examples are drawn.
        parts = {"train": next(iter(parts.values())), **parts}
        return datasets.DatasetDict({k: datasets.Dataset.from_list(v) for k, v in parts.items()})

    harness.datasets.load_dataset = fake


# --- the model ----------------------------------------------------------------------------------------------------------
def write_model(folder):
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=258,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=320,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=257,
        initializer_range=0.4,
    )
    model = LlamaForCausalLM(config)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"},
        os.path.join(folder, "model.safetensors"),
        metadata={"format": "pt"},
    )
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(config.to_diff_dict(), architectures=["LlamaForCausalLM"]), f, indent=1)
    # Byte-level, without merges: the id of a byte is its value.
    visible = [b for r in (range(0x21, 0x7F), range(0xA1, 0xAD), range(0xAE, 0x100)) for b in r]
    hidden = [b for b in range(256) if b not in visible]
    vocabulary = {**{chr(b): b for b in visible}, **{chr(256 + i): b for i, b in enumerate(hidden)}}
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    special = [
        dict(id=i, content=c, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
        for i, c in ((256, "<|begin|>"), (257, "<|end|>"))
    ]
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(
            dict(
                version="1.0",
                truncation=None,
                padding=None,
                added_tokens=special,
                normalizer=None,
                pre_tokenizer=level,
                post_processor=None,
                decoder=level,
                model=dict(
                    type="BPE",
                    dropout=None,
                    unk_token=None,
                    continuing_subword_prefix=None,
                    end_of_word_suffix=None,
                    fuse_unk=False,
                    byte_fallback=False,
                    vocab=vocabulary,
                    merges=[],
                ),
            ),
            f,
            ensure_ascii=False,
        )
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(
            dict(
                tokenizer_class="PreTrainedTokenizerFast",
                bos_token="<|begin|>",
                eos_token="<|end|>",
                model_max_length=320,
                clean_up_tokenization_spaces=False,
            ),
            f,
        )


# --- running lm-eval ------------------------------------------------------------------------------------------------------
TASKS = [
    "hellaswag",
    "piqa",
    "arc_easy",
    "arc_challenge",
    "winogrande",
    "boolq",
    "openbookqa",
    "rte",
    "lambada_openai",
    "wikitext",
]


def run(model, tasks, shots, keep_arguments=True):
    out = simple_evaluate(model=model, tasks=tasks, num_fewshot=shots or None, log_samples=True, bootstrap_iters=100000)
    made = dict(results={}, versions=out["versions"], samples={}, higher_is_better=out["higher_is_better"])
    made["n-samples"] = out["n-samples"]
    made["n-shot"] = {k: v for k, v in out["n-shot"].items() if k in out["samples"]}
    for name, values in out["results"].items():
        made["results"][name] = {
            k: float(v) if not isinstance(v, str) else v for k, v in values.items() if k.endswith(",none")
        }
    for name, samples in out["samples"].items():
        made["samples"][name] = []
        for s in sorted(samples, key=lambda s: s["doc_id"]):
            answers = [a if isinstance(a, (list, tuple)) else (a,) for a in s["filtered_resps"]]
            one = dict(resps=[[float(a[0])] + [bool(g) for g in a[1:]] for a in answers])
            if keep_arguments:
                one["arguments"] = [list(a) for a in s["arguments"]]
            made["samples"][name].append(one)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--real")
    parser.add_argument("--model")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--tasks")
    parser.add_argument("--output")
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    if args.real:
        install(real_hub(args.real, args.count))
        take_prepared_hellaswag()
        model = HFLM(pretrained=args.model, dtype="float32", device="cpu", batch_size=args.batch)
        made = run(
            model,
            args.tasks.split(",") if args.tasks else [t for t in TASKS if t != "wikitext"],
            0,
            keep_arguments=False,
        )
        made["count"] = args.count
        target = args.output or os.path.join(os.path.dirname(OUT), "real-tasks.json")
    else:
        write_model(os.path.join(OUT, "model"))
        published()
        install(own_hub)
        model = HFLM(pretrained=os.path.join(OUT, "model"), dtype="float32", device="cpu", batch_size=1)
        made = {
            "0": run(model, TASKS + ["mmlu_anatomy", OWN], 0),
            "2": run(model, [t for t in TASKS if t != "wikitext"] + ["mmlu_anatomy"], 2),
        }
        group = run(model, ["mmlu"], 0)
        made["mmlu"] = {k: group[k] for k in ("results", "versions")}
        made["mmlu"]["results"] = {
            k: v
            for k, v in made["mmlu"]["results"].items()
            if k.count("_") == 0 or k in ("mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities")
        }
        target = os.path.join(OUT, "expected.json")
    with open(target, "w", encoding="utf-8") as f:
        json.dump(made, f, ensure_ascii=False, indent=None, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
