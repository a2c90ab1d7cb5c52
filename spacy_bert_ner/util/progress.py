"""Report how far a long pass over items is, without knowing how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

Progress: TypeAlias = Callable[[Iterable[Any], str, int | None], Iterator[Any]]
"""Take items, what is done with them, and their number, which may be unknown. Return an iterator over the items."""


def no_progress(items: Iterable[Any], activity: str, n_items: int | None) -> Iterator[Any]:
    """Return an iterator over items, and show nothing.

    items (Iterable[Any]): the items.
    activity (str): what is done with them; not used.
    n_items (int | None): their number; not used.
    RETURNS (Iterator[Any]): the items.
    """
    return iter(items)
