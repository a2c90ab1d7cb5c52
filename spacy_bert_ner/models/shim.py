"""Connect a Hugging Face checkpoint to thinc, so that thinc can call, update, move and serialize it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import srsly
import torch
from thinc.api import Optimizer
from thinc.shims import Shim
from thinc.util import get_torch_default_device, xp2torch

from ..checkpoints.checkpoint import Checkpoint
from ..decoding.merged_tags import merge_equal
from ..errors import BertNerError, Errors
from ..nn.gradient_accumulation import AllReduce
from ..nn.mixed_precision import step_scaled
from ..optim.step import apply_optimizer
from ..runtimes.onnx_checkpoint import GRAPH, OnnxCheckpoint
from ..types import ArrayXd
from ..util.multiprocess import leave_unread_texts, limit_threads_after_fork
from .out_of_memory import run_halving_on_out_of_memory, translate_out_of_memory
from .shared_head import HEAD, TagHead
from .training_state import TrainingState

KINDS: list[tuple[str, Any]] = [(GRAPH, OnnxCheckpoint), (HEAD, TagHead), ("config.json", Checkpoint)]
"""File name that identifies each type of checkpoint, and the class that loads it."""


class CheckpointShim(Shim):
    """A thinc shim for a `Checkpoint`. It has no checkpoint until weights are loaded.

    thinc's own `PyTorchShim` pickles the weights, copies them in every step and ignores averaged weights.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self.training_state = TrainingState()
        """State of the current training step. A new checkpoint or a copy starts with a new state."""
        self.add_up: AllReduce | None = None
        """Function that sums tensors over all workers in place; None if there is only one worker."""

    @property
    def is_loaded(self) -> bool:
        """Return whether weights are loaded."""
        return self._model is not None

    @property
    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint. Setting it moves the checkpoint to torch's default device.

        RAISES BertNerError: no weights are loaded.
        """
        if self._model is None:
            raise BertNerError(Errors.not_loaded)
        checkpoint: Checkpoint = self._model
        return checkpoint

    @checkpoint.setter
    def checkpoint(self, checkpoint: Checkpoint) -> None:
        checkpoint.to(get_torch_default_device())
        self._model = checkpoint
        self.training_state = TrainingState(averages=checkpoint.averages_gradients)

    @contextmanager
    def or_as_before(self) -> Iterator[None]:
        """Restore the current checkpoint if the block fails."""
        previous = self._model, self.training_state
        try:
            yield
        except BaseException:
            self._model, self.training_state = previous
            raise

    def prepare(self) -> None:
        """Prepare to run in this process, which can be a fork of the process that loaded the weights.

        RAISES BertNerError: this process is a fork, and the weights are on a GPU.
        """
        limit_threads_after_fork()
        if self.checkpoint.device.type == "cuda" and self.checkpoint.owner_pid != os.getpid():
            raise BertNerError(Errors.forked_cuda)

    def __call__(
        self,
        batches: Iterable[Any],
        is_train: bool,
        half: torch.dtype | None = None,
        run: Callable[..., torch.Tensor] | None = None,
    ) -> tuple[list[torch.Tensor], Callable[[Sequence[ArrayXd]], None]]:
        """Compute the tag logits of batches.

        batches (Iterable[Any]): the arguments of `run` for each batch, as returned by `Checkpoint.pad` or
            `Checkpoint.pack`.
        is_train (bool): whether to apply dropout and allow the backward pass.
        half (torch.dtype | None): dtype for matrix products; see `autocast_dtype`. Weights, gradients and logits remain
            in float32. Default: None for float32 throughout.
        run (Callable | None): forward pass to use for predictions. Default: None for `Checkpoint.forward`.
        RETURNS (tuple[list[torch.Tensor], Callable]): the logits of each batch, and the backward-pass callback, which
            takes their gradients. *Shape:* `(n_windows, longest, n_tags)` each, or `(n_subwords, n_tags)` without
            padding
        RAISES BertNerError: a batch does not fit in memory.
        """
        checkpoint, state = self.checkpoint, self.training_state
        if checkpoint.model.training != is_train:
            checkpoint.model.train(is_train)
        device = checkpoint.device.type
        if half == torch.float16 and state.scaler is None:
            state.scaler = torch.amp.GradScaler(device)
        grad_mode = torch.enable_grad() if is_train else torch.inference_mode()
        # One context for all batches: autocast caches the weights that it has converted until the context ends.
        with translate_out_of_memory(), grad_mode, torch.autocast(device, half) if half else nullcontext():
            forward = run or checkpoint.forward
            logits = [
                run_halving_on_out_of_memory(forward, inputs, can_halve=not is_train).float() for inputs in batches
            ]
            logits = [merge_equal(part, checkpoint.tags.tags) for part in logits]

        def backprop(d_logits: Sequence[ArrayXd]) -> None:
            gradients = [xp2torch(d, device=part.device) for d, part in zip(d_logits, logits, strict=True)]
            if state.scaler is not None:
                gradients = [state.scaler.scale(gradient) for gradient in gradients]
            with translate_out_of_memory():
                torch.autograd.backward(logits, gradients)

        return [part.detach() for part in logits], backprop

    def finish_update(self, optimizer: Optimizer) -> None:
        """Run one optimizer step with the gradients accumulated since the last step.

        optimizer (Optimizer): the optimizer.
        RAISES BertNerError: the step does not fit in memory.
        """
        if not self.is_loaded:  # no gradient was accumulated, because there were no tokens
            return
        checkpoint, state = self.checkpoint, self.training_state
        if self.add_up is not None:
            state.all_reduce(checkpoint.model, self.add_up)
        named = {name: p for name, p in checkpoint.model.named_parameters() if p.grad is not None}
        scale = state.pop_scale()
        if not named:
            return
        if checkpoint.padding_free is not None:
            checkpoint.padding_free.forget()
        params = list(named.values())
        keys = [self.key(*item) for item in named.items()]
        depths = [checkpoint.parameter_depths[name] for name in named]

        def step() -> None:
            if scale != 1:
                torch._foreach_mul_([p.grad for p in params], scale)
            apply_optimizer(optimizer, keys, params, depths)

        # `nlp.rehearse` passes a function that collects gradients and keeps them.
        with (
            translate_out_of_memory(),
            state.embedding_grad.spread(params, is_kept=not isinstance(optimizer, Optimizer)),
        ):
            if state.scaler is None:
                step()
            else:
                step_scaled(state.scaler, params, step)

    def key(self, name: str, param: torch.Tensor) -> tuple[int, str]:
        """Return the key that identifies a parameter in optimizers.

        The key contains the shape, so that the optimizer treats a resized head as a new parameter. The old head's
        moments and averages do not fit it, and would slow the training of the new rows.

        name (str): name of the parameter.
        param (torch.Tensor): the parameter.
        RETURNS (tuple[int, str]): the key.
        """
        return self.id, f"{name} {'x'.join(map(str, param.shape))}"

    @contextmanager
    def use_params(self, params: dict[Any, Any]) -> Iterator[None]:
        """Use other weights, such as the optimizer's averages, within a block.

        A resized head keeps its current weights.

        params (dict[Any, Any]): weights by optimizer key; see `key`.
        """
        replaced: dict[str, torch.Tensor] = {}
        named = dict(self.checkpoint.model.named_parameters()) if self.is_loaded else {}
        for name, param in named.items():
            key = self.key(name, param)
            if key in params:
                replaced[name] = param.data
                param.data = xp2torch(params[key], device=param.device)
        try:
            yield
        finally:
            for name, weights in replaced.items():
                named[name].data = weights

    def copy(self) -> CheckpointShim:
        """Copy the shim with separate weights and, as in thinc's models, a new ID.

        Optimizers distinguish the two shims by ID. `copy.deepcopy` and pickling keep the ID and therefore the
        optimizer's moments.

        RETURNS (CheckpointShim): the copy.
        """
        copied: CheckpointShim = super().copy()
        copied.id = CheckpointShim().id
        return copied

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the weights to a device.

        device_type (str): "cpu" or "gpu".
        device_id (int): GPU ID.
        """
        if self.is_loaded:
            self.checkpoint.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")

    def __getstate__(self) -> dict[str, Any]:
        leave_unread_texts()  # `nlp.pipe` pickles the shim for processes that it spawns.
        return {key: value for key, value in self.__dict__.items() if key != "training_state"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self.training_state = TrainingState(averages=self._model is None or self._model.averages_gradients)

    def to_bytes(self) -> bytes:
        """Serialize the checkpoint's files as MessagePack, without pickling.

        RETURNS (bytes): the serialized files.
        """
        content = {"name": self.checkpoint.name, "files": self.checkpoint.to_files()} if self.is_loaded else {}
        packed: bytes = srsly.msgpack_dumps(content)
        return packed

    def from_bytes(self, data: bytes) -> CheckpointShim:
        """Load a checkpoint serialized by `to_bytes`.

        data (bytes): the serialized files.
        RETURNS (CheckpointShim): this shim.
        """
        content = srsly.msgpack_loads(data)
        if content:
            self.checkpoint = next(kind for file, kind in KINDS if file in content["files"]).from_files(**content)
        return self
