"""Graphs of ONNX that are traced once a session.

Torch takes seconds to trace the smallest model. Tests of what becomes of a graph read a copy of the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from spacy_bert_ner.runtimes import attention, conversion

Trace = Callable[..., None]
_traced: dict[str, bytes] = {}


def trace_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `convert` trace models with the same weights and settings once; all its other steps stay as they are.

    RETURNS: the key of each graph that is asked for from now on.
    """
    real: Trace = conversion._trace
    asked: list[str] = []

    def trace(checkpoint: Any, path: Path, *, fused: bool) -> None:
        key = _key(checkpoint, fused)
        asked.append(key)
        if key not in _traced:
            real(checkpoint, path, fused=fused)
            _traced[key] = path.read_bytes()
        path.write_bytes(_traced[key])

    monkeypatch.setattr(conversion, "_trace", trace)
    return asked


def _key(checkpoint: Any, fused: bool) -> str:
    """A digest of all that a graph depends on."""
    model = checkpoint.model
    config = {key: value for key, value in model.config.to_dict().items() if key != "_name_or_path"}
    attends = (getattr(model.config, "_attn_implementation", None), attention._node)
    found = sha256(repr((type(model), config, attends, fused, checkpoint.tokenizer.pad_token_id)).encode())
    for name, tensor in model.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
