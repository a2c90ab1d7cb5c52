"""Dev data with so few entities that its scores say little."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import Errors

ENOUGH_ENTITIES = 50
"""Below this number, a 95 % interval of F1 is wider than 0.1 to both sides: 1.96 · √(0.8 · 0.2 / 50) = 0.11."""

_DEV_NAMES = {"dev", "devel", "development", "val", "valid", "validation"}


def is_dev(name: str) -> bool:
    """Whether a file or part is dev data by its name, such as `dev` or `emerging.dev`."""
    return not _DEV_NAMES.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def describe_small(name: str, n_entities: int) -> str | None:
    """Say that there are too few entities to score on, and what to do.

    name (str): of the data.
    RETURNS: None where there are enough.
    """
    if n_entities >= ENOUGH_ENTITIES:
        return None
    entities = "1 entity" if n_entities == 1 else f"{n_entities} entities"
    return Errors.small_dev.format(name=name, entities=entities, enough=ENOUGH_ENTITIES)


def describe_small_parts(parts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Messages about the dev data among the parts of a conversion; none where no part has an entity.

    parts: number of entities of each label in each part.
    """
    totals = {name: sum(labels.values()) for name, labels in parts.items()}
    if not any(totals.values()):
        return []
    return [message for name, n in totals.items() if is_dev(name) and (message := describe_small(name, n))]
