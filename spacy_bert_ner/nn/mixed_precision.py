"""Choose the data type for matrix products, and apply optimizer steps to scaled gradients in float16 training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

PRECISIONS = ("fp32", "bf16", "fp16", "auto")
PAD_TO_MULTIPLE = 4
"""Padding step in subwords. Batch lengths in half precision are rounded up to a multiple of this step.

On a CPU, torch compiles and keeps a separate kernel for each shape in half precision. On two cores, an update takes 4%
less time with a multiple of 4 than without padding, and 3% less with a multiple of 8.
"""


def autocast_dtype(precision: str, device: str) -> torch.dtype | None:
    """Return the data type that torch's autocast should use for matrix products.

    precision (str): one of `PRECISIONS`. "auto" selects bfloat16 if the hardware multiplies it faster than float32.
        Otherwise, it selects float32.
    device (str): "cpu", "cuda" or another torch device type.
    RETURNS (torch.dtype | None): data type, or None for float32.
    """
    if precision == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else None
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)


def has_fast_bf16(device: str) -> bool:
    """Return whether the hardware has instructions for bfloat16 matrix products.

    CUDA devices from Ampere onward have such instructions, as do CPUs with AVX-512 BF16 or AMX.

    device (str): "cpu", "cuda" or another torch device type.
    RETURNS (bool): True if the hardware has such instructions.
    """
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    # Some supported torch releases lack these functions. No benefit is known for other devices and processors.
    checks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return device == "cpu" and any(check() for check in checks if check is not None)


def step_scaled(scaler: torch.amp.GradScaler, params: Sequence[torch.nn.Parameter], step: Callable[[], None]) -> None:
    """Run an optimizer step on gradients that were scaled up to prevent float16 underflow.

    If a gradient is infinite, skip the step and halve the scale (Micikevicius et al. 2018,
    https://arxiv.org/abs/1710.03740). Clear the gradients in either case.

    scaler (torch.amp.GradScaler): scaler that was applied to the loss.
    params (Sequence[torch.nn.Parameter]): parameters that have gradients.
    step (Callable): function that updates `params` from their gradients and clears the gradients.
    """
    optimizer = _Step(params, step)
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    for param in params:
        param.grad = None


class _Step(torch.optim.Optimizer):
    """An adapter that gives an update function the optimizer interface that torch's scaler requires."""

    def __init__(self, params: Sequence[torch.nn.Parameter], step: Callable[[], None]) -> None:
        super().__init__(params, {})
        self._update = step

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        self._update()
