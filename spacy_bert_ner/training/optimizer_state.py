"""What a training changes: weights, and what the optimizer keeps of each; as tensors by name, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch
from spacy.language import Language
from thinc.api import Model, Optimizer
from thinc.backends import get_array_ops
from thinc.shims import PyTorchShim, Shim
from thinc.util import torch2xp

from ..errors import BertNerError, Errors
from ..models.shim import CheckpointShim
from ..optim.step import Key

TABLES = ("mom1", "mom2", "averages")
"""What thinc's optimizers keep of each parameter, beside the number of its updates."""


class Parameter(NamedTuple):
    """Weights that are trained.

    name (str): the component, the place in its model, and the parameter: the same in every process with this config.
    key: by which the optimizer knows it, in this process.
    array: a torch tensor, or an array of NumPy or CuPy, which can be written to.
    """

    name: str
    key: Key
    array: Any


def trainable(nlp: Language, frozen: Sequence[str]) -> list[tuple[str, Any]]:
    """The components that a training changes, by the rule of spaCy's loop."""
    pipeline: list[tuple[str, Any]] = list(nlp.pipeline)
    return [
        (name, pipe)
        for name, pipe in pipeline
        if name not in frozen and getattr(pipe, "is_trainable", False) and isinstance(pipe.model, Model)
    ]


def parameters(nlp: Language, frozen: Sequence[str] = ()) -> list[Parameter]:
    """All parameters of the components that are trained, each once, in the order of the pipeline.

    RAISES BertNerError: a component keeps its weights where they cannot be read.
    """
    found: dict[Key, Parameter] = {}
    for component, pipe in trainable(nlp, frozen):
        for i, node in enumerate(pipe.model.walk()):
            for parameter in _of_node(f"{component}/{i}", component, node):
                found.setdefault(parameter.key, parameter)
    return list(found.values())


def _of_node(place: str, component: str, node: Model[Any, Any]) -> Iterator[Parameter]:
    for name in node.param_names:
        if node.has_param(name):
            yield Parameter(f"{place}/{name}", (node.id, name), node.get_param(name))
    for number, shim in enumerate(node.shims):
        for name, param in _torch_module(component, shim).named_parameters():
            key = shim.key(name, param) if isinstance(shim, CheckpointShim) else (shim.id, name)
            yield Parameter(f"{place}.{number}/{name}", key, param)


def _torch_module(component: str, shim: Shim) -> torch.nn.Module:
    if isinstance(shim, CheckpointShim):
        return cast(torch.nn.Module, shim.checkpoint.model if shim.is_loaded else torch.nn.Module())
    # Its own scaling of gradients, for mixed precision, cannot be read.
    if isinstance(shim, PyTorchShim) and not shim._grad_scaler._enabled:
        return cast(torch.nn.Module, shim._model)
    raise BertNerError(Errors.no_state_of.format(name=component, kind=type(shim).__name__))


def state_dict(
    nlp: Language, optimizer: Optimizer, frozen: Sequence[str]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Copies of weights and moments, and the numbers beside them.

    RETURNS: tensors by name, as in `weights/bert_ner/0.0/classifier.bias` and `mom1/...`; and a table for JSON with the
        number of `updates` of each parameter, and the `scalers` of components in float16.
    """
    tensors, names = {}, {}
    for parameter in parameters(nlp, frozen):
        tensors[f"weights/{parameter.name}"] = _copy(parameter.array)
        names[parameter.key] = parameter.name
    for table in TABLES:
        for key, array in (getattr(optimizer, table) or {}).items():
            tensors[f"{table}/{names[key]}"] = _copy(array)
    updates = {names[key]: n for key, n in optimizer.nr_update.items()}
    scalers = {name: scaler.state_dict() for name, scaler in _scalers(nlp, frozen) if scaler is not None}
    return tensors, {"updates": updates, "scalers": scalers}


def load_state_dict(
    nlp: Language,
    optimizer: Optimizer,
    frozen: Sequence[str],
    tensors: dict[str, torch.Tensor],
    numbers: dict[str, Any],
) -> None:
    """The inverse of `state_dict`, in a pipeline and an optimizer that were made from the same config.

    RAISES BertNerError: the parameters are others.
    """
    found = parameters(nlp, frozen)
    kept = {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith("weights/")}
    differ = {one.name for one in found} ^ kept.keys()
    differ |= {one.name for one in found if one.name in kept and tuple(kept[one.name].shape) != tuple(one.array.shape)}
    if differ:
        raise BertNerError(Errors.other_parameters.format(n=len(differ), first=min(differ)))
    with torch.no_grad():
        for parameter in found:
            _write(parameter.array, kept[parameter.name])
            for table in TABLES:
                tensor = tensors.get(f"{table}/{parameter.name}")
                if tensor is not None:
                    getattr(optimizer, table)[parameter.key] = _as_array(tensor, parameter.array)
            if parameter.name in numbers["updates"]:
                optimizer.nr_update[parameter.key] = numbers["updates"][parameter.name]
    for name, pipe in trainable(nlp, frozen):
        for shim in _ours(pipe):
            if shim.checkpoint.padding_free is not None:
                shim.checkpoint.padding_free.forget()
            if name in numbers["scalers"]:
                shim.checkpoint.scaler = torch.amp.GradScaler(shim.checkpoint.device.type)
                shim.checkpoint.scaler.load_state_dict(numbers["scalers"][name])


def _scalers(nlp: Language, frozen: Sequence[str]) -> Iterator[tuple[str, torch.amp.GradScaler | None]]:
    for name, pipe in trainable(nlp, frozen):
        for shim in _ours(pipe):
            yield name, shim.checkpoint.scaler


def _ours(pipe: Any) -> list[CheckpointShim]:
    """The shims of a component that hold a checkpoint of this package."""
    shims = [shim for node in pipe.model.walk() for shim in node.shims]
    return [shim for shim in shims if isinstance(shim, CheckpointShim) and shim.is_loaded]


def _copy(array: Any) -> torch.Tensor:
    if isinstance(array, torch.Tensor):
        return array.detach().to("cpu", copy=True).contiguous()
    return torch.from_numpy(get_array_ops(array).to_numpy(array).copy())


def _as_array(tensor: torch.Tensor, like: Any) -> Any:
    """An array of NumPy, or of CuPy where the parameter lies on a GPU."""
    array = torch2xp(like.data) if isinstance(like, torch.Tensor) else like
    return get_array_ops(array).asarray(tensor.numpy().copy())


def _write(array: Any, tensor: torch.Tensor) -> None:
    if isinstance(array, torch.Tensor):
        array.data.copy_(tensor)
    else:
        array[...] = _as_array(tensor, array)
