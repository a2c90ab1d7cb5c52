"""Describe a pipeline's mistakes, and the differences between two pipelines, with their sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spacy.tokens import Doc

from ..types import Entity, Prediction
from .matching import Mistake
from .measure import GoldDoc, PipelineOutput
from .slices import entity_slices

_MAX_TOKENS = 60
"""Maximum number of tokens in a sentence that is shown in full."""
_CONTEXT = 25
"""Number of tokens shown on each side of the entities in longer sentences."""

CORRECT = "correct"
"""The `kind` of a case that is not a mistake."""

Case = dict[str, Any]


def mistake_cases(output: PipelineOutput, known: Mapping[str, Mapping[str, int]] | None = None) -> Iterator[Case]:
    """Describe each mistake that a pipeline made.

    output (PipelineOutput): the pipeline's output.
    known: entities in the training data, or None (default) if there is no training data; see `measure.compute_metrics`.
    YIELDS: a dictionary for each mistake. `kind` is the type of mistake, and `text` is the sentence that contains it.
        `file` is the file name, and `doc` is the number of the Doc in that file, starting at 1. `gold` and `predicted`
        are the entities in the sentence. Each entity has the character offsets `start` and `end` in `text`, a `label`
        and, if available, a `score`. `here` is True if the entity is part of the mistake. `slices` are the properties
        and slices of the entities in the mistake; see `slices`.
    """
    known = output.scope.rename_counts(known) if known is not None and output.scope else known
    for origin, gold, predicted, mistakes in zip(
        output.origins, output.gold, output.scored, output.mistakes, strict=True
    ):
        for mistake in mistakes:
            yield _case(origin, gold, predicted, mistake, known)


def correct_cases(
    output: PipelineOutput, known: Mapping[str, Mapping[str, int]] | None = None, most: int = 3
) -> Iterator[Case]:
    """Describe the first correct entities for each label and each slice, in the same form as `mistake_cases`.

    output (PipelineOutput): the pipeline's output.
    known: see `mistake_cases`.
    most (int): number of entities to describe for each label or slice. It is exceeded if an entity is also among the
        first entities for another label or slice. Default: 3.
    YIELDS: a dictionary for each of these entities. Its `kind` is `CORRECT`.
    """
    n_shown: Counter[Any] = Counter()
    known = output.scope.rename_counts(known) if known is not None and output.scope else known
    for origin, gold, predicted in zip(output.origins, output.gold, output.scored, strict=True):
        right = {*gold} & {Entity(*prediction[:3]) for prediction in predicted}
        slices = entity_slices(origin.doc, right, known)
        for entity in sorted(right, key=lambda e: e[1:]):
            keys = [entity.label, *slices[entity]]
            if any(n_shown[key] < most for key in keys):
                n_shown.update(keys)
                same = (entity,)
                yield _case(origin, gold, predicted, Mistake(CORRECT, same, same, same_label=True), known)


def _case(
    origin: GoldDoc,
    gold: Sequence[Entity],
    predicted: Sequence[Prediction],
    mistake: Mistake,
    known: Mapping[str, Mapping[str, int]] | None,
) -> Case:
    doc = origin.doc
    involved = {*mistake.gold, *mistake.predicted}
    start, end = _sentence(doc, min(e.start for e in involved), max(e.end for e in involved))
    names = {name for names in entity_slices(doc, involved, known).values() for name in names}
    return {
        "kind": mistake.kind,
        **_location(origin, start, end),
        "gold": _describe(doc, gold, start, end, set(mistake.gold)),
        "predicted": _describe(doc, predicted, start, end, set(mistake.predicted)),
        "slices": [list(name) for name in sorted(names)],
    }


def difference_cases(first: PipelineOutput, second: PipelineOutput) -> Iterator[Case]:
    """Describe each sentence in which two pipelines predict different entities.

    first, second (PipelineOutput): the outputs of the two pipelines for the same data.
    YIELDS: a dictionary for each sentence. `file`, `doc`, `text` and `gold` are defined as in `mistake_cases`. `one`
        and `other` are the entities from the first and the second pipeline. `right` contains the number of correct
        entities from each pipeline.
    """
    for origin, gold, *predicted in zip(first.origins, first.gold, first.scored, second.scored, strict=True):
        doc = origin.doc
        counts = [Counter(Entity(*prediction[:3]) for prediction in side) for side in predicted]
        differences = {*(counts[0] - counts[1]), *(counts[1] - counts[0])}
        covered = 0
        for entity in sorted(differences, key=lambda e: e[1:]):
            if entity.end <= covered:
                continue
            start, covered = _sentence(doc, entity.start, entity.end)
            described = [_describe(doc, side, start, covered, differences) for side in predicted]
            right = [sum(e in side and start <= e.start < covered for e in gold) for side in counts]
            case = _location(origin, start, covered) | {"gold": _describe(doc, gold, start, covered, set())}
            yield case | {"one": described[0], "other": described[1], "right": right}


def _location(origin: GoldDoc, start: int, end: int) -> Case:
    return {"file": origin.file, "doc": origin.number, "text": origin.doc[start:end].text}


def _sentence(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Return the token range of a span's sentences. A long range is cut to `_CONTEXT` tokens around the span."""
    left, right = 0, len(doc)
    if doc.has_annotation("SENT_START"):
        left, right = doc[start].sent.start, doc[end - 1].sent.end
    if right - left > _MAX_TOKENS:
        left, right = max(left, start - _CONTEXT), min(right, end + _CONTEXT)
    return left, right


def _describe(doc: Doc, entities: Sequence[Any], start: int, end: int, involved: set[Entity]) -> list[dict[str, Any]]:
    """Describe the entities in a token range with character offsets relative to its start."""
    base = doc[start].idx
    described = []
    for entity in entities:
        if start <= entity.start and entity.end <= end:
            last = doc[entity.end - 1]
            span = {
                "start": doc[entity.start].idx - base,
                "end": last.idx + len(last) - base,
                "label": entity.label,
            }
            has_score = isinstance(entity, Prediction) and entity.score is not None
            score = {"score": entity.score} if has_score else {}
            described.append(span | score | {"here": Entity(*entity[:3]) in involved})
    return described
