"""Detect dev data with too few entities for meaningful scores."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import Errors

ENOUGH_ENTITIES = 50
"""With fewer entities, a 95 % interval of F1 is wider than ±0.1: 1.96 · √(0.8 · 0.2 / 50) = 0.11."""

_DEV_NAMES = {"dev", "devel", "development", "val", "valid", "validation"}


def is_dev(name: str) -> bool:
    """Return whether the name of a file or part marks it as dev data, such as `dev` or `emerging.dev`."""
    return not _DEV_NAMES.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def describe_small(name: str, n_entities: int) -> str | None:
    """Return a message if there are too few entities for meaningful scores.

    name (str): name of the data.
    n_entities (int): number of its entities.
    RETURNS (str | None): the message and what to do; None if there are enough entities.
    """
    if n_entities >= ENOUGH_ENTITIES:
        return None
    entities = "1 entity" if n_entities == 1 else f"{n_entities} entities"
    return Errors.small_dev.format(name=name, entities=entities, enough=ENOUGH_ENTITIES)


def describe_small_parts(parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return messages about small dev data among the parts of a conversion; an empty list if no part has an entity.

    parts: number of entities of each label in each part.
    """
    totals = {name: sum(labels.values()) for name, labels in parts.items()}
    if not any(totals.values()):
        return []
    return [message for name, n in totals.items() if is_dev(name) and (message := describe_small(name, n))]
