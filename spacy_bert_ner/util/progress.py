"""Define the interface for reporting progress through items, independently of how the progress is displayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

Progress: TypeAlias = Callable[[Iterable[Any], str, int | None], Iterator[Any]]
"""Function that reports progress through items and returns an iterator over them.

Its arguments are the items, a description of the activity, and the number of items (None if unknown).
"""


def no_progress(items: Iterable[Any], activity: str, n_items: int | None) -> Iterator[Any]:
    """Return an iterator over items without showing progress.

    items (Iterable[Any]): the items.
    activity (str): description of what is done with the items. Ignored.
    n_items (int | None): number of items, or None if unknown. Ignored.
    RETURNS (Iterator[Any]): the items.
    """
    return iter(items)
