"""Count the subwords into which the component splits sentences, and the tokens that share a subword."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..corpus.sentence import Sentence
from ..tokenization.alignment import align_tokens_to_subwords
from ..types import Encoding
from .examples import SplitFile
from .statistics import SplitStatistics

_BATCH_SIZE = 500
"""Number of sentences to tokenize together."""


class SubwordCounter:
    """A counter for the number of subwords per sentence.

    name (str): folder of a checkpoint, or its name on the Hub.
    RAISES CheckpointError: the checkpoint cannot be found or loaded.

    window: maximum number of subwords in a window of the component, including special subwords.
    """

    def __init__(self, name: str) -> None:
        from ..checkpoints.checkpoint import Checkpoint
        from ..models.token_classifier import default_window

        self.name = name
        self.checkpoint = Checkpoint.load_tokenizer_only(name)
        self.window = default_window(self.checkpoint)
        self._pending: list[tuple[SplitFile, Sentence, SplitStatistics]] = []

    def add(self, file: SplitFile, sentence: Sentence, split: SplitStatistics) -> None:
        """Add a sentence. When the batch is full, count its subwords.

        file (SplitFile): the file that contains the sentence.
        sentence (Sentence): the sentence.
        split (SplitStatistics): the statistics to update.
        """
        self._pending.append((file, sentence, split))
        if len(self._pending) >= _BATCH_SIZE:
            self.flush()

    def flush(self) -> None:
        """Count the subwords in all sentences that were added since the last batch."""
        texts = ["".join(sentence.pieces()) for _, sentence, _ in self._pending]
        encodings = self.checkpoint.tokenize(texts) if texts else []
        for (file, sentence, split), encoding in zip(self._pending, encodings, strict=True):
            n = len(encoding.ids) + self.checkpoint.n_special
            split.subword_lengths[n] += 1
            split.n_joined += _n_joined(sentence, encoding)
            if n > self.window:
                split.counters["beyond_window"].add(
                    partial(file.example, sentence, 0, len(sentence.words), note=f"{n} subwords")
                )
        self._pending.clear()


def _n_joined(sentence: Sentence, encoding: Encoding) -> int:
    """Return the number of tokens that share a subword with an earlier token."""
    ends = np.cumsum([len(piece) for piece in sentence.pieces()])
    starts = np.append(0, ends[:-1])
    tokens = np.stack([starts, starts + [len(word) for word in sentence.words]], axis=1)
    is_space = np.array([word.isspace() for word in sentence.words])
    return int(
        align_tokens_to_subwords(tokens, is_space, encoding.offsets, int(ends[-1]), encoding.markers).is_joined.sum()
    )
