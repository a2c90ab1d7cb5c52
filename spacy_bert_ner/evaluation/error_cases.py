"""Mistakes, and differences between pipelines, each in its sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from spacy.tokens import Doc

from ..types import Entity, Prediction
from .measure import GoldDoc, PipelineOutput

_MOST_TOKENS = 60
_CONTEXT = 25
"""Tokens on either side, where the sentence is longer than that."""

Case = dict[str, Any]


def mistake_cases(found: PipelineOutput) -> Iterator[Case]:
    """Each mistake: its `kind`, the `file` and the number of its `doc` in it, from 1, the `text` of its sentence, and
    the entities in it, `gold` and `predicted`, with `start` and `end` in characters of the text, `label`, `score` of
    predicted ones, and whether they are what is mistaken (`here`)."""
    for origin, wanted, predicted, mistakes in zip(
        found.origins, found.gold, found.scored, found.mistakes, strict=True
    ):
        doc = origin.doc
        for mistake in mistakes:
            here = {*mistake.gold, *mistake.predicted}
            start, end = _sentence(doc, min(e.start for e in here), max(e.end for e in here))
            yield {
                "kind": mistake.kind,
                **_where(origin, start, end),
                "gold": _inside(doc, wanted, start, end, set(mistake.gold)),
                "predicted": _inside(doc, predicted, start, end, set(mistake.predicted)),
            }


def difference_cases(one: PipelineOutput, other: PipelineOutput) -> Iterator[Case]:
    """Each sentence on which two pipelines differ: `file`, `doc`, `text` and `gold` as above, what each has found,
    `one` and `other`, and how many entities each of them has `right` there."""
    for origin, wanted, *both in zip(one.origins, one.gold, one.scored, other.scored, strict=True):
        doc = origin.doc
        sides = [Counter(Entity(*found[:3]) for found in side) for side in both]
        differ = {*(sides[0] - sides[1]), *(sides[1] - sides[0])}
        covered = 0
        for entity in sorted(differ, key=lambda e: e[1:]):
            if entity.end <= covered:
                continue
            start, covered = _sentence(doc, entity.start, entity.end)
            told = [_inside(doc, found, start, covered, differ) for found in both]
            right = [sum(e in side and start <= e.start < covered for e in wanted) for side in sides]
            case = _where(origin, start, covered) | {"gold": _inside(doc, wanted, start, covered, set())}
            yield case | {"one": told[0], "other": told[1], "right": right}


def _where(origin: GoldDoc, start: int, end: int) -> Case:
    return {"file": origin.file, "doc": origin.number, "text": origin.doc[start:end].text}


def _sentence(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """The tokens from the beginning of the sentence of the first token to the end of that of the last; fewer of long
    ones."""
    left, right = 0, len(doc)
    if doc.has_annotation("SENT_START"):
        left, right = doc[start].sent.start, doc[end - 1].sent.end
    if right - left > _MOST_TOKENS:
        left, right = max(left, start - _CONTEXT), min(right, end + _CONTEXT)
    return left, right


def _inside(doc: Doc, entities: Sequence[Any], start: int, end: int, here: set[Entity]) -> list[dict[str, Any]]:
    first = doc[start].idx
    found = []
    for one in entities:
        if start <= one.start and one.end <= end:
            last = doc[one.end - 1]
            place = {"start": doc[one.start].idx - first, "end": last.idx + len(last) - first, "label": one.label}
            score = {"score": one.score} if isinstance(one, Prediction) and one.score is not None else {}
            found.append(place | score | {"here": Entity(*one[:3]) in here})
    return found
