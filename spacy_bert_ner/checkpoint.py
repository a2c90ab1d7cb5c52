"""A Hugging Face token-classification checkpoint: open, save, tokenize, forward.

The only module that imports model and tokenizer classes of transformers. Weights are safetensors, never pickles, and
code that a checkpoint brings is never run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from safetensors import SafetensorError

from .errors import BertNerError, CheckpointError, EncoderError, Errors
from .files import whole_folder
from .tags import is_iob, labels_of_tags, tags_of_labels
from .types import Encoding, Ints1d

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

TAG_SCHEME = "IOB2"
"""What `config.json` says under `tag_scheme` once a head has been trained here, where every entity begins with `B-`."""

_FLOAT_DROPOUTS = ("attention_dropout", "activation_dropout", "dropout", "drop_prob", "dropout_prob")
"""Attributes in which modules keep a dropout rate that they hand to a function."""


class Checkpoint:
    """A token-classification model with its fast tokenizer.

    model: the torch module, in float32.
    tokenizer: the fast tokenizer that is saved with it.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, name: str) -> None:
        if not tokenizer.is_fast:
            raise CheckpointError(Errors.slow_tokenizer.format(name=name, cls=type(tokenizer).__name__))
        self.model = model.float().eval()
        self.tokenizer = tokenizer
        self.name = name
        # A checkpoint may carry truncation and padding to a fixed length; windows need neither.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        special = self.tokenizer.backend_tokenizer.encode("a", add_special_tokens=True)
        text = np.flatnonzero(np.array(special.special_tokens_mask) == 0)
        self.before: list[int] = special.ids[: text[0]]
        """Special subwords before the text, such as `[CLS]`."""
        self.after: list[int] = special.ids[text[-1] + 1 :]
        """Special subwords after the text, such as `[SEP]`."""

    @classmethod
    def open(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        labels: Sequence[str] | None = None,
        local_files_only: bool = False,
    ) -> Checkpoint:
        """Open a folder or a repository on the Hub.

        name (str | Path): folder, or name on the Hub.
        revision (str | None): commit, branch or tag on the Hub; without effect on a folder.
        labels (Sequence[str] | None): labels to train. The trained head stays if it has all of them; else a new one,
            with random weights from torch's generator, takes its place. Without labels there must be a trained head.
        local_files_only (bool): never ask the Hub.
        RETURNS (Checkpoint): the model in float32 on the CPU.
        RAISES CheckpointError: it cannot be found or opened. EncoderError: it has no trained head where one is needed.
        """
        from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

        options: dict[str, Any] = {
            "revision": revision or "main",
            "local_files_only": local_files_only or Path(name).is_dir(),
            "trust_remote_code": False,
        }
        with _quiet():
            try:
                config = AutoConfig.from_pretrained(str(name), **options)
                tags = tuple(config.id2label[i] for i in range(config.num_labels))
                architectures = config.architectures or ()
                classifies = any(a.endswith("ForTokenClassification") for a in architectures)
                has_head = classifies and is_iob(tags)
                if labels is None and classifies and not has_head:
                    raise CheckpointError(Errors.tags_without_prefix.format(name=name, tags=", ".join(tags)))
                if labels is None and not has_head:
                    raise EncoderError(Errors.checkpoint_is_encoder.format(name=name, tags=", ".join(tags)))
                new_head = labels is not None and not (has_head and set(labels) <= set(labels_of_tags(tags)))
                if new_head:
                    tags = tags_of_labels(labels or ())
                config.num_labels = len(tags)
                config.id2label = dict(enumerate(tags))
                config.label2id = {tag: i for i, tag in enumerate(tags)}
                if labels is not None:
                    config.tag_scheme = TAG_SCHEME
                model = AutoModelForTokenClassification.from_pretrained(
                    str(name), config=config, use_safetensors=True, ignore_mismatched_sizes=new_head, **options
                )
                tokenizer = AutoTokenizer.from_pretrained(str(name), use_fast=True, **options)
            except BertNerError:
                raise
            except (OSError, ValueError, KeyError, SafetensorError) as e:
                raise CheckpointError(Errors.checkpoint_missing.format(name=name, reason=e)) from e
        if new_head and any("For" in a for a in architectures):
            _reset_head(model)
        return cls(model, cast("PreTrainedTokenizerFast", tokenizer), str(name))

    def save(self, folder: Path) -> None:
        """Write `config.json`, `model.safetensors` and the tokenizer's files, all of them or none."""
        with whole_folder(folder) as temporary, _quiet():
            self.model.save_pretrained(temporary)
            self.tokenizer.save_pretrained(temporary)

    def to_files(self) -> dict[str, bytes]:
        """The files that `save` writes, by name."""
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save(folder)
            return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    @classmethod
    def from_files(cls, files: dict[str, bytes], name: str) -> Checkpoint:
        """The inverse of `to_files`."""
        with tempfile.TemporaryDirectory() as temporary:
            for file_name, content in files.items():
                (Path(temporary) / Path(file_name).name).write_bytes(content)
            checkpoint = cls.open(temporary, local_files_only=True)
        checkpoint.name = name
        return checkpoint

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag of each column of the logits: the one source for the tag order."""
        id2label: dict[int, str] = self.model.config.id2label
        return tuple(id2label[i] for i in range(len(id2label)))

    @property
    def is_iob2(self) -> bool:
        """Whether every entity is known to begin with a `B-` tag. Of a head that was trained elsewhere it is not: in
        IOB1 an entity begins with `I-`, unless it follows another of its label."""
        return getattr(self.model.config, "tag_scheme", None) == TAG_SCHEME

    @property
    def n_special(self) -> int:
        """Special subwords in every window."""
        return len(self.before) + len(self.after)

    @property
    def max_window(self) -> int:
        """The most subwords, special ones included, that go through the encoder at once."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        if not isinstance(positions, int) or positions < 1:
            # Without position embeddings only the tokenizer has a limit, which is astronomic where it has none either.
            return int(min(self.tokenizer.model_max_length, 512))
        for name, module in self.model.named_modules():
            # RoBERTa and its relatives count positions from behind that of padding.
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                return positions - int(module.padding_idx) - 1
        return positions

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Subwords of each text with character offsets, without special subwords and never truncated."""
        encoded = self.tokenizer.backend_tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            Encoding(np.array(e.ids, dtype=np.int64), np.array(e.offsets, dtype=np.int64).reshape(-1, 2))
            for e in encoded
        ]

    def pad(self, windows: Sequence[Ints1d]) -> tuple[torch.Tensor, torch.Tensor]:
        """Add special subwords to each window and pad to the longest.

        windows: subword ids of each. *Shape:* `(n,)` each
        RETURNS: ids and attention mask, on the model's device. *Shape:* `(n_windows, longest)` each
        """
        longest = max(map(len, windows)) + self.n_special
        ids = np.full((len(windows), longest), self.tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            begin, end = len(self.before), len(self.before) + len(window)
            ids[row, :begin] = self.before
            ids[row, begin:end] = window
            ids[row, end : end + len(self.after)] = self.after
            mask[row, : end + len(self.after)] = 1
        device = self.model.device
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Tag logits of a padded batch. *Shape:* `(n_windows, longest)` → `(n_windows, longest, n_tags)`"""
        logits: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return logits

    def set_dropout(self, rate: float) -> None:
        """Give every dropout in the encoder and the head the same rate."""
        rate = float(rate)
        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = rate
            for attribute in _FLOAT_DROPOUTS:
                if isinstance(getattr(module, attribute, None), float):
                    setattr(module, attribute, rate)


def _reset_head(model: PreTrainedModel) -> None:
    """Fresh random weights for a trained head that stands for other tags, even where its size fits."""
    for name, child in model.named_children():
        if name == model.base_model_prefix:
            continue
        for module in child.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=getattr(model.config, "initializer_range", 0.02))
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' reports about new heads and unused poolers, and its progress bars: we say what matters."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
