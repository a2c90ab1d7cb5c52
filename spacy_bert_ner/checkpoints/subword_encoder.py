"""Encode texts as subword windows that fit a checkpoint's encoder."""

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
"""Alias for `transformers.PreTrainedModel` that avoids importing `transformers`."""


class SubwordEncoder:
    """A fast tokenizer that respects the window length and vocabulary size of an encoder.

    The batches are NumPy arrays. `Checkpoint` moves them to the model's device.

    model (PreTrainedModel): `torch` module that determines the number of positions and embeddings.
    tokenizer (Any): fast `transformers` tokenizer. Its truncation and padding are turned off.
    name (str): name of the checkpoint, for messages.
    RAISES CheckpointError: the tokenizer is slow, has no vocabulary or produces no subwords.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, name: str) -> None:
        if not tokenizer.is_fast:
            raise CheckpointError(slow_message(name, type(tokenizer).__name__, getattr(tokenizer, "init_kwargs", {})))
        # Without the tokenizer files, `transformers` 5 creates an empty tokenizer that knows no word.
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason="it has no vocabulary"))
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        # The checkpoint may set truncation and padding to a fixed length, but windows need neither.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        try:
            self.prefix_ids, self.suffix_ids = special_subwords(tokenizer.backend_tokenizer)
        except ValueError as e:
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason=e)) from e
        self.space_markers = space_markers(tokenizer.backend_tokenizer)
        """IDs of the subwords that consist of only a space marker."""

    @property
    def n_special(self) -> int:
        """Return the number of special subwords in each window."""
        return len(self.prefix_ids) + len(self.suffix_ids)

    @property
    def n_known(self) -> int:
        """Return the number of subwords for which the encoder has an embedding."""
        n_known: int = self.model.get_input_embeddings().weight.shape[0]
        return n_known

    @property
    def padding_id(self) -> int:
        """Return the ID of the tokenizer's padding subword, or 0 if the encoder has no embedding for it."""
        padding_id: int = self.tokenizer.pad_token_id or 0
        return padding_id if padding_id < self.n_known else 0

    @cached_property
    def max_window(self) -> int:
        """Return the maximum window length in subwords, including special subwords."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if not isinstance(positions, int) or positions < 1:
            # Without position embeddings, only the tokenizer can limit the length. A huge value means no limit.
            return int(min(self.tokenizer.model_max_length, 512))
        for name, module in self.model.named_modules():
            # In RoBERTa and related models, positions start after the padding position.
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                return positions - int(module.padding_idx) - 1
        return positions

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Split texts into subwords with character offsets, without adding special subwords or truncating.

        texts (Sequence[str]): texts of any length.
        RETURNS (list[Encoding]): the subwords of each text.
        RAISES BertNerError: the tokenizer fails on a text.
        """
        encoded = encode(self.tokenizer, texts, self.name)
        return [
            Encoding(ids, np.array(e.offsets, dtype=np.int64).reshape(-1, 2), lone_markers(ids, e, self.space_markers))
            for e, ids in ((e, np.array(e.ids, dtype=np.int64)) for e in encoded)
        ]

    def pad(self, windows: Sequence[Ints1d], multiple: int = 1) -> tuple[Ints2d, Ints2d]:
        """Add special subwords to each window and pad all windows to the same length.

        windows (Sequence[Ints1d]): subword IDs of each window. *Shape:* `(n_subwords,)` each
        multiple (int): round the padded length up to a multiple of this number, but not above `max_window`. Default: 1.
        RETURNS (tuple[Ints2d, Ints2d]): subword IDs and attention mask. *Shape:* `(n_windows, longest)` each
        RAISES BertNerError: the encoder has no embedding for a subword.
        """
        complete = self.add_special_subwords(windows)
        longest = max(map(len, complete))
        longest = max(longest, min(-(-longest // multiple) * multiple, self.max_window))
        return pad_windows(complete, self.padding_id, longest)

    def pack(self, windows: Sequence[Ints1d], limit: int) -> tuple[Ints1d, list[int]]:
        """Add special subwords to each window and concatenate the windows, with padding only at the end.

        windows (Sequence[Ints1d]): subword IDs of each window. *Shape:* `(n_subwords,)` each
        limit (int): maximum number of subwords after padding. A batch that already exceeds it is not padded; see
            `batching.bucket_size`.
        RETURNS (tuple[Ints1d, list[int]]): subword IDs, *Shape:* `(n_rows,)`, and the length of each window.
        RAISES BertNerError: the encoder has no embedding for a subword.
        """
        complete = self.add_special_subwords(windows)
        lengths = list(map(len, complete))
        padding = np.full(bucket_size(sum(lengths), limit) - sum(lengths), self.padding_id)
        return np.concatenate([*complete, padding]), lengths

    def add_special_subwords(self, windows: Sequence[Ints1d]) -> list[Ints1d]:
        """Add the special subwords before and after each window.

        windows (Sequence[Ints1d]): subword IDs of each window. *Shape:* `(n_subwords,)` each
        RETURNS (list[Ints1d]): subword IDs of each complete window. *Shape:* `(n_subwords + n_special,)` each
        RAISES BertNerError: the encoder has no embedding for a subword.
        """
        complete = [np.concatenate([self.prefix_ids, window, self.suffix_ids]).astype(np.int64) for window in windows]
        max_id, n_known = max(map(int, map(np.max, complete))), self.n_known
        if max_id >= n_known:
            raise BertNerError(Errors.unknown_subword.format(name=self.name, subword=max_id, n=n_known))
        return complete
