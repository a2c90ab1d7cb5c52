"""Collect statistics on a split in one pass."""

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
"""Number of tokens above which an entity is reported as long."""
_MIN_CASED_WORDS = 5
"""Minimum number of words in a sentence for the letter-case check."""


class Summary(NamedTuple):
    """Summary statistics on lengths.

    min (int): the minimum length.
    median (int): the median length.
    p95 (int): the 95th percentile of the lengths.
    max (int): the maximum length.
    """

    min: int
    median: int
    p95: int
    max: int


@dataclass
class SplitStatistics:
    """Statistics on a split.

    source (SplitFile): the file that contains the split.
    format (str): the format of the file.
    tag_scheme (str): the tag scheme of the file.
    limit (int): maximum number of examples per finding.
    n_sentences, n_tokens (int): number of sentences and number of tokens.
    n_unknown (int): number of tokens with an unknown tag.
    n_repaired (int): number of repaired tags.
    n_with_entity (int): number of sentences with an entity.
    n_cased (int): number of sentences that were checked for letter case.
    n_lower, n_upper (int): number of these sentences in lower case only and in upper case only.
    n_clinging (int): number of punctuation marks and contractions that are usually written without a space before them.
    n_joined (int): number of tokens that share a subword with an earlier token; see `alignment.Alignment`.
    has_spaces (bool): whether the format stores spaces.
    entities (Counter[str]): number of entities by label.
    forms (Counter[tuple[str, str]]): number of entities by string and label, with keys such as `("Paris", "geo")`.
    lengths (Counter[int]): number of sentences by length in tokens.
    entity_lengths (Counter[int]): number of entities by length in tokens.
    subword_lengths (Counter[int]): number of sentences by length in subwords, including special subwords; empty if no
        subwords were counted.
    documents (Counter[str]): number of sentences by document name. Unnamed documents are not counted.
    description (str): how the file was read; see `CorpusStream.describe`.
    notes (list[str]): warnings from the reader, except those that are findings.
    skipped (list[str]): errors for the sentences that cannot be read and were skipped.
    counters (dict[str, ExampleCounter]): occurrences by finding code.
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
        """Return the name of the split."""
        return self.source.split

    @property
    def n_entities(self) -> int:
        """Return the total number of entities."""
        return self.entities.total()

    def add(self, sentence: Sentence) -> list[Entity]:
        """Add a sentence to the statistics.

        sentence (Sentence): the sentence.
        RETURNS (list[Entity]): the entities in the sentence.
        """
        words, text = sentence.words, " ".join(sentence.words)
        self.n_sentences += 1
        self.n_tokens += len(words)
        self.lengths[len(words)] += 1
        self.n_unknown += sentence.tags.count(None)
        if not text.strip():
            self.note("empty", sentence, 0, len(words))
        # Readers give unnamed documents a name that consists of the file name and a number.
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
        sentence (Sentence): the sentence that contains the occurrence.
        start (int): index of the first word.
        end (int): index after the last word.
        label (str): label of the entity; empty if the words are not an entity.
        note (str): additional information.
        """
        self.counters[code].add(lambda: self.source.example(sentence, start, end, label, note))


def summary(lengths: Counter[int]) -> Summary | None:
    """Return summary statistics on lengths, or None if there are no lengths.

    lengths (Counter[int]): number of occurrences of each length.
    """
    if not lengths:
        return None
    return Summary(min(lengths), quantile(lengths, 0.5), quantile(lengths, 0.95), max(lengths))


def quantile(lengths: Counter[int], share: float) -> int:
    """Return a quantile of lengths.

    lengths (Counter[int]): number of occurrences of each length.
    share (float): minimum share of lengths that do not exceed the quantile, from 0 to 1.
    RETURNS (int): the quantile; 1 if there are no lengths.
    """
    n_up_to, total = 0, lengths.total()
    for length in sorted(lengths):
        n_up_to += lengths[length]
        if n_up_to >= share * total:
            return length
    return 1
