"""Configure the runtime that predicts with an ONNX graph on onnxruntime."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from spacy.util import registry

from ..errors import RUNTIME_SECTION, require_setting

PROVIDERS = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class OnnxRuntime:
    """Settings to run batches in a session of onnxruntime.

    threads (int | None): number of threads of a session; None for that of torch, which is 1 in a forked process.
    provider (str): one of `PROVIDERS`. "auto" is CUDA if onnxruntime supports it, else the CPU.
    file (str | None): path of the graph in the folder of the checkpoint; None if there is only one.
    precision (str): always "fp32", the type of inputs and outputs. The graph determines the types in between.
    """

    threads: int | None = None
    provider: str = "auto"
    file: str | None = None
    precision: str = "fp32"


@registry.misc("spacy_bert_ner.OnnxRuntime.v1")
def make_onnx_runtime_v1(threads: Any = None, provider: Any = "auto", file: Any = None) -> OnnxRuntime:
    """Make the runtime of `[components.bert_ner.model.runtime]` that runs an ONNX graph on onnxruntime.

    threads (int | None): number of threads of a session; null for that of torch, which is 1 in a forked process.
    provider (str): "cpu"; "cuda", which needs onnxruntime-gpu; "auto" for CUDA if it is available, else the CPU.
    file (str | None): the graph to run, as a path in the folder `model.name`, such as "onnx/model_q4.onnx"; null if the
        folder has only one. A saved pipeline always runs its own graph.
    RETURNS (OnnxRuntime): the runtime.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(require_setting, RUNTIME_SECTION)
    is_count = isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1
    check("threads", threads, threads is None or is_count, "a whole number from 1, or null")
    is_provider = isinstance(provider, str) and provider in PROVIDERS
    check("provider", provider, is_provider, ", ".join(f'"{choice}"' for choice in PROVIDERS))
    allowed = 'a path in the folder of the checkpoint, such as "onnx/model_q4.onnx", or null'
    check("file", file, file is None or _is_graph(file), allowed)
    return OnnxRuntime(threads, provider, file)


def _is_graph(file: object) -> bool:
    """Return whether a value can be the path of a graph that is inside the folder."""
    if not isinstance(file, str) or not file.endswith(".onnx") or not file.isprintable() or set(file) & set("\\:"):
        return False
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
