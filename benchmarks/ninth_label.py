"""A ninth label for a trained pipeline, from 200 sentences: what it learns, and what it forgets of the other eight.

    python benchmarks/ninth_label.py --data ner_dataset.csv.zip --pipeline PIPELINE --output benchmarks/ninth_label.json

The pipeline is one that `spacy train` made of the 800 training sentences of GMB-1000, such as
`training/ours/model-best` of the workflow `article`. The ninth label is `num`: numbers (part of speech CD in the
corpus) outside of all entities, so that years, which are `tim`, have to be told from them. It is annotated in 200 of
the sentences 1,001 to 2,000, with which training goes on after `add_label`; the test is the sentences 2,001 to 6,000.

- `all else is O`: the annotation of the new label as it is; the pipeline learns that there is nothing else.
- `own entities kept`: what the pipeline finds in the 200 sentences stands beside the new label.
- `own entities kept, rehearsed`: and after each step comes one of `nlp.rehearse`, on the sentences that the pipeline
  was trained on, without their annotation.
- `gold`: all nine labels annotated by hand, for comparison.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import spacy
from common import bare, write_json
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import fix_random_seed
from wasabi import table

from spacy_bert_ner import score_bert_ner
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.optim.adamw import make_adamw_v1

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"
NEW, N_EXAMPLES, EPOCHS, BATCH = "num", 200, 5, 16
WAYS = ("all else is O", "own entities kept", "own entities kept, rehearsed", "gold")


def read_parts_of_speech(path: Path) -> Iterator[list[str]]:
    """The parts of speech of each sentence of the corpus, one a word."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        sentence: list[str] = []
        for row in csv.DictReader(io.TextIOWrapper(file, encoding="latin-1", newline="")):
            if row["Sentence #"] and sentence:
                yield sentence
                sentence = []
            sentence.append(row["POS"])
        yield sentence


def with_numbers(doc: Doc, parts_of_speech: list[str]) -> Doc:
    """The sentence with its own entities, and each run of numbers outside of them as one more."""
    is_number = [pos == "CD" and not token.ent_type for pos, token in zip(parts_of_speech, doc, strict=True)]
    starts = [i for i, number in enumerate(is_number) if number and not (i and is_number[i - 1])]
    ends = [i + 1 for i, number in enumerate(is_number) if number and not (i + 1 < len(doc) and is_number[i + 1])]
    return with_entities(doc, [*doc.ents, *(Span(doc, a, b, NEW) for a, b in zip(starts, ends, strict=True))])


def with_entities(doc: Doc, ents: list[Span]) -> Doc:
    """The same sentence with these entities; all else is O."""
    copy = bare(doc, doc.vocab)
    copy.set_ents([Span(copy, ent.start, ent.end, ent.label_) for ent in ents])
    return copy


def only(doc: Doc, *, new: bool) -> Doc:
    """The sentence with the entities of the new label alone, or without them."""
    return with_entities(doc, [ent for ent in doc.ents if (ent.label_ == NEW) is new])


def kept(nlp: Language, doc: Doc) -> Doc:
    """The new label's entities, and beside them what the pipeline finds."""
    new = [ent for ent in doc.ents if ent.label_ == NEW]
    taken = {token.i for ent in new for token in ent}
    example = Example(nlp(doc.text), doc)
    for ent in example.predicted.ents:
        doc.vocab.strings.add(ent.label_)
    found = example.get_aligned_spans_x2y(example.predicted.ents)
    return with_entities(doc, [*new, *(ent for ent in found if not taken & set(range(ent.start, ent.end)))])


