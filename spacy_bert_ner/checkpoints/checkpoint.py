"""A Hugging Face token-classification checkpoint: open, save, tokenize, forward.

The only module that imports model and tokenizer classes of transformers. Weights are safetensors, never pickles, and
code that a checkpoint brings is never run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..decoding.label_rules import ALL_LABELS, LabelRules
from ..decoding.tag_scheme import TagSet, build_tag_set, resolve_scheme, tags_of_label
from ..errors import BertNerError, CheckpointError, Errors, TagError
from ..nn.batch_invariance import make_batch_invariant, model_inputs
from ..nn.fast_dropout import set_dropout, use_fast_dropout
from ..nn.gradient_accumulation import AllReduce, GradientAccumulator
from ..nn.padding_free import PaddingFreeForward
from ..nn.parameter_depth import ParameterDepth, checkpoint_activations, freeze, parameter_depths
from ..nn.sparse_embedding_grad import SparseEmbeddingGrad
from ..tokenization.batching import bucket_size, pad_windows
from ..tokenization.case_markers import add_case_markers as put_case_marks
from ..tokenization.special_subwords import lone_markers, space_markers, special_subwords
from ..types import Encoding, Ints1d
from ..util.atomic_io import atomic_folder
from ..util.multiprocess import limit_threads_after_fork
from .hub import locate_checkpoint
from .loading import (
    LOCAL,
    check_weights,
    longest_window,
    may_have_tags,
    padding_of,
    rename_tokenizer,
    resolve_head,
    scheme_in,
    tags_of,
    translate_load_errors,
    write_tags,
)
from .safety import reject_oversized_config
from .slow_tokenizers import slow_message
from .surgery import layers_to_reset, reinit_head, resize_embeddings, resize_head
from .surgery import reinit_layers as put_new_layers
from .tokenizer_loading import encode, open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast
    from typing_extensions import Self


class Checkpoint:
    """A token-classification model with its fast tokenizer.

    model: the torch module, in float32.
    tokenizer: the fast tokenizer that is saved with it.
    """

    can_train = True
    padding_free: PaddingFreeForward | None = (
        None  # what predicts in the place of `forward`, where there is such a thing
    )
    compiled_forward: Callable[..., torch.Tensor] | None = None  # `forward` as torch has compiled it, where it is to

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, name: str, commit: str | None = None
    ) -> None:
        if not tokenizer.is_fast:
            raise CheckpointError(slow_message(name, type(tokenizer).__name__, getattr(tokenizer, "init_kwargs", {})))
        # Without its files, transformers 5 makes a tokenizer that knows nothing, and takes every word for unknown.
        if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason="it has no vocabulary"))
        self.model = make_batch_invariant(model.float().eval(), name)
        use_fast_dropout(self.model)
        self.tokenizer = tokenizer
        self.name = name
        self.commit = commit
        """Of the repository on the Hub that was opened."""
        self.owner_pid = os.getpid()  # the process that put the weights where they are
        # Beside the gradients that it counts: a copy, which has none, begins anew, as does what comes next.
        self.accumulator = GradientAccumulator()
        self.embedding_grad = SparseEmbeddingGrad()
        self.scaler: torch.amp.GradScaler | None = None
        """For training in float16."""
        self._frozen_layers, self._is_checkpointing = 0, False
        # A checkpoint may carry truncation and padding to a fixed length; windows need neither.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        try:
            self.prefix_ids, self.suffix_ids = special_subwords(tokenizer.backend_tokenizer)
        except ValueError as e:
            raise CheckpointError(Errors.no_tokenizer.format(name=name, reason=e)) from e
        self.space_markers = space_markers(tokenizer.backend_tokenizer)
        """Ids of the subwords that are a space marker alone."""

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        labels: Collection[str] | None = None,
        added: Collection[str] = (),
        tag_scheme: str | None = None,
        tag_map: Mapping[str, str] | None = None,
        mark_case: bool = False,
        reset_layers: int | str = 0,
        frozen_layers: int = 0,
        label_rules: LabelRules = ALL_LABELS,
        local_files_only: bool = False,
    ) -> Self:
        """Open a folder or a repository on the Hub.

        name (str | Path): folder, or name on the Hub.
        revision (str | None): commit, branch or tag on the Hub; not allowed for a folder.
        labels (Collection[str] | None): labels to train; None for those of the trained head, which there must be then.
        added (Collection[str]): more of them, whose rows can be added. The trained head stays if it has all labels but
            these. Else a new one, with random weights from torch's generator, takes its place; a warning tells of it.
        tag_scheme (str | None): the scheme of the head's tags, a key of `tag_scheme.PREFIXES`; overrides what its tags
            and its `config.json` tell. A new head is written in it; None for IOB2 there.
        tag_map (Mapping[str, str] | None): for some tags of `id2label` those that they stand for, and that take their
            place there. Several may stand for the same.
        mark_case (bool): where there is something to train, a tokenizer that lower-cases gets marks for capital
            letters, see `case_markers.add_case_markers`, and the encoder an embedding for each, with random weights.
        reset_layers (int | str): so many of the encoder's layers, from the highest, get random weights beside a new
            head; "auto": the highest one of an encoder, none of a fine-tuned checkpoint. A warning tells of a number
            that resets layers of a fine-tuned checkpoint.
        frozen_layers (int): so many of the lowest are not trained; see `prepare_training`.
        label_rules (LabelRules): new names of the labels of a trained head; `labels` and `added` are new ones.
        local_files_only (bool): never ask the Hub.
        RETURNS (Checkpoint): the model in float32 on the CPU.
        RAISES CheckpointError: it cannot be found or opened, or its tags are of no scheme. EncoderError: it has no
            trained head, and there are no labels for a new one. ConfigError: `tag_scheme`, `tag_map` or `revision` does
            not fit.
        """
        from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

        name = str(name)
        limit_threads_after_fork()
        with _quiet():
            with translate_load_errors(name, Errors.checkpoint_damaged, revision):
                source = locate_checkpoint(name, revision=revision, local_files_only=local_files_only)
                config = AutoConfig.from_pretrained(source.folder, **LOCAL)
                config.name_or_path = name  # else the path in the cache would be saved with it
                tags, new_head = resolve_head(config, name, labels, added, tag_scheme, tag_map, label_rules)
                write_tags(config, tags.tags)
            # With nothing to train, `B-` and `I-` stay what they are: IOB1 or IOB2.
            is_to_train = bool(labels) or new_head
            if is_to_train or tag_scheme:
                config.tag_scheme = resolve_scheme(tags.scheme)
            with translate_load_errors(name, Errors.checkpoint_damaged):
                source.fetch(
                    partial(reject_oversized_config, name, config, AutoModelForTokenClassification.from_config)
                )
                model, report = AutoModelForTokenClassification.from_pretrained(
                    source.folder,
                    config=config,
                    use_safetensors=True,
                    ignore_mismatched_sizes=True,
                    output_loading_info=True,
                    **LOCAL,
                )
            is_old, has_head = check_weights(
                name, model, report, source.folder, is_new=new_head, is_to_train=is_to_train
            )
            tokenizer = open_tokenizer(AutoTokenizer, name, source.folder)
        if new_head and is_old:
            reinit_head(model)
        if new_head:
            is_tagger = has_head and may_have_tags(config)
            n_reset = layers_to_reset(reset_layers, model, frozen_layers, name=name, is_tagger=is_tagger)
            put_new_layers(model, n_reset)
        with translate_load_errors(name, Errors.no_tokenizer):
            is_marked = mark_case and is_to_train and tokenizer.is_fast
            return cls(model, _with_case_marks(model, tokenizer) if is_marked else tokenizer, name, source.commit)

    @classmethod
    def load_tokenizer_only(
        cls, name: str | Path, *, local_files_only: bool = False, reads_weights: bool = True
    ) -> Self:
        """Open a folder or a repository on the Hub for its tokenizer and its windows; nothing goes through the model.

        name (str | Path): folder, or name on the Hub, of a token classifier or any other encoder; others: see `find`.
        RAISES CheckpointError: it cannot be found or opened.
        """
        from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

        name = str(name)
        with _quiet(), translate_load_errors(name, Errors.checkpoint_damaged):
            source = locate_checkpoint(name, local_files_only=local_files_only, reads_weights=reads_weights)
            config = AutoConfig.from_pretrained(source.folder, **LOCAL)
            with torch.device("meta"):
                model = AutoModelForTokenClassification.from_config(config)
        with _quiet(), translate_load_errors(name, Errors.no_tokenizer):
            return cls(model, open_tokenizer(AutoTokenizer, name, source.folder), name)

    def save(self, folder: Path) -> None:
        """Write `config.json`, `model.safetensors` and the tokenizer's files, all of them or none."""
        with atomic_folder(folder) as temporary, _quiet():
            self.model.save_pretrained(temporary)
            self.save_tokenizer(temporary)

    def save_tokenizer(self, folder: Path) -> None:
        """Write the tokenizer's files."""
        self.tokenizer.save_pretrained(folder)
        rename_tokenizer(folder / "tokenizer_config.json")

    @classmethod
    def from_folder(cls, folder: str | Path, *, tag_scheme: str | None = None) -> Self:
        """Open what `save` wrote; never asks the network. See `open`."""
        return cls.from_pretrained(folder, tag_scheme=tag_scheme, local_files_only=True)

    def to_files(self) -> dict[str, bytes]:
        """The files that `save` writes, by name."""
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save(folder)
            return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    @classmethod
    def from_files(cls, files: dict[str, bytes], name: str) -> Self:
        """The inverse of `to_files`."""
        with tempfile.TemporaryDirectory() as temporary:
            for file_name, content in files.items():
                (Path(temporary) / Path(file_name).name).write_bytes(content)
            checkpoint = cls.from_folder(temporary)
        checkpoint.name = name
        return checkpoint

    def accumulate(self, weight: float) -> float:
        """Count the rows of a batch whose gradient is added; see `token_classifier.gather`."""
        return self.accumulator.add_batch(weight)

    def normalize(self) -> float:
        """What the gradients gathered since the last step have to be multiplied by; the count begins anew."""
        return self.accumulator.pop_scale()

    def all_reduce(self, add_up: AllReduce) -> None:
        """Make these gradients, and the count of their rows, those of all workers; see `GradientAccumulator.share`."""
        self.accumulator.all_reduce([param for param in self.model.parameters() if param.requires_grad], add_up)

    @property
    def device(self) -> torch.device:
        """Where batches have to be."""
        device: torch.device = self.model.device
        return device

    def to(self, device: str | torch.device) -> None:
        """Move the weights."""
        self.model.to(device)
        self.owner_pid = os.getpid()

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        """Pickled and copied by its files, so that no torch pickle is in it and nothing of a training step comes along:
        no gradient, no dropout, no training mode."""
        return _copy, (self.to_files(), self.name, str(self.model.device))

    @property
    def tags(self) -> TagSet:
        """The tag of each column of the head, from `id2label`: the one source for the tag order. Where columns have
        the same one, `merged_tags.merge_equal` makes them one."""
        return build_tag_set(tags_of(self.model.config), scheme_in(self.model.config))

    def rename_labels(self, label_rules: LabelRules) -> None:
        """Give the labels of the head other names; see `LabelRules.rename_tags`.

        RAISES TagError: no label is left.
        """
        if label_rules:
            write_tags(self.model.config, label_rules.rename_tags(self.tags))

    def add_labels(self, labels: Sequence[str]) -> None:
        """Give the head the tags of more labels. Their rows come last, with random weights from torch's generator;
        those that are there stay as they are.

        RAISES TagError: its tags do not go with those of the head.
        """
        if not labels:
            return
        config = self.model.config
        old = self.tags
        tags = (*old.tags, *(tag for label in dict.fromkeys(labels) for tag in tags_of_label(label, old.scheme)))
        try:
            build_tag_set(tags, scheme_in(config))
        except TagError as e:
            message = Errors.label_of_another_scheme.format(
                label=labels[0], name=self.name, scheme=old.scheme, reason=e
            )
            raise TagError(message) from e
        resize_head(self.model, len(old.tags), len(tags))
        write_tags(config, tags)

    @cached_property
    def parameter_depths(self) -> dict[str, ParameterDepth]:
        """Where each parameter lies, by its name; a head that grows keeps its names."""
        return parameter_depths([name for name, _ in self.model.named_parameters()], self.model.base_model_prefix)

    @property
    def n_layers(self) -> int:
        """Of the encoder, from the lowest to the highest; 0 where they cannot be told apart."""
        return next(iter(self.parameter_depths.values())).n_layers

    def configure_training(self, frozen_layers: int, gradient_checkpointing: bool) -> None:
        """Choose what is trained, and whether layers are computed again on the way back, to keep less in memory.

        frozen_layers (int): the lowest so many layers of the encoder, and the embeddings, get no gradient; 0 for none.
        RAISES ConfigError: the encoder has fewer layers, or cannot compute them again.
        """
        if frozen_layers != self._frozen_layers:
            freeze(self.model, self.parameter_depths, frozen_layers, self.name)
            self._frozen_layers = frozen_layers
        # See `SparseEmbeddingGrad`; other devices make zeros faster than they sort rows.
        self.model.get_input_embeddings().sparse = self.model.device.type == "cpu"
        if gradient_checkpointing != self._is_checkpointing:
            checkpoint_activations(self.model, gradient_checkpointing, self.name)
            self._is_checkpointing = gradient_checkpointing

    @property
    def n_special(self) -> int:
        """Special subwords in every window."""
        return len(self.prefix_ids) + len(self.suffix_ids)

    @cached_property
    def max_window(self) -> int:
        """The most subwords, special ones included, that go through the encoder at once."""
        return longest_window(self.model, self.tokenizer)

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Subwords of each text with character offsets, without special subwords and never truncated."""
        encoded = encode(self.tokenizer, texts, self.name)
        return [
            Encoding(ids, np.array(e.offsets, dtype=np.int64).reshape(-1, 2), lone_markers(ids, e, self.space_markers))
            for e, ids in ((e, np.array(e.ids, dtype=np.int64)) for e in encoded)
        ]

    def pad(self, windows: Sequence[Ints1d], multiple: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Add special subwords to each window and pad to the longest.

        windows: subword ids of each. *Shape:* `(n,)` each
        multiple (int): pad on, to a multiple of this, where the encoder has the positions.
        RETURNS: ids and attention mask, on the model's device. *Shape:* `(n_windows, longest)` each
        RAISES BertNerError: the encoder does not know a subword.
        """
        framed = self._frame(windows)
        longest = max(map(len, framed))
        longest = max(longest, min(-(-longest // multiple) * multiple, self.max_window))
        ids, mask = pad_windows(framed, padding_of(self.model, self.tokenizer), longest)
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)

    def pack(self, windows: Sequence[Ints1d], limit: int) -> tuple[torch.Tensor, list[int]]:
        """The same, but that windows lie one after the other, with padding at the end alone.

        limit (int): beyond which nothing is padded; see `batching.bucket_size`.
        RETURNS: ids `(n_rows,)`, and the length of each window.
        """
        framed = self._frame(windows)
        lengths = list(map(len, framed))
        padding = np.full(bucket_size(sum(lengths), limit) - sum(lengths), padding_of(self.model, self.tokenizer))
        return torch.from_numpy(np.concatenate([*framed, padding])), lengths

    def _frame(self, windows: Sequence[Ints1d]) -> list[Ints1d]:
        framed = [np.concatenate([self.prefix_ids, window, self.suffix_ids]).astype(np.int64) for window in windows]
        most, n_known = max(map(int, map(np.max, framed))), self.model.get_input_embeddings().weight.shape[0]
        if most >= n_known:
            raise BertNerError(Errors.unknown_subword.format(name=self.name, subword=most, n=n_known))
        return framed

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Tag logits of a padded batch. *Shape:* `(n_windows, longest)` → `(n_windows, longest, n_tags)`"""
        logits: torch.Tensor = self.model(**model_inputs(self.model, ids, mask)).logits
        return logits

    def set_dropout(self, rate: float) -> None:
        """Give every dropout in the encoder and the head the same rate."""
        set_dropout(self.model, float(rate))


def _copy(files: dict[str, bytes], name: str, device: str) -> Checkpoint:
    checkpoint = Checkpoint.from_files(files, name)
    checkpoint.to(device)
    return checkpoint


def _with_case_marks(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A tokenizer that marks capital letters, where this one would drop them, and embeddings for the marks."""
    from transformers import PreTrainedTokenizerFast

    backend = tokenizer.backend_tokenizer
    if not put_case_marks(backend):
        return tokenizer
    resize_embeddings(model, 1 + max(backend.get_vocab().values()))
    # The new tokenizer would write them into its config; `__init__` comes too late for that.
    backend.no_truncation()
    backend.no_padding()
    # No longer of BERT's own class, which makes its normalizer anew whenever it is opened.
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


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
