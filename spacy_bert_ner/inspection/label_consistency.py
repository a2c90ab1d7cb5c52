"""Find strings with inconsistent labels.

Each occurrence of a string has a label or is not an entity. `Paris` can be a place or a person. However, if it is a
place in 99 occurrences, a single occurrence as a person or outside entities is probably an error.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..corpus.sentence import Sentence, entities
from ..decoding.tag_scheme import OUTSIDE
from .examples import CorpusExample, SplitFile

MIN_OCCURRENCES = 5
"""Minimum number of occurrences of a string. The labels of rarer strings are not compared."""
MAJORITY = 0.85
"""Minimum share of a string's most frequent label at which its other labels are likely errors."""
MIN_OCCURRENCES_OUTSIDE = 20
"""Minimum number of occurrences of a string that is usually not an entity.

It is higher than `MIN_OCCURRENCES`, because a common word such as `Sun` can also be a rare name.
"""
NO_ENTITY = ""
"""Placeholder label for occurrences outside entities."""

LabelCounts = dict[str, Counter[str]]
"""Number of occurrences of each string with each label."""


class InconsistentLabel(NamedTuple):
    """A label that a string rarely has.

    text (str): the string.
    label (str): the rare label, or `NO_ENTITY`.
    n (int): number of occurrences with the rare label.
    usual (str): the most frequent label of the string, or `NO_ENTITY`.
    n_usual (int): number of occurrences with the most frequent label.
    total (int): total number of occurrences.
    """

    text: str
    label: str
    n: int
    usual: str
    n_usual: int
    total: int


def entity_label_counts(forms: Iterable[Counter[tuple[str, str]]]) -> LabelCounts:
    """Count the labels of all strings that occur as entities. Do not count occurrences outside entities.

    forms (Iterable[Counter[tuple[str, str]]]): number of entities by string and label in each split; see
        `SplitStatistics.forms`.
    """
    counts_by_text: LabelCounts = {}
    for counts in forms:
        for (text, label), n in counts.items():
            counts_by_text.setdefault(text, Counter())[label] += n
    return counts_by_text


class StringFinder:
    """A finder for strings in sentences, inside and outside entities.

    texts (Iterable[str]): the strings, which consist of words joined by spaces.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = set(texts)
        lengths: dict[str, set[int]] = defaultdict(set)
        for text in self._texts:
            lengths[text.partition(" ")[0]].add(text.count(" ") + 1)
        self._lengths = {word: sorted(n_words, reverse=True) for word, n_words in lengths.items()}

    def outside(self, sentence: Sentence) -> Iterator[tuple[str, int, int]]:
        """Find strings whose words are all outside entities. If strings overlap, find only the first and longest.

        sentence (Sentence): the sentence.
        YIELDS (tuple[str, int, int]): the string, the index of its first word and the index after its last word.
        """
        words, tags, lengths = sentence.words, sentence.tags, self._lengths
        i, n_words = 0, len(words)
        while i < n_words:
            step = 1
            if tags[i] == OUTSIDE and words[i] in lengths:
                for length in lengths[words[i]]:
                    end = i + length
                    text = " ".join(words[i:end])
                    if end <= n_words and text in self._texts and all(tag == OUTSIDE for tag in tags[i:end]):
                        yield text, i, end
                        step = length
                        break
            i += step

    def inside(self, sentence: Sentence) -> Iterator[tuple[str, str, int, int]]:
        """Find strings that occur as entities in a sentence.

        sentence (Sentence): the sentence.
        YIELDS (tuple[str, str, int, int]): the string, its label, the index of its first word and the index after its
            last word.
        """
        for label, start, end in entities(sentence.tags):
            text = " ".join(sentence.words[start:end])
            if text in self._texts:
                yield text, label, start, end


def find_inconsistent(counts_by_text: LabelCounts) -> list[InconsistentLabel]:
    """Find labels that are likely errors.

    counts_by_text (LabelCounts): number of occurrences of each string with each label.
    RETURNS (list[InconsistentLabel]): the labels, in ascending order of their share of the string's occurrences.
    """
    inconsistent = []
    for text, counts in counts_by_text.items():
        total = counts.total()
        (usual, n_usual), *others = counts.most_common()
        # A number may be a date in one sentence and a quantity in another.
        if usual == NO_ENTITY and (total < MIN_OCCURRENCES_OUTSIDE or any(map(str.isdigit, text))):
            continue
        if others and total >= MIN_OCCURRENCES and n_usual >= MAJORITY * total:
            inconsistent += [InconsistentLabel(text, label, n, usual, n_usual, total) for label, n in others]
    return sorted(inconsistent, key=lambda item: (item.n / item.total, -item.total, item.text, item.label))


def confusion(counts_by_text: LabelCounts) -> Counter[tuple[str, str]]:
    """Count the occurrences in which a string does not have its most frequent label.

    counts_by_text (LabelCounts): number of occurrences of each string with each label.
    RETURNS (Counter[tuple[str, str]]): number of occurrences by most frequent label and other label.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for counts in counts_by_text.values():
        (usual, _), *others = counts.most_common()
        for label, n in others:
            pairs[usual, label] += n
    return pairs


def collect_examples(
    inconsistent: Iterable[InconsistentLabel], sentences: Iterable[tuple[SplitFile, Sentence]], limit: int
) -> dict[tuple[str, str], list[CorpusExample]]:
    """Collect examples of inconsistent labels.

    inconsistent (Iterable[InconsistentLabel]): the labels.
    sentences (Iterable[tuple[SplitFile, Sentence]]): all sentences with their files.
    limit (int): maximum number of examples per label.
    RETURNS (dict[tuple[str, str], list[CorpusExample]]): the examples by string and label.
    """
    items = {(item.text, item.label): item for item in inconsistent}
    finder = StringFinder(text for text, _ in items)
    examples: dict[tuple[str, str], list[CorpusExample]] = {key: [] for key in items}
    n_missing = sum(min(limit, item.n) for item in items.values())
    for file, sentence in sentences if n_missing else ():
        outside = ((text, NO_ENTITY, start, end) for text, start, end in finder.outside(sentence))
        for text, label, start, end in [*finder.inside(sentence), *outside]:
            item = items.get((text, label))
            if item and len(examples[text, label]) < limit:
                note = f"{item.usual or 'no entity'} in {item.n_usual} of {item.total}"
                examples[text, label].append(file.example(sentence, start, end, label, note))
                n_missing -= 1
        if not n_missing:
            break
    return examples
