"""Define which tag may follow which tag: one transition table per scheme.

Tags are reduced to roles with the names of BILUO: `O` is outside, `B` begins an entity, `I` is inside, `L` ends it, and
`U` is a whole entity. `tag_scheme` maps the prefixes of every scheme to these roles. A table has a row for the role of
a tag and a column for the role of the next tag:

    .  not allowed
    +  allowed; starts an entity or is outside
    =  starts an entity; not allowed after another label
    >  continues the entity; not allowed after another label
    *  continues the entity, or starts an entity after another label
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Parts = tuple[str, str]
"""The role of a tag (`O`, `B`, `I`, `L`, `U`) and its label, which is empty for `O`."""

_BOTH_ENDS = """
       O  B  I  L  U
    O  +  +  .  .  +
    B  .  .  >  >  .
    I  .  .  >  >  .
    L  +  +  .  .  +
    U  +  +  .  .  +
"""
TABLES = {
    "IOB1": """
       O  B  I
    O  +  .  +
    B  +  =  *
    I  +  =  *
    """,
    "IOB2": """
       O  B  I
    O  +  +  .
    B  +  +  >
    I  +  +  >
    """,
    # IOB2, or IOB1 in which no entity directly follows one of another label.
    "IOB": """
       O  B  I
    O  +  +  +
    B  +  +  >
    I  +  +  >
    """,
    "IOE1": """
       O  I  L
    O  +  +  +
    I  +  *  *
    L  .  =  =
    """,
    "IOE2": """
       O  I  L
    O  +  +  +
    I  .  >  >
    L  +  +  +
    """,
    # IOE1 or IOE2.
    "IOE": """
       O  I  L
    O  +  +  +
    I  +  *  *
    L  +  +  +
    """,
    "BILUO": _BOTH_ENDS,
    "IOBES": _BOTH_ENDS,
    "BMES": _BOTH_ENDS,
    "BMEWO": _BOTH_ENDS,
    "plain": """
       O  I
    O  +  +
    I  +  *
    """,
}
"""The transition table of each scheme that `tag_scheme.infer_scheme` can return."""

FORBIDDEN, NEW, CONTINUES = range(3)
"""Outcomes of a transition. `NEW` starts an entity or is outside."""
_OUTCOMES = {
    ".": (FORBIDDEN, FORBIDDEN),
    "+": (NEW, NEW),
    "=": (FORBIDDEN, NEW),
    ">": (FORBIDDEN, CONTINUES),
    "*": (NEW, CONTINUES),
}
"""For each symbol, the outcome if the labels of the two tags differ, and if they are the same."""

ROLES = "OBILU"


@cache
def transition_table(scheme: str) -> NDArray[np.int8]:
    """Return the outcome of each transition of a scheme. Roles that the scheme does not have are forbidden.

    scheme (str): a key of `TABLES`.
    RETURNS: outcomes, indexed by whether the labels are the same, the role of a tag and the role of the next tag, both
        as indices of `ROLES`. *Shape:* `(2, n_roles, n_roles)`
    """
    table = np.full((2, len(ROLES), len(ROLES)), FORBIDDEN, dtype=np.int8)
    header, *rows = (line.split() for line in TABLES[scheme].strip().splitlines())
    for before, *symbols in rows:
        for after, symbol in zip(header, symbols, strict=True):
            table[:, ROLES.index(before), ROLES.index(after)] = _OUTCOMES[symbol]
    return table


def rules(
    split: Sequence[Parts], stand_ins: dict[Parts, int], scheme: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Apply the transition table of a scheme to the tags of a head.

    If a tag stands in for a missing one, it may occur wherever either of them may. It then continues the entity before
    it if no other reading is possible: without `I-per`, `B-per L-per L-per` in BILUO is one entity.

    split (Sequence[Parts]): role and label of each tag.
    stand_ins (dict[Parts, int]): tag id of each role and label, including those without a separate tag.
    scheme (str): a key of `TABLES`.
    RETURNS: whether a tag may follow another, and whether it continues the entity of the tag before it.
        *Shape:* `(n_tags before, n_tags)` each
    """
    table = transition_table(scheme)
    readings = list(dict.fromkeys([*zip(split, range(len(split)), strict=True), *stand_ins.items()]))
    label_numbers = {label: i for i, label in enumerate(dict.fromkeys(label for (_, label), _ in readings))}
    roles = np.array([ROLES.index(role) for (role, _), _ in readings])
    labels = np.array([label_numbers[label] for (_, label), _ in readings])
    tag_ids = np.array([tag_id for _, tag_id in readings])

    def outcomes(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int8]:
        is_same: NDArray[np.bool_] = labels[before, None] == labels[after]
        outcome: NDArray[np.int8] = table[is_same.astype(np.int8), roles[before, None], roles[after]]
        return outcome

    # In each layer, a tag has one reading. The first layer has the roles of the tags, the others the roles that they
    # stand in for.
    n_readings: Counter[int] = Counter()
    layers: list[list[int]] = []
    for i, tag_id in enumerate(tag_ids.tolist()):
        if n_readings[tag_id] == len(layers):
            layers.append([])
        layers[n_readings[tag_id]].append(i)
        n_readings[tag_id] += 1

    may_follow, may_start = np.zeros((2, len(split), len(split)), dtype=bool)
    for before, after in product(map(np.array, layers), repeat=2):
        cells = np.ix_(tag_ids[before], tag_ids[after])
        outcome = outcomes(before, after)
        may_follow[cells] |= outcome != FORBIDDEN
        may_start[cells] |= outcome == NEW
    itself = np.arange(len(split))
    return may_follow, (outcomes(itself, itself) == CONTINUES) | (may_follow & ~may_start)
