"""Format numbers, names and text for HTML pages, Markdown and terminals."""

from __future__ import annotations

from collections.abc import Sequence

MISSING = "–"
"""Placeholder for a missing value."""
_INVISIBLE_BUT_MEANINGFUL = "\n\u200c\u200d"
"""Invisible characters to keep: line breaks, and the zero-width characters that some scripts and emoji need."""


def percent(value: float | None, missing: str = MISSING) -> str:
    """Format a share from 0 to 1 as a percentage, or return the placeholder `missing` if it is None."""
    if value is None:
        return missing
    return f"{value:.1%}" if value >= 0.001 or not value else "< 0.1%"


def score(value: float | None, digits: int = 3, missing: str = MISSING) -> str:
    """Format a score from 0 to 1 with `digits` decimal places, or return the placeholder `missing` if it is None."""
    return missing if value is None else f"{value:.{digits}f}"


def interval(bounds: Sequence[float] | None, digits: int = 3, missing: str = MISSING) -> str:
    """Format the bounds of a score, as in `0.566 to 1.000`, or return the placeholder `missing` if they are None."""
    return missing if bounds is None else f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def join_names(names: Sequence[str], limit: int) -> str:
    """Join up to `limit` names with commas and count the remaining names, as in `geo, per and 3 more`."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def visible(text: str) -> str:
    """Replace invisible and control characters with Python escape sequences."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable(text: str) -> str:
    """Replace each invisible character with one space or U+FFFD without changing the length of the text."""
    return "".join(
        c if c.isprintable() or c in _INVISIBLE_BUT_MEANINGFUL else " " if c.isspace() else "\ufffd" for c in text
    )


def cut_middle(text: str, length: int) -> str:
    """Shorten text to at most `length` characters by cutting its middle, because names often differ at their ends."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - half - 1]}…{text[-half:]}"
