"""Apply dropout in a third of the usual time on a CPU, and set dropout rates."""

from __future__ import annotations

import torch

LEVELS = 1 << 16
"""Number of values that 16 random bits can have.

Each element uses 16 random bits, so rates are rounded to multiples of 1 / 65,536.
"""
LOWEST = torch.iinfo(torch.int64).min
_RATES = ("attention_dropout", "activation_dropout", "dropout", "drop_prob", "dropout_prob")
"""Names of module attributes that store a dropout rate to pass to a function."""


class FastDropout(torch.nn.Dropout):
    """A `torch.nn.Dropout` that uses one random number for every four elements on a CPU.

    On a CPU, torch draws a separate number for each element, one after another, which accounts for an eighth of the
    time of an update. The bits come from torch's generator, so `torch.manual_seed` makes them reproducible. On other
    devices, this module behaves like `torch.nn.Dropout`.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        n_dropped = round(self.p * LEVELS)
        if not self.training or input.device.type != "cpu" or n_dropped in (0, LEVELS):
            return super().forward(input)
        n = input.numel()
        bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(LOWEST, None)
        levels = bits.view(torch.int16)[:n].view(input.shape)  # uniformly distributed, starting at -LEVELS / 2
        keep_mask = levels.ge_(n_dropped - LEVELS // 2)  # integers 1 and 0, because torch converts Booleans slowly
        return input * keep_mask.to(input.dtype).mul_(LEVELS / (LEVELS - n_dropped))


def use_fast_dropout(model: torch.nn.Module) -> None:
    """Replace every `torch.nn.Dropout` in a model with `FastDropout`.

    Fused attention, such as BERT's, is not affected: it only reads the rate from its dropout module and applies dropout
    itself.

    model (torch.nn.Module): model to change in place.
    """
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is torch.nn.Dropout:
                setattr(module, name, FastDropout(child.p).train(child.training))


def set_dropout(model: torch.nn.Module, rate: float) -> None:
    """Set all dropout rates in a model.

    model (torch.nn.Module): model to change in place.
    rate (float): probability of dropping an element, from 0 to 1.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        for attribute in _RATES:
            if isinstance(getattr(module, attribute, None), float):
                setattr(module, attribute, rate)
