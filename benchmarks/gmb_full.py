"""Compare the component's entity F1 on all of GMB with a hand-written loop, on a checkpoint from plain transformers.

    python benchmarks/gmb_full.py --data ner_dataset.csv.zip --checkpoint tagger --output benchmarks/gmb_full.json

All 47,959 sentences are split 80/10/10. If the folder `--checkpoint` does not exist, the script first trains a
checkpoint with plain transformers and torch: one epoch on the 38,367 training sentences (about twenty minutes on two
cores). The following ways then predict entities in the 4,796 test sentences, with the tokens from the corpus:

- A hand-written loop passes the words to the tokenizer and uses `word_ids`. It takes the arg-max at each word's first
  subword. An `I-` tag that does not continue an entity starts a new one.
- `bert_ner` loads the same folder. It runs with both decoding methods and with each possible tag scheme.

Finally, the script fits the temperature for the scores on the 4,796 dev sentences. It measures the expected calibration
error over the predicted entities in the test sentences before and after.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import spacy
from common import bare, write_json
from spacy.tokens import Doc
from spacy.training import Example
from train_ways import encode, make_targets, predict_tags, tags_of
from wasabi import table

from spacy_bert_ner import score_bert_ner
from spacy_bert_ner.corpus import read_corpus
from spacy_bert_ner.corpus.sentence import to_doc
from spacy_bert_ner.corpus.splitting.random_split import split_indices
from spacy_bert_ner.evaluation.token_accuracy import calibration_error

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"
SCORES = ("ents_p", "ents_r", "ents_f")


def train(encoder: str, docs: list[Doc], folder: Path) -> None:
    """Train and save a checkpoint with transformers and torch alone.

    Train for one epoch with AdamW, linear warm-up and decay, and batches of 32 sentences.
    """
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, get_linear_schedule_with_warmup, set_seed

    set_seed(42)
    tag_ids = {tag: i for i, tag in enumerate(sorted({tag for doc in docs for tag in tags_of(doc)}))}
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    id2label = {i: tag for tag, i in tag_ids.items()}
    model = AutoModelForTokenClassification.from_pretrained(encoder, id2label=id2label, label2id=tag_ids)
    order = random.Random(42).sample(range(len(docs)), len(docs))
    batches = [[docs[i] for i in order[start : start + 32]] for start in range(0, len(order), 32)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0003, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, 60, len(batches))
    start = time.perf_counter()
    for step, batch in enumerate(batches):
        inputs, firsts = encode(tokenizer, batch)
        loss = model(**inputs, labels=make_targets(inputs, firsts, batch, tag_ids)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            print(f"{step}/{len(batches)}  loss {loss.item():.4f}  {time.perf_counter() - start:.0f} s", flush=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def read_by_hand(folder: Path, references: list[Doc]) -> list[Doc]:
    """Predict entities with the code that a tutorial would show."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    model = AutoModelForTokenClassification.from_pretrained(folder)
    return predict_tags(model, AutoTokenizer.from_pretrained(folder), references)


def read_by_component(folder: Path, references: list[Doc], config: dict[str, Any]) -> list[Doc]:
    """Predict entities with `bert_ner` on the gold tokens."""
    nlp = spacy.blank("en")
    model = {"name": str(folder), **config.pop("model", {})}
    nlp.add_pipe("bert_ner", config={"model": model, **config})
    plain = [bare(doc, nlp.vocab) for doc in references]
    return list(nlp.pipe(plain, batch_size=64))


def calibrate(folder: Path, dev: list[Doc], test: list[Doc]) -> dict[str, float]:
    """Fit the temperature on the dev data.

    RETURNS: the report from calibration on the dev data, and the expected calibration error on the test data before and
        after calibration.
    """
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("bert_ner", config={"model": {"name": str(folder)}})
    plain = {id(d): Doc(nlp.vocab, [t.text for t in d], [bool(t.whitespace_) for t in d]) for d in [*dev, *test]}

    def error_on_test() -> float:
        scores, right = [], []
        for doc, gold in zip(nlp.pipe([plain[id(d)].copy() for d in test], batch_size=64), test, strict=True):
            known = {(ent.start, ent.end, ent.label_) for ent in gold.ents}
            scores += doc.spans["bert_ner"].attrs["scores"].tolist()
            right += [(ent.start, ent.end, ent.label_) in known for ent in doc.spans["bert_ner"]]
        return calibration_error(scores, right)

    before = error_on_test()
    report: dict[str, float] = pipe.calibrate([Example(plain[id(d)], d) for d in dev])  # type: ignore[attr-defined]
    return {**report, "test_ece_before": before, "test_ece_after": error_on_test()}


WAYS: dict[str, dict[str, Any]] = {
    "bert_ner, greedy": {"decoding": "greedy"},
    "bert_ner, viterbi (default)": {},
    "bert_ner, viterbi, IOB2": {"model": {"tag_scheme": "IOB2"}},
    "bert_ner, viterbi, IOB1": {"model": {"tag_scheme": "IOB1"}},
}


def main(arguments: argparse.Namespace) -> None:
    """Train a checkpoint if needed, run all ways on the test data, print a table and write the results as JSON."""
    sentences = read_corpus(arguments.data).sentences
    indices = split_indices(len(sentences), "80/10/10", 42)
    parts = {name: [sentences[i] for i in part] for name, part in indices.items()}
    vocab = spacy.blank("en").vocab
    if not (arguments.checkpoint / "config.json").exists():
        train(arguments.encoder, [to_doc(sentence, vocab) for sentence in parts["train"]], arguments.checkpoint)
    references = [to_doc(sentence, vocab) for sentence in parts["test"]]
    results = []
    for way in ("hand-written loop", *WAYS):
        if way in WAYS:
            docs = read_by_component(arguments.checkpoint, references, dict(WAYS[way]))
        else:
            docs = read_by_hand(arguments.checkpoint, references)
        scores = score_bert_ner([Example(doc, gold) for doc, gold in zip(docs, references, strict=True)])
        results.append({"way": way, **{key: scores[key] for key in SCORES}})
    rows = [[r["way"], *(f"{r[key]:.5f}" for key in SCORES)] for r in results]
    print(table(rows, header=["way", *SCORES], divider=True))
    calibration = calibrate(arguments.checkpoint, [to_doc(sentence, vocab) for sentence in parts["dev"]], references)
    print(json.dumps({key: round(value, 4) for key, value in calibration.items()}))
    if arguments.output:
        content = {
            "date": time.strftime("%Y-%m-%d"),
            "sentences": len(references),
            "results": results,
            "calibration": calibration,
        }
        write_json(arguments.output, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip from the GMB corpus")
    parser.add_argument("--encoder", default=str(ROOT / "assets" / "encoder"), help="encoder to fine-tune")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder; trained if missing")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if not options.data.is_file():
        sys.exit(
            f"error: there is no corpus at {options.data}. "
            "Download it: python -m spacy project assets --extra. Then set --data assets/gmb/ner_dataset.csv.zip"
        )
    main(options)
