"""Match the inputs and outputs of an ONNX graph to the tensors of a token classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import Errors

NAMES = {
    "input_ids": ("input_ids", "ids", "token_ids", "input_word_ids"),
    "attention_mask": ("attention_mask", "mask", "attn_mask", "input_mask"),
    "token_type_ids": ("token_type_ids", "type_ids", "segment_ids", "input_type_ids"),
    "position_ids": ("position_ids", "positions"),
}
"""Input names by role. Transformers uses the first name; most others come from TensorFlow models."""

REQUIRED = ("input_ids", "attention_mask")
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
MASKS = {**INTEGERS, **FLOATS, "tensor(bool)": np.bool_}


class GraphInput(NamedTuple):
    """An input of a graph.

    name (str): its name in the graph.
    role (str): its role, a key of `NAMES`.
    dtype (Any): its NumPy type.
    """

    name: str
    role: str
    dtype: Any


class Signature(NamedTuple):
    """The calling convention of a graph.

    inputs (tuple[GraphInput, ...]): all inputs.
    output (str): name of the output that holds the logits.
    """

    inputs: tuple[GraphInput, ...]
    output: str

    def feeds(self, ids: Any, mask: Any, first_position: int = 0) -> dict[str, Any]:
        """Make the inputs of one run.

        ids, mask (Any): NumPy arrays of a padded batch, as `Checkpoint.pad` makes it. *Shape:* `(n_windows, longest)`
            each
        first_position (int): position of the first subword; RoBERTa and its relatives do not start at 0.
        RETURNS (dict[str, Any]): an array for each input, by its name. *Shape:* `(n_windows, longest)` each
        """
        positions = np.arange(first_position, first_position + ids.shape[1])
        values = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(positions, ids.shape),
        }
        return {name: np.ascontiguousarray(values[role], dtype=dtype) for name, role, dtype in self.inputs}


def match_signature(inputs: Sequence[Any], outputs: Sequence[Any], n_tags: int) -> Signature:
    """Determine the calling convention of a graph from its inputs and outputs.

    inputs, outputs (Sequence[Any]): descriptions from onnxruntime, each with `name`, `type` and `shape`.
    n_tags (int): number of tags in `config.json`, and so the width of the logits.
    RETURNS (Signature): the calling convention.
    RAISES ValueError: an input has no known role or cannot be fed, or no single output can hold the logits.
    """
    return Signature(_match_inputs(inputs), _choose_output(outputs, n_tags))


def _match_inputs(inputs: Sequence[Any]) -> tuple[GraphInput, ...]:
    by_role: dict[str, GraphInput] = {}
    for node in inputs:
        role = next((role for role, names in NAMES.items() if _plain(node.name) in names), "")
        dtypes = MASKS if role == "attention_mask" else INTEGERS
        if problem := _problem_of(node, role, by_role, dtypes):
            raise _inputs_error(inputs, problem)
        by_role[role] = GraphInput(node.name, role, dtypes[node.type])
    for role in REQUIRED:
        if role not in by_role:
            raise _inputs_error(inputs, f"there is no {role}")
    return tuple(by_role.values())


def _problem_of(node: Any, role: str, by_role: dict[str, GraphInput], dtypes: dict[str, Any]) -> str | None:
    """Describe why an input cannot be fed; None if it can."""
    if not role:
        return f"'{node.name}' is unknown"
    if role in by_role:
        return f"'{node.name}' and '{by_role[role].name}' both have the role {role}"
    if node.type not in dtypes:
        return f"'{node.name}' has the type {_type_of(node)}"
    if node.shape and len(node.shape) != 2:
        return f"'{node.name}' has {len(node.shape)} dimensions"
    if any(isinstance(size, int) for size in node.shape or ()):
        return f"'{node.name}' has a fixed size"
    return None


def _inputs_error(inputs: Sequence[Any], problem: str) -> ValueError:
    required, optional = (
        [f"{role} ({', '.join(names[1:])})" for role, names in NAMES.items() if (role in REQUIRED) == is_required]
        for is_required in (True, False)
    )
    allowed = {"required": " and ".join(required), "optional": " and ".join(optional)}
    return ValueError(Errors.graph_inputs.format(inputs=_format_nodes(inputs), problem=problem, **allowed))


def _choose_output(outputs: Sequence[Any], n_tags: int) -> str:
    """Return the name of the output with the logits.

    That is the output named logits, else the only one as wide as the number of tags, else the only possible one. The
    width of the latter is checked when the graph runs.
    """
    named = [node for node in outputs if _plain(node.name) == "logits"]
    possible = [node for node in named or outputs if _may_be_logits(node, n_tags)]
    certain = [node for node in possible if node.shape and node.shape[-1] == n_tags]
    for nodes in (certain, possible):
        if len(nodes) == 1:
            return str(nodes[0].name)
    raise ValueError(Errors.graph_outputs.format(outputs=_format_nodes(outputs), n_tags=n_tags))


def _may_be_logits(node: Any, n_tags: int) -> bool:
    """Return whether an output may hold logits; its shape may be unknown or partly symbolic."""
    shape = node.shape
    is_fitting = not shape or (len(shape) == 3 and (not isinstance(shape[-1], int) or shape[-1] == n_tags))
    return node.type in FLOATS and is_fitting


def _plain(name: str) -> str:
    """Return a name without the prefix and suffix of TensorFlow, as in `serving_default_input_ids:0`."""
    return name.lower().partition(":")[0].removeprefix("serving_default_")


def _type_of(node: Any) -> str:
    return str(node.type).removeprefix("tensor(").removesuffix(")")


def _format_nodes(nodes: Sequence[Any]) -> str:
    """List names with shapes and types, as in `input_ids [batch, length] int64`."""
    return ", ".join(f"{n.name} [{', '.join(map(str, n.shape or ['?']))}] {_type_of(n)}" for n in nodes) or "nothing"


def is_distribution(values: Any) -> bool:
    """Return whether the values along the last axis are probabilities that sum to 1.

    values (Any): output of a graph, a NumPy array. *Shape:* `(n_windows, longest, n_tags)`
    """
    return bool(values.size and values.min() >= 0 and np.abs(values.sum(axis=-1) - 1).max() < 0.01)
