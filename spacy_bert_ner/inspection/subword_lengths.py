"""Count subwords of an encoder: of sentences, as the component would cut them, and those that tokens share."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..corpus.sentence import Sentence
from ..tokenization.alignment import align_tokens_to_subwords
from ..types import Encoding
from .examples import SplitFile
from .statistics import SplitStatistics

_BATCH = 500  # sentences that are tokenized together


class SubwordCounter:
    """Counts the subwords of sentences.

    name (str): a checkpoint's folder, or its name on the Hub.
    window: the most subwords, special ones included, that the component sends through the encoder at once.
    RAISES CheckpointError: it cannot be found or opened.
    """

    def __init__(self, name: str) -> None:
        from ..checkpoints.checkpoint import Checkpoint
        from ..models.token_classifier import default_window

        self.name = name
        self._checkpoint = Checkpoint.load_tokenizer_only(name)
        self.window = default_window(self._checkpoint)
        self._waiting: list[tuple[SplitFile, Sentence, SplitStatistics]] = []

    def add(self, place: SplitFile, sentence: Sentence, survey: SplitStatistics) -> None:
        """Count one more sentence into a survey."""
        self._waiting.append((place, sentence, survey))
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Count those sentences that wait."""
        texts = ["".join(sentence.pieces()) for _, sentence, _ in self._waiting]
        encodings = self._checkpoint.tokenize(texts) if texts else []
        for (place, sentence, survey), encoding in zip(self._waiting, encodings, strict=True):
            n = len(encoding.ids) + self._checkpoint.n_special
            survey.subword_lengths[n] += 1
            survey.n_joined += _n_joined(sentence, encoding)
            if n > self.window:
                survey.tallies["beyond"].add(
                    partial(place.example, sentence, 0, len(sentence.words), note=f"{n} subwords")
                )
        self._waiting.clear()


def _n_joined(sentence: Sentence, encoding: Encoding) -> int:
    """How many of the tokens share a subword with an earlier one."""
    ends = np.cumsum([len(piece) for piece in sentence.pieces()])
    begins = np.append(0, ends[:-1])
    tokens = np.stack([begins, begins + [len(word) for word in sentence.words]], axis=1)
    is_space = np.array([word.isspace() for word in sentence.words])
    return int(
        align_tokens_to_subwords(tokens, is_space, encoding.offsets, int(ends[-1]), encoding.markers).is_joined.sum()
    )
