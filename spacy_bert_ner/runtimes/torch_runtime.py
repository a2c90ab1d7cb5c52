"""The forward pass of a prediction on torch, with the weights of the checkpoint as they are."""

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
    """Runs batches on the device of the checkpoint.

    precision (str): of matrix products, one of `RUNTIME_PRECISIONS`.
    packed_weights (bool): whether a CPU multiplies with a copy of the weights; see `PaddingFreeForward`.
    compile (bool): whether `torch.compile` makes kernels for the model.
    """

    precision: str = "fp32"
    packed_weights: bool = True
    compile: bool = False


@registry.misc("spacy_bert_ner.TorchRuntime.v1")
def make_torch_runtime_v1(precision: Any = "fp32", packed_weights: Any = True, compile: Any = False) -> TorchRuntime:
    """Make the runtime of `[components.bert_ner.model.runtime]` that runs on torch.

    precision (str): of matrix products: "fp32"; "bf16" or "fp16", which leave the weights in float32; "auto" for "bf16"
        where the hardware gains by it, else "fp32"; "int8", which takes an x86 CPU with VNNI and a BERT.
    packed_weights (bool): on an x86 CPU, a BERT predicts without padding, from a copy of the weights in the order in
        which oneDNN multiplies fastest. False saves the copy's memory, and is slower; "int8" takes it.
    compile (bool): `torch.compile` makes kernels for the model of transformers, which then predicts, with padding. It
        takes a compiler, and up to a minute at the first texts.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(require_setting, RUNTIME_SECTION)
    a_precision = isinstance(precision, str) and precision in RUNTIME_PRECISIONS
    check("precision", precision, a_precision, ", ".join(f'"{choice}"' for choice in RUNTIME_PRECISIONS))
    check("packed_weights", packed_weights, isinstance(packed_weights, bool), "true, false")
    check("packed_weights", packed_weights, packed_weights or precision != "int8", 'true, where precision = "int8"')
    check("compile", compile, isinstance(compile, bool), "true, false")
    check("compile", compile, not compile or precision != "int8", 'false, where precision = "int8"')
    return TorchRuntime(precision, packed_weights, compile)


def padding_free_forward(checkpoint: "Checkpoint", runtime: TorchRuntime) -> PaddingFreeForward | None:
    """What predicts without padding; None where model, device or precision leave that to transformers.

    RETURNS: the one that the checkpoint has, if it is of this runtime.
    RAISES ConfigError: the precision is "int8", which nothing else has.
    """
    device, precision = checkpoint.device.type, runtime.precision
    if precision == "int8":
        reason = lacks_int8(checkpoint)
        allowed = Errors.no_int8.format(kinds=", ".join(KINDS), reason=reason)
        require_setting(RUNTIME_SECTION, "precision", precision, reason is None, allowed)
    if precision == "auto":
        precision = "bf16" if autocast_dtype(precision, device) else "fp32"
    is_slow = precision == "bf16" and not has_fast_bf16(device)
    is_known = device == "cpu" and has_packed_linear() and is_like_bert(checkpoint.model)
    if not (is_known and runtime.packed_weights) or is_slow or precision == "fp16" or runtime.compile:
        return None
    own = checkpoint.padding_free
    return own if own is not None and own.precision == precision else PaddingFreeForward(checkpoint.model, precision)


def compiled_forward(checkpoint: "Checkpoint", runtime: TorchRuntime) -> Callable[..., torch.Tensor] | None:
    """What predicts where the model is to be compiled, which happens when it first does; None where it is not to be.

    RAISES ConfigError: there is no compiler.
    """
    if not runtime.compile:
        return None
    reason = _lacks_compiler(checkpoint.device.type)
    require_setting(RUNTIME_SECTION, "compile", True, reason is None, f"false, as there is {reason}")
    # Lengths differ from batch to batch; without this, torch compiles for some of them, and then gives up.
    return checkpoint.compiled_forward or torch.compile(checkpoint.forward, dynamic=True)


def _lacks_compiler(device: str) -> str | None:
    """What `torch.compile` would miss; None where it has what it takes."""
    if device == "cuda":
        return None if find_spec("triton") else "no triton, which compiles for GPUs: pip install triton"
    own = os.environ.get("CXX")
    found = any(map(shutil.which, [own] if own else ["g++", "clang++", "cl"]))
    return None if found else "no C++ compiler: install g++, or name another in the environment's CXX"


def lacks_int8(checkpoint: "Checkpoint") -> str | None:
    """Why a checkpoint cannot run in eight bits here; None where it can."""
    model, device = checkpoint.model, checkpoint.device.type
    if device != "cpu":
        return f"the weights lie on '{device}'"
    if not is_like_bert(model):
        return f"'{checkpoint.name}' is of the kind {model.config.model_type}"
    return None if has_packed_int8_linear() else "the CPU, or torch, has no such products"