def learn(nlp: Language, docs: list[Doc], old: list[Doc], seed: int) -> None:
    """Add the label and go on with the training; `old` is rehearsed, if there is any."""
    fix_random_seed(seed)
    nlp.get_pipe("bert_ner").add_label(NEW)  # type: ignore[attr-defined]
    optimizer = nlp.resume_training(sgd=make_adamw_v1(learn_rate=1e-4, head_rate=5.0))
    again = minibatch(cycle(old), BATCH)
    for _ in range(EPOCHS):
        random.shuffle(docs)
        for batch in minibatch(docs, BATCH):
            nlp.update([Example(nlp.make_doc(doc.text), doc) for doc in batch], drop=0.1, sgd=optimizer)
            if old:
                texts = [nlp.make_doc(doc.text) for doc in next(again)]
                nlp.rehearse([Example(text, text) for text in texts], sgd=optimizer)


def score(nlp: Language, test: list[Doc]) -> dict[str, Any]:
    """F1 over the eight labels, that of the new one, and of each of the eight."""
    pairs = list(zip(nlp.pipe(doc.text for doc in test), test, strict=True))
    old = score_bert_ner([Example(only(found, new=False), only(doc, new=False)) for found, doc in pairs])
    new = score_bert_ner([Example(only(found, new=True), only(doc, new=True)) for found, doc in pairs])
    return {"eight": old["ents_f"], NEW: new["ents_f"], "labels": {k: v["f"] for k, v in old["ents_per_type"].items()}}


def run(way: str, seed: int, options: argparse.Namespace, corpus: dict[str, list[Doc]]) -> dict[str, Any]:
    """Load the pipeline, teach it in this way, score it."""
    nlp = spacy.load(options.pipeline)
    docs = list(corpus["examples"])
    if way == "all else is O":
        docs = [only(doc, new=True) for doc in docs]
    elif way.startswith("own entities kept"):
        docs = [kept(nlp, doc) for doc in docs]
    learn(nlp, docs, corpus["old"] if way.endswith("rehearsed") else [], seed)
    return {"way": way, "seed": seed, **score(nlp, corpus["test"])}


def read_corpus(data: Path) -> dict[str, list[Doc]]:
    """The sentences that the pipeline was trained on, the 200 with the new label, and the test."""
    vocab = spacy.blank("en").vocab
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        convert(data, folder / "all", limit=6000)
        convert(data, folder / "first", limit=1000, split="80/10/10", seed=42)
        docs = list(DocBin().from_disk(folder / "all" / "ner_dataset.spacy").get_docs(vocab))
        old = list(DocBin().from_disk(folder / "first" / "train.spacy").get_docs(vocab))
    parts = islice(read_parts_of_speech(data), len(docs))
    numbered = [with_numbers(doc, pos) for doc, pos in zip(docs, parts, strict=True) if len(doc) == len(pos)]
    some = [doc for doc in numbered[1000:2000] if any(ent.label_ == NEW for ent in doc.ents)]
    return {"old": old, "examples": some[:N_EXAMPLES], "test": numbered[2000:]}


def main(options: argparse.Namespace) -> None:
    """Score before, teach in each way with each seed, print the table, write the JSON."""
    corpus = read_corpus(options.data)
    results = [{"way": "before", "seed": None, **score(spacy.load(options.pipeline), corpus["test"])}]
    for seed in options.seeds:
        for way in WAYS:
            results.append(run(way, seed, options, corpus))
            print(json.dumps(results[-1]), flush=True)
    before = results[0]["eight"]
    rows = []
    for way in ("before", *WAYS):
        own = [result for result in results if result["way"] == way]
        eight, new = (sum(r[key] or 0.0 for r in own) / len(own) for key in ("eight", NEW))
        rows.append([way, len(own), f"{eight:.4f}", f"{100 * (eight - before):+.1f}", f"{new:.4f}"])
    print(table(rows, header=["way", "runs", "F1 of the eight", "points", f"F1 of {NEW}"], divider=True))
    if options.output:
        write_json(options.output, {"sentences": len(corpus["test"]), "results": results})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip of the GMB corpus")
    parser.add_argument("--pipeline", type=Path, required=True, help="folder of a pipeline trained on GMB-1000")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    for path in (arguments.data, arguments.pipeline / "meta.json"):
        if not path.is_file():
            sys.exit(f"error: there is no {path}; see --help for what to give")
    main(arguments)
