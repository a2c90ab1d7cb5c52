"""Collect examples of findings. An example shows words in a corpus with their context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..corpus.sentence import Sentence
from ..reporting.text import visible

_CONTEXT = 40
"""Maximum number of context characters on each side."""
_MAX_TEXT = 120
"""Maximum number of characters in an example, excluding its context."""


class CorpusExample(NamedTuple):
    """An example from a corpus, which consists of consecutive words and their context.

    split (str): name of the split.
    file (str): path of the file.
    unit (str): unit of the line number: "line", "row" or "Doc".
    line (int): number of the line, row or Doc, from 1.
    before (str): context before the words.
    text (str): the words.
    after (str): context after the words.
    label (str): label of the entity; empty if the words are not an entity.
    note (str): additional information.
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
    """A counter for occurrences, which keeps the first occurrences as examples.

    limit (int): maximum number of examples.
    n (int): number of occurrences.
    examples (list[CorpusExample]): the first occurrences.
    """

    limit: int
    n: int = 0
    examples: list[CorpusExample] = field(default_factory=list)

    def add(self, make: Callable[[], CorpusExample]) -> None:
        """Count an occurrence. `make` creates the example and is only called if the example is kept."""
        self.n += 1
        if len(self.examples) < self.limit:
            self.examples.append(make())


class SplitFile(NamedTuple):
    """The file that contains a split.

    split (str): name of the split.
    file (str): path of the file.
    unit (str): unit of the line numbers: "line", "row" or "Doc".
    """

    split: str
    file: str
    unit: str

    def where(self, line: int) -> str:
        """Return the position of a line as text, such as `train, line 12`."""
        return f"{self.split}, {self.unit} {line}"

    def example(self, sentence: Sentence, start: int, end: int, label: str = "", note: str = "") -> CorpusExample:
        """Return words in a sentence with their context.

        sentence (Sentence): the sentence.
        start (int): index of the first word.
        end (int): index after the last word.
        label (str): label of the entity; empty if the words are not an entity.
        note (str): additional information.
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
