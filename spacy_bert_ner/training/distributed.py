"""Exchange tensors and values between training processes with `torch.distributed`.

Each worker is a separate process. All workers read the same batches, and each trains on its own shard of every batch.
Gradients are summed across workers before each step (Li et al. 2020, https://arxiv.org/abs/2006.15704). All workers
therefore take the same step, which keeps their weights identical.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

# Import this module before a process group exists, because its functions use the default group as a default argument.
# If a library imported it later, the default argument would keep a reference to the group after the group is destroyed.
# The group's threads would then keep running and would abort the process when Python exits.
import torch.distributed.nn

from ..errors import BertNerError, Errors, format_exception

T = TypeVar("T")
_BUCKET = 1 << 23
"""Maximum number of values in one transfer: 32 MiB in float32."""
_TIMEOUT = timedelta(minutes=30)
"""Maximum time to wait for other workers, for example while rank 0 scores the dev data."""


class ProcessGroup:
    """The group of training processes. A single process does not communicate.

    rank (int): rank of this worker, starting at 0. Rank 0 writes files and prints output. Default: 0.
    world_size (int): number of workers. Default: 1.
    device (str): device for the tensors that are sent. Default: "cpu".
    """

    def __init__(self, rank: int = 0, world_size: int = 1, device: str = "cpu") -> None:
        self.rank, self.world_size, self.device = rank, world_size, device
        self.seconds = 0.0
        """Time spent communicating and waiting for other workers, in seconds."""

    @property
    def is_first(self) -> bool:
        """Return whether this worker has rank 0, which writes files and prints output."""
        return self.rank == 0

    def shard(self, items: Sequence[T], turn: int = 0) -> list[T]:
        """Return this worker's shard of the items: every `world_size`-th item.

        This spreads items that are sorted by length evenly across workers.

        items: the items, which must be the same on every worker.
        turn (int): counter that rotates the shards. If there are fewer items than workers, each worker still receives
            some items over several turns. Default: 0.
        """
        return list(items[(self.rank + turn) % self.world_size :: self.world_size])

    def all_reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Sum each tensor over all workers in place.

        tensors: tensors to sum. Each worker must pass the same number of tensors.
        RAISES BertNerError: the connection to another worker is lost.

        *Shape:* any. Each tensor must have the same shape on every worker.
        """
        if self.world_size == 1 or not tensors:
            return
        with self._communicating():
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
                dist.all_reduce(flat)
                sizes = [tensor.numel() for tensor in bucket]
                for tensor, total in zip(bucket, flat.split(sizes), strict=True):
                    tensor.copy_(total.view_as(tensor))

    def any_rank(self, *flags: bool) -> list[bool]:
        """Return, for each flag, whether any worker has set it.

        flags (bool): this worker's flags. Each worker must pass the same number of flags.
        RAISES BertNerError: the connection to another worker is lost.
        """
        counts = torch.tensor([float(flag) for flag in flags], device=self.device)
        self.all_reduce([counts])
        return [bool(count) for count in counts.tolist()]

    def gather(self, data: bytes) -> list[bytes]:
        """Gather bytes from all workers on rank 0.

        data (bytes): bytes to send from this worker.
        RETURNS: the bytes from each worker in rank order on rank 0, and an empty list on other ranks.
        RAISES BertNerError: the connection to another worker is lost.
        """
        if self.world_size == 1:
            return [data]
        with self._communicating():
            sizes = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.world_size)]
            dist.all_gather(sizes, torch.tensor([len(data)], dtype=torch.int64, device=self.device))
            max_size = max(int(size) for size in sizes)
            padded = torch.zeros(max_size, dtype=torch.uint8, device=self.device)
            padded[: len(data)] = torch.frombuffer(bytearray(data or b"\0"), dtype=torch.uint8)[: len(data)]
            parts = [torch.empty_like(padded) for _ in range(self.world_size)]
            dist.all_gather(parts, padded)
        if not self.is_first:
            return []
        return [bytes(part[: int(size)].cpu().numpy().tobytes()) for part, size in zip(parts, sizes, strict=True)]

    def broadcast_object(self, value: Any) -> Any:
        """Broadcast a value from rank 0 to all workers.

        value: a JSON-serializable value on rank 0. Values on other ranks are ignored.
        RETURNS: the value from rank 0.
        RAISES BertNerError: the connection to another worker is lost.
        """
        if self.world_size == 1:
            return value
        data = json.dumps(value).encode() if self.is_first else b""
        with self._communicating():
            size = torch.tensor([len(data)], dtype=torch.int64, device=self.device)
            dist.broadcast(size, 0)
            received = torch.zeros(int(size), dtype=torch.uint8, device=self.device)
            if self.is_first:
                received.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
            dist.broadcast(received, 0)
        return json.loads(received.cpu().numpy().tobytes())

    def broadcast(self, tensors: Sequence[torch.Tensor]) -> None:
        """Overwrite the tensors on all workers with those from rank 0.

        tensors: tensors to overwrite. Each worker must pass the same number of tensors.
        RAISES BertNerError: the connection to another worker is lost.

        *Shape:* any. Each tensor must have the same shape on every worker.
        """
        if self.world_size > 1:
            with self._communicating():
                for tensor in tensors:
                    dist.broadcast(tensor.data, 0)

    def on_rank_zero(self, work: Callable[[], T]) -> T:
        """Call a function on rank 0 only, and return its result on all workers.

        work: function without arguments that returns a JSON-serializable value.
        RETURNS: the result of the function.
        RAISES BertNerError: the function raises a `BertNerError` or an `OSError`, or the connection to another worker
            is lost. All workers raise the error. A single process raises the original error instead.
        """
        outcome: dict[str, Any] = {}
        if self.is_first:
            try:
                outcome = {"result": work()}
            except (BertNerError, OSError) as e:
                if self.world_size == 1:
                    raise
                outcome = {"error": str(e)}
        if self.world_size > 1:
            outcome = self.broadcast_object(outcome)
        if "error" in outcome:
            raise BertNerError(outcome["error"])
        result: T = outcome["result"]
        return result

    @contextmanager
    def _communicating(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except RuntimeError as e:
            raise BertNerError(
                Errors.worker_lost.format(rank=self.rank, n=self.world_size, reason=format_exception(e))
            ) from e
        self.seconds += time.perf_counter() - start


def from_environment(environment: Mapping[str, str] = os.environ) -> tuple[int, int, int] | None:
    """Read the environment variables that `torchrun` sets for a process.

    environment: environment variables by name. Default: those of this process.
    RETURNS: the rank, the number of workers and the local rank on this machine, or None if `torchrun` did not start
        this process.
    """
    try:
        return int(environment["RANK"]), int(environment["WORLD_SIZE"]), int(environment["LOCAL_RANK"])
    except (KeyError, ValueError):
        return None


@contextmanager
def join_process_group(*, on_gpu: bool) -> Iterator[ProcessGroup]:
    """Join the workers started by `torchrun` or Ray Train, and leave the group at the end of the block.

    on_gpu (bool): whether the weights are on GPUs. GPUs communicate with NCCL, and CPUs with Gloo.
    YIELDS: the process group. It has a single process if neither `torchrun` nor Ray Train started this process.
    RAISES BertNerError: the workers cannot connect, for example because the port is in use.
    """
    started = from_environment()
    if dist.is_available() and dist.is_initialized():  # Ray Train initializes the group
        yield ProcessGroup(dist.get_rank(), dist.get_world_size(), "cuda" if on_gpu else "cpu")
        return
    if started is None or started[1] == 1:
        yield ProcessGroup()
        return
    try:
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as e:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise BertNerError(Errors.workers_not_connected.format(address=address, reason=format_exception(e))) from e
    try:
        yield ProcessGroup(started[0], started[1], "cuda" if on_gpu else "cpu")
    finally:
        dist.destroy_process_group()


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Group consecutive tensors that have the same dtype into buckets with up to `_BUCKET` values."""
    bucket: list[torch.Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.numel() > _BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel()
    if bucket:
        yield bucket
