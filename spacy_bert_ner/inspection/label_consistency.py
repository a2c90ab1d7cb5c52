"""The same string, annotated in different ways: its readings, and those that are likely errors.

A *reading* of a string is a label, or none. `Paris` may be a place and a person; but where it is a place 99 times, the
one time that it is a person, or nothing, is worth a look.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..corpus.sentence import Sentence, entities
from ..decoding.tag_scheme import OUTSIDE
from .examples import CorpusExample, SplitFile

FEWEST = 5
"""Occurrences of a string from which its readings are compared."""
MAJORITY = 0.85
"""Share of one reading from which the others are likely errors."""
FEWEST_OUTSIDE = 20
"""Occurrences from which an entity whose string mostly is none is a likely error: Sun may be a name, rarely."""
NONE = ""
"""The reading of a string that is no entity."""

Readings = dict[str, Counter[str]]
"""How often each string has each reading."""


class InconsistentLabel(NamedTuple):
    """A reading of a string that is rare beside its usual one."""

    text: str
    reading: str
    n: int
    usual: str
    n_usual: int
    total: int


def entity_readings(forms: Iterable[Counter[tuple[str, str]]]) -> Readings:
    """The readings of all strings that are entities somewhere, without those where they are none."""
    readings: Readings = {}
    for counts in forms:
        for (text, label), n in counts.items():
            readings.setdefault(text, Counter())[label] += n
    return readings


class Finder:
    """Finds strings in sentences, as entities and as none.

    texts: the strings, as words with a space between any two of them.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = set(texts)
        lengths: dict[str, set[int]] = defaultdict(set)
        for text in self._texts:
            lengths[text.partition(" ")[0]].add(text.count(" ") + 1)
        self._lengths = {word: sorted(found, reverse=True) for word, found in lengths.items()}

    def outside(self, sentence: Sentence) -> Iterator[tuple[str, int, int]]:
        """Strings all of whose words are no entity: each with its first word and one past its last. Where one holds
        another, the longer."""
        words, tags, lengths = sentence.words, sentence.tags, self._lengths
        i, n = 0, len(words)
        while i < n:
            step = 1
            if tags[i] == OUTSIDE and words[i] in lengths:
                for length in lengths[words[i]]:
                    end = i + length
                    text = " ".join(words[i:end])
                    if end <= n and text in self._texts and all(tag == OUTSIDE for tag in tags[i:end]):
                        yield text, i, end
                        step = length
                        break
            i += step

    def inside(self, sentence: Sentence) -> Iterator[tuple[str, str, int, int]]:
        """Strings that are entities: each with its label, its first word and one past its last."""
        for label, start, end in entities(sentence.tags):
            text = " ".join(sentence.words[start:end])
            if text in self._texts:
                yield text, label, start, end


def suspects(readings: Readings) -> list[InconsistentLabel]:
    """The likely errors, those first whose usual reading is most usual."""
    found = []
    for text, counts in readings.items():
        total = counts.total()
        (usual, n_usual), *others = counts.most_common()
        # Numbers are dates here and quantities there.
        if usual == NONE and (total < FEWEST_OUTSIDE or any(map(str.isdigit, text))):
            continue
        if others and total >= FEWEST and n_usual >= MAJORITY * total:
            found += [InconsistentLabel(text, reading, n, usual, n_usual, total) for reading, n in others]
    return sorted(found, key=lambda one: (one.n / one.total, -one.total, one.text, one.reading))


def confusion(readings: Readings) -> Counter[tuple[str, str]]:
    """How often strings have another reading than their most frequent one: by that, and by the other."""
    pairs: Counter[tuple[str, str]] = Counter()
    for counts in readings.values():
        (usual, _), *others = counts.most_common()
        for reading, n in others:
            pairs[usual, reading] += n
    return pairs


def show(
    chosen: Iterable[InconsistentLabel], sentences: Iterable[tuple[SplitFile, Sentence]], limit: int
) -> dict[tuple[str, str], list[CorpusExample]]:
    """Places where strings have the readings that are likely errors.

    limit: how many of each.
    RETURNS: by string and reading.
    """
    wanted = {(one.text, one.reading): one for one in chosen}
    finder = Finder(text for text, _ in wanted)
    shown: dict[tuple[str, str], list[CorpusExample]] = {key: [] for key in wanted}
    n_left = sum(min(limit, one.n) for one in wanted.values())
    for place, sentence in sentences if n_left else ():
        found = [*finder.inside(sentence), *((text, NONE, i, j) for text, i, j in finder.outside(sentence))]
        for text, reading, start, end in found:
            one = wanted.get((text, reading))
            if one and len(shown[text, reading]) < limit:
                usual = one.usual or "no entity"
                note = f"{usual} in {one.n_usual} of {one.total}"
                shown[text, reading].append(place.example(sentence, start, end, reading, note))
                n_left -= 1
        if not n_left:
            break
    return shown
