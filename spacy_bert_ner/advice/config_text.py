"""Change values in the text of a config without losing its comments."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_WIDTH = 118


class Reference(NamedTuple):
    """A reference to another setting.

    name (str): section and key of the setting, such as `paths.train`.
    """

    name: str


def as_value(value: object) -> str:
    """Return a value as text for a config. Each `$` is doubled, because a single `$` begins a reference.

    value (object): a value that JSON can represent, or a `Reference`.
    RETURNS (str): the text.
    """
    if isinstance(value, Reference):
        return f"${{{value.name}}}"
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


def as_comment(text: str) -> list[str]:
    """Wrap a text into comment lines of at most 120 characters.

    text (str): the text. If it is empty, there are no lines.
    """
    wrapped = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in wrapped]


class ConfigText:
    """The text of a config in which values can be changed.

    text (str): the text.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def set_head(self, comments: Sequence[str]) -> None:
        """Replace all lines before the first section with comments.

        comments (Sequence[str]): texts to write as comments, one paragraph each.
        """
        first = next(i for i, line in enumerate(self._lines) if line.startswith("["))
        self._lines[:first] = [line for text in comments for line in as_comment(text)] + [""]

    def set(self, section: str, key: str, value: object, reason: str = "") -> None:
        """Change a value. A reason replaces the comments directly above it.

        section (str): name of the section, such as `training.batcher`.
        key (str): the key.
        value (object): see `as_value`.
        reason (str): reason for the value, as a comment. An empty string keeps the existing comments. Default: "".
        RAISES KeyError: the config does not contain the section or the key.
        """
        start, end = self._section(section)
        at = next((i for i in range(start, end) if self._lines[i].startswith(f"{key} = ")), None)
        if at is None:
            raise KeyError(f"[{section}] {key}")
        first = at
        while reason and self._lines[first - 1].startswith("#"):
            first -= 1
        self._lines[first : at + 1] = [*as_comment(reason), f"{key} = {as_value(value)}"]

    def set_section(self, section: str, values: Mapping[str, object], reason: str = "") -> None:
        """Replace all values in a section.

        section (str): name of the section.
        values (Mapping[str, object]): the values; see `as_value`.
        reason (str): reason for the values, as a comment at the start of the section. Default: "" (no comment).
        RAISES KeyError: the config does not contain the section.
        """
        start, end = self._section(section)
        body = [f"{key} = {as_value(value)}" for key, value in values.items()]
        self._lines[start:end] = [*as_comment(reason), *body, ""]

    def _section(self, section: str) -> tuple[int, int]:
        """Return the index of the first line in a section, and the index after its last line."""
        if f"[{section}]" not in self._lines:
            raise KeyError(f"[{section}]")
        start = self._lines.index(f"[{section}]") + 1
        ends = (i for i in range(start, len(self._lines)) if self._lines[i].startswith("["))
        return start, next(ends, len(self._lines))
