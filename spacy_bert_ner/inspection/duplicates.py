"""Find exact and near duplicates of sentences across splits, and identical sentences with different annotations."""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

import numpy as np

from ..corpus.sentence import Sentence
from ..corpus.splitting.near_duplicates import MIN_WORDS, NearDuplicateIndex
from ..corpus.splitting.random_split import first_copies
from ..reporting.text import visible
from ..types import Entity, Ints1d
from .examples import CorpusExample, ExampleCounter, SplitFile


class DuplicateFinder:
    """A finder for duplicate sentences. Add all sentences in order with `add`, one file after the other.

    texts (Sequence[Ints1d]): for each file, one number per sentence. Sentences with the same words have the same
        number. *Shape of each:* `(n_sentences,)`
    files (Sequence[SplitFile]): the files.
    limit (int): maximum number of examples per finding.

    leaks: counters for sentences that also occur in an earlier split. A key consists of the names of the later and the
        earlier split.
    near_leaks: counters for sentences that are nearly identical to a sentence in an earlier split, with the same keys.
        Each distinct sentence counts once.
    differing: counter for sentences whose annotation differs from that of their first occurrence.
    """

    def __init__(self, texts: Sequence[Ints1d], files: Sequence[SplitFile], limit: int) -> None:
        all_texts = np.concatenate(texts)
        numbers, counts = np.unique(all_texts, return_counts=True)
        self._repeated: set[int] = set(numbers[counts > 1].tolist())
        self._first: dict[int, tuple[str, tuple[Entity, ...], str]] = {}
        self._locations: dict[int, dict[str, str]] = {}
        self._files, self._ends = files, list(accumulate(map(len, texts)))
        self._lines = array("q")
        self._near = NearDuplicateIndex(first_copies(all_texts)) if len(texts) > 1 else None
        self._limit = limit
        self.leaks: dict[tuple[str, str], ExampleCounter] = {}
        self.near_leaks: dict[tuple[str, str], ExampleCounter] = {}
        self.differing = ExampleCounter(limit)

    def close(self) -> None:
        """Delete the temporary file of the near-duplicate index."""
        if self._near:
            self._near.close()

    def add(self, number: int, file: SplitFile, sentence: Sentence, entities: list[Entity]) -> None:
        """Add a sentence and check whether it is a duplicate.

        number (int): the number of the sentence in `texts`.
        file (SplitFile): the file that contains the sentence.
        sentence (Sentence): the sentence.
        entities (list[Entity]): the entities in the sentence.
        """
        self._lines.append(sentence.lines[0])
        if self._near:
            self._add_near_leak(self._near, file, sentence)
        if number not in self._repeated:
            return
        location = file.where(sentence.lines[0])
        self._add_leaks(number, file, sentence, location)
        if None in sentence.tags:
            return
        n_words = len(sentence.words)
        first = self._first.setdefault(number, (location, tuple(entities), _describe(sentence, entities)))
        if first[1] != tuple(entities):
            note = f"{_describe(sentence, entities)}, but {first[2]} in {first[0]}"
            self.differing.add(lambda: file.example(sentence, 0, n_words, note=note))

    def _add_leaks(self, number: int, file: SplitFile, sentence: Sentence, location: str) -> None:
        locations = self._locations.setdefault(number, {})
        n_words = len(sentence.words)
        if n_words >= MIN_WORDS:
            for split, other_location in locations.items():
                if split != file.split:
                    counter = self.leaks.setdefault((file.split, split), ExampleCounter(self._limit))
                    counter.add(partial(file.example, sentence, 0, n_words, note=f"also in {other_location}"))
        locations.setdefault(file.split, location)

    def _add_near_leak(self, near: NearDuplicateIndex, file: SplitFile, sentence: Sentence) -> None:
        i = near.add(len(self._lines) - 1, sentence.words)
        if i is None:
            return
        other = self._files[bisect(self._ends, i)]
        if other.split != file.split:
            counter = self.near_leaks.setdefault((file.split, other.split), ExampleCounter(self._limit))
            counter.add(lambda: _difference(file, sentence, other, near.words_at(i), self._lines[i]))


def _difference(
    file: SplitFile, sentence: Sentence, other: SplitFile, other_words: list[str], other_line: int
) -> CorpusExample:
    """Return an example with the words in which two sentences differ. Its note shows the other sentence."""
    n_shorter = min(len(sentence.words), len(other_words))
    start = next((i for i in range(n_shorter) if sentence.words[i] != other_words[i]), n_shorter)
    n_rest = n_shorter - start
    n_same_end = next((i for i in range(n_rest) if sentence.words[-1 - i] != other_words[-1 - i]), n_rest)
    if start + n_same_end == n_shorter:  # one sentence lacks words that the other has, so include a neighbouring word
        start, n_same_end = (start - 1, n_same_end) if start else (start, n_same_end - 1)
    example = other.example(Sentence(other_words, [], [other_line]), start, len(other_words) - n_same_end)
    note = f"{other.where(other_line)}: {example.before}[{example.text}]{example.after}"
    return file.example(sentence, start, len(sentence.words) - n_same_end, note=note)


def _describe(sentence: Sentence, entities: list[Entity]) -> str:
    texts = [f"{visible(' '.join(sentence.words[e.start : e.end]))} ({e.label})" for e in entities]
    return ", ".join(texts)[:100] or "no entity"
