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
"""Input names by role. The first name is that of transformers; TensorFlow models have most of the others."""

REQUIRED = ("input_ids", "attention_mask")
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
MASKS = {**INTEGERS, **FLOATS, "tensor(bool)": np.bool_}


class GraphInput(NamedTuple):
    """An input of a graph: its own name, its role (a key of `NAMES`), and the type that it takes."""

    name: str
    role: str
    dtype: Any


class Signature(NamedTuple):
    """How to call a graph: its inputs, and the name of the output that holds the logits."""

    inputs: tuple[GraphInput, ...]
    output: str

    def feeds(self, ids: Any, mask: Any, first_position: int = 0) -> dict[str, Any]:
        """Make the input of one run.

        ids, mask: a padded batch, as `Checkpoint.pad` makes it. *Shape:* `(n_windows, longest)` each
        first_position (int): position of the first subword; RoBERTa and its relatives do not start at 0.
        RETURNS: an array for each input, by its name. *Shape:* `(n_windows, longest)` each
        """
        positions = np.arange(first_position, first_position + ids.shape[1])
        values = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.broadcast_to(positions, ids.shape),
        }
        return {name: np.ascontiguousarray(values[role], dtype=dtype) for name, role, dtype in self.inputs}


def match_signature(takes: Sequence[Any], gives: Sequence[Any], n_tags: int) -> Signature:
    """Find out how to call a graph.

    takes, gives: its inputs and outputs, each with `name`, `type` and `shape`, as onnxruntime describes them.
    n_tags (int): number of tags in `config.json`, and so the width of the logits.
    RAISES ValueError: an input has no known role or cannot be fed, or no single output can hold the logits.
    """
    return Signature(_match_inputs(takes), _choose_output(gives, n_tags))


def _match_inputs(takes: Sequence[Any]) -> tuple[GraphInput, ...]:
    found: dict[str, GraphInput] = {}
    for node in takes:
        role = next((role for role, names in NAMES.items() if _plain(node.name) in names), "")
        dtypes = MASKS if role == "attention_mask" else INTEGERS
        if problem := _problem_of(node, role, found, dtypes):
            raise _inputs_error(takes, problem)
        found[role] = GraphInput(node.name, role, dtypes[node.type])
    for role in REQUIRED:
        if role not in found:
            raise _inputs_error(takes, f"there is no {role}")
    return tuple(found.values())


def _problem_of(node: Any, role: str, found: dict[str, GraphInput], dtypes: dict[str, Any]) -> str | None:
    """Why an input cannot be fed; None if it can."""
    if not role:
        return f"'{node.name}' is unknown"
    if role in found:
        return f"'{node.name}' and '{found[role].name}' both stand for {role}"
    if node.type not in dtypes:
        return f"'{node.name}' has the type {_type_of(node)}"
    if node.shape and len(node.shape) != 2:
        return f"'{node.name}' has {len(node.shape)} dimensions"
    if any(isinstance(size, int) for size in node.shape or ()):
        return f"'{node.name}' has a fixed size"
    return None


def _inputs_error(takes: Sequence[Any], problem: str) -> ValueError:
    required, optional = (
        [f"{role} ({', '.join(names[1:])})" for role, names in NAMES.items() if (role in REQUIRED) == is_required]
        for is_required in (True, False)
    )
    allowed = {"required": " and ".join(required), "optional": " and ".join(optional)}
    return ValueError(Errors.graph_inputs.format(takes=_listed(takes), problem=problem, **allowed))


def _choose_output(gives: Sequence[Any], n_tags: int) -> str:
    """The output with the logits: the one of that name, else the only one as wide as the tags, else the only one that
    may be; its width is checked when it runs."""
    named = [node for node in gives if _plain(node.name) == "logits"]
    possible = [node for node in named or gives if _may_be_logits(node, n_tags)]
    sure = [node for node in possible if node.shape and node.shape[-1] == n_tags]
    for nodes in (sure, possible):
        if len(nodes) == 1:
            return str(nodes[0].name)
    raise ValueError(Errors.graph_outputs.format(gives=_listed(gives), n_tags=n_tags))


def _may_be_logits(node: Any, n_tags: int) -> bool:
    """Whether an output may hold logits; a shape may be unknown, or symbolic in part."""
    shape = node.shape
    is_fitting = not shape or (len(shape) == 3 and (not isinstance(shape[-1], int) or shape[-1] == n_tags))
    return node.type in FLOATS and is_fitting


def _plain(name: str) -> str:
    """A name without what TensorFlow puts around it, as in `serving_default_input_ids:0`."""
    return name.lower().partition(":")[0].removeprefix("serving_default_")


def _type_of(node: Any) -> str:
    return str(node.type).removeprefix("tensor(").removesuffix(")")


def _listed(nodes: Sequence[Any]) -> str:
    """Names with shapes and types, as in `input_ids [batch, length] int64`."""
    return ", ".join(f"{n.name} [{', '.join(map(str, n.shape or ['?']))}] {_type_of(n)}" for n in nodes) or "nothing"


def is_distribution(rows: Any) -> bool:
    """Whether the values of each row are probabilities. *Shape:* `(n_windows, longest, n_tags)`"""
    return bool(rows.size and rows.min() >= 0 and np.abs(rows.sum(axis=-1) - 1).max() < 0.01)
