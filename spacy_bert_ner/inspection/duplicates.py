"""Sentences that occur more than once: in two splits, as they are or almost, or annotated in two ways."""

from __future__ import annotations

from array import array
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

import numpy as np

from ..corpus.sentence import Sentence
from ..corpus.splitting.near_duplicates import MIN_WORDS, NearDuplicateIndex
from ..corpus.splitting.random_split import first_copies
from ..reporting.html import visible
from ..types import Entity, Ints1d
from .examples import CorpusExample, ExampleCounter, SplitFile


class DuplicateFinder:
    """Looks for the sentences that occur more than once, in files of which all are added one after the other.

    texts: for each file, a number for each sentence, equal for equal words.
    places: the files.
    limit: how many places are kept of each kind.
    leaks: sentences of one split (first) that are in an earlier one (second).
    near_leaks: those that are almost the same as one of an earlier split, each other sentence once.
    differing: sentences that are annotated in another way than where they stand first.
    """

    def __init__(self, texts: Sequence[Ints1d], places: Sequence[SplitFile], limit: int) -> None:
        every = np.concatenate(texts)
        numbers, counts = np.unique(every, return_counts=True)
        self._repeated: set[int] = set(numbers[counts > 1].tolist())
        self._first: dict[int, tuple[str, tuple[Entity, ...], str]] = {}
        self._splits: dict[int, dict[str, str]] = {}
        self._places, self._ends = places, list(accumulate(map(len, texts)))
        self._lines = array("q")
        self._near = NearDuplicateIndex(first_copies(every)) if len(texts) > 1 else None
        self._limit = limit
        self.leaks: dict[tuple[str, str], ExampleCounter] = {}
        self.near_leaks: dict[tuple[str, str], ExampleCounter] = {}
        self.differing = ExampleCounter(limit)
        self.n_differing: Counter[str] = Counter()

    def close(self) -> None:
        """Remove the temporary file of the sentences that were compared."""
        if self._near:
            self._near.close()

    def add(self, number: int, place: SplitFile, sentence: Sentence, entities: list[Entity]) -> None:
        """Look at one more sentence, whose words have this number."""
        self._lines.append(sentence.lines[0])
        if self._near:
            self._add_near(self._near, place, sentence)
        if number not in self._repeated:
            return
        where = place.where(sentence.lines[0])
        splits = self._splits.setdefault(number, {})
        n = len(sentence.words)
        if n >= MIN_WORDS:
            for split, other in splits.items():
                if split != place.split:
                    tally = self.leaks.setdefault((place.split, split), ExampleCounter(self._limit))
                    tally.add(partial(place.example, sentence, 0, n, note=f"also {other}"))
        splits.setdefault(place.split, where)
        if None in sentence.tags:
            return
        first = self._first.setdefault(number, (where, tuple(entities), _spelled(sentence, entities)))
        if first[1] != tuple(entities):
            self.n_differing[place.split] += 1
            note = f"{_spelled(sentence, entities)}; but {first[2]} in {first[0]}"
            self.differing.add(lambda: place.example(sentence, 0, n, note=note))

    def _add_near(self, near: NearDuplicateIndex, place: SplitFile, sentence: Sentence) -> None:
        i = near.add(len(self._lines) - 1, sentence.words)
        if i is None:
            return
        other = self._places[bisect(self._ends, i)]
        if other.split != place.split:
            tally = self.near_leaks.setdefault((place.split, other.split), ExampleCounter(self._limit))
            tally.add(lambda: _difference(place, sentence, other, near.words_at(i), self._lines[i]))


def _difference(place: SplitFile, sentence: Sentence, other: SplitFile, words: list[str], line: int) -> CorpusExample:
    """The words in which a sentence differs from another, which is shown in the note."""
    n = min(len(sentence.words), len(words))
    start = next((i for i in range(n) if sentence.words[i] != words[i]), n)
    end = next((i for i in range(n - start) if sentence.words[-1 - i] != words[-1 - i]), n - start)
    if start + end == n:  # one of the two has nothing there: show a neighbour
        start, end = (start - 1, end) if start else (start, end - 1)
    there = other.example(Sentence(words, [], [line]), start, len(words) - end)
    note = f"{other.where(line)}: {there.before}[{there.text}]{there.after}"
    return place.example(sentence, start, len(sentence.words) - end, note=note)


def _spelled(sentence: Sentence, entities: list[Entity]) -> str:
    shown = [f"{visible(' '.join(sentence.words[e.start : e.end]))} ({e.label})" for e in entities]
    return ", ".join(shown)[:100] or "no entity"
