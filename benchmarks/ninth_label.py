"""Add a ninth label to a trained pipeline with 200 sentences, and measure F1 for the new label and the other eight.

    python benchmarks/ninth_label.py --data ner_dataset.csv.zip --pipeline PIPELINE --output benchmarks/ninth_label.json

`spacy train` must have trained the pipeline on the 800 training sentences from GMB-1000. The workflow `article` saves
such a pipeline in `training/ours/model-best`. The ninth label is `num`: numbers outside entities, with the part of
speech CD in the corpus. The pipeline must distinguish them from years, which have the label `tim`. The label is
annotated in 200 of the sentences 1,001 to 2,000. After `add_label`, training continues with these sentences. The test
data are the sentences 2,001 to 6,000.

- `all else is O`: only the new label is annotated. The pipeline learns that there are no other entities.
- `own entities kept`: the pipeline's predicted entities are added to the annotations with the new label.
- `own entities kept, rehearsed`: the same, and each step is followed by a step with `nlp.rehearse` on the pipeline's
  training sentences, without their annotations.
- `gold`: gold entities for all nine labels, for comparison.
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
from spacy_bert_ner.optim.layerwise_adamw import make_adamw_v1

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "gmb" / "ner_dataset.csv.zip"
NEW, N_EXAMPLES, EPOCHS, BATCH = "num", 200, 5, 16
WAYS = ("all else is O", "own entities kept", "own entities kept, rehearsed", "gold")


def read_parts_of_speech(path: Path) -> Iterator[list[str]]:
    """Yield the parts of speech for each sentence in the corpus, one per word."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        sentence: list[str] = []
        for row in csv.DictReader(io.TextIOWrapper(file, encoding="latin-1", newline="")):
            if row["Sentence #"] and sentence:
                yield sentence
                sentence = []
            sentence.append(row["POS"])
        yield sentence


def with_numbers(doc: Doc, parts_of_speech: list[str]) -> Doc:
    """Copy a sentence with its entities, and add an entity for each sequence of numbers outside them."""
    is_number = [pos == "CD" and not token.ent_type for pos, token in zip(parts_of_speech, doc, strict=True)]
    starts = [i for i, number in enumerate(is_number) if number and not (i and is_number[i - 1])]
    ends = [i + 1 for i, number in enumerate(is_number) if number and not (i + 1 < len(doc) and is_number[i + 1])]
    return with_entities(doc, [*doc.ents, *(Span(doc, a, b, NEW) for a, b in zip(starts, ends, strict=True))])


def with_entities(doc: Doc, ents: list[Span]) -> Doc:
    """Copy a sentence with only the given entities. All other tokens are O."""
    copy = bare(doc, doc.vocab)
    copy.set_ents([Span(copy, ent.start, ent.end, ent.label_) for ent in ents])
    return copy


def only(doc: Doc, *, new: bool) -> Doc:
    """Copy a sentence with only the entities that have the new label, or with all others."""
    return with_entities(doc, [ent for ent in doc.ents if (ent.label_ == NEW) is new])


def kept(nlp: Language, doc: Doc) -> Doc:
    """Copy a sentence with its entities for the new label, and add predicted entities that do not overlap them."""
    new = [ent for ent in doc.ents if ent.label_ == NEW]
    taken = {token.i for ent in new for token in ent}
    example = Example(nlp(doc.text), doc)
    for ent in example.predicted.ents:
        doc.vocab.strings.add(ent.label_)
    found = example.get_aligned_spans_x2y(example.predicted.ents)
    return with_entities(doc, [*new, *(ent for ent in found if not taken & set(range(ent.start, ent.end)))])


def learn(nlp: Language, docs: list[Doc], old: list[Doc], seed: int) -> None:
    """Add the new label and continue training on `docs`. Rehearse on `old`, unless it is empty."""
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
    """Compute F1 over the eight labels, for the new label, and for each of the eight labels."""
    pairs = list(zip(nlp.pipe(doc.text for doc in test), test, strict=True))
    old = score_bert_ner([Example(only(found, new=False), only(doc, new=False)) for found, doc in pairs])
    new = score_bert_ner([Example(only(found, new=True), only(doc, new=True)) for found, doc in pairs])
    return {"eight": old["ents_f"], NEW: new["ents_f"], "labels": {k: v["f"] for k, v in old["ents_per_type"].items()}}


def run(way: str, seed: int, options: argparse.Namespace, corpus: dict[str, list[Doc]]) -> dict[str, Any]:
    """Load the pipeline, train it in one way and evaluate it on the test data."""
    nlp = spacy.load(options.pipeline)
    docs = list(corpus["examples"])
    if way == "all else is O":
        docs = [only(doc, new=True) for doc in docs]
    elif way.startswith("own entities kept"):
        docs = [kept(nlp, doc) for doc in docs]
    learn(nlp, docs, corpus["old"] if way.endswith("rehearsed") else [], seed)
    return {"way": way, "seed": seed, **score(nlp, corpus["test"])}


def read_corpus(data: Path) -> dict[str, list[Doc]]:
    """Read the pipeline's training sentences (`old`), the 200 `examples` with the new label and the `test` data."""
    vocab = spacy.blank("en").vocab
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        convert(data, folder / "all", limit=6000)
        convert(data, folder / "first", limit=1000, split="80/10/10", seed=42)
        docs = list(DocBin().from_disk(folder / "all" / "ner_dataset.spacy").get_docs(vocab))
        old = list(DocBin().from_disk(folder / "first" / "train.spacy").get_docs(vocab))
    parts = islice(read_parts_of_speech(data), len(docs))
    numbered = [with_numbers(doc, pos) for doc, pos in zip(docs, parts, strict=True) if len(doc) == len(pos)]
    with_new_label = [doc for doc in numbered[1000:2000] if any(ent.label_ == NEW for ent in doc.ents)]
    return {"old": old, "examples": with_new_label[:N_EXAMPLES], "test": numbered[2000:]}


def main(options: argparse.Namespace) -> None:
    """Evaluate the pipeline before and after training in each way with each seed, and print and write the results."""
    corpus = read_corpus(options.data)
    results = [{"way": "before", "seed": None, **score(spacy.load(options.pipeline), corpus["test"])}]
    for seed in options.seeds:
        for way in WAYS:
            results.append(run(way, seed, options, corpus))
            print(json.dumps(results[-1]), flush=True)
    before = results[0]["eight"]
    rows = []
    for way in ("before", *WAYS):
        way_results = [result for result in results if result["way"] == way]
        eight, new = (sum(r[key] or 0.0 for r in way_results) / len(way_results) for key in ("eight", NEW))
        rows.append([way, len(way_results), f"{eight:.4f}", f"{100 * (eight - before):+.1f}", f"{new:.4f}"])
    print(table(rows, header=["way", "runs", "F1 of the eight", "points", f"F1 of {NEW}"], divider=True))
    if options.output:
        write_json(options.output, {"sentences": len(corpus["test"]), "results": results})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="ner_dataset.csv.zip from the GMB corpus")
    parser.add_argument("--pipeline", type=Path, required=True, help="folder with a pipeline trained on GMB-1000")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="random seeds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    for path in (arguments.data, arguments.pipeline / "meta.json"):
        if not path.is_file():
            sys.exit(
                f"error: there is no file {path}. Download the corpus: python -m spacy project assets --extra. "
                "Train the pipeline: python -m spacy project run article. Then set --data and --pipeline."
            )
    main(arguments)
