"""Random weights in a model that is there: a head or layers that begin anew, rows for more tags or more subwords."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from ..errors import Errors
from ..nn.parameter_depth import parameter_depths

PreTrainedModel = Any
"""That of transformers, which this room need not import."""


def reinit_head(model: PreTrainedModel) -> None:
    """Fresh random weights for a trained head that stands for other tags, even where its size fits."""
    for name, child in model.named_children():
        if name == model.base_model_prefix:
            continue
        for module in child.modules():
            if isinstance(module, torch.nn.Linear):
                _draw(module.weight, model)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)


AUTO = "auto"
"""Of `reinit_layers`: the highest layer of an encoder; none of a checkpoint that was fine-tuned for tags."""


def layers_to_reset(
    setting: int | str, model: PreTrainedModel, frozen_layers: int, *, name: str, is_tagger: bool
) -> int:
    """The number of layers that get random weights beside a new head.

    setting (int | str): of the config: a number, or "auto", which resets no layer that is frozen.
    frozen_layers (int): number of the lowest layers that are not trained.
    name (str): of the checkpoint.
    is_tagger (bool): whether the checkpoint was fine-tuned for tags. A number other than 0 then discards what its
        highest layers have learned; a warning says so.
    """
    if setting == AUTO:
        return 0 if is_tagger else min(1, max(n_layers(model) - frozen_layers, 0))
    n = int(setting)
    if is_tagger and n:
        warnings.warn(Errors.trained_layers_reset.format(name=name, n=n), UserWarning, stacklevel=4)
    return n


def n_layers(model: PreTrainedModel) -> int:
    """The number of layers of the encoder; 0 where they cannot be told apart."""
    names = [name for name, _ in model.named_parameters()]
    return next(iter(parameter_depths(names, model.base_model_prefix).values())).n_layers


def reinit_layers(model: PreTrainedModel, n: int) -> None:
    """Fresh random weights for the highest `n` layers of the encoder, or for all if it has fewer: what they learned
    before may be too special to begin from (Zhang et al. 2021, https://arxiv.org/abs/2006.05987).

    Drawn as those of a new head are; norms are ones and zeros, as in a network that has learned nothing.
    """
    placed = parameter_depths([name for name, _ in model.named_parameters()], model.base_model_prefix)
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        found = [placed[f"{path}.{name}"] for name in own if f"{path}.{name}" in placed]
        if not found or found[0].is_head or found[0].level <= max(found[0].n_layers - n, 0):
            continue
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
        with torch.no_grad():
            for name, param in own.items():
                if param.dim() > 1:
                    _draw(param, model)
                elif name == "bias":
                    param.zero_()


def resize_head(model: PreTrainedModel, n_old: int, n_tags: int) -> None:
    """Give the last layer, which has a row for each of `n_old` tags, random rows behind them up to `n_tags`."""
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
    """Give the encoder random embeddings behind those that it has, if it has fewer than `n_subwords`.

    Transformers' own `resize_token_embeddings` draws new rows around the mean of the others, so that they are nearly
    the same: useless where they stay as they are (`frozen_layers`). That can be turned off from 4.46 on alone.
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
