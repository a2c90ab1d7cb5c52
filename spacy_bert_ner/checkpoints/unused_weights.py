"""Find weights in a checkpoint that its model does not read, and prefixes that hide all weights from the model."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

PreTrainedModel = Any
"""Alias for `transformers.PreTrainedModel` that avoids importing `transformers`."""

_BUFFERS = "position_ids|token_type_ids|inv_freq|original_inv_freq|masked_bias|relative_position_index"
_HEADS = (
    "pooler|cls|lm_head|generator_lm_head|mlm_head|lm_loss|lm_predictions|mask_predictions|predictions|"
    "entity_predictions|generator_predictions|discriminator_predictions|seq_relationship|sop_classifier|"
    "vocab_transform|vocab_layer_norm|vocab_projector|pred_layer|embed_out|sequence_summary"
)
_LOSSES = "criterion|loss|loss_fct|loss_fn|class_weights"
_BENIGN = re.compile(rf"(^|\.)({_BUFFERS}|{_HEADS}|{_LOSSES})(\.|$)")
"""Weights that do not affect predictions: constants that `transformers` computes, pretraining heads, loss weights."""
_DECODER = re.compile(r"(^|\.)decoder\.")
"""Decoder weights of a model such as T5, whose token classifier contains only the encoder."""

WRAPPERS = {
    "module.": "the model in torch.nn.DataParallel or DistributedDataParallel",
    "_orig_mod.": "the module that torch.compile returns",
}
"""Descriptions of the wrappers that add prefixes to weight names, by prefix."""
PEFT = "base_model.model."
"""Prefix that a `peft` model adds. The adapters of such a model must also be merged."""
OTHER_WRAPPER = "a module that contains the model"


class Unused(NamedTuple):
    """Names of the unread weights that may affect predictions.

    of_encoder (list[str]): encoder weights, such as adapters, sorted by name.
    of_head (list[str]): all other weights, such as CRF transitions, sorted by name.
    """

    of_encoder: list[str]
    of_head: list[str]


def find_unused(model: PreTrainedModel, keys: Iterable[str], *, is_new: bool) -> Unused:
    """From the weights that the model does not read, select those that may affect predictions.

    model (PreTrainedModel): the loaded model.
    keys (Iterable[str]): the `unexpected_keys` that `transformers` reports.
    is_new (bool): whether the head is new. If so, the old head of a known model class is ignored.
    RETURNS (Unused): names of the selected weights.
    """
    config, buffers = model.config, {name for name, _ in model.named_buffers()}
    unused = [key for key in sorted(keys) if key not in buffers and not _BENIGN.search(key)]
    if hasattr(config, "num_decoder_layers"):
        unused = [key for key in unused if not _DECODER.search(key)]
    of_encoder = [key for key in unused if _is_of_encoder(key, model)]
    of_head = [] if is_new and _is_known(model) else [key for key in unused if key not in of_encoder]
    return Unused(of_encoder, of_head)


def _is_of_encoder(key: str, model: PreTrainedModel) -> bool:
    first = key.partition(".")[0]
    # In a saved bare encoder, the weight names lack the prefix.
    is_bare = not hasattr(model, first) and hasattr(model.base_model, first)
    return is_bare or first == model.base_model_prefix


def _is_known(model: PreTrainedModel) -> bool:
    """Return whether the checkpoint was saved from another model class that `transformers` defines.

    If so, all weights outside the encoder belong to a head.
    """
    classes = model.config.architectures or ()
    module = sys.modules[type(model).__module__]
    return bool(classes) and all(hasattr(module, cls) and cls != type(model).__name__ for cls in classes)


def find_wrapper(model: PreTrainedModel, keys: Collection[str]) -> str | None:
    """Return the name prefix that prevents the model from reading any weight, or None if there is no such prefix.

    model (PreTrainedModel): the loaded model.
    keys (Collection[str]): names of all weights in the checkpoint.
    """
    base = f"{model.base_model_prefix}."
    known = set(model.state_dict())
    known |= {key.removeprefix(base) for key in known}
    if not known.isdisjoint(keys):
        return None
    parts = min(keys, default="").split(".")[:-1]
    prefixes = (".".join(parts[: i + 1]) + "." for i in range(len(parts)))
    shared = (prefix for prefix in prefixes if all(key.startswith(prefix) for key in keys))
    return next((prefix for prefix in shared if not known.isdisjoint(key.removeprefix(prefix) for key in keys)), None)
