"""Convert a `torch` checkpoint to an ONNX graph with float32 or int8 weights."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from ..checkpoints.checkpoint import Checkpoint
from ..errors import BertNerError, Errors
from ..nn.batch_invariance import model_inputs
from .onnx_attention import fused_attention


class _Logits(torch.nn.Module):
    """A module that computes logits from subword IDs and an attention mask."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(**model_inputs(self.model, input_ids, attention_mask)).logits
        return logits


def require_packages() -> None:
    """Check that all packages required by `convert` are installed.

    Call this function before time-consuming work.

    RAISES BertNerError: a package is missing.
    """
    try:
        import onnx  # noqa: F401 - `torch` would only import it after tracing
        import onnxruntime.quantization  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as e:
        raise BertNerError(Errors.no_onnx.format(package=e.name)) from e


def convert(checkpoint: Checkpoint, precision: str, *, fused: bool = True) -> bytes:
    """Convert a checkpoint to an ONNX graph that accepts any number of windows of any length.

    For int8, the weight matrices have one scale per column, and activations are quantized at run time (dynamic
    quantization: Zafrir et al. 2019, https://arxiv.org/abs/1910.06188). The head stays in float32.

    checkpoint (Checkpoint): the checkpoint to convert.
    precision (str): "fp32" or "int8".
    fused (bool): whether the graph may contain faster nodes that only `onnxruntime` supports; see `fused_attention`.
        Default: True.
    RETURNS (bytes): content of `model.onnx`.
    RAISES BertNerError: a required package is missing.
    """
    require_packages()
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.onnx"
        _trace(checkpoint, path, fused=fused)
        return path.read_bytes() if precision == "fp32" else _quantized(path)


def quantize(graph: bytes) -> bytes:
    """Quantize a float32 graph to int8 as `convert` does, without tracing the model again.

    graph (bytes): content of `model.onnx` in float32.
    RETURNS (bytes): content of `model.onnx` in int8.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.onnx"
        path.write_bytes(graph)
        return _quantized(path)


def _quantized(path: Path) -> bytes:
    import onnxruntime.quantization

    int8_path = path.with_name("model.int8.onnx")
    with warnings.catch_warnings(), _without_logs():
        warnings.simplefilter("ignore")
        onnxruntime.quantization.quantize_dynamic(
            path,
            int8_path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=onnxruntime.quantization.QuantType.QInt8,
            nodes_to_exclude=_head_nodes(path),
        )
    return int8_path.read_bytes()


def _trace(checkpoint: Checkpoint, path: Path, *, fused: bool) -> None:
    ids = torch.full((2, 4), checkpoint.tokenizer.pad_token_id or 0, device=checkpoint.device)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]], device=checkpoint.device)
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}

    def export(**options: Any) -> Any:
        return torch.onnx.export(
            _Logits(checkpoint.model).eval(),
            (ids, mask),
            dynamo=True,
            dynamic_shapes={"input_ids": any_size, "attention_mask": any_size},
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            verbose=False,
            **options,
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `torch` issues warnings about its own code.
        # Some supported `torch` releases lack this argument. Some attention layers cannot be translated to one node.
        if fused and "custom_translation_table" in signature(torch.onnx.export).parameters:
            try:
                program = export(custom_translation_table=fused_attention())
            except torch.onnx.OnnxExporterError:
                program = export()
        else:
            program = export()
    program.save(str(path))


def _head_nodes(path: Path) -> list[str]:
    """Return a list with the name of the last matrix-product node in the graph, which belongs to the head."""
    import onnx

    nodes = [node for node in onnx.load(path).graph.node if node.op_type in ("MatMul", "Gemm")]
    return [nodes[-1].name]


@contextmanager
def _without_logs() -> Iterator[None]:
    """Suppress log messages within the block. `onnxruntime` recommends preprocessing that `torch` has already done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
