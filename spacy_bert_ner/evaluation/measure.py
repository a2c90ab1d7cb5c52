"""Pipelines on held-out examples: what they find, how good that is, and whether two of them differ."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import spacy
from spacy.language import Language
from spacy.training import Corpus, Example

from ..errors import BertNerError, Errors
from ..files import sha256_of, whole_folder
from ..types import Entity
from .matches import KINDS, SCHEMAS, count_matches, mistakes
from .scorer import score_bert_ner
from .scores import compare, count, prf, score

METRICS = "metrics.json"

MISSED, SPURIOUS = "missed", "spurious"


class Found(NamedTuple):
    """What a pipeline found, on the tokens of the gold Docs; entities on tokens without annotation are left out.

    examples: predicted and gold Docs.
    gold, predicted: the entities of each Doc, in the order of the text.
    seconds (float): that the pipeline took.
    """

    examples: list[Example]
    gold: list[list[Entity]]
    predicted: list[list[Entity]]
    seconds: float


def find(nlp: Language, data: Path) -> Found:
    """Run a pipeline, of whatever components, on a `.spacy` file.

    RAISES BertNerError: the file is not there, or has no Doc that is annotated with entities.
    """
    if not data.exists():
        raise BertNerError(Errors.no_such_file.format(path=data))
    examples = [eg for eg in Corpus(data)(nlp) if eg.reference.has_annotation("ENT_IOB")]
    if not examples:
        raise BertNerError(Errors.no_gold.format(data=data))
    start = time.perf_counter()
    docs = list(nlp.pipe([eg.predicted for eg in examples]))
    seconds = time.perf_counter() - start
    examples = [Example(doc, eg.reference) for doc, eg in zip(docs, examples, strict=True)]
    gold = [[Entity(ent.label_, ent.start, ent.end) for ent in eg.reference.ents] for eg in examples]
    return Found(examples, gold, [_predicted(eg) for eg in examples], seconds)


def _predicted(eg: Example) -> list[Entity]:
    known = [token.ent_iob != 0 for token in eg.reference]
    entities = []
    for ent in eg.predicted.ents:
        # As spaCy's scorer has it: on the gold tokens from the first to the last that it touches.
        places = eg.alignment.x2y[ent.start : ent.end]
        if len(places) and all(known[int(places[0]) : int(places[-1]) + 1]):
            entities.append(Entity(ent.label_, int(places[0]), int(places[-1]) + 1))
    return sorted(entities, key=lambda entity: entity[1:])


def metrics(found: Found, seed: int = 0) -> dict[str, Any]:
    """What is written of one pipeline: see `scores.score` for `scores`, `matches` for `schemas` and `mistakes`;
    `confusion`, the numbers of pairs of gold and predicted labels of entities with the same boundaries, where the other
    side of a gold entity without one is `missed`, and of a predicted one `spurious`; token accuracies as the scorer of
    the component has them; `n_docs`, `n_words`, and `words_per_second`.
    """
    pairs = list(zip(found.gold, found.predicted, strict=True))
    n_gold, n_predicted = sum(map(len, found.gold)), sum(map(len, found.predicted))
    schemas: dict[str, Any] = {}
    for schema in SCHEMAS:
        n: Counter[str] = sum((count_matches(*pair, schema) for pair in pairs), Counter())
        right = n["correct"] + n["partial"] / 2
        outcomes = ("correct", "incorrect", "partial", MISSED, SPURIOUS)
        schemas[schema] = prf(right, n_predicted, n_gold) | {key: n[key] for key in outcomes}
    kinds = Counter(mistake.kind for pair in pairs for mistake in mistakes(*pair))
    n_words = sum(len(eg.predicted) for eg in found.examples)
    tokens = score_bert_ner(found.examples)
    return {
        "n_docs": len(found.examples),
        "n_words": n_words,
        "words_per_second": n_words / found.seconds,
        "scores": score(count(found.gold, found.predicted), seed=seed),
        "schemas": schemas,
        "mistakes": {kind: kinds[kind] for kind in KINDS},
        "confusion": _confusion(pairs),
        "iob_acc": tokens["iob_acc"],
        "iob_doc_acc": tokens["iob_doc_acc"],
    }


def _confusion(pairs: Sequence[tuple[list[Entity], list[Entity]]]) -> list[dict[str, Any]]:
    cells: Counter[tuple[str, str]] = Counter()
    for gold, predicted in pairs:
        sides = [{entity[1:]: entity.label for entity in side} for side in (gold, predicted)]
        for place in sides[0].keys() | sides[1].keys():
            cells[sides[0].get(place, SPURIOUS), sides[1].get(place, MISSED)] += 1
    return [{"gold": gold, "predicted": predicted, "n": n} for (gold, predicted), n in sorted(cells.items())]


def evaluate(pipelines: Sequence[Path], data: Path, output: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Evaluate pipelines on the same examples, and each pair of them side by side.

    pipelines: folders, or names of installed packages; of any components that set entities.
    data: a `.spacy` file.
    output: a folder to write `metrics.json` to, whole or not at all; None for none.
    RETURNS: what is written: `data`, with its sum; `pipelines`, see `metrics`; `comparisons`, see `scores.compare`.
    RAISES BertNerError: something is not there, there is no annotation, or `output` is something else.
    """
    if output is not None and output.exists():
        is_ours = output.is_dir() and (not any(output.iterdir()) or (output / METRICS).is_file())
        if not is_ours:
            raise BertNerError(Errors.report_taken.format(output=output))
    found = {}
    for path in pipelines:
        try:
            nlp = spacy.load(path)
        except OSError as e:
            raise BertNerError(Errors.no_pipeline.format(path=path, reason=e)) from e
        found[str(path)] = find(nlp, data)
    labels = sorted({e.label for one in found.values() for side in (one.gold, one.predicted) for d in side for e in d})
    counts = {name: count(one.gold, one.predicted, labels) for name, one in found.items()}
    report = {
        "data": {"path": str(data), "sha256": sha256_of(data) if data.is_file() else None},
        "seed": seed,
        "pipelines": {name: metrics(one, seed) for name, one in found.items()},
        "comparisons": [
            {"from": one, "to": other} | compare(counts[one], counts[other], seed=seed)
            for one, other in combinations(counts, 2)
        ],
    }
    if output is not None:
        with whole_folder(output) as folder:
            (folder / METRICS).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    return report
