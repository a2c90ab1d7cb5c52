"""Training on GMB-1000: `spacy train configs/bert_ner.cfg` beside a plain PyTorch loop.

    python benchmarks/train_gmb1000.py --data ner_dataset.csv.zip --seeds 42 43 --output benchmarks/train_gmb1000.json

Both start from the same encoder and see the same sentences for the same number of epochs, in batches of 16 with dynamic
padding, under AdamW with the same rate, warm-up and decay; both score the dev data after every epoch, save, and are
scored on the same 100 test sentences. Each is a process of its own and its wall time is that of the whole process,
imports included; the plain loop's also holds the scoring of the test data, about a second. They take turns, in an order
that changes from seed to seed, so that a slow spell of a shared machine does not fall on one alone; read the ratio, not
the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.util import load_config
from wasabi import table

from spacy_bert_ner import score_bert_ner
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.tags import tag_set, to_iob2

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "bert_ner.cfg"
DATA = ROOT.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"
SCORES = ("ents_p", "ents_r", "ents_f", "iob_acc", "iob_doc_acc")


def train_plainly(encoder: str, corpus: Path, output: Path, seed: int) -> None:
    """The loop that a tutorial would write: words in, `word_ids` for the labels, AdamW, one padded batch a step."""
    import torch
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        get_linear_schedule_with_warmup,
        set_seed,
    )

    set_seed(seed)
    training = load_config(CONFIG, interpolate=True)["training"]
    size, optimizer_config = training["batcher"]["size"], training["optimizer"]
    rate, warm_up = (optimizer_config["learn_rate"][key] for key in ("initial_rate", "warmup_steps"))
    vocab = spacy.blank("en").vocab
    docs = {
        part: list(DocBin().from_disk(corpus / f"{part}.spacy").get_docs(vocab)) for part in ("train", "dev", "test")
    }
    labels = sorted({ent.label_ for doc in docs["train"] for ent in doc.ents})
    tags = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForTokenClassification.from_pretrained(encoder, num_labels=len(tags))

    def encode(batch: list[Doc]) -> tuple[Any, list[list[tuple[int, int]]]]:
        inputs = tokenizer(
            [[t.text for t in doc] for doc in batch],
            is_split_into_words=True,
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        firsts = []  # for each Doc: position of the first subword, word
        for row in range(len(batch)):
            words = inputs.word_ids(row)
            firsts.append([(i, w) for i, w in enumerate(words) if w is not None and w != words[i - 1]])
        return inputs, firsts

    def predict(batch: list[Doc]) -> list[Doc]:
        model.eval()
        inputs, firsts = encode(batch)
        with torch.no_grad():
            best = model(**inputs).logits.argmax(-1).tolist()
        predicted = []
        for doc, row, found in zip(batch, best, firsts, strict=True):
            names = ["O"] * len(doc)
            for position, word in found:
                names[word] = tags[row[position]]
            words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
            predicted.append(Doc(vocab, words=words, spaces=spaces, ents=to_iob2(names, tag_set(tuple(tags)))[0]))
        return predicted

    def score(part: list[Doc]) -> dict[str, Any]:
        predicted = [doc for i in range(0, len(part), 64) for doc in predict(part[i : i + 64])]
        scores: dict[str, Any] = score_bert_ner([Example(p, doc) for p, doc in zip(predicted, part, strict=True)])
        return scores

    no_decay = [p for p in model.parameters() if p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim >= 2]},
        {"params": no_decay, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=optimizer_config["L2"])
    schedule = get_linear_schedule_with_warmup(optimizer, warm_up, training["max_steps"])
    for _ in range(training["max_steps"] * size // len(docs["train"])):
        order = torch.randperm(len(docs["train"])).tolist()
        for i in range(0, len(order), size):
            model.train()
            batch = [docs["train"][j] for j in order[i : i + size]]
            inputs, firsts = encode(batch)
            targets = torch.full_like(inputs["input_ids"], -100)
            for row, (doc, found) in enumerate(zip(batch, firsts, strict=True)):
                for position, word in found:
                    token = doc[word]
                    targets[row, position] = tags.index(
                        f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type else "O"
                    )
            loss = model(**inputs, labels=targets).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        print(json.dumps({k: v for k, v in score(docs["dev"]).items() if k in SCORES}))
    model.save_pretrained(output / "model")
    scores = score(docs["test"])
    (output / "scores.json").write_text(json.dumps({key: scores[key] for key in SCORES}))


def score_pipeline(folder: Path, corpus: Path) -> dict[str, float]:
    """Scores of a trained pipeline on the test data."""
    nlp = spacy.load(folder)
    scores = nlp.evaluate(list(Corpus(corpus / "test.spacy")(nlp)))
    return {key: scores[key] for key in SCORES}


def run(way: str, encoder: str, corpus: Path, seed: int) -> dict[str, Any]:
    """Train once, in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary)
        if way == "plain loop":
            command = [__file__, "--plain", str(output), "--corpus", str(corpus)]
            command += ["--encoder", encoder, "--seeds", str(seed)]
        else:
            command = ["-m", "spacy", "train", str(CONFIG), "--output", str(output), "--system.seed", str(seed)]
            command += ["--paths.train", str(corpus / "train.spacy"), "--paths.dev", str(corpus / "dev.spacy")]
            command += ["--components.bert_ner.model.name", encoder, "--training.patience", "0"]
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        if way == "plain loop":
            scores = json.loads((output / "scores.json").read_text())
        else:
            scores = score_pipeline(output / "model-best", corpus)
        return {"way": way, "seed": seed, "seconds": round(seconds, 1), **scores}


