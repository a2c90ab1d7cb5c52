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
"""Input names by role. `transformers` uses the first name. Most other names come from TensorFlow models."""

REQUIRED = ("input_ids", "attention_mask")
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
MASKS = {**INTEGERS, **FLOATS, "tensor(bool)": np.bool_}


class GraphInput(NamedTuple):
    """An input of a graph.

    name (str): name of the input in the graph.
    role (str): role of the input, a key of `NAMES`.
    dtype (Any): NumPy data type of the input.
    """

    name: str
    role: str
    dtype: Any


class Signature(NamedTuple):
    """The calling convention of a graph.

    inputs (tuple[GraphInput, ...]): all inputs of the graph.
    output (str): name of the output that contains the logits.
    """

    inputs: tuple[GraphInput, ...]
    output: str

    def feeds(self, ids: Any, mask: Any, first_position: int = 0) -> dict[str, Any]:
        """Create the input arrays for one run.

        ids, mask (Any): padded batch from `Checkpoint.pad`, as NumPy arrays. *Shape:* `(n_windows, longest)` each
        first_position (int): position of the first subword. It is not 0 for RoBERTa and related models. Default: 0.
        RETURNS (dict[str, Any]): array for each input, by input name. *Shape:* `(n_windows, longest)` each
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

    inputs, outputs (Sequence[Any]): `onnxruntime` descriptions, each with `name`, `type` and `shape`.
    n_tags (int): number of tags in `config.json`, which must be the width of the logits.
    RETURNS (Signature): the calling convention.
    RAISES ValueError: an input is unknown or unsupported, or the output with the logits cannot be determined.
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
            raise _inputs_error(inputs, f"{role} is missing")
    return tuple(by_role.values())


def _problem_of(node: Any, role: str, by_role: dict[str, GraphInput], dtypes: dict[str, Any]) -> str | None:
    """Describe why an input is not supported, or return None if it is supported."""
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
    """Return the name of the output that contains the logits.

    An output named `logits` takes precedence. Otherwise, select the only output whose width equals the number of tags,
    or the only output of unknown width. The unknown width is checked when the graph runs.
    """
    named = [node for node in outputs if _plain(node.name) == "logits"]
    possible = [node for node in named or outputs if _may_be_logits(node, n_tags)]
    certain = [node for node in possible if node.shape and node.shape[-1] == n_tags]
    for nodes in (certain, possible):
        if len(nodes) == 1:
            return str(nodes[0].name)
    raise ValueError(Errors.graph_outputs.format(outputs=_format_nodes(outputs), n_tags=n_tags))


def _may_be_logits(node: Any, n_tags: int) -> bool:
    """Return whether an output can contain logits. Its shape may be unknown or partly symbolic."""
    shape = node.shape
    is_fitting = not shape or (len(shape) == 3 and (not isinstance(shape[-1], int) or shape[-1] == n_tags))
    return node.type in FLOATS and is_fitting


def _plain(name: str) -> str:
    """Return a lower-case name without the prefix and suffix that TensorFlow adds, as in `serving_default_ids:0`."""
    return name.lower().partition(":")[0].removeprefix("serving_default_")


def _type_of(node: Any) -> str:
    return str(node.type).removeprefix("tensor(").removesuffix(")")


def _format_nodes(nodes: Sequence[Any]) -> str:
    """Format inputs or outputs with their shapes and types, as in `input_ids [batch, length] int64`."""
    return ", ".join(f"{n.name} [{', '.join(map(str, n.shape or ['?']))}] {_type_of(n)}" for n in nodes) or "nothing"


def is_distribution(values: Any) -> bool:
    """Return whether the values along the last axis are probabilities that sum to 1.

    values (Any): graph output, as a NumPy array. *Shape:* `(n_windows, longest, n_tags)`
    """
    return bool(values.size and values.min() >= 0 and np.abs(values.sum(axis=-1) - 1).max() < 0.01)
