"""Places in a corpus that are shown to the user, with their context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..corpus.sentence import Sentence
from ..reporting.html import visible

_CONTEXT = 40  # characters on either side
_LONGEST = 120  # characters of what is shown itself


class CorpusExample(NamedTuple):
    """A run of words in its sentence: `text`, and what is before and after it.

    unit: what `line` counts: lines, rows or Docs.
    label: of the entity that it is; empty where it is none.
    note: what else there is to say of it.
    """

    split: str
    file: str
    unit: str
    line: int
    before: str
    text: str
    after: str
    label: str = ""
    note: str = ""


@dataclass
class ExampleCounter:
    """Counts places, and keeps the first `limit` of them."""

    limit: int
    n: int = 0
    examples: list[CorpusExample] = field(default_factory=list)

    def add(self, make: Callable[[], CorpusExample]) -> None:
        """Count one more; `make` is called only if it is kept."""
        self.n += 1
        if len(self.examples) < self.limit:
            self.examples.append(make())


class SplitFile(NamedTuple):
    """The file that a sentence is in: name of the split, path, and what its lines count."""

    split: str
    file: str
    unit: str

    def where(self, line: int) -> str:
        """A line as a text has it: `train, line 12`."""
        return f"{self.split}, {self.unit} {line}"

    def example(self, sentence: Sentence, start: int, end: int, label: str = "", note: str = "") -> CorpusExample:
        """The words from `start` up to, not including, `end`, with their context."""
        pieces = sentence.pieces()
        text = "".join(pieces[start:end])
        if text.endswith(" ") and sentence.words[end - 1][-1:] != " ":
            text = text[:-1]
        before = "".join(pieces[max(0, start - _CONTEXT) : start])
        after = "".join(pieces[start : end + _CONTEXT])[len(text) :]
        if len(before) > _CONTEXT:
            before = f"…{before[-_CONTEXT:]}"
        if len(after) > _CONTEXT:
            after = f"{after[:_CONTEXT]}…"
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…"
        before, text, after = map(visible, (before, text, after))
        line = sentence.lines[min(start, len(sentence.lines) - 1)]
        return CorpusExample(*self, line, before, text, after, label, note)
