"""Resize and reinitialise parts of a loaded model: its head, its highest layers, and its embeddings."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from ..errors import Errors
from ..nn.parameter_depth import parameter_depths

PreTrainedModel = Any
"""`PreTrainedModel` of transformers, which this module need not import."""


def reinit_head(model: PreTrainedModel) -> None:
    """Initialise the head of a model randomly, in place.

    A trained head whose tags are replaced is reinitialised even if its size fits.

    model (PreTrainedModel): model of transformers.
    """
    for name, child in model.named_children():
        if name == model.base_model_prefix:
            continue
        for module in child.modules():
            if isinstance(module, torch.nn.Linear):
                _draw(module.weight, model)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)


AUTO = "auto"
"""Value of `reset_layers` for the highest layer of an encoder, and no layer of a checkpoint fine-tuned for tagging."""


def layers_to_reset(
    setting: int | str, model: PreTrainedModel, frozen_layers: int, *, name: str, is_tagger: bool
) -> int:
    """Return the number of layers to initialise randomly together with a new head.

    setting (int | str): the value of `reset_layers`: a number, or "auto", which resets no layer that is frozen.
    model (PreTrainedModel): model of transformers.
    frozen_layers (int): number of the lowest layers that are not trained.
    name (str): name of the checkpoint, for messages.
    is_tagger (bool): whether the checkpoint was fine-tuned for tagging. A number other than 0 then discards what its
        highest layers have learned, and causes a warning.
    """
    if setting == AUTO:
        return 0 if is_tagger else min(1, max(n_layers(model) - frozen_layers, 0))
    n = int(setting)
    if is_tagger and n:
        warnings.warn(Errors.trained_layers_reset.format(name=name, n=n), UserWarning, stacklevel=4)
    return n


def n_layers(model: PreTrainedModel) -> int:
    """Return the number of layers of the encoder; 0 if they cannot be identified."""
    names = [name for name, _ in model.named_parameters()]
    return next(iter(parameter_depths(names, model.base_model_prefix).values())).n_layers


def reinit_layers(model: PreTrainedModel, n: int) -> None:
    """Initialise the highest layers of the encoder randomly, in place.

    What these layers learned in pretraining may be too specialised to start from (Zhang et al. 2021,
    https://arxiv.org/abs/2006.05987). The weights are drawn like those of a new head. Norms are set to ones and zeros,
    as in an untrained network.

    model (PreTrainedModel): model of transformers.
    n (int): number of layers; all of them if the encoder has fewer.
    """
    depths = parameter_depths([name for name, _ in model.named_parameters()], model.base_model_prefix)
    for path, module in model.named_modules():
        params = dict(module.named_parameters(recurse=False))
        depth = next((depths[f"{path}.{name}"] for name in params if f"{path}.{name}" in depths), None)
        if depth is None or depth.is_head or depth.level <= max(depth.n_layers - n, 0):
            continue
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
        with torch.no_grad():
            for name, param in params.items():
                if param.dim() > 1:
                    _draw(param, model)
                elif name == "bias":
                    param.zero_()


def resize_head(model: PreTrainedModel, n_old: int, n_tags: int) -> None:
    """Append random rows to the last layer of the head, in place.

    model (PreTrainedModel): model of transformers.
    n_old (int): number of tags, and so of rows, of the layer.
    n_tags (int): number of tags after resizing.
    """
    name, head = next(
        (name, module)
        for name, module in reversed(list(model.named_modules()))
        if isinstance(module, torch.nn.Linear) and module.out_features == n_old
    )
    wider = torch.nn.Linear(head.in_features, n_tags, bias=head.bias is not None, device=head.weight.device)
    _draw(wider.weight, model)
    with torch.no_grad():
        wider.weight[:n_old] = head.weight
        if head.bias is not None:
            wider.bias.zero_()
            wider.bias[:n_old] = head.bias
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, wider)
    model.num_labels = n_tags


def resize_embeddings(model: PreTrainedModel, n_subwords: int) -> None:
    """Append random rows to the encoder's embeddings, in place, if it has fewer than `n_subwords`.

    `resize_token_embeddings` of transformers draws new rows around the mean of the others, so they are nearly equal.
    That makes them useless if they are not trained (`frozen_layers`). It can be turned off only from transformers 4.46
    on.

    model (PreTrainedModel): model of transformers.
    n_subwords (int): minimum number of subwords after resizing.
    """
    old = model.get_input_embeddings()
    n_old = len(old.weight)
    if n_subwords <= n_old:
        return
    wider = torch.nn.Embedding(n_subwords, old.embedding_dim, old.padding_idx, device=old.weight.device)
    _draw(wider.weight, model)
    with torch.no_grad():
        wider.weight[:n_old] = old.weight
    model.set_input_embeddings(wider)
    model.config.vocab_size = n_subwords


def _draw(weight: torch.Tensor, model: PreTrainedModel) -> None:
    torch.nn.init.normal_(weight, std=getattr(model.config, "initializer_range", 0.02))
