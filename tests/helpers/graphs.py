"""Trace ONNX graphs once per session, and edit them to resemble graphs from other exporters.

Tracing even the smallest model with torch takes seconds. Later requests for the same graph return a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from spacy_bert_ner.export import onnx_attention, to_onnx

Trace = Callable[..., None]
_traced: dict[str, bytes] = {}


def trace_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make `convert` trace each combination of weights and settings only once. All its other steps are unchanged.

    RETURNS: a list to which the key of each requested graph will be added.
    """
    real: Trace = to_onnx._trace
    asked: list[str] = []

    def trace(checkpoint: Any, path: Path, *, fused: bool) -> None:
        key = _key(checkpoint, fused)
        asked.append(key)
        if key not in _traced:
            real(checkpoint, path, fused=fused)
            _traced[key] = path.read_bytes()
        path.write_bytes(_traced[key])

    monkeypatch.setattr(to_onnx, "_trace", trace)
    return asked


def _key(checkpoint: Any, fused: bool) -> str:
    """Return a digest of everything that determines a graph."""
    model = checkpoint.model
    config = {key: value for key, value in model.config.to_dict().items() if key != "_name_or_path"}
    attends = (getattr(model.config, "_attn_implementation", None), onnx_attention._attention_op)
    found = sha256(repr((type(model), config, attends, fused, checkpoint.tokenizer.pad_token_id)).encode())
    for name, tensor in model.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


class Edited:
    """A graph from `convert` with edited inputs and outputs.

    Wherever an added input has a wrong value, the sign of the logits is inverted.
    """

    def __init__(self, content: bytes) -> None:
        self.model = onnx.load_from_string(content)
        self.graph = self.model.graph
        self.output = self.graph.output[0]
        self.logits = self._free(self.output.name)
        self._n_made = 0

    def take(self, role: str, name: str, kind: int = TensorProto.INT64) -> Edited:
        """Change the name and type of an input."""
        (own,) = [node for node in self.graph.input if node.name == role]
        inner = self._free(role)
        own.name, own.type.tensor_type.elem_type = name, kind
        self.graph.node.insert(0, helper.make_node("Cast", [name], [inner], to=TensorProto.INT64))
        return self

    def take_types(self, name: str = "token_type_ids", kind: int = TensorProto.INT64) -> Edited:
        """Add an input that must be 0 everywhere."""
        return self._take_more(name, kind, self._constant([[0]]))

    def take_positions(self, name: str = "position_ids", kind: int = TensorProto.INT64) -> Edited:
        """Add an input that must count from 0 in each row."""
        ones = self._add("ConstantOfShape", self._add("Shape", name), value=numpy_helper.from_array(np.ones(1, int)))
        return self._take_more(name, kind, self._add("CumSum", ones, self._constant(1), exclusive=1))

    def give(self, name: str, kind: int = TensorProto.FLOAT) -> Edited:
        """Change the name and type of the logits."""
        self.logits = self._add("Cast", self.logits, to=kind)
        self.output.name, self.output.type.tensor_type.elem_type = name, kind
        return self

    def hide_width(self) -> Edited:
        """Make the number of tags unknown until the graph runs."""
        width = self.output.type.tensor_type.shape.dim[-1]
        every = self._add("Cast", self._constant([1] * width.dim_value), to=TensorProto.BOOL)
        self.logits = self._add("Compress", self.logits, every, axis=2)
        width.dim_param = "n_tags"
        return self

    def give_probabilities(self) -> Edited:
        self.logits = self._add("Softmax", self.logits, axis=-1)
        return self

    def loop(self, times: int) -> Edited:
        """Copy the logits repeatedly in a loop."""
        value = helper.make_tensor_value_info
        inputs = [value("step", TensorProto.INT64, []), value("goes on", TensorProto.BOOL, [])]
        inputs.append(value("before", TensorProto.FLOAT, None))
        outputs = [value("still", TensorProto.BOOL, []), value("after", TensorProto.FLOAT, None)]
        nodes = [helper.make_node("Identity", [a], [b]) for a, b in (("goes on", "still"), ("before", "after"))]
        body = helper.make_graph(nodes, "body", inputs, outputs)
        for name, number in (("times", np.int64(times)), ("true", np.bool_(True))):
            self.graph.initializer.append(numpy_helper.from_array(np.array(number), name))
        self.logits = self._add("Loop", "times", "true", self.logits, body=body)
        return self

    def give_more(self, name: str, kind: int, shape: list[str | int], op: str, **attributes: object) -> Edited:
        """Insert an output before the logits.

        A node computes it from the logits, or, for the operator "Concat", from two copies of the logits.
        """
        inputs = [self.logits] * (2 if op == "Concat" else 1)
        made = self._add(op, *inputs, **attributes)
        self.graph.node.append(helper.make_node("Identity", [made], [name]))
        self.graph.output.insert(0, helper.make_tensor_value_info(name, kind, shape))
        self.output = self.graph.output[-1]
        return self

    def save(self, path: Path) -> Path:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(self))
        return path

    def __bytes__(self) -> bytes:
        made = onnx.ModelProto.FromString(self.model.SerializeToString())
        made.graph.node.append(helper.make_node("Identity", [self.logits], [self.output.name]))
        return bytes(made.SerializeToString())

    def _take_more(self, name: str, kind: int, expected: str) -> Edited:
        self.graph.input.append(helper.make_tensor_value_info(name, kind, ["batch", "length"]))
        equal = self._add("Equal", self._add("Cast", name, to=TensorProto.INT64), expected)
        equal = self._add("Unsqueeze", equal, self._constant([-1]))
        self.logits = self._add("Where", equal, self.logits, self._add("Neg", self.logits))
        return self

    def _free(self, name: str) -> str:
        """Rename a tensor so that an input or output can use its name. Return the new name."""
        for node in self.graph.node:
            node.input[:] = [f"own {name}" if used == name else used for used in node.input]
            node.output[:] = [f"own {name}" if made == name else made for made in node.output]
        return f"own {name}"

    def _add(self, op: str, *inputs: str, **attributes: object) -> str:
        self._n_made += 1
        self.graph.node.append(helper.make_node(op, inputs, [f"made {self._n_made}"], **attributes))
        return f"made {self._n_made}"

    def _constant(self, value: object) -> str:
        return self._add("Constant", value=numpy_helper.from_array(np.asarray(value, np.int64)))
