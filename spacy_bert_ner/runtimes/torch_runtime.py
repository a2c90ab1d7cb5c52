"""Configure the `torch` runtime and select its forward pass for prediction."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from spacy.util import registry

from ..errors import RUNTIME_SECTION, Errors, require_setting
from ..nn.mixed_precision import PRECISIONS, autocast_dtype, has_fast_bf16
from ..nn.packed_linear import has_packed_int8_linear, has_packed_linear
from ..nn.padding_free import KINDS, PaddingFreeForward, is_like_bert

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Checkpoint

RUNTIME_PRECISIONS = (*PRECISIONS, "int8")


@dataclass(frozen=True)
class TorchRuntime:
    """Settings for running batches on the checkpoint's device.

    precision (str): precision of matrix products, one of `RUNTIME_PRECISIONS`.
    packed_weights (bool): whether a CPU uses a packed copy of the weights; see `PaddingFreeForward`.
    compile (bool): whether `torch.compile` generates kernels for the model.
    """

    precision: str = "fp32"
    packed_weights: bool = True
    compile: bool = False


@registry.misc("spacy_bert_ner.TorchRuntime.v1")
def make_torch_runtime_v1(precision: Any = "fp32", packed_weights: Any = True, compile: Any = False) -> TorchRuntime:
    """Create the runtime that runs on `torch`, for `[components.bert_ner.model.runtime]`.

    precision (str): precision of matrix products: "fp32", "bf16", "fp16", "int8" or "auto". "bf16" and "fp16" keep the
        weights in float32. "int8" requires an x86 CPU with VNNI and a BERT model. "auto" selects "bf16" if it is faster
        on the hardware, and "fp32" otherwise.
    packed_weights (bool): whether BERT models predict without padding on an x86 CPU. This uses a copy of the weights in
        the memory layout that is fastest for oneDNN. False saves the memory for the copy, but is slower. "int8"
        requires True.
    compile (bool): whether `torch.compile` generates kernels for the `transformers` model, which then predicts with
        padding. This requires a C++ compiler on a CPU, or Triton on a GPU. Compilation takes up
        to a minute during the first predictions.
    RETURNS (TorchRuntime): the runtime.
    RAISES ConfigError: a setting has an invalid value.
    """
    check = partial(require_setting, RUNTIME_SECTION)
    is_precision = isinstance(precision, str) and precision in RUNTIME_PRECISIONS
    check("precision", precision, is_precision, ", ".join(f'"{choice}"' for choice in RUNTIME_PRECISIONS))
    check("packed_weights", packed_weights, isinstance(packed_weights, bool), "true, false")
    check("packed_weights", packed_weights, packed_weights or precision != "int8", 'true if precision = "int8"')
    check("compile", compile, isinstance(compile, bool), "true, false")
    check("compile", compile, not compile or precision != "int8", 'false if precision = "int8"')
    return TorchRuntime(precision, packed_weights, compile)


def padding_free_forward(checkpoint: "Checkpoint", runtime: TorchRuntime) -> PaddingFreeForward | None:
    """Return the padding-free forward pass, or None if `transformers` must compute the forward pass.

    checkpoint (Checkpoint): the checkpoint to run.
    runtime (TorchRuntime): settings of the runtime.
    RETURNS (PaddingFreeForward | None): the checkpoint's current forward pass if its precision matches, or a new one.
        The result is None if the model, the device or a setting does not support padding-free prediction.
    RAISES ConfigError: the precision is "int8", which the checkpoint or device does not support.
    """
    device, precision = checkpoint.device.type, runtime.precision
    if precision == "int8":
        reason = lacks_int8(checkpoint)
        allowed = Errors.no_int8.format(kinds=", ".join(KINDS), reason=reason)
        require_setting(RUNTIME_SECTION, "precision", precision, reason is None, allowed)
    if precision == "auto":
        precision = "bf16" if autocast_dtype(precision, device) else "fp32"
    is_slow = precision == "bf16" and not has_fast_bf16(device)
    is_supported = device == "cpu" and has_packed_linear() and is_like_bert(checkpoint.model)
    if not (is_supported and runtime.packed_weights) or is_slow or precision == "fp16" or runtime.compile:
        return None
    current = checkpoint.padding_free
    if current is not None and current.precision == precision:
        return current
    return PaddingFreeForward(checkpoint.model, precision)


def compiled_forward(checkpoint: "Checkpoint", runtime: TorchRuntime) -> Callable[..., torch.Tensor] | None:
    """Return the compiled forward pass, or None if the runtime does not compile.

    checkpoint (Checkpoint): the checkpoint to run.
    runtime (TorchRuntime): settings of the runtime.
    RETURNS (Callable[..., torch.Tensor] | None): the forward pass, which is compiled when it is first called.
    RAISES ConfigError: there is no compiler.
    """
    if not runtime.compile:
        return None
    reason = _lacks_compiler(checkpoint.device.type)
    require_setting(RUNTIME_SECTION, "compile", True, reason is None, f"false, because there is {reason}")
    # Lengths differ between batches. Without `dynamic`, `torch` would compile only for a limited number of lengths.
    return checkpoint.compiled_forward or torch.compile(checkpoint.forward, dynamic=True)


def _lacks_compiler(device: str) -> str | None:
    """Describe the compiler that `torch.compile` lacks, or return None if it is installed."""
    if device == "cuda":
        return None if find_spec("triton") else "no triton, which is the compiler for GPUs: pip install triton"
    configured = os.environ.get("CXX")
    has_compiler = any(map(shutil.which, [configured] if configured else ["g++", "clang++", "cl"]))
    return None if has_compiler else "no C++ compiler: install g++, or set the environment variable CXX to a compiler"


def lacks_int8(checkpoint: "Checkpoint") -> str | None:
    """Describe why a checkpoint cannot run in int8 on this machine, or return None if it can."""
    model, device = checkpoint.model, checkpoint.device.type
    if device != "cpu":
        return f"the weights are on '{device}'"
    if not is_like_bert(model):
        return f"'{checkpoint.name}' has the architecture {model.config.model_type}"
    return None if has_packed_int8_linear() else "the CPU or torch does not support int8 matrix products"