def report(results: list[dict[str, Any]]) -> None:
    """Print a row a run, then the means and the ratio."""
    columns = ("way", "seed", "seconds", "ents_f", "iob_acc", "iob_doc_acc")
    rows = [[r["way"], r["seed"], r["seconds"], *(f"{r[key]:.4f}" for key in columns[3:])] for r in results]
    ways = sorted({r["way"] for r in results})
    for way in ways:
        own = [r for r in results if r["way"] == way]
        means = [statistics.mean(r[key] for r in own) for key in columns[3:]]
        rows.append(
            [f"{way}, mean", "", round(statistics.median(r["seconds"] for r in own), 1), *(f"{m:.4f}" for m in means)]
        )
    print(table(rows, header=columns, divider=True))
    seeds = sorted({r["seed"] for r in results})
    ratios = []
    for seed in seeds:
        seconds = {r["way"]: r["seconds"] for r in results if r["seed"] == seed}
        ratios.append(seconds["spacy train"] / seconds["plain loop"])
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"wall time, spacy train / plain loop: median {statistics.median(ratios):.2f} (by seed: {each})")


def main(arguments: argparse.Namespace) -> None:
    """Convert, train in turn, print the table, write the JSON."""
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary)
        convert(arguments.data, corpus, limit=1000, split="80/10/10", seed=42)
        for i, seed in enumerate(arguments.seeds):
            ways = ["plain loop", "spacy train"]
            for way in ways if i % 2 == 0 else reversed(ways):
                results.append(run(way, arguments.encoder, corpus, seed))
                print(json.dumps(results[-1]), flush=True)
    report(results)
    machine = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "spacy", "thinc")},
    }
    if arguments.output:
        content = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "results": results}
        arguments.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip of the GMB corpus")
    parser.add_argument("--encoder", default=str(ROOT / "assets" / "encoder"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--output", type=Path, help="JSON to write")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)  # a child process: where it writes
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        train_plainly(options.encoder, options.corpus, options.plain, options.seeds[0])
    elif not options.data.is_file():
        sys.exit(
            f"error: no corpus at {options.data}. Fetch it: python -m spacy project assets --extra; then --data ..."
        )
    else:
        main(options)
