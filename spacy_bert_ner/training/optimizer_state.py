"""Save and restore the weights and the optimizer's state as named tensors."""

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
"""Names of the tables in which thinc optimizers keep an array for each parameter."""


class Parameter(NamedTuple):
    """A parameter of a trained component.

    name (str): name formed from the component, the position in its model and the parameter's own name. It is the same
        in every process with the same config.
    key: the optimizer's key for the parameter. It is valid only in this process.
    array: a writable PyTorch tensor, NumPy array or CuPy array of any shape.
    """

    name: str
    key: Key
    array: Any


def trainable(nlp: Language, frozen: Sequence[str]) -> list[tuple[str, Any]]:
    """List the components that training updates, using the same rule as spaCy's training loop.

    nlp (Language): the pipeline.
    frozen: names of the components that are not trained.
    RETURNS: pairs of component name and component, in pipeline order.
    """
    pipeline: list[tuple[str, Any]] = list(nlp.pipeline)
    return [
        (name, pipe)
        for name, pipe in pipeline
        if name not in frozen and getattr(pipe, "is_trainable", False) and isinstance(pipe.model, Model)
    ]


def parameters(nlp: Language, frozen: Sequence[str] = ()) -> list[Parameter]:
    """List the parameters of the trained components in pipeline order, without duplicates.

    nlp (Language): the initialized pipeline.
    frozen: names of the components that are not trained. Default: none.
    RETURNS: the parameters.
    RAISES BertNerError: a component's weights cannot be read.
    """
    by_key: dict[Key, Parameter] = {}
    for component, pipe in trainable(nlp, frozen):
        for i, node in enumerate(pipe.model.walk()):
            for parameter in _of_node(f"{component}/{i}", component, node):
                by_key.setdefault(parameter.key, parameter)
    return list(by_key.values())


def _of_node(prefix: str, component: str, node: Model[Any, Any]) -> Iterator[Parameter]:
    for name in node.param_names:
        if node.has_param(name):
            yield Parameter(f"{prefix}/{name}", (node.id, name), node.get_param(name))
    for number, shim in enumerate(node.shims):
        for name, param in _torch_module(component, shim).named_parameters():
            key = shim.key(name, param) if isinstance(shim, CheckpointShim) else (shim.id, name)
            yield Parameter(f"{prefix}.{number}/{name}", key, param)


def _torch_module(component: str, shim: Shim) -> torch.nn.Module:
    if isinstance(shim, CheckpointShim):
        return cast(torch.nn.Module, shim.checkpoint.model if shim.is_loaded else torch.nn.Module())
    # With mixed precision, the state of the gradient scaler in thinc's shim cannot be read.
    if isinstance(shim, PyTorchShim) and not shim._grad_scaler._enabled:
        return cast(torch.nn.Module, shim._model)
    raise BertNerError(Errors.weights_not_saveable.format(name=component, kind=type(shim).__name__))


def state_dict(
    nlp: Language, optimizer: Optimizer, frozen: Sequence[str]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Copy the weights and the optimizer's state.

    nlp (Language): the pipeline to train.
    optimizer (Optimizer): the optimizer for the pipeline.
    frozen: names of the components that are not trained.
    RETURNS: CPU tensors by name, such as `weights/bert_ner/0.0/classifier.bias` and `mom1/...`. Also a
        JSON-serializable dictionary: `updates` contains the update count for each parameter, and `scalers` contains the
        gradient scalers for float16 components.
    RAISES BertNerError: a component's weights cannot be read.

    *Shape:* each tensor has the shape of its parameter.
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
    """Load the result of `state_dict` into a pipeline and an optimizer that were created from the same config.

    nlp (Language): the initialized pipeline, whose weights are replaced.
    optimizer (Optimizer): the optimizer for the pipeline, whose state is replaced.
    frozen: names of the components that are not trained.
    tensors: the tensors that `state_dict` returned.
    numbers: the dictionary that `state_dict` returned.
    RAISES BertNerError: the names or shapes of the pipeline's parameters do not match the tensors.

    *Shape:* each tensor must have the shape of its parameter.
    """
    params = parameters(nlp, frozen)
    saved = {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith("weights/")}
    mismatched = {param.name for param in params} ^ saved.keys()
    mismatched |= {
        param.name
        for param in params
        if param.name in saved and tuple(saved[param.name].shape) != tuple(param.array.shape)
    }
    if mismatched:
        raise BertNerError(Errors.other_parameters.format(n=len(mismatched), first=min(mismatched)))
    with torch.no_grad():
        for param in params:
            _write(param.array, saved[param.name])
            for table in TABLES:
                tensor = tensors.get(f"{table}/{param.name}")
                if tensor is not None:
                    getattr(optimizer, table)[param.key] = _as_array(tensor, param.array)
            if param.name in numbers["updates"]:
                optimizer.nr_update[param.key] = numbers["updates"][param.name]
    for name, pipe in trainable(nlp, frozen):
        for shim in _checkpoint_shims(pipe):
            if shim.checkpoint.padding_free is not None:
                shim.checkpoint.padding_free.forget()
            if name in numbers["scalers"]:
                scaler = torch.amp.GradScaler(shim.checkpoint.device.type)
                scaler.load_state_dict(numbers["scalers"][name])
                shim.training_state.scaler = scaler


def _scalers(nlp: Language, frozen: Sequence[str]) -> Iterator[tuple[str, torch.amp.GradScaler | None]]:
    for name, pipe in trainable(nlp, frozen):
        for shim in _checkpoint_shims(pipe):
            yield name, shim.training_state.scaler


def _checkpoint_shims(pipe: Any) -> list[CheckpointShim]:
    """Return the component's shims that have loaded a Hugging Face checkpoint."""
    shims = [shim for node in pipe.model.walk() for shim in node.shims]
    return [shim for shim in shims if isinstance(shim, CheckpointShim) and shim.is_loaded]


def _copy(array: Any) -> torch.Tensor:
    if isinstance(array, torch.Tensor):
        return array.detach().to("cpu", copy=True).contiguous()
    return torch.from_numpy(get_array_ops(array).to_numpy(array).copy())


def _as_array(tensor: torch.Tensor, like: Any) -> Any:
    """Convert a tensor to a NumPy array, or to a CuPy array if the parameter `like` is on a GPU."""
    array = torch2xp(like.data) if isinstance(like, torch.Tensor) else like
    return get_array_ops(array).asarray(tensor.numpy().copy())


def _write(array: Any, tensor: torch.Tensor) -> None:
    if isinstance(array, torch.Tensor):
        array.data.copy_(tensor)
    else:
        array[...] = _as_array(tensor, array)
