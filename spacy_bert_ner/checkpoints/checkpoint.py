"""Load, run and save a Hugging Face checkpoint for token classification.

Only this module imports the model and tokenizer classes of `transformers`. Weights are loaded only from safetensors
files, never from pickles. Code in a checkpoint is never run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..decoding.label_rules import ALL_LABELS, LabelRules
from ..decoding.tag_scheme import TagSet, build_tag_set, resolve_scheme, tags_of_label
from ..errors import Errors, TagError
from ..nn.batch_invariance import make_batch_invariant, model_inputs
from ..nn.fast_dropout import set_dropout, use_fast_dropout
from ..nn.padding_free import PaddingFreeForward
from ..nn.parameter_depth import ParameterDepth, checkpoint_activations, freeze, parameter_depths
from ..tokenization.case_markers import add_case_markers
from ..types import Encoding, Ints1d
from ..util.atomic_io import atomic_folder
from ..util.multiprocess import limit_threads_after_fork
from .hub import locate_checkpoint
from .loading import (
    LOCAL,
    check_weights,
    may_have_tags,
    rename_tokenizer,
    resolve_head,
    scheme_in,
    tags_of,
    translate_load_errors,
    write_tags,
)
from .resizing import layers_to_reset, reinit_head, reinit_layers, resize_embeddings, resize_head
from .safety import reject_oversized_config
from .subword_encoder import SubwordEncoder
from .tokenizer_loading import open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast
    from typing_extensions import Self


class Checkpoint:
    """A token-classification model with its fast tokenizer.

    model (PreTrainedModel): `torch` module. It is converted to float32 and set to evaluation mode.
    tokenizer (PreTrainedTokenizerFast): fast tokenizer.
    name (str): folder or Hub name of the checkpoint, for messages.
    commit (str | None): commit that was loaded from the Hub; None for a folder.
    RAISES CheckpointError: the tokenizer or the architecture is not supported.
    """

    can_train = True
    averages_gradients = True
    """Whether a training step uses the mean of the gradients over all rows instead of their sum."""
    padding_free: PaddingFreeForward | None = None
    """Padding-free forward pass that replaces `forward` in prediction; None if the runtime provides none."""
    compiled_forward: Callable[..., torch.Tensor] | None = None
    """Compiled `forward` that replaces `forward` in prediction; None if the runtime does not compile."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, name: str, commit: str | None = None
    ) -> None:
        self.subword_encoder = SubwordEncoder(model, tokenizer, name)
        self.model = make_batch_invariant(model.float().eval(), name)
        use_fast_dropout(self.model)
        self.name = name
        self.commit = commit
        self.owner_pid = os.getpid()
        """ID of the process that moved the weights to their device."""
        self._frozen_layers, self._is_checkpointing = 0, False

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
        """Load a checkpoint from a folder or from the Hub.

        name (str | Path): folder or Hub name of the checkpoint.
        revision (str | None): commit, branch or tag on the Hub. None (default) selects the main branch. It must be None
            for a folder.
        labels (Collection[str] | None): labels to train. None keeps the labels of the trained head and requires that
            the checkpoint has such a head.
        added (Collection[str]): further labels that can be appended to a trained head. The trained head is kept if it
            has all `labels` that are not in `added`. Otherwise, a warning is issued, and a randomly initialised head
            replaces the trained one. The new weights come from the `torch` random number generator.
        tag_scheme (str | None): tag scheme of the head, a key of `tag_scheme.PREFIXES`. It overrides the scheme that is
            inferred from the tags or given in `config.json`. None infers the scheme of a trained head and uses IOB2 for
            a new head.
        tag_map (Mapping[str, str] | None): replacements for some tags in `id2label`. Several tags may have the same
            replacement.
        mark_case (bool): whether to add markers for capital letters to a lower-casing tokenizer if the checkpoint will
            be trained; see `case_markers.add_case_markers`. The encoder gets a randomly initialised embedding for
            each marker.
        reset_layers (int | str): how many of the top encoder layers to initialise randomly together with a new
            head. "auto" resets the top layer of an encoder and no layer of a fine-tuned checkpoint. Resetting
            layers of a fine-tuned checkpoint causes a warning.
        frozen_layers (int): how many of the lowest encoder layers are not trained; see `configure_training`.
        label_rules (LabelRules): rules that rename the labels of a trained head. `labels` and `added` contain the new
            names.
        local_files_only (bool): whether to use only local files and never contact the Hub.
        RETURNS (Checkpoint): the checkpoint, with the model in float32 on the CPU.
        RAISES CheckpointError: the checkpoint cannot be found or loaded, or its tags follow no scheme.
            EncoderError: the checkpoint has no trained head, and no labels are given for a new one.
            ConfigError: `tag_scheme`, `tag_map` or `revision` does not fit the checkpoint.
        """
        from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

        name = str(name)
        limit_threads_after_fork()
        with _quiet():
            with translate_load_errors(name, Errors.checkpoint_damaged, revision):
                source = locate_checkpoint(name, revision=revision, local_files_only=local_files_only)
                config = AutoConfig.from_pretrained(source.folder, **LOCAL)
                config.name_or_path = name  # Otherwise, the cache path would be saved.
                tags, new_head = resolve_head(config, name, labels, added, tag_scheme, tag_map, label_rules)
                write_tags(config, tags.tags)
            # Without training, a head with `B-` and `I-` tags may follow either IOB1 or IOB2.
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
            head_has_old_weights, file_has_head = check_weights(
                name, model, report, source.folder, is_new=new_head, is_to_train=is_to_train
            )
            tokenizer = open_tokenizer(AutoTokenizer, name, source.folder)
        if new_head and head_has_old_weights:
            reinit_head(model)
        if new_head:
            is_tagger = file_has_head and may_have_tags(config)
            n_reset = layers_to_reset(reset_layers, model, frozen_layers, name=name, is_tagger=is_tagger)
            reinit_layers(model, n_reset)
        with translate_load_errors(name, Errors.no_tokenizer):
            if mark_case and is_to_train and tokenizer.is_fast:
                tokenizer = _with_case_markers(model, tokenizer)
            return cls(model, tokenizer, name, source.commit)

    @classmethod
    def load_tokenizer_only(
        cls, name: str | Path, *, local_files_only: bool = False, reads_weights: bool = True
    ) -> Self:
        """Load a checkpoint without its weights, to tokenize texts and determine the maximum window length.

        The model has no weight data and cannot be run.

        name (str | Path): folder or Hub name of a token classifier or another encoder.
        local_files_only, reads_weights (bool): see `hub.locate_checkpoint`.
        RETURNS (Checkpoint): the checkpoint, with its model on the "meta" device.
        RAISES CheckpointError: the checkpoint cannot be found or loaded.
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
        """Write `config.json`, `model.safetensors` and the tokenizer files to a folder atomically.

        folder (Path): path of the folder to write.
        """
        with atomic_folder(folder) as temporary, _quiet():
            self.model.save_pretrained(temporary)
            self.save_tokenizer(temporary)

    def save_tokenizer(self, folder: Path) -> None:
        """Write the tokenizer files to a folder."""
        self.tokenizer.save_pretrained(folder)
        rename_tokenizer(folder / "tokenizer_config.json")

    @classmethod
    def from_folder(cls, folder: str | Path, *, tag_scheme: str | None = None) -> Self:
        """Load a checkpoint that `save` wrote, without accessing the network; see `from_pretrained`."""
        return cls.from_pretrained(folder, tag_scheme=tag_scheme, local_files_only=True)

    def to_files(self) -> dict[str, bytes]:
        """Return the content of each file that `save` writes, by file name."""
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save(folder)
            return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    @classmethod
    def from_files(cls, files: dict[str, bytes], name: str) -> Self:
        """Load a checkpoint from the files that `to_files` returned."""
        with tempfile.TemporaryDirectory() as temporary:
            for file_name, content in files.items():
                (Path(temporary) / Path(file_name).name).write_bytes(content)
            checkpoint = cls.from_folder(temporary)
        checkpoint.name = checkpoint.subword_encoder.name = name
        return checkpoint

    @property
    def device(self) -> torch.device:
        """Return the device of the weights. Batches must be on the same device."""
        device: torch.device = self.model.device
        return device

    def to(self, device: str | torch.device) -> None:
        """Move the weights to a device."""
        self.model.to(device)
        self.owner_pid = os.getpid()

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        """When the checkpoint is pickled or copied, serialize it with `to_files`.

        A pickle thus contains no `torch` pickle and no training state such as gradients, dropout rates or the training
        mode.
        """
        return _copy, (self.to_files(), self.name, str(self.model.device))

    @property
    def tags(self) -> TagSet:
        """Return the tag set of the head, in the column order that `id2label` defines.

        Several columns may have the same tag; `merged_tags.merge_equal` merges them.
        """
        return build_tag_set(tags_of(self.model.config), scheme_in(self.model.config))

    def rename_labels(self, label_rules: LabelRules) -> None:
        """Rename the labels of the head; see `LabelRules.rename_tags`.

        label_rules (LabelRules): rules that rename labels.
        RAISES TagError: the rules keep no label, or the new tags follow no scheme.
        """
        if label_rules:
            write_tags(self.model.config, label_rules.rename_tags(self.tags))

    def add_labels(self, labels: Sequence[str]) -> None:
        """Append the tags of new labels to the head.

        The new rows get random weights from the `torch` random number generator. Existing rows keep their weights.

        labels (Sequence[str]): labels to add.
        RAISES TagError: the new tags do not fit the head's scheme.
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
        """Return the depth of each model parameter, by parameter name. Resizing the head does not change the names."""
        return parameter_depths([name for name, _ in self.model.named_parameters()], self.model.base_model_prefix)

    @property
    def n_layers(self) -> int:
        """Return the number of encoder layers, or 0 if they cannot be identified."""
        return next(iter(self.parameter_depths.values())).n_layers

    def configure_training(self, frozen_layers: int, gradient_checkpointing: bool) -> None:
        """Set which layers are trained and whether activations are recomputed to save memory.

        frozen_layers (int): how many of the lowest encoder layers get no gradient. If the number is above 0, the
            embeddings get no gradient either. 0 trains all layers.
        gradient_checkpointing (bool): whether activations are recomputed in the backward pass.
        RAISES ConfigError: the encoder has fewer than `frozen_layers` layers, or does not support gradient
            checkpointing.
        """
        if frozen_layers != self._frozen_layers:
            freeze(self.model, self.parameter_depths, frozen_layers, self.name)
            self._frozen_layers = frozen_layers
        # See `SparseEmbeddingGrad`. On other devices, filling a dense gradient with zeros is faster than sorting rows.
        self.model.get_input_embeddings().sparse = self.model.device.type == "cpu"
        if gradient_checkpointing != self._is_checkpointing:
            checkpoint_activations(self.model, gradient_checkpointing, self.name)
            self._is_checkpointing = gradient_checkpointing

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """Return the fast tokenizer that is saved with the model."""
        tokenizer: PreTrainedTokenizerFast = self.subword_encoder.tokenizer
        return tokenizer

    @property
    def prefix_ids(self) -> list[int]:
        """Return the IDs of the special subwords before each window."""
        return self.subword_encoder.prefix_ids

    @property
    def suffix_ids(self) -> list[int]:
        """Return the IDs of the special subwords after each window."""
        return self.subword_encoder.suffix_ids

    @property
    def n_special(self) -> int:
        """Return the number of special subwords in each window."""
        return self.subword_encoder.n_special

    @property
    def max_window(self) -> int:
        """Return the maximum window length in subwords, including special subwords."""
        return self.subword_encoder.max_window

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Split texts into subwords with character offsets; see `SubwordEncoder.tokenize`."""
        return self.subword_encoder.tokenize(texts)

    def pad(self, windows: Sequence[Ints1d], multiple: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Make a padded batch on the model's device; see `SubwordEncoder.pad`.

        windows (Sequence[Ints1d]): subword IDs of each window. *Shape:* `(n_subwords,)` each
        multiple (int): round the padded length up to a multiple of this number, but not above `max_window`. Default: 1.
        RETURNS (tuple[torch.Tensor, torch.Tensor]): subword IDs and attention mask. *Shape:* `(n_windows, longest)`
            each
        RAISES BertNerError: the encoder has no embedding for a subword.
        """
        ids, mask = self.subword_encoder.pad(windows, multiple)
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)

    def pack(self, windows: Sequence[Ints1d], limit: int) -> tuple[torch.Tensor, list[int]]:
        """Make a packed batch, without padding between windows; see `SubwordEncoder.pack`.

        windows (Sequence[Ints1d]): subword IDs of each window. *Shape:* `(n_subwords,)` each
        limit (int): maximum number of subwords after padding. A batch that already exceeds it is not padded.
        RETURNS (tuple[torch.Tensor, list[int]]): subword IDs, *Shape:* `(n_rows,)`, and the length of each window.
        RAISES BertNerError: the encoder has no embedding for a subword.
        """
        ids, lengths = self.subword_encoder.pack(windows, limit)
        return torch.from_numpy(ids), lengths

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Compute the tag logits of a padded batch.

        ids, mask (torch.Tensor): padded batch, as `pad` returns it. *Shape:* `(n_windows, longest)` each
        RETURNS (torch.Tensor): logits. *Shape:* `(n_windows, longest, n_tags)`
        """
        logits: torch.Tensor = self.model(**model_inputs(self.model, ids, mask)).logits
        return logits

    def set_dropout(self, rate: float) -> None:
        """Set the rate of every dropout layer in the encoder and the head.

        rate (float): dropout rate, from 0 to 1.
        """
        set_dropout(self.model, float(rate))


def _copy(files: dict[str, bytes], name: str, device: str) -> Checkpoint:
    checkpoint = Checkpoint.from_files(files, name)
    checkpoint.to(device)
    return checkpoint


def _with_case_markers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Add case markers to a lower-casing tokenizer and embeddings for them to the model.

    Other tokenizers are returned unchanged.
    """
    from transformers import PreTrainedTokenizerFast

    backend = tokenizer.backend_tokenizer
    if not add_case_markers(backend):
        return tokenizer
    resize_embeddings(model, 1 + max(backend.get_vocab().values()))
    # Otherwise, the new tokenizer would write the truncation and padding settings into its config.
    # `Checkpoint.__init__` turns them off too late.
    backend.no_truncation()
    backend.no_padding()
    # The BERT tokenizer class is no longer suitable, since it creates a new normalizer each time it is loaded.
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the progress bars of `transformers` and its messages about new heads and unused poolers.

    This package reports relevant problems itself.
    """
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
