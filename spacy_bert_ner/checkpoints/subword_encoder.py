"""Encode texts as windows of subwords that fit the encoder of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import BertNerError, CheckpointError, Errors
from ..tokenization.batching import bucket_size, pad_windows
from ..tokenization.special_subwords import lone_markers, space_markers, special_subwords
from ..types import Encoding, Ints1d, Ints2d
from .slow_tokenizers import slow_message
from .tokenizer_loading import encode

PreTrainedModel = Any
"""`PreTrainedModel` of transformers, which this module need not import."""


class SubwordEncoder:
    """A fast tokenizer, and the limits of the encoder that its subwords are for.

    Works on NumPy arrays; `Checkpoint` moves them to the device of the model.

    model (PreTrainedModel): torch module, for its positions and its number of embeddings.
    tokenizer (Any): fast tokenizer of transformers. Its truncation and padding are turned off.
    name (str): name of the checkpoint, for messages.
    RAISES CheckpointError: the tokenizer is not a fast one, has no vocabulary, or produces no subwords.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, name: str) -> None:
        if not tokenizer.is_fast:
            raise CheckpointError(slow_message(name, type(tokenizer).__name__, getattr(tokenizer, "init_kwargs", {})))
        # Without its files, transformers 5 makes an empty tokenizer, for which every word is unknown.
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason="it has no vocabulary"))
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        # A checkpoint may set truncation and padding to a fixed length; windows need neither.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        try:
            self.prefix_ids, self.suffix_ids = special_subwords(tokenizer.backend_tokenizer)
        except ValueError as e:
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason=e)) from e
        self.space_markers = space_markers(tokenizer.backend_tokenizer)
        """Ids of the subwords that consist of only a space marker."""

    @property
    def n_special(self) -> int:
        """Number of special subwords in each window."""
        return len(self.prefix_ids) + len(self.suffix_ids)

    @property
    def n_known(self) -> int:
        """Number of subwords for which the encoder has an embedding."""
        n_known: int = self.model.get_input_embeddings().weight.shape[0]
        return n_known

    @property
    def padding_id(self) -> int:
        """Padding subword of the tokenizer, or the first of all subwords if the encoder does not know it."""
        padding_id: int = self.tokenizer.pad_token_id or 0
        return padding_id if padding_id < self.n_known else 0

    @cached_property
    def max_window(self) -> int:
        """Maximum length of a window in subwords, including special subwords."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if not isinstance(positions, int) or positions < 1:
            # Without position embeddings, only the tokenizer may have a limit. Without any limit, its value is
            # astronomic.
            return int(min(self.tokenizer.model_max_length, 512))
        for name, module in self.model.named_modules():
            # RoBERTa and its relatives start positions after the one of padding.
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                return positions - int(module.padding_idx) - 1
        return positions

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Split texts into subwords with character offsets, without special subwords and without truncation.

        texts (Sequence[str]): texts of any length.
        RETURNS (list[Encoding]): subwords of each text.
        RAISES BertNerError: the tokenizer fails on a text.
        """
        encoded = encode(self.tokenizer, texts, self.name)
        return [
            Encoding(ids, np.array(e.offsets, dtype=np.int64).reshape(-1, 2), lone_markers(ids, e, self.space_markers))
            for e, ids in ((e, np.array(e.ids, dtype=np.int64)) for e in encoded)
        ]

    def pad(self, windows: Sequence[Ints1d], multiple: int = 1) -> tuple[Ints2d, Ints2d]:
        """Add special subwords to each window and pad to the longest.

        windows (Sequence[Ints1d]): subword ids of each window. *Shape:* `(n_subwords,)` each
        multiple (int): round the length up to a multiple of this, as far as the encoder has positions. Default: 1.
        RETURNS (tuple[Ints2d, Ints2d]): ids and attention mask. *Shape:* `(n_windows, longest)` each
        RAISES BertNerError: the encoder does not know a subword.
        """
        complete = self.add_special_subwords(windows)
        longest = max(map(len, complete))
        longest = max(longest, min(-(-longest // multiple) * multiple, self.max_window))
        return pad_windows(complete, self.padding_id, longest)

    def pack(self, windows: Sequence[Ints1d], limit: int) -> tuple[Ints1d, list[int]]:
        """Add special subwords to each window and concatenate the windows, with padding only at the end.

        windows (Sequence[Ints1d]): subword ids of each window. *Shape:* `(n_subwords,)` each
        limit (int): length beyond which no padding is added; see `batching.bucket_size`.
        RETURNS (tuple[Ints1d, list[int]]): ids, and the length of each window. *Shape:* `(n_rows,)`
        RAISES BertNerError: the encoder does not know a subword.
        """
        complete = self.add_special_subwords(windows)
        lengths = list(map(len, complete))
        padding = np.full(bucket_size(sum(lengths), limit) - sum(lengths), self.padding_id)
        return np.concatenate([*complete, padding]), lengths

    def add_special_subwords(self, windows: Sequence[Ints1d]) -> list[Ints1d]:
        """Add the special subwords before and after each window.

        windows (Sequence[Ints1d]): subword ids of each window. *Shape:* `(n_subwords,)` each
        RETURNS (list[Ints1d]): ids of each complete window. *Shape:* `(n_subwords + n_special,)` each
        RAISES BertNerError: the encoder does not know a subword.
        """
        complete = [np.concatenate([self.prefix_ids, window, self.suffix_ids]).astype(np.int64) for window in windows]
        max_id, n_known = max(map(int, map(np.max, complete))), self.n_known
        if max_id >= n_known:
            raise BertNerError(Errors.unknown_subword.format(name=self.name, subword=max_id, n=n_known))
        return complete
