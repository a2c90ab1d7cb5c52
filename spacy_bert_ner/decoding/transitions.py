"""Define which tags may follow each other, with one transition table per scheme.

Tags are reduced to roles that are named as in BILUO: `O` stands for a token outside entities, `B` for the first token
of an entity, `I` for an inner token, `L` for the last token, and `U` for the only token. `tag_scheme` maps the prefixes
of every scheme to these roles. In a table, the row gives the role of a tag, and the column gives the role of the next
tag. The symbols have the following meanings:

    .  The next tag is forbidden.
    +  The next tag starts an entity or is outside entities.
    =  The next tag starts an entity, but it is forbidden after another label.
    >  The next tag continues the entity, but it is forbidden after another label.
    *  The next tag continues the entity, or it starts one after another label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Parts = tuple[str, str]
"""Role of a tag (`O`, `B`, `I`, `L` or `U`) and its label, which is empty for `O`."""

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
    # This table fits IOB2, and IOB1 if no entity directly follows an entity with another label.
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
    # This table fits IOE1 and IOE2.
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
"""Transition table for each scheme that `tag_scheme.infer_scheme` can return."""

FORBIDDEN, NEW, CONTINUES = range(3)
"""Outcomes of a transition. With `NEW`, the next tag starts an entity or is outside entities."""
_OUTCOMES = {
    ".": (FORBIDDEN, FORBIDDEN),
    "+": (NEW, NEW),
    "=": (FORBIDDEN, NEW),
    ">": (FORBIDDEN, CONTINUES),
    "*": (NEW, CONTINUES),
}
"""Outcomes for each symbol, first for tags with different labels and then for tags with the same label."""

ROLES = "OBILU"


@cache
def transition_table(scheme: str) -> NDArray[np.int8]:
    """Return the outcome of each transition in a scheme.

    Transitions from or to roles that the scheme lacks are forbidden.

    scheme (str): a key of `TABLES`.
    RETURNS: outcomes. The first index is 1 if the labels are the same and 0 otherwise. The second and
        third indices are those of a tag's role and the next tag's role in `ROLES`. *Shape:* `(2, n_roles, n_roles)`
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
    """Apply a scheme's transition table to the tags of a head.

    A tag that stands in for a missing tag may occur wherever either tag is allowed. If no other interpretation is
    possible, it continues the preceding entity. For example, `B-per L-per L-per` is one BILUO entity if the head lacks
    `I-per`.

    split (Sequence[Parts]): role and label of each tag.
    stand_ins (dict[Parts, int]): tag ID for each role and label, including those without a separate tag.
    scheme (str): a key of `TABLES`.
    RETURNS: whether each tag may follow each preceding tag, and whether it continues that tag's entity. *Shape:*
        `(n_tags before, n_tags)` each
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

    # Each tag has at most one role per layer. In the first layer, tags have their actual roles. In the other layers,
    # they have the roles for which they stand in.
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
