"""Which tag may follow which, by the rules of a scheme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

Parts = tuple[str, str]
"""The role of a tag (`O`, `B`, `I`, `L`, `U`) and its label, which is empty for `O`."""
_Rule = Callable[[Parts, Parts, str], bool]
_ROLES = "OBILU"
WHOLE_SCHEMES = {"BILUO": "BILU", "IOBES": "BIES", "BMES": "BMES", "BMEWO": "BMEW"}
"""Schemes that tell both ends of each entity. Where tags fit several, these say the same; the first is taken."""


def rules(
    split: Sequence[Parts], stand_ins: dict[Parts, int], scheme: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`may_follow` and `continues`: what the whole scheme allows, in the tags that spell it.

    A tag that stands in for another may be where that one may. It continues the tag before where nothing else can be
    meant: without `I-per`, BILUO's `B-per L-per L-per` is one entity.
    """
    follows, divides, goes_on = (_pairs(rule, scheme) for rule in (may_follow, _may_divide, continues))
    layers: list[dict[int, Parts]] = []  # in each, a tag is one role of a label
    for parts, i in dict.fromkeys([*zip(split, range(len(split)), strict=True), *stand_ins.items()]):
        if not (free := [layer for layer in layers if i not in layer]):
            layers.append({})
        (free or layers[-1:])[0][i] = parts
    allowed, divided = np.zeros((2, len(split), len(split)), dtype=bool)
    for before, after in product(layers, repeat=2):
        places = np.ix_(list(before), list(after))
        allowed[places] |= follows(list(before.values()), list(after.values()))
        divided[places] |= divides(list(before.values()), list(after.values()))
    return allowed, goes_on(split, split) | (allowed & ~divided)


def _pairs(rule: _Rule, scheme: str) -> Callable[[Sequence[Parts], Sequence[Parts]], NDArray[np.bool_]]:
    """Apply a rule to all pairs of tags at once. It depends on their roles and on whether their labels are equal."""

    def parts(role: str, label: str) -> Parts:
        return role, "" if role == "O" else label

    table = np.array(
        [[[rule(parts(r, "a"), parts(s, other), scheme) for s in _ROLES] for r in _ROLES] for other in "ba"], dtype=bool
    )

    def apply(before: Sequence[Parts], after: Sequence[Parts]) -> NDArray[np.bool_]:
        first, second = ([_ROLES.index(role) for role, _ in some] for some in (before, after))
        numbers = {label: i for i, (_, label) in enumerate([*before, *after])}
        labels, others = (np.array([numbers[label] for _, label in some]) for some in (before, after))
        same = labels[:, None] == others
        found: NDArray[np.bool_] = table[same.astype(np.int64), np.array(first)[:, None], second]
        return found

    return apply


def continues(before: Parts, tag: Parts, scheme: str = "") -> bool:
    """Whether a tag goes on with the entity of the tag before."""
    return bool(tag[1]) and before[1] == tag[1] and before[0] in "BI" and tag[0] in "IL"


def may_follow(before: Parts, tag: Parts, scheme: str) -> bool:
    """Whether a tag may follow another."""
    touches = before[1] == tag[1]
    return continues(before, tag) or (_may_close(before, scheme, touches) and _may_open(before, tag, scheme, touches))


def _may_divide(before: Parts, tag: Parts, scheme: str) -> bool:
    return may_follow(before, tag, scheme) and not continues(before, tag)


def _may_close(before: Parts, scheme: str, touches: bool) -> bool:
    if scheme == "IOE2" or scheme in WHOLE_SCHEMES:
        return before[0] not in "BI"
    return scheme != "IOE1" or before[0] != "L" or touches


def _may_open(before: Parts, tag: Parts, scheme: str, touches: bool) -> bool:
    if scheme == "IOB2" or scheme in WHOLE_SCHEMES:
        return tag[0] not in "IL"
    if scheme == "IOB":  # IOB2, or IOB1 with entities that do not touch those of another label
        return tag[0] != "I" or not before[1]
    return scheme != "IOB1" or tag[0] != "B" or touches
