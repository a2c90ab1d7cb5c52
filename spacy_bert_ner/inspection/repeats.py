"""Sentences that occur more than once: in two splits, or annotated in two ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np

from ..corpus.sentence import Sentence
from ..types import Entity, Ints1d
from .shown import Place, Tally, visible

SHORTEST_LEAK = 5
"""Words; shorter sentences are the same by chance."""


class Repeats:
    """Looks for the sentences that occur more than once.

    texts: for each file, a number for each sentence, equal for equal words.
    limit: how many places are kept of each kind.
    leaks: sentences of one split (first) that are in an earlier one (second).
    differing: sentences that are annotated in another way than where they stand first.
    """

    def __init__(self, texts: Sequence[Ints1d], limit: int) -> None:
        numbers, counts = np.unique(np.concatenate(texts), return_counts=True)
        self._repeated: set[int] = set(numbers[counts > 1].tolist())
        self._first: dict[int, tuple[str, tuple[Entity, ...], str]] = {}
        self._splits: dict[int, dict[str, str]] = {}
        self._limit = limit
        self.leaks: dict[tuple[str, str], Tally] = {}
        self.differing = Tally(limit)
        self.n_differing: Counter[str] = Counter()

    def add(self, number: int, place: Place, sentence: Sentence, entities: list[Entity]) -> None:
        """Look at one more sentence, whose words have this number."""
        if number not in self._repeated:
            return
        where = f"{place.file}, {place.unit} {sentence.lines[0]}"
        splits = self._splits.setdefault(number, {})
        n = len(sentence.words)
        if n >= SHORTEST_LEAK:
            for split, other in splits.items():
                if split != place.split:
                    tally = self.leaks.setdefault((place.split, split), Tally(self._limit))
                    tally.add(partial(place.example, sentence, 0, n, note=f"also {other}"))
        splits.setdefault(place.split, where)
        if None in sentence.tags:
            return
        first = self._first.setdefault(number, (where, tuple(entities), _spelled(sentence, entities)))
        if first[1] != tuple(entities):
            self.n_differing[place.split] += 1
            note = f"{_spelled(sentence, entities)}; but {first[2]} in {first[0]}"
            self.differing.add(lambda: place.example(sentence, 0, n, note=note))


def _spelled(sentence: Sentence, entities: list[Entity]) -> str:
    shown = [f"{visible(' '.join(sentence.words[e.start : e.end]))} ({e.label})" for e in entities]
    return ", ".join(shown)[:100] or "no entity"
