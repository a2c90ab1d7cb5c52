"""The forward pass of a prediction on torch, with the weights of the checkpoint as they are."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from dataclasses import dataclass
from functools import partial
from typing import Any

from spacy.util import registry

from ..errors import RUNTIME_SECTION, check_setting
from ..precision import PRECISIONS


@dataclass(frozen=True)
class TorchRuntime:
    """Runs batches on the device of the checkpoint.

    precision (str): of matrix products, one of `PRECISIONS`.
    packed_weights (bool): whether a CPU multiplies with a copy of the weights; see `packing.PackedLinear`.
    """

    precision: str = "fp32"
    packed_weights: bool = True


@registry.misc("spacy_bert_ner.TorchRuntime.v1")
def make_torch_runtime_v1(precision: Any = "fp32", packed_weights: Any = True) -> TorchRuntime:
    """Make the runtime of `[components.bert_ner.model.runtime]` that runs on torch.

    precision (str): of matrix products: "fp32"; "bf16" or "fp16" by torch's autocast, which leaves the weights in
        float32; "auto" for "bf16" where the hardware gains by it, else "fp32".
    packed_weights (bool): on an x86 CPU, keep a copy of the weights in the order in which oneDNN multiplies fastest: an
        eighth less time for batches, a quarter less for single sentences, for the memory of the weights once more.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(check_setting, RUNTIME_SECTION)
    a_precision = isinstance(precision, str) and precision in PRECISIONS
    check("precision", precision, a_precision, ", ".join(f'"{choice}"' for choice in PRECISIONS))
    check("packed_weights", packed_weights, isinstance(packed_weights, bool), "true, false")
    return TorchRuntime(precision, packed_weights)
