"""Infer the depth of each parameter from its name, freeze layers, and checkpoint activations."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from ..errors import ConfigError, Errors

_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
_ABOVE_THE_LAYERS = re.compile(r"(?:^|\.)(?:final_norm|final_layer_norm|ln_f|pooler)\.")


class ParameterDepth(NamedTuple):
    """The depth of a parameter in a token classifier.

    level (int): depth of the parameter: 0 for the embeddings and for parameters that all layers share, 1 to `n_layers`
        for the layers from bottom to top, and `n_layers + 1` for the head.
    n_layers (int): number of layers in the encoder. 0 if the layers are indistinguishable, as in ALBERT, where all
        layers share one set of weights.
    """

    level: int
    n_layers: int

    @property
    def is_head(self) -> bool:
        """Return whether the parameter belongs to the head."""
        return self.level > self.n_layers


def parameter_depths(names: Collection[str], encoder: str) -> dict[str, ParameterDepth]:
    """Return the depth of each parameter in a token classifier.

        bert.embeddings.LayerNorm.bias            level 0
        bert.encoder.layer.0.output.dense.weight        1
        bert.encoder.layer.1.output.dense.weight        2 = n_layers
        classifier.weight                               3

    Parameters that all layers share, such as DeBERTa's relative position embeddings and their norm, have level 0.
    Parameters after the encoder's last layer, such as ModernBERT's final norm, have the same level as that layer.

    names (Collection[str]): names of all parameters, as in `named_parameters()`.
    encoder (str): name of the attribute that contains the encoder (`base_model_prefix`). Parameters outside the encoder
        belong to the head.
    RETURNS (dict[str, ParameterDepth]): depth of each parameter by name.
    """
    levels = {name: _level(name) for name in names if name.startswith(f"{encoder}.")}
    n_layers = max((level for level in levels.values() if level is not None), default=0)
    top = {name: n_layers if level is None else level for name, level in levels.items()}
    return {name: ParameterDepth(top.get(name, n_layers + 1), n_layers) for name in names}


def _level(name: str) -> int | None:
    """Return the level of an encoder parameter, or None if it follows the last layer."""
    layer = _LAYER.search(name)
    if layer:
        return int(layer[1]) + 1
    return None if _ABOVE_THE_LAYERS.search(name) else 0


def freeze(model: Any, placed: dict[str, ParameterDepth], n_frozen: int, name: str) -> None:
    """Disable the gradients for the embeddings and for the bottom layers of an encoder.

    model (PreTrainedModel): model to change in place.
    placed (dict[str, ParameterDepth]): depth of each parameter, as returned by `parameter_depths`.
    n_frozen (int): number of layers to freeze. 0 enables the gradients for all parameters, including the embeddings.
    name (str): name of the checkpoint, for the error message.
    RAISES ConfigError: the encoder has fewer than `n_frozen` layers.
    """
    n_layers = next(iter(placed.values())).n_layers
    if n_frozen > n_layers:
        raise ConfigError(Errors.too_many_frozen.format(frozen=n_frozen, name=name, n=n_layers))
    for key, param in model.named_parameters():
        param.requires_grad_(not n_frozen or placed[key].level > n_frozen)


def checkpoint_activations(model: Any, is_on: bool, name: str) -> None:
    """Enable or disable activation checkpointing, which recomputes the encoder's layers in the backward pass.

    model (PreTrainedModel): model to change in place.
    is_on (bool): whether to recompute the activations instead of storing them.
    name (str): name of the checkpoint, for the error message.
    RAISES ConfigError: the model does not support activation checkpointing.
    """
    # transformers 5 renamed these methods. Reentrant checkpointing requires inputs that have gradients, but neither
    # subword IDs nor frozen embeddings have gradients.
    word = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    if not is_on:
        getattr(model, f"{word}_checkpointing_disable")()
        return
    try:
        getattr(model, f"{word}_checkpointing_enable")({"use_reentrant": False})
    except ValueError as e:
        raise ConfigError(Errors.no_checkpointing.format(cls=type(model).__name__, name=name)) from e
