"""Collect the statistics of a split in one pass."""

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
"""Number of tokens above which an entity is unusually long."""
_MIN_CASED_WORDS = 5
"""Number of words from which a sentence counts for the case of the text."""


class Summary(NamedTuple):
    """Statistics of lengths.

    min (int): the shortest length.
    median (int): the median.
    p95 (int): the 95th percentile.
    max (int): the longest length.
    """

    min: int
    median: int
    p95: int
    max: int


@dataclass
class SplitStatistics:
    """Statistics of a split.

    source (SplitFile): the file of the split.
    format (str): its format.
    tag_scheme (str): its tag scheme.
    limit (int): maximum number of examples of each finding.
    n_sentences, n_tokens (int): numbers of sentences and tokens.
    n_unknown (int): tokens without a known tag.
    n_repaired (int): tags that were repaired.
    n_with_entity (int): sentences with an entity.
    n_cased (int): sentences that count for the case of the text.
    n_lower, n_upper (int): those of them in lower case only and in upper case only.
    n_clinging (int): punctuation and contractions that are usually written without a space before them.
    n_joined (int): tokens that share a subword with an earlier one; see `alignment.Alignment`.
    has_spaces (bool): whether the format tells where spaces are.
    entities (Counter[str]): number of entities by label.
    forms (Counter[tuple[str, str]]): number of entities by string and label: `("Paris", "geo")`.
    lengths (Counter[int]): number of sentences by length in tokens.
    entity_lengths (Counter[int]): number of entities by length in tokens.
    subword_lengths (Counter[int]): number of sentences by length in subwords, including special ones; empty if none
        were counted.
    documents (Counter[str]): number of sentences by name of the document, for documents that have a name.
    description (str): how the file was read; see `CorpusStream.describe`.
    notes (list[str]): warnings of the reader, except those that are findings.
    skipped (list[str]): errors of sentences that cannot be read and were left out.
    counters (dict[str, ExampleCounter]): occurrences by code of the finding.
    """

    source: SplitFile
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
    counters: dict[str, ExampleCounter] = field(init=False)

    def __post_init__(self) -> None:
        self.counters = defaultdict(lambda: ExampleCounter(self.limit))

    @property
    def name(self) -> str:
        """Name of the split."""
        return self.source.split

    @property
    def n_entities(self) -> int:
        """Number of entities of all labels."""
        return self.entities.total()

    def add(self, sentence: Sentence) -> list[Entity]:
        """Add a sentence.

        sentence (Sentence): the sentence.
        RETURNS (list[Entity]): its entities.
        """
        words, text = sentence.words, " ".join(sentence.words)
        self.n_sentences += 1
        self.n_tokens += len(words)
        self.lengths[len(words)] += 1
        self.n_unknown += sentence.tags.count(None)
        if not text.strip():
            self.note("empty", sentence, 0, len(words))
        # Readers name documents without a name by file and number.
        if sentence.document and not sentence.document.startswith(f"{Path(self.source.file).name} "):
            self.documents[sentence.document] += 1
        sentence_entities = list(entities(sentence.tags))
        self.n_with_entity += bool(sentence_entities)
        for entity in sentence_entities:
            self._add_entity(sentence, entity)
        for code, start, end in text_issues(words, text):
            self.note(code, sentence, start, end)
        if len(words) >= _MIN_CASED_WORDS and text.lower() != text.upper():
            self.n_cased += 1
            self.n_lower += text.islower()
            self.n_upper += text.isupper()
        self.has_spaces &= sentence.spaces is not None
        if sentence.spaces is not None:
            spaced, n = spaced_marks(words, sentence.spaces)
            self.n_clinging += n
            for i in spaced:
                self.note("spacing", sentence, i, i + 1)
        return sentence_entities

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
        """Count an occurrence of a finding.

        code (str): code of the finding.
        sentence (Sentence): the sentence.
        start (int): index of the first word.
        end (int): index after the last word.
        label (str): label of the entity; empty if the words are not an entity.
        note (str): further information.
        """
        self.counters[code].add(lambda: self.source.example(sentence, start, end, label, note))


def summary(lengths: Counter[int]) -> Summary | None:
    """Return statistics of lengths; None if there are no lengths.

    lengths (Counter[int]): how often each length occurs.
    """
    if not lengths:
        return None
    return Summary(min(lengths), quantile(lengths, 0.5), quantile(lengths, 0.95), max(lengths))


def quantile(lengths: Counter[int], share: float) -> int:
    """Return a quantile of lengths.

    lengths (Counter[int]): how often each length occurs.
    share (float): share of the lengths that do not exceed the quantile, from 0 to 1.
    RETURNS (int): the quantile; 1 if there are no lengths.
    """
    n_up_to, total = 0, lengths.total()
    for length in sorted(lengths):
        n_up_to += lengths[length]
        if n_up_to >= share * total:
            return length
    return 1
