"""Match predicted entities with gold entities, and classify mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..types import Entity

SCHEMAS = ("strict", "exact", "partial", "type")
"""Matching schemas from SemEval-2013, Task 9 (Segura-Bedmar et al. 2013, https://aclanthology.org/S13-2056), counted as
in nervaluate. A predicted entity matches a gold entity if they share the boundaries and the label (strict), the
boundaries (exact), at least one token (partial), or at least one token and the label (type)."""

KINDS = ("wrong label", "too long", "too short", "split", "merged", "shifted", "missed", "spurious")
"""Types of mistakes; see `mistakes`."""


class Mistake(NamedTuple):
    """A mistake, which is a group of overlapping gold and predicted entities.

    kind (str): type of mistake, one of `KINDS`.
    gold: the gold entities in the group, in text order.
    predicted: the predicted entities in the group, in text order.
    same_label (bool): whether all entities in the group have the same label.
    """

    kind: str
    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    same_label: bool


def overlaps(first: Entity, second: Entity) -> bool:
    """Return whether two entities share a token."""
    return first.start < second.end and second.start < first.end


def count_matches(gold: Sequence[Entity], predicted: Sequence[Entity], schema: str) -> Counter[str]:
    """Count the matching outcomes in a document: `correct`, `incorrect`, `partial`, `missed`, `spurious`.

        gold per 0-2, geo 5-6; predicted per 0-3, org 5-6
        strict    2 incorrect            exact   1 correct, 1 incorrect
        partial   1 correct, 1 partial   type    1 correct, 1 incorrect

    In text order, each predicted entity is assigned to a matching gold entity, or else to the first gold entity that it
    overlaps. Each gold entity is assigned at most once.

    gold: gold entities in the document, in text order and without overlaps.
    predicted: predicted entities in the document, in text order.
    schema (str): matching schema, one of `SCHEMAS`.
    RETURNS: the number of entities by outcome.
    """
    is_match: dict[str, Callable[[Entity, Entity], bool]] = {
        "strict": lambda p, g: p == g,
        "exact": lambda p, g: p[1:] == g[1:],
        "partial": lambda p, g: p[1:] == g[1:],
        "type": lambda p, g: p.label == g.label,
    }
    outcomes: Counter[str] = Counter()
    unassigned = list(gold)
    # If the pipeline splits a gold token, several predicted entities can cover it. Assign correct entities first.
    for entity in sorted(predicted, key=lambda prediction: prediction not in gold):
        overlapping = [gold_entity for gold_entity in unassigned if overlaps(entity, gold_entity)]
        # Only the schema `type` allows several matches. Use the match with the nearest boundaries.
        matches = sorted(
            (gold_entity for gold_entity in overlapping if is_match[schema](entity, gold_entity)),
            key=lambda gold_entity: _boundary_distance(entity, gold_entity),
        )
        if matches:
            outcomes["correct"] += 1
        elif overlapping:
            outcomes["partial" if schema == "partial" else "incorrect"] += 1
        else:
            outcomes["spurious"] += 1
        if overlapping:
            unassigned.remove((matches or overlapping)[0])
    outcomes["missed"] += len(unassigned)
    return outcomes


def _boundary_distance(first: Entity, second: Entity) -> int:
    return abs(first.start - second.start) + abs(first.end - second.end)


def mistakes(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Mistake]:
    """Classify the mistakes in a document, in text order. Correct entities are not part of any mistake.

    If the pipeline splits a gold token, several predicted entities can equal the same gold entity. The first is
    correct, and the others are spurious. All other gold and predicted entities that overlap, directly or through other
    entities, form a group:

        gold      predicted             kind
        1         none                  missed
        none      1 or more             spurious
        1         1, same boundaries    wrong label
        1         1, contains gold      too long
        1         1, inside gold        too short
        1         several               split
        several   1                     merged
        otherwise                       shifted

    gold, predicted: see `count_matches`.
    RETURNS: the mistakes.
    """
    right = Counter(gold) & Counter(predicted)
    incorrect = sorted(
        [(entity, True) for entity in (Counter(gold) - right).elements()]
        + [(entity, False) for entity in (Counter(predicted) - right).elements()],
        key=lambda item: item[0][1:],
    )
    result: list[Mistake] = []
    group: list[tuple[Entity, bool]] = []
    end = -1
    for entity, is_gold in incorrect:
        if group and entity.start >= end:
            result.append(_make_mistake(group))
            group = []
        end = entity.end if not group else max(end, entity.end)
        group.append((entity, is_gold))
    return [*result, _make_mistake(group)] if group else result


def _make_mistake(group: Sequence[tuple[Entity, bool]]) -> Mistake:
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
    (_, gold_start, gold_end), (_, start, end) = gold[0], predicted[0]
    if (start, end) == (gold_start, gold_end):
        return "wrong label"
    if start <= gold_start and end >= gold_end:
        return "too long"
    return "too short" if start >= gold_start and end <= gold_end else "shifted"
