"""Convert a torch checkpoint to an ONNX graph, in float32 or with int8 weights."""

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
    """The checkpoint as a function of two tensors."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(**model_inputs(self.model, input_ids, attention_mask)).logits
        return logits


def require_packages() -> None:
    """Check that the packages for `convert` are installed, before any other work.

    RAISES BertNerError: a package is missing.
    """
    try:
        import onnx  # noqa: F401 - torch imports it too late for this message
        import onnxruntime.quantization  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as e:
        raise BertNerError(Errors.no_onnx.format(package=e.name)) from e


def convert(checkpoint: Checkpoint, precision: str, *, fused: bool = True) -> bytes:
    """Convert a checkpoint to an ONNX graph for any number of windows of any length.

    For int8, the weights of matrix products have a scale for each column, and activations are quantized at run time
    (dynamic quantization: Zafrir et al. 2019, https://arxiv.org/abs/1910.06188). The head stays in float32.

    checkpoint (Checkpoint): the checkpoint to convert.
    precision (str): "fp32" or "int8".
    fused (bool): whether the graph may have nodes that only onnxruntime knows, which are faster there; see
        `fused_attention`. Default: True.
    RETURNS (bytes): content of `model.onnx`.
    RAISES BertNerError: a required package is missing.
    """
    require_packages()
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.onnx"
        _trace(checkpoint, path, fused=fused)
        return path.read_bytes() if precision == "fp32" else _quantized(path)


def quantize(graph: bytes) -> bytes:
    """Quantize an fp32 graph to int8, as `convert` does, without tracing the model again.

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
        warnings.simplefilter("ignore")  # Torch warns about its own code.
        # Some supported releases of torch lack this argument, and not every attention can be translated to one node.
        if fused and "custom_translation_table" in signature(torch.onnx.export).parameters:
            try:
                program = export(custom_translation_table=fused_attention())
            except torch.onnx.OnnxExporterError:
                program = export()
        else:
            program = export()
    program.save(str(path))


def _head_nodes(path: Path) -> list[str]:
    """Return the name of the head's matrix product, the last one in the graph."""
    import onnx

    nodes = [node for node in onnx.load(path).graph.node if node.op_type in ("MatMul", "Gemm")]
    return [nodes[-1].name]


@contextmanager
def _without_logs() -> Iterator[None]:
    """Silence the advice of onnxruntime, on the root logger, to preprocess the graph; torch has already done that."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
