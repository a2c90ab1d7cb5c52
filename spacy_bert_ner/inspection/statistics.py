"""One pass over one file: what is counted, and what is noted in passing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..corpus.sentence import Sentence, entities
from ..types import Entity
from .entity_boundaries import has_blank_edge, has_odd_edge
from .examples import ExampleCounter, SplitFile
from .text_quality import spaced_marks, text_issues

LONG_ENTITY = 20
"""Tokens; an entity of more is unusual."""
_CASED_WORDS = 5  # a sentence of fewer says nothing of the case of a text


class Summary(NamedTuple):
    """Of lengths: the shortest, the median, what 95 % do not exceed, the longest."""

    min: int
    median: int
    p95: int
    max: int


@dataclass
class SplitStatistics:
    """What one file holds.

    limit: how many places are kept of each kind.
    entities: entities of each label.
    forms: how often each string is an entity of each label: `("Paris", "geo")`.
    lengths, entity_lengths: how many sentences, entities have so many tokens.
    subword_lengths: how many sentences have so many subwords, special ones included; empty where none were counted.
    n_joined: tokens that share a subword with an earlier one; see `alignment.Alignment`.
    documents: the sentences of each document that has a name of its own.
    description: how the file was read; see `CorpusStream.describe`.
    notes: what was not taken as it stands, without spans and sentences, which are findings.
    skipped: what is wrong with each sentence that was left out, as it could not be read.
    tallies: places that a finding is made of, by its code.
    """

    place: SplitFile
    format: str
    tag_scheme: str
    limit: int
    n_sentences: int = 0
    n_tokens: int = 0
    n_unknown: int = 0
    n_repaired: int = 0
    n_with_entity: int = 0
    n_cased: int = 0
    n_lower: int = 0
    n_upper: int = 0
    n_clinging: int = 0
    n_joined: int = 0
    has_spaces: bool = True
    entities: Counter[str] = field(default_factory=Counter)
    forms: Counter[tuple[str, str]] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    entity_lengths: Counter[int] = field(default_factory=Counter)
    subword_lengths: Counter[int] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    description: str = ""
    notes: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    tallies: dict[str, ExampleCounter] = field(init=False)

    def __post_init__(self) -> None:
        self.tallies = defaultdict(lambda: ExampleCounter(self.limit))

    @property
    def name(self) -> str:
        """Of the split."""
        return self.place.split

    @property
    def n_entities(self) -> int:
        """Of all labels."""
        return self.entities.total()

    def add(self, sentence: Sentence) -> list[Entity]:
        """Count one more sentence. RETURNS: its entities."""
        words, text = sentence.words, " ".join(sentence.words)
        self.n_sentences += 1
        self.n_tokens += len(words)
        self.lengths[len(words)] += 1
        self.n_unknown += sentence.tags.count(None)
        if not text.strip():
            self.note("empty", sentence, 0, len(words))
        # Readers number documents without a name after their file.
        if sentence.document and not sentence.document.startswith(f"{Path(self.place.file).name} "):
            self.documents[sentence.document] += 1
        found = list(entities(sentence.tags))
        self.n_with_entity += bool(found)
        for entity in found:
            self._add_entity(sentence, entity)
        for code, start, end in text_issues(words, text):
            self.note(code, sentence, start, end)
        if len(words) >= _CASED_WORDS and text.lower() != text.upper():
            self.n_cased += 1
            self.n_lower += text.islower()
            self.n_upper += text.isupper()
        self.has_spaces &= sentence.spaces is not None
        if sentence.spaces is not None:
            spaced, n = spaced_marks(words, sentence.spaces)
            self.n_clinging += n
            for i in spaced:
                self.note("spacing", sentence, i, i + 1)
        return found

    def _add_entity(self, sentence: Sentence, entity: Entity) -> None:
        label, start, end = entity
        words = sentence.words[start:end]
        self.entities[label] += 1
        self.forms[" ".join(words), label] += 1
        self.entity_lengths[end - start] += 1
        if has_blank_edge(words):
            self.note("blank_edges", sentence, *entity[1:], label)
        elif has_odd_edge(words):
            self.note("odd_edges", sentence, *entity[1:], label)
        if end - start > LONG_ENTITY:
            self.note("long_entities", sentence, *entity[1:], label)

    def note(self, code: str, sentence: Sentence, start: int, end: int, label: str = "", note: str = "") -> None:
        """Count the words from `start` up to, not including, `end` for a finding."""
        self.tallies[code].add(lambda: self.place.example(sentence, start, end, label, note))


def summary(lengths: Counter[int]) -> Summary | None:
    """The quartiles that are shown of lengths and how often each occurs; None where there are none."""
    if not lengths:
        return None
    return Summary(min(lengths), quantile(lengths, 0.5), quantile(lengths, 0.95), max(lengths))


def quantile(lengths: Counter[int], share: float) -> int:
    """The length that a share of all do not exceed; 1 where there are none."""
    below, total = 0, lengths.total()
    for length in sorted(lengths):
        below += lengths[length]
        if below >= share * total:
            return length
    return 1
