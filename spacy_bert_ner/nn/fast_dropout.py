"""Dropout that takes a third of the time on a CPU, and its rate."""

from __future__ import annotations

import torch

LEVELS = 1 << 16
"""Each element gets 16 random bits, so that rates are rounded to multiples of 1 / 65,536."""
LOWEST = torch.iinfo(torch.int64).min
_RATES = ("attention_dropout", "activation_dropout", "dropout", "drop_prob", "dropout_prob")
"""Attributes in which modules keep a rate that they hand to a function."""


class FastDropout(torch.nn.Dropout):
    """`torch.nn.Dropout`, but that on a CPU the random bits of one number serve four elements.

    Torch draws a number for each element there, one after the other: an eighth of the time of an update. Bits come from
    torch's own generator, so that `torch.manual_seed` makes them the same again. Elsewhere this is torch's own.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        n_dropped = round(self.p * LEVELS)
        if not self.training or input.device.type != "cpu" or n_dropped in (0, LEVELS):
            return super().forward(input)
        n = input.numel()
        bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(LOWEST, None)
        levels = bits.view(torch.int16)[:n].view(input.shape)  # from -LEVELS / 2 on, all equally likely
        kept = levels.ge_(n_dropped - LEVELS // 2)  # 1 or 0; no Booleans, which torch converts slowly
        return input * kept.to(input.dtype).mul_(LEVELS / (LEVELS - n_dropped))


def use_fast_dropout(model: torch.nn.Module) -> None:
    """Put `FastDropout` in the place of every `torch.nn.Dropout`. Attention that torch computes in one piece, such as
    BERT's, takes the rate alone from its module, and drops by itself."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is torch.nn.Dropout:
                setattr(module, name, FastDropout(child.p).train(child.training))


def set_dropout(model: torch.nn.Module, rate: float) -> None:
    """Give every dropout in a model the same rate."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        for attribute in _RATES:
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, rate)
