"""Products with weights that oneDNN has put in the order in which it multiplies them fastest, on an x86 CPU."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache

import torch

LEVELS = 127
"""To how many levels, of either sign, numbers are rounded in eight bits."""
MIDDLE = 128
"""The level of 0 where they are written without a sign, as oneDNN multiplies them fastest."""


class PackedLinear:
    """`x @ weight.T + bias` in float32 or bfloat16. Several layers that read the same rows are one product.

    linears: of `torch.nn.Linear`, whose columns follow one another.
    dtype: what is multiplied, and what comes out.
    """

    def __init__(self, linears: Sequence[torch.nn.Linear], dtype: torch.dtype) -> None:
        weight, self.bias = (x.to(dtype) for x in _joined(linears))
        self.dtype = dtype
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)

    def __call__(self, rows: torch.Tensor, then: str = "none", *, spare: bool = False) -> torch.Tensor:
        """Multiply rows.

        rows: *Shape:* `(n, n_in)`
        then (str): "gelu" for GELU of what comes out, by the error function.
        spare (bool): whether the rows are needed no more, so that other numbers may take their place.
        RETURNS: *Shape:* `(n, n_out)`
        """
        how = "none" if then == "gelu" else ""  # not approximated by tanh
        found: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            rows.to(self.dtype), self.weight, self.bias, then, [], how
        )
        return found


class PackedInt8Linear:
    """The same with weights of eight bits, a scale for each column, and rows of eight bits, a scale for each row.

    Each row is rounded by its own largest number (dynamic quantization: Zafrir et al. 2019,
    https://arxiv.org/abs/1910.06188; by rows: Yao et al. 2022, https://arxiv.org/abs/2206.01861), so that what else
    is in the batch changes no scale. What comes out is float32.
    """

    def __init__(self, linears: Sequence[torch.nn.Linear]) -> None:
        weight, self.bias = (x.float() for x in _joined(linears))
        self.scales = _largest(weight)[:, 0] / LEVELS
        rounded = (weight / self.scales[:, None]).round_().to(torch.int8)
        self.weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)

    def __call__(self, rows: torch.Tensor, then: str = "none", *, spare: bool = False) -> torch.Tensor:
        """See `PackedLinear`."""
        scales = _largest(rows) / LEVELS
        scaled = rows.div_(scales) if spare else rows / scales
        # To add a half and cut off is to round, of numbers that are not below 0.
        levels = scaled.add_(MIDDLE + 0.5).to(torch.uint8)
        found: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, MIDDLE, self.weight, self.scales, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        found = found.mul_(scales).add_(self.bias)
        return torch.ops.aten.gelu_(found) if then == "gelu" else found


def _joined(linears: Sequence[torch.nn.Linear]) -> tuple[torch.Tensor, torch.Tensor]:
    weights, biases = zip(*((linear.weight.detach(), linear.bias.detach()) for linear in linears), strict=True)
    return torch.cat(weights), torch.cat(biases)


def _largest(rows: torch.Tensor) -> torch.Tensor:
    """The largest number of each row without its sign, but never 0. *Shape:* `(n, k)` → `(n, 1)`"""
    return torch.maximum(rows.amax(-1, keepdim=True), rows.amin(-1, keepdim=True).neg_()).clamp_min_(1e-12)


@cache
def has_packed_linear() -> bool:
    """Whether there is what `PackedLinear` takes; it was measured on x86 alone."""
    has_operators = all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available() and has_operators


@cache
def has_packed_int8_linear() -> bool:
    """Whether there is what `PackedInt8Linear` takes. Without VNNI instructions sums of bytes overflow."""
    has_operators = all(hasattr(torch.ops.onednn, name) for name in ("qlinear_prepack", "qlinear_pointwise"))
    # Renamed between the releases of torch that are admitted.
    checks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("vnni", "avx512_vnni", "amx_tile"))
    return has_packed_linear() and has_operators and any(check() for check in checks if check is not None)
