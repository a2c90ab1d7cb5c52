"""Configure the runtime that predicts on torch, and select the forward pass for it."""

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
    """Settings to run batches on the device of the checkpoint.

    precision (str): precision of matrix products, one of `RUNTIME_PRECISIONS`.
    packed_weights (bool): whether a CPU multiplies with a packed copy of the weights; see `PaddingFreeForward`.
    compile (bool): whether `torch.compile` generates kernels for the model.
    """

    precision: str = "fp32"
    packed_weights: bool = True
    compile: bool = False


@registry.misc("spacy_bert_ner.TorchRuntime.v1")
def make_torch_runtime_v1(precision: Any = "fp32", packed_weights: Any = True, compile: Any = False) -> TorchRuntime:
    """Make the runtime of `[components.bert_ner.model.runtime]` that runs on torch.

    precision (str): precision of matrix products: "fp32"; "bf16" or "fp16", which keep the weights in float32; "auto"
        for "bf16" if the hardware gains by it, else "fp32"; "int8", which requires an x86 CPU with VNNI and a BERT.
    packed_weights (bool): on an x86 CPU, a BERT predicts without padding, from a copy of the weights in the layout in
        which oneDNN multiplies fastest. False saves the memory of the copy, and is slower. "int8" requires true.
    compile (bool): `torch.compile` generates kernels for the model of transformers, which then predicts, with padding.
        This requires a compiler, and takes up to a minute for the first texts.
    RETURNS (TorchRuntime): the runtime.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(require_setting, RUNTIME_SECTION)
    is_precision = isinstance(precision, str) and precision in RUNTIME_PRECISIONS
    check("precision", precision, is_precision, ", ".join(f'"{choice}"' for choice in RUNTIME_PRECISIONS))
    check("packed_weights", packed_weights, isinstance(packed_weights, bool), "true, false")
    check("packed_weights", packed_weights, packed_weights or precision != "int8", 'true, where precision = "int8"')
    check("compile", compile, isinstance(compile, bool), "true, false")
    check("compile", compile, not compile or precision != "int8", 'false, where precision = "int8"')
    return TorchRuntime(precision, packed_weights, compile)


def padding_free_forward(checkpoint: "Checkpoint", runtime: TorchRuntime) -> PaddingFreeForward | None:
    """Return the padding-free forward pass; None if transformers has to run the model, device or precision.

    checkpoint (Checkpoint): the checkpoint to run.
    runtime (TorchRuntime): its settings.
    RETURNS (PaddingFreeForward | None): that of the checkpoint if it has this precision, else a new one.
    RAISES ConfigError: the precision is "int8", which only this forward pass supports, and cannot be used here.
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
    """Return the compiled forward pass, which is compiled when it first runs; None if the runtime does not compile.

    checkpoint (Checkpoint): the checkpoint to run.
    runtime (TorchRuntime): its settings.
    RAISES ConfigError: there is no compiler.
    """
    if not runtime.compile:
        return None
    reason = _lacks_compiler(checkpoint.device.type)
    require_setting(RUNTIME_SECTION, "compile", True, reason is None, f"false, as there is {reason}")
    # Lengths differ between batches. Without `dynamic`, torch compiles for some of them, and then stops compiling.
    return checkpoint.compiled_forward or torch.compile(checkpoint.forward, dynamic=True)


def _lacks_compiler(device: str) -> str | None:
    """Describe what `torch.compile` lacks; None if it lacks nothing."""
    if device == "cuda":
        return None if find_spec("triton") else "no triton, which compiles for GPUs: pip install triton"
    configured = os.environ.get("CXX")
    has_compiler = any(map(shutil.which, [configured] if configured else ["g++", "clang++", "cl"]))
    return None if has_compiler else "no C++ compiler: install g++, or set the environment variable CXX to another one"


def lacks_int8(checkpoint: "Checkpoint") -> str | None:
    """Describe why a checkpoint cannot run in int8 here; None if it can."""
    model, device = checkpoint.model, checkpoint.device.type
    if device != "cpu":
        return f"the weights are on '{device}'"
    if not is_like_bert(model):
        return f"'{checkpoint.name}' has the architecture {model.config.model_type}"
    return None if has_packed_int8_linear() else "the CPU, or torch, does not support such products"
