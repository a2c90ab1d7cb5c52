"""Lets thinc call, update, move and store a Hugging Face checkpoint."""

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
from .shared_head import HEAD, TagHead

KINDS: list[tuple[str, Any]] = [(GRAPH, OnnxCheckpoint), (HEAD, TagHead), ("config.json", Checkpoint)]
"""Kinds of checkpoints, and the file by which each is known."""


class CheckpointShim(Shim):
    """thinc's side of a `Checkpoint`, which is absent until weights are loaded.

    thinc's own `PyTorchShim` pickles the weights, copies them on every step and ignores averaged ones.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self.add_up: AllReduce | None = None
        """Where several workers train, adds to each tensor those of the others, in place."""

    @property
    def is_loaded(self) -> bool:
        return self._model is not None

    @property
    def checkpoint(self) -> Checkpoint:
        if self._model is None:
            raise BertNerError(Errors.not_loaded)
        checkpoint: Checkpoint = self._model
        return checkpoint

    @checkpoint.setter
    def checkpoint(self, checkpoint: Checkpoint) -> None:
        checkpoint.to(get_torch_default_device())
        self._model = checkpoint

    @contextmanager
    def or_as_before(self) -> Iterator[None]:
        """Where the block fails, hold the checkpoint that was held before it."""
        held = self._model
        try:
            yield
        except BaseException:
            self._model = held
            raise

    def prepare(self) -> None:
        """Make ready to run in this process, which may have been forked from the one that loaded the weights.

        RAISES BertNerError: it was, and the weights lie on a GPU.
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
        """Tag logits of batches.

        batches: of each, what `run` takes: what `Checkpoint.pad` gives, or `Checkpoint.pack`.
        is_train (bool): whether dropout acts and the gradient can be asked for.
        half (torch.dtype | None): of matrix products, see `half_precision`; weights, gradients and logits stay in
            float32. None for float32 throughout.
        run: what predicts in the place of `Checkpoint.forward`; None for that.
        RETURNS: logits `(n_windows, longest, n_tags)` of each batch, or `(n_subwords, n_tags)` without padding; and a
            callback that takes their gradients.
        """
        checkpoint = self.checkpoint
        if checkpoint.model.training != is_train:
            checkpoint.model.train(is_train)
        device = checkpoint.device.type
        if half == torch.float16 and checkpoint.scaler is None:
            checkpoint.scaler = torch.amp.GradScaler(device)
        following = torch.enable_grad() if is_train else torch.inference_mode()
        # One context for all batches, in which autocast keeps the weights that it has converted.
        with _translate_oom(), following, torch.autocast(device, half) if half else nullcontext():
            predict = run or checkpoint.forward
            logits = [_run_halving_on_oom(predict, inputs, can_halve=not is_train).float() for inputs in batches]
            logits = [merge_equal(part, checkpoint.tags.tags) for part in logits]

        def backprop(d_logits: Sequence[ArrayXd]) -> None:
            gradients = [xp2torch(d, device=part.device) for d, part in zip(d_logits, logits, strict=True)]
            if checkpoint.scaler is not None:
                gradients = [checkpoint.scaler.scale(gradient) for gradient in gradients]
            with _translate_oom():
                torch.autograd.backward(logits, gradients)

        return [part.detach() for part in logits], backprop

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step once with the mean gradient over all rows gathered since the last step."""
        if not self.is_loaded:  # nothing was gathered, as there were no tokens
            return
        checkpoint = self.checkpoint
        if self.add_up is not None:
            checkpoint.all_reduce(self.add_up)
        named = {name: p for name, p in checkpoint.model.named_parameters() if p.grad is not None}
        scale = checkpoint.normalize()
        if not named:
            return
        if checkpoint.padding_free is not None:
            checkpoint.padding_free.forget()
        params = list(named.values())
        keys, places = (
            [self.key(*item) for item in named.items()],
            [checkpoint.parameter_depths[name] for name in named],
        )

        def step() -> None:
            if scale != 1:
                torch._foreach_mul_([p.grad for p in params], scale)
            apply_optimizer(optimizer, keys, params, places)

        # `nlp.rehearse` hands over a function that collects gradients, and keeps them.
        with _translate_oom(), checkpoint.embedding_grad.spread(params, is_kept=not isinstance(optimizer, Optimizer)):
            if checkpoint.scaler is None:
                step()
            else:
                step_scaled(checkpoint.scaler, params, step)

    def key(self, name: str, param: torch.Tensor) -> tuple[int, str]:
        """By which optimizers know a parameter. The shape is in it, so that a head that has grown is a new parameter
        to them: moments and averages of the old one do not fit, and would hold back the rows that are new."""
        return self.id, f"{name} {'x'.join(map(str, param.shape))}"

    @contextmanager
    def use_params(self, params: dict[Any, Any]) -> Iterator[None]:
        """Put other weights, such as the optimizer's averages, in place for the length of the block. A head that has
        grown since keeps its own."""
        own: dict[str, torch.Tensor] = {}
        named = dict(self.checkpoint.model.named_parameters()) if self.is_loaded else {}
        for name, param in named.items():
            key = self.key(name, param)
            if key in params:
                own[name] = param.data
                param.data = xp2torch(params[key], device=param.device)
        try:
            yield
        finally:
            for name, weights in own.items():
                named[name].data = weights

    def copy(self) -> CheckpointShim:
        """Another shim with weights of its own and, as thinc's models, with an id of its own, by which optimizers tell
        the two apart. `copy.deepcopy` and pickles keep the id, and so the optimizer's moments."""
        twin: CheckpointShim = super().copy()
        twin.id = CheckpointShim().id
        return twin

    def to_device(self, device_type: str, device_id: int) -> None:
        if self.is_loaded:
            self.checkpoint.to("cpu" if device_type == "cpu" else f"cuda:{device_id}")

    def __getstate__(self) -> dict[str, Any]:
        leave_unread_texts()  # processes of `nlp.pipe` that are spawned get a pickle
        return self.__dict__

    def to_bytes(self) -> bytes:
        """The files of the checkpoint, as MessagePack; nothing is pickled."""
        content = {"name": self.checkpoint.name, "files": self.checkpoint.to_files()} if self.is_loaded else {}
        packed: bytes = srsly.msgpack_dumps(content)
        return packed

    def from_bytes(self, data: bytes) -> CheckpointShim:
        content = srsly.msgpack_loads(data)
        if content:
            self.checkpoint = next(kind for file, kind in KINDS if file in content["files"]).from_files(**content)
        return self


@contextmanager
def _translate_oom() -> Iterator[None]:
    """RAISES BertNerError: there was no room in memory."""
    try:
        yield
    except RuntimeError as e:
        if not isinstance(e, torch.cuda.OutOfMemoryError) and "allocate memory" not in str(e):
            raise
        raise BertNerError(Errors.no_memory.format(reason=e)) from e


def _run_halving_on_oom(run: Callable[..., torch.Tensor], inputs: Sequence[Any], *, can_halve: bool) -> torch.Tensor:
    """Run a batch; if a GPU has no room for it, its halves.

    inputs: ids and mask of windows, which can be halved, or what a pass without padding takes.
    can_halve: whether they may be; in training the halves would lie in memory together.
    """
    n = len(inputs[0])
    try:
        return run(*inputs)
    except torch.cuda.OutOfMemoryError:
        if not can_halve or n < 2:
            raise
    # Outside of the handler, whose traceback holds on to what the batch has filled the memory with.
    torch.cuda.empty_cache()
    halves = [[part[: n // 2] for part in inputs], [part[n // 2 :] for part in inputs]]
    return torch.cat([_run_halving_on_oom(run, half, can_halve=True) for half in halves])
