"""Configure the runtime that predicts with an ONNX graph on `onnxruntime`."""

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
    """Settings for running batches in an `onnxruntime` session.

    threads (int | None): number of threads per session. None uses the number of `torch` threads, which is 1 in a forked
        process.
    provider (str): one of `PROVIDERS`. "auto" selects CUDA if `onnxruntime` supports it, and the CPU otherwise.
    file (str | None): path of the graph, relative to the checkpoint's folder; None if the folder contains only one.
    precision (str): precision of inputs and outputs, always "fp32". The graph determines its internal precision.
    """

    threads: int | None = None
    provider: str = "auto"
    file: str | None = None
    precision: str = "fp32"


@registry.misc("spacy_bert_ner.OnnxRuntime.v1")
def make_onnx_runtime_v1(threads: Any = None, provider: Any = "auto", file: Any = None) -> OnnxRuntime:
    """Create the runtime that runs an ONNX graph on `onnxruntime`, for `[components.bert_ner.model.runtime]`.

    threads (int | None): number of threads per session. null uses the number of `torch` threads, which is 1 in a forked
        process.
    provider (str): "cpu", "cuda" or "auto". "cuda" requires `onnxruntime-gpu`. "auto" selects CUDA if it is available,
        and the CPU otherwise.
    file (str | None): path of the graph, relative to the folder `model.name`, such as "onnx/model_q4.onnx"; null if the
        folder contains only one graph. A saved pipeline always runs its own graph.
    RETURNS (OnnxRuntime): the runtime.
    RAISES ConfigError: a setting has an invalid value.
    """
    check = partial(require_setting, RUNTIME_SECTION)
    is_count = isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1
    check("threads", threads, threads is None or is_count, "a whole number of at least 1, or null")
    is_provider = isinstance(provider, str) and provider in PROVIDERS
    check("provider", provider, is_provider, ", ".join(f'"{choice}"' for choice in PROVIDERS))
    allowed = 'a path in the checkpoint\'s folder, such as "onnx/model_q4.onnx", or null'
    check("file", file, file is None or _is_graph(file), allowed)
    return OnnxRuntime(threads, provider, file)


def _is_graph(file: object) -> bool:
    """Return whether a value is a valid path of a graph inside the checkpoint's folder."""
    if not isinstance(file, str) or not file.endswith(".onnx") or not file.isprintable() or set(file) & set("\\:"):
        return False
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
