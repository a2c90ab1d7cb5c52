"""Which predicted entity stands for which gold one, and what kind of mistake it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..types import Entity

SCHEMAS = ("strict", "exact", "partial", "type")
"""What a match has to share with its gold entity: boundaries and label; boundaries; some of its extent; some of its
extent, and the label. Those of SemEval-2013, Task 9 (Segura-Bedmar et al. 2013, https://aclanthology.org/S13-2056), as
nervaluate counts them."""

KINDS = ("wrong label", "too long", "too short", "split", "merged", "shifted", "missed", "spurious")
"""Kinds of mistakes; see `mistakes`."""


class Mistake(NamedTuple):
    """What went wrong in one place.

    kind: one of `KINDS`.
    gold: the gold entities there, in the order of the text.
    predicted: the predicted ones there.
    same_label (bool): whether all of them have one label.
    """

    kind: str
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    same_label: bool


def overlap(one: Entity, other: Entity) -> bool:
    """Whether they share any of their extent."""
    return one.start < other.end and other.start < one.end


def count_matches(gold: Sequence[Entity], predicted: Sequence[Entity], schema: str) -> Counter[str]:
    """Count the outcomes of a document: `correct`, `incorrect`, `partial`, `missed`, `spurious`.

        gold per 0-2, geo 5-6; predicted per 0-3, org 5-6
        strict    2 incorrect            exact   1 correct, 1 incorrect
        partial   1 correct, 1 partial   type    1 correct, 1 incorrect

    Each predicted entity, in the order of the text, stands for the gold one that it matches, else for the first that it
    overlaps; a gold one is taken once.

    gold, predicted: of one document, in the order of the text; gold ones do not overlap each other.
    schema: one of `SCHEMAS`.
    """
    is_match: dict[str, Callable[[Entity, Entity], bool]] = {
        "strict": lambda p, g: p == g,
        "exact": lambda p, g: p[1:] == g[1:],
        "partial": lambda p, g: p[1:] == g[1:],
        "type": lambda p, g: p.label == g.label,
    }
    found: Counter[str] = Counter()
    left = list(gold)
    # Where the pipeline cuts a gold token, several may lie on it. Those that are right take theirs first.
    for entity in sorted(predicted, key=lambda one: one not in gold):
        near = [other for other in left if overlap(entity, other)]
        # Of several with the label the one whose edges are nearest; the other schemas know no more than one.
        matches = sorted((other for other in near if is_match[schema](entity, other)), key=lambda o: _apart(entity, o))
        if matches:
            found["correct"] += 1
        elif near:
            found["partial" if schema == "partial" else "incorrect"] += 1
        else:
            found["spurious"] += 1
        if near:
            left.remove((matches or near)[0])
    found["missed"] += len(left)
    return found


def _apart(one: Entity, other: Entity) -> int:
    return abs(one.start - other.start) + abs(one.end - other.end)


def mistakes(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Mistake]:
    """What went wrong in a document, in the order of the text; entities that are right are in none.

    Where the pipeline cuts a gold token, several predicted entities may be the same gold one: the first is right, and
    the others are spurious. Else gold and predicted entities that overlap, and those that these overlap, are one place:

        gold      predicted             kind
        1         none                  missed
        none      1 or more             spurious
        1         1, same boundaries    wrong label
        1         1, holds it           too long
        1         1, in it              too short
        1         several               split
        several   1                     merged
        else                            shifted

    gold, predicted: see `count_matches`.
    """
    right = Counter(gold) & Counter(predicted)
    places = sorted(
        [(entity, True) for entity in (Counter(gold) - right).elements()]
        + [(entity, False) for entity in (Counter(predicted) - right).elements()],
        key=lambda place: place[0][1:],
    )
    found: list[Mistake] = []
    group: list[tuple[Entity, bool]] = []
    end = -1
    for entity, is_gold in places:
        if group and entity.start >= end:
            found.append(_mistake(group))
            group = []
        end = entity.end if not group else max(end, entity.end)
        group.append((entity, is_gold))
    return [*found, _mistake(group)] if group else found


def _mistake(group: Sequence[tuple[Entity, bool]]) -> Mistake:
    gold = tuple(entity for entity, is_gold in group if is_gold)
    predicted = tuple(entity for entity, is_gold in group if not is_gold)
    same_label = len({entity.label for entity, _ in group}) == 1
    return Mistake(_kind(gold, predicted), gold, predicted, same_label)


def _kind(gold: Sequence[Entity], predicted: Sequence[Entity]) -> str:
    if not gold or not predicted:
        return "spurious" if predicted else "missed"
    if len(gold) == 1 < len(predicted):
        return "split"
    if len(predicted) == 1 < len(gold):
        return "merged"
    if len(gold) > 1:
        return "shifted"
    (_, start, end), (_, begin, stop) = gold[0], predicted[0]
    if (start, end) == (begin, stop):
        return "wrong label"
    if begin <= start and stop >= end:
        return "too long"
    return "too short" if begin >= start and stop <= end else "shifted"
