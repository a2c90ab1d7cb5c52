"""Collect examples of findings: words of a corpus with their context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..corpus.sentence import Sentence
from ..reporting.text import visible

_CONTEXT = 40
"""Characters of context on either side."""
_MAX_TEXT = 120
"""Maximum number of characters of the example itself."""


class CorpusExample(NamedTuple):
    """Consecutive words of a sentence with their context.

    split (str): name of the split.
    file (str): path of the file.
    unit (str): what `line` counts: lines, rows or Docs.
    line (int): number of the line, from 1.
    before (str): context before the words.
    text (str): the words.
    after (str): context after the words.
    label (str): label of the entity; empty if the words are not an entity.
    note (str): further information.
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
    """Counts occurrences and keeps the first of them as examples.

    limit (int): maximum number of examples.
    n (int): number of occurrences.
    examples (list[CorpusExample]): the first ones.
    """

    limit: int
    n: int = 0
    examples: list[CorpusExample] = field(default_factory=list)

    def add(self, make: Callable[[], CorpusExample]) -> None:
        """Count an occurrence. `make` is called only if its example is kept."""
        self.n += 1
        if len(self.examples) < self.limit:
            self.examples.append(make())


class SplitFile(NamedTuple):
    """The file of a split.

    split (str): name of the split.
    file (str): path of the file.
    unit (str): what its lines are: lines, rows or Docs.
    """

    split: str
    file: str
    unit: str

    def where(self, line: int) -> str:
        """Describe a line: `train, line 12`."""
        return f"{self.split}, {self.unit} {line}"

    def example(self, sentence: Sentence, start: int, end: int, label: str = "", note: str = "") -> CorpusExample:
        """Return words of a sentence with their context.

        sentence (Sentence): the sentence.
        start (int): index of the first word.
        end (int): index after the last word.
        label (str): label of the entity; empty if the words are not an entity.
        note (str): further information.
        RETURNS (CorpusExample): the example. Invisible characters are escaped.
        """
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
        if len(text) > _MAX_TEXT:
            text = f"{text[:_MAX_TEXT]}…"
        before, text, after = map(visible, (before, text, after))
        line = sentence.lines[min(start, len(sentence.lines) - 1)]
        return CorpusExample(*self, line, before, text, after, label, note)
