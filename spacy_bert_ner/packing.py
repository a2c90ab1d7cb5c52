"""Matrix products that take less time on a CPU, with weights in the order in which oneDNN multiplies them."""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

import torch

from .precision import multiplies_bfloat16


class PackedLinear(torch.nn.Linear):
    """`torch.nn.Linear`, but that on a CPU, where no gradient is asked for, it multiplies with a copy of its weights
    that oneDNN has put in order.

    Torch hands products of float32 to MKL, and weights as they lie. Packed ones change a result in its last digits, and
    take the memory of the weights a second time. A copy is made when it is first needed, and again when the weights lie
    elsewhere or are another version of themselves; torch does not count what is written through `weight.data`, after
    which `forget_packed` is to be called. Everywhere else this is torch's own.
    """

    _packed: tuple[tuple[Any, ...], torch.Tensor] | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        found = self.multiply(input)
        return super().forward(input) if found is None else found

    def multiply(self, input: torch.Tensor, then: str = "none") -> torch.Tensor | None:
        """The product, with "gelu" for GELU of it; None where it is for torch to do."""
        dtype = _dtype(input)
        if dtype is None or torch.is_grad_enabled() or self.weight.is_inference():
            return None
        weight = self.weight
        bias: torch.Tensor | None = self.bias
        key = (weight.data_ptr(), weight._version, dtype)
        packed = self._packed
        if packed is None or packed[0] != key:
            ordered = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype).contiguous(), None)
            packed = self._packed = (key, ordered)
        if bias is not None and bias.dtype != dtype:
            bias = bias.to(dtype)
        if input.dtype != dtype:
            input = input.to(dtype)
        how = "none" if then == "gelu" else ""  # by the error function, and not approximated by tanh
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(input, packed[1], bias, then, [], how)
        return found

    def train(self, mode: bool = True) -> PackedLinear:
        if mode:
            self._packed = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        """Without the copy, which cannot be copied."""
        return {**self.__dict__, "_packed": None}


class _PackedIntermediate(torch.nn.Module):
    """The first half of a feed-forward layer, as BERT and its relatives have it: GELU while a product is written costs
    less than to read it again. A mixin, before the class of transformers."""

    dense: PackedLinear

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        found = self.dense.multiply(hidden_states, "gelu")
        if found is None:
            found = super().forward(hidden_states)
        return found


_INTERMEDIATES: dict[type, type] = {}
"""The class with the mixin, for each of transformers'."""


def _is_intermediate(module: torch.nn.Module) -> bool:
    activation: Any = getattr(module, "intermediate_act_fn", None)
    is_gelu = type(activation).__name__ == "GELUActivation" and activation.act is torch.nn.functional.gelu
    return is_gelu and [name for name, _ in module.named_children()] == ["dense", "intermediate_act_fn"]


def _dtype(input: torch.Tensor) -> torch.dtype | None:
    """What to multiply in; None where it is for torch to do."""
    if input.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
    return dtype if dtype in _packable() else None


@cache
def _packable() -> tuple[torch.dtype, ...]:
    """The types whose products are faster for it; it was measured on x86 alone."""
    has_operators = all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    is_known = platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available() and has_operators
    half = (torch.bfloat16,) if multiplies_bfloat16("cpu") else ()
    return (torch.float32, *half) if is_known else ()


def pack_products(model: torch.nn.Module, wanted: bool) -> None:
    """Let every `torch.nn.Linear` of a model be packed, and GELU behind it be one with it; or none."""
    old, new = (torch.nn.Linear, PackedLinear) if wanted else (PackedLinear, torch.nn.Linear)
    for module in model.modules():
        kind = type(module)
        if kind is old:
            module.__class__ = new
            module.__dict__.pop("_packed", None)
        elif wanted and _is_intermediate(module):
            if kind not in _INTERMEDIATES:
                _INTERMEDIATES[kind] = type(kind.__name__, (_PackedIntermediate, kind), {})
            module.__class__ = _INTERMEDIATES[kind]
        elif not wanted and isinstance(module, _PackedIntermediate):
            module.__class__ = kind.__mro__[2]


def forget_packed(model: torch.nn.Module) -> None:
    """Drop the copies, as the weights are about to change or have changed."""
    for module in model.modules():
        if isinstance(module, PackedLinear):
            module._packed = None
