"""The forward pass of a prediction on onnxruntime, with what `export` has made of a checkpoint."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from dataclasses import dataclass
from functools import partial
from typing import Any

from spacy.util import registry

from ..errors import RUNTIME_SECTION, check_setting

PROVIDERS = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class OnnxRuntime:
    """Runs batches in a session of onnxruntime.

    threads (int | None): of one session; None for as many as torch has, which are one in a forked process.
    provider (str): one of `PROVIDERS`. "auto" is CUDA where onnxruntime has it, and the CPU elsewhere.
    """

    threads: int | None = None
    provider: str = "auto"
    precision: str = "fp32"
    """Of what goes in and comes out; what happens between is in the graph."""


@registry.misc("spacy_bert_ner.OnnxRuntime.v1")
def make_onnx_runtime_v1(threads: Any = None, provider: Any = "auto") -> OnnxRuntime:
    """Make the runtime of `[components.bert_ner.model.runtime]` that runs what `export` has made, on onnxruntime.

    threads (int | None): of one session; null for as many as torch has, which are one in a forked process.
    provider (str): "cpu"; "cuda", which needs onnxruntime-gpu; "auto" for CUDA where it is there, else the CPU.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(check_setting, RUNTIME_SECTION)
    a_count = isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1
    check("threads", threads, threads is None or a_count, "a whole number from 1, or null")
    a_provider = isinstance(provider, str) and provider in PROVIDERS
    check("provider", provider, a_provider, ", ".join(f'"{choice}"' for choice in PROVIDERS))
    return OnnxRuntime(threads, provider)
