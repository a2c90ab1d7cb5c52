"""Resize and reinitialise parts of a loaded model: its head, its top layers and its embeddings."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from ..errors import Errors
from ..nn.parameter_depth import parameter_depths

PreTrainedModel = Any
"""Alias for `transformers.PreTrainedModel` that avoids importing `transformers`."""


def reinit_head(model: PreTrainedModel) -> None:
    """Initialise a model's head randomly, in place.

    A trained head must be reinitialised even if the new head has the same size, because its rows are for other tags.

    model (PreTrainedModel): model to change.
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
"""Value of `reset_layers` that resets the highest layer of an encoder and no layer of a fine-tuned checkpoint."""


def layers_to_reset(
    setting: int | str, model: PreTrainedModel, frozen_layers: int, *, name: str, is_tagger: bool
) -> int:
    """Return the number of layers to initialise randomly together with a new head.

    setting (int | str): value of `reset_layers`: a number or "auto". "auto" never resets a frozen layer.
    model (PreTrainedModel): model that contains the layers.
    frozen_layers (int): how many of the lowest layers are not trained.
    name (str): name of the checkpoint, for messages.
    is_tagger (bool): whether the checkpoint was fine-tuned for tagging. If so, a number above 0 causes a warning, since
        it discards what the top layers have learned.
    RETURNS (int): how many of the top layers to initialise.
    """
    if setting == AUTO:
        return 0 if is_tagger else min(1, max(n_layers(model) - frozen_layers, 0))
    n = int(setting)
    if is_tagger and n:
        warnings.warn(Errors.trained_layers_reset.format(name=name, n=n), UserWarning, stacklevel=4)
    return n


def n_layers(model: PreTrainedModel) -> int:
    """Return the number of encoder layers, or 0 if they cannot be identified."""
    names = [name for name, _ in model.named_parameters()]
    return next(iter(parameter_depths(names, model.base_model_prefix).values())).n_layers


def reinit_layers(model: PreTrainedModel, n: int) -> None:
    """Initialise the top encoder layers randomly, in place.

    The pretrained weights of these layers may be too specialised for fine-tuning (Zhang et al. 2021,
    https://arxiv.org/abs/2006.05987). The new weights are drawn in the same way as those of a new head. The scale and
    shift of normalization layers are set to 1 and 0, as in an untrained network.

    model (PreTrainedModel): model to change.
    n (int): number of layers. If the encoder has fewer layers, all of them are reinitialised.
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

    model (PreTrainedModel): model to change.
    n_old (int): current number of tags, which is the number of rows in the layer.
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
    """Append random rows to the encoder's embeddings, in place, if there are fewer than `n_subwords` rows.

    The `resize_token_embeddings` method in `transformers` draws new rows around the mean of the existing ones. The new
    rows are therefore nearly equal, and useless if `frozen_layers` keeps them from being trained. Only `transformers`
    4.46 and later can turn this off.

    model (PreTrainedModel): model to change.
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
