"""Compare scores with those of seqeval and nervaluate, which `nox -s peers` installs."""

from __future__ import annotations

import random

import pytest

from spacy_bert_ner.evaluation.bootstrap import count_entities, prf, score
from spacy_bert_ner.evaluation.matching import SCHEMAS, count_matches
from spacy_bert_ner.types import Entity

LABELS = ["geo", "org", "per"]


def corpus(seed: int, n_docs: int = 200) -> tuple[list[list[Entity]], list[list[Entity]], list[int]]:
    """Return gold entities, predicted entities, and document lengths in tokens.

    Predicted entities are often equal or close to gold entities.
    """
    rng = random.Random(seed)
    gold, predicted, lengths = [], [], []
    for _ in range(n_docs):
        n_tokens = rng.randrange(1, 25)
        wanted = _entities(rng, n_tokens)
        found = [e for e in wanted if rng.random() < 0.6]
        for entity in _entities(rng, n_tokens):
            if all(entity.end <= other.start or entity.start >= other.end for other in found):
                found.append(entity)
        gold.append(wanted)
        predicted.append(sorted(found, key=lambda e: e[1:]))
        lengths.append(n_tokens)
    return gold, predicted, lengths


def _entities(rng: random.Random, n_tokens: int) -> list[Entity]:
    entities, at = [], 0
    while at < n_tokens:
        at += rng.randrange(0, 4)
        end = at + rng.randrange(1, 4)
        if end <= n_tokens:
            entities.append(Entity(rng.choice(LABELS), at, end))
        at = end
    return entities


def tags(docs: list[list[Entity]], lengths: list[int]) -> list[list[str]]:
    rows = []
    for entities, n_tokens in zip(docs, lengths, strict=True):
        row = ["O"] * n_tokens
        for label, start, end in entities:
            row[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_seqeval(seed: int) -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    gold, predicted, lengths = corpus(seed)
    ours = score(count_entities(gold, predicted), n_samples=2)
    theirs = metrics.classification_report(tags(gold, lengths), tags(predicted, lengths), output_dict=True)
    rows = {"micro avg": ours["micro"], "macro avg": ours["macro"], **ours["per_label"]}
    for name, row in rows.items():
        told = theirs[name]
        assert [row["p"], row["r"], row["f"]] == pytest.approx([told["precision"], told["recall"], told["f1-score"]])
    assert 0.3 < ours["micro"]["f"] < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_matches_are_those_of_nervaluate(seed: int) -> None:
    nervaluate = pytest.importorskip("nervaluate")
    gold, predicted, lengths = corpus(seed)
    evaluator = nervaluate.Evaluator(tags(gold, lengths), tags(predicted, lengths), tags=LABELS, loader="list")
    overall = evaluator.evaluate()["overall"]
    n_found, n_gold = sum(map(len, predicted)), sum(map(len, gold))
    for schema in SCHEMAS:
        theirs = overall["ent_type" if schema == "type" else schema]
        outcomes = {key: getattr(theirs, key) for key in ("correct", "incorrect", "partial", "missed", "spurious")}
        ours = dict.fromkeys(outcomes, 0)
        for pair in zip(gold, predicted, strict=True):
            for key, n in count_matches(*pair, schema).items():
                ours[key] += n
        assert ours == outcomes
        row = prf(ours["correct"] + ours["partial"] / 2, n_found, n_gold)
        assert [row["p"], row["r"], row["f"]] == pytest.approx([theirs.precision, theirs.recall, theirs.f1])
