"""Lengths of sentences in an encoder's subwords, as the component would cut them into windows."""

from __future__ import annotations

from collections import Counter
from functools import partial

from ..corpus.sentence import Sentence
from .shown import Place, Tally

_BATCH = 500  # sentences that are tokenized together


class SubwordCounter:
    """Counts the subwords of sentences.

    name (str): a checkpoint's folder, or its name on the Hub.
    window: the most subwords, special ones included, that the component sends through the encoder at once.
    RAISES CheckpointError: it cannot be found or opened.
    """

    def __init__(self, name: str) -> None:
        from ..checkpoint import Checkpoint
        from ..model import default_window

        self.name = name
        self._checkpoint = Checkpoint.without_weights(name)
        self.window = default_window(self._checkpoint)
        self._waiting: list[tuple[Place, Sentence, Counter[int], Tally]] = []

    def add(self, place: Place, sentence: Sentence, lengths: Counter[int], beyond: Tally) -> None:
        """Count one more sentence, into `lengths`, and into `beyond` if it needs more than one window."""
        self._waiting.append((place, sentence, lengths, beyond))
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Count those sentences that wait."""
        texts = ["".join(sentence.pieces()) for _, sentence, _, _ in self._waiting]
        encodings = self._checkpoint.tokenize(texts) if texts else []
        for (place, sentence, lengths, beyond), encoding in zip(self._waiting, encodings, strict=True):
            n = len(encoding.ids) + self._checkpoint.n_special
            lengths[n] += 1
            if n > self.window:
                beyond.add(partial(place.example, sentence, 0, len(sentence.words), note=f"{n} subwords"))
        self._waiting.clear()
