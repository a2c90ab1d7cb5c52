"""Detect dev data with too few entities for meaningful scores."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import Errors

ENOUGH_ENTITIES = 50
"""Minimum number of entities for meaningful scores. With fewer, the 95% confidence interval of an F1 of 0.8 is wider
than ±0.1: 1.96 · √(0.8 · 0.2 / 50) = 0.11."""

_DEV_NAMES = {"dev", "devel", "development", "val", "valid", "validation"}


def is_dev(name: str) -> bool:
    """Return whether a file or split name indicates dev data, such as `dev` or `emerging.dev`."""
    return not _DEV_NAMES.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def describe_small(name: str, n_entities: int) -> str | None:
    """Return a warning if a split has too few entities for meaningful scores.

    name (str): name of the split.
    n_entities (int): number of entities in the split.
    RETURNS (str | None): the warning with advice; None if there are enough entities.
    """
    if n_entities >= ENOUGH_ENTITIES:
        return None
    entities = "1 entity" if n_entities == 1 else f"{n_entities} entities"
    return Errors.small_dev.format(name=name, entities=entities, enough=ENOUGH_ENTITIES)


def describe_small_parts(parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return warnings about dev splits with too few entities for meaningful scores.

    parts: number of entities per label in each split.
    RETURNS: the warnings; an empty list if no split has entities.
    """
    totals = {name: sum(labels.values()) for name, labels in parts.items()}
    if not any(totals.values()):
        return []
    return [message for name, n in totals.items() if is_dev(name) and (message := describe_small(name, n))]
