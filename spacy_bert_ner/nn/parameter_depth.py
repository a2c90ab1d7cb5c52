"""Where in a network each parameter lies, told from its name; and what depends on that."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from ..errors import ConfigError, Errors

_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
_ABOVE_THE_LAYERS = re.compile(r"(?:^|\.)(?:final_norm|final_layer_norm|ln_f|pooler)\.")


class ParameterDepth(NamedTuple):
    """Where a parameter lies.

    level (int): 0 for the embeddings and what all layers share, 1 to `n_layers` for the layers from below, and
        `n_layers + 1` for the head.
    n_layers (int): of the encoder; 0 where its layers cannot be told apart, as in ALBERT, which has one set of weights.
    """

    level: int
    n_layers: int

    @property
    def is_head(self) -> bool:
        return self.level > self.n_layers


def parameter_depths(names: Collection[str], encoder: str) -> dict[str, ParameterDepth]:
    """The place of each parameter of a token classifier.

        bert.embeddings.LayerNorm.bias            level 0
        bert.encoder.layer.0.output.dense.weight        1
        bert.encoder.layer.1.output.dense.weight        2 = n_layers
        classifier.weight                               3

    What all layers share, such as DeBERTa's table of relative positions and its norm, is of level 0. What follows the
    last layer inside the encoder, such as ModernBERT's final norm, is of that layer's level.

    names: of all parameters, as in `named_parameters()`.
    encoder (str): the attribute that holds the encoder, `base_model_prefix`; what lies outside is the head.
    """
    levels = {name: _level(name) for name in names if name.startswith(f"{encoder}.")}
    n_layers = max((level for level in levels.values() if level is not None), default=0)
    top = {name: n_layers if level is None else level for name, level in levels.items()}
    return {name: ParameterDepth(top.get(name, n_layers + 1), n_layers) for name in names}


def _level(name: str) -> int | None:
    """None for what follows the last layer."""
    layer = _LAYER.search(name)
    if layer:
        return int(layer[1]) + 1
    return None if _ABOVE_THE_LAYERS.search(name) else 0


def freeze(model: Any, placed: dict[str, ParameterDepth], n_frozen: int, name: str) -> None:
    """Give no gradient to the lowest layers of an encoder, and its embeddings; 0 for one to all parameters.

    placed: see `parameter_depths`.
    name (str): of the checkpoint, for the message.
    RAISES ConfigError: the encoder has fewer layers.
    """
    n_layers = next(iter(placed.values())).n_layers
    if n_frozen > n_layers:
        raise ConfigError(Errors.too_many_frozen.format(frozen=n_frozen, name=name, n=n_layers))
    for key, param in model.named_parameters():
        param.requires_grad_(not n_frozen or placed[key].level > n_frozen)


def checkpoint_activations(model: Any, is_on: bool, name: str) -> None:
    """Compute the layers of an encoder again on the way back, or keep what they gave.

    model: of transformers.
    name (str): of the checkpoint, for the message.
    RAISES ConfigError: the model cannot do that.
    """
    # Transformers 5 renamed them. The older kind of checkpointing needs inputs with a gradient, which ids are not, and
    # embeddings that are frozen have none.
    word = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    if not is_on:
        getattr(model, f"{word}_checkpointing_disable")()
        return
    try:
        getattr(model, f"{word}_checkpointing_enable")({"use_reentrant": False})
    except ValueError as e:
        raise ConfigError(Errors.no_checkpointing.format(cls=type(model).__name__, name=name)) from e
