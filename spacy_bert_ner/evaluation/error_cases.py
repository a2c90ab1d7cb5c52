"""Describe each mistake of a pipeline, and each difference between two pipelines, with its sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from spacy.tokens import Doc

from ..types import Entity, Prediction
from .measure import GoldDoc, PipelineOutput

_MAX_TOKENS = 60
"""Maximum tokens of a sentence that is shown as a whole."""
_CONTEXT = 25
"""Tokens shown on either side of the entities in a longer sentence."""

Case = dict[str, Any]


def mistake_cases(output: PipelineOutput) -> Iterator[Case]:
    """Describe each mistake of a pipeline.

    output (PipelineOutput): the output of the pipeline
    YIELDS: for each mistake its `kind` and the `text` of its sentence; `file` is the name of the file, and `doc` the
        number of the Doc in it, from 1. `gold` and `predicted` are the entities in the sentence. Each has `start` and
        `end` as character offsets in `text`, its `label`, its `score` if there is one, and `here`: whether it is part
        of the mistake.
    """
    for origin, gold, predicted, mistakes in zip(
        output.origins, output.gold, output.scored, output.mistakes, strict=True
    ):
        doc = origin.doc
        for mistake in mistakes:
            involved = {*mistake.gold, *mistake.predicted}
            start, end = _sentence(doc, min(e.start for e in involved), max(e.end for e in involved))
            yield {
                "kind": mistake.kind,
                **_location(origin, start, end),
                "gold": _describe(doc, gold, start, end, set(mistake.gold)),
                "predicted": _describe(doc, predicted, start, end, set(mistake.predicted)),
            }


def difference_cases(first: PipelineOutput, second: PipelineOutput) -> Iterator[Case]:
    """Describe each sentence in which two pipelines predict different entities.

    first, second (PipelineOutput): the outputs of the two pipelines on the same data
    YIELDS: for each sentence `file`, `doc`, `text` and `gold` as in `mistake_cases`. `one` and `other` are the entities
        of the first and the second pipeline, and `right` is the number of correct entities of each.
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
    """Return the token range of the sentences that contain a span, cut to `_CONTEXT` around the span if it is long."""
    left, right = 0, len(doc)
    if doc.has_annotation("SENT_START"):
        left, right = doc[start].sent.start, doc[end - 1].sent.end
    if right - left > _MAX_TOKENS:
        left, right = max(left, start - _CONTEXT), min(right, end + _CONTEXT)
    return left, right


def _describe(doc: Doc, entities: Sequence[Any], start: int, end: int, involved: set[Entity]) -> list[dict[str, Any]]:
    """Describe the entities in a token range, with character offsets from its start."""
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
