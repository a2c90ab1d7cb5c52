"""Compute linear layers with weights that oneDNN has packed into the fastest memory layout for an x86 CPU."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache

import torch

LEVELS = 127
"""Largest magnitude of a signed 8-bit weight level."""
MIDDLE = 128
"""Unsigned 8-bit level that represents the activation 0. oneDNN multiplies unsigned activations fastest."""


class PackedLinear:
    """A linear layer with packed weights, which computes `x @ weight.T + bias` in float32 or bfloat16.

    Several layers with the same input can be combined into one matrix product.

    linears (Sequence[torch.nn.Linear]): layers whose outputs are concatenated.
    dtype (torch.dtype): data type for the operands and the result.
    """

    def __init__(self, linears: Sequence[torch.nn.Linear], dtype: torch.dtype) -> None:
        weight, self.bias = (x.to(dtype) for x in _concatenated(linears))
        self.dtype = dtype
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)

    def __call__(self, rows: torch.Tensor, then: str = "none", *, spare: bool = False) -> torch.Tensor:
        """Apply the layers and, optionally, an activation function.

        rows (torch.Tensor): input vectors. *Shape:* `(n, n_in)`
        then (str): activation function: "none", or "gelu" for the exact GELU. Default: "none".
        spare (bool): whether `rows` may be overwritten because the caller no longer needs them. Default: False.
        RETURNS (torch.Tensor): concatenated outputs of the layers. *Shape:* `(n, n_out)`
        """
        algorithm = "none" if then == "gelu" else ""  # selects the exact GELU instead of the tanh approximation
        products: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            rows.to(self.dtype), self.weight, self.bias, then, [], algorithm
        )
        return products


class PackedInt8Linear:
    """A linear layer with packed weights, which computes `x @ weight.T + bias` in 8-bit precision.

    Each output column and each input row has a separate scale. The scale of an input row comes from its largest
    magnitude, so it does not depend on the other rows in the batch. The result is float32. For dynamic quantization,
    see Zafrir et al. 2019 (https://arxiv.org/abs/1910.06188). For scales per row, see Yao et al. 2022
    (https://arxiv.org/abs/2206.01861).

    linears (Sequence[torch.nn.Linear]): layers whose outputs are concatenated.
    """

    def __init__(self, linears: Sequence[torch.nn.Linear]) -> None:
        weight, self.bias = (x.float() for x in _concatenated(linears))
        self.scales = _row_maxima(weight)[:, 0] / LEVELS
        rounded = (weight / self.scales[:, None]).round_().to(torch.int8)
        self.weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)

    def __call__(self, rows: torch.Tensor, then: str = "none", *, spare: bool = False) -> torch.Tensor:
        """Apply the layers as `PackedLinear.__call__` does, but in 8-bit precision."""
        scales = _row_maxima(rows) / LEVELS
        scaled = rows.div_(scales) if spare else rows / scales
        # The numbers are not negative, so adding 0.5 and truncating rounds them.
        levels = scaled.add_(MIDDLE + 0.5).to(torch.uint8)
        products: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, 1.0, MIDDLE, self.weight, self.scales, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        products = products.mul_(scales).add_(self.bias)
        return torch.ops.aten.gelu_(products) if then == "gelu" else products


def _concatenated(linears: Sequence[torch.nn.Linear]) -> tuple[torch.Tensor, torch.Tensor]:
    weights, biases = zip(*((linear.weight.detach(), linear.bias.detach()) for linear in linears), strict=True)
    return torch.cat(weights), torch.cat(biases)


def _row_maxima(rows: torch.Tensor) -> torch.Tensor:
    """Return the largest magnitude in each row, but at least 1e-12. *Shape:* `(n, k)` → `(n, 1)`"""
    return torch.maximum(rows.amax(-1, keepdim=True), rows.amin(-1, keepdim=True).neg_()).clamp_min_(1e-12)


@cache
def has_packed_linear() -> bool:
    """Return whether torch has the operators for `PackedLinear` and the CPU is x86.

    The speed of `PackedLinear` was not measured on other architectures.
    """
    has_operators = all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise"))
    return platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available() and has_operators


@cache
def has_packed_int8_linear() -> bool:
    """Return whether torch and the CPU support `PackedInt8Linear`.

    The CPU must have VNNI or AMX instructions, because sums of 8-bit products overflow without them.
    """
    has_operators = all(hasattr(torch.ops.onednn, name) for name in ("qlinear_prepack", "qlinear_pointwise"))
    # The names of these functions differ between supported torch releases.
    checks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("vnni", "avx512_vnni", "amx_tile"))
    return has_packed_linear() and has_operators and any(check() for check in checks if check is not None)
