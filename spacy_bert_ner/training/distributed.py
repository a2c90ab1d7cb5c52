"""Workers that train together, one process each: what they tell each other, by `torch.distributed`.

All of them read the same batches, and each learns from its own part of them. Gradients are added up before the step, so
that all of them take the same one (Li et al. 2020, https://arxiv.org/abs/2006.15704), and weights stay the same
everywhere.
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

# Its functions have the default group as a default value. Imported only after there is one, as some libraries do, they
# would hold it when it is destroyed; its threads would go on, and abort the process where they meet the end of Python.
import torch.distributed.nn

from ..errors import BertNerError, Errors, format_exception

T = TypeVar("T")
_BUCKET = 1 << 23
"""Numbers that go through the network at once: 32 MB."""
_PATIENCE = timedelta(minutes=30)
"""For others, one of which may score the dev data meanwhile."""


class ProcessGroup:
    """Those who train together; one alone tells nobody anything.

    rank (int): of this one, from 0 on. Number 0 writes and prints.
    n (int): how many there are.
    device (str): where tensors have to be to be told.
    """

    def __init__(self, rank: int = 0, n: int = 1, device: str = "cpu") -> None:
        self.rank, self.n, self.device = rank, n, device
        self.seconds = 0.0
        """Spent on telling, and on waiting for others."""

    @property
    def is_first(self) -> bool:
        """Whether this one writes and prints."""
        return self.rank == 0

    def part(self, items: Sequence[T], turn: int = 0) -> list[T]:
        """Those of this worker: every `n`-th, so that of items in the order of their length all get some of each.

        turn (int): counts up, so that of lists with fewer items than workers each gets some.
        """
        return list(items[(self.rank + turn) % self.n :: self.n])

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Add to each tensor, in place, those of the others.

        RAISES BertNerError: another worker is gone.
        """
        if self.n == 1 or not tensors:
            return
        with self._telling():
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
                dist.all_reduce(flat)
                sizes = [tensor.numel() for tensor in bucket]
                for tensor, total in zip(bucket, flat.split(sizes), strict=True):
                    tensor.copy_(total.view_as(tensor))

    def any_of(self, *flags: bool) -> list[bool]:
        """Each flag, if any worker has it set."""
        found = torch.tensor([float(flag) for flag in flags], device=self.device)
        self.add_up([found])
        return [bool(value) for value in found.tolist()]

    def gather(self, data: bytes) -> list[bytes]:
        """What each worker gives, in their order, for the first of them; for the others an empty list."""
        if self.n == 1:
            return [data]
        with self._telling():
            sizes = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.n)]
            dist.all_gather(sizes, torch.tensor([len(data)], dtype=torch.int64, device=self.device))
            longest = max(int(size) for size in sizes)
            own = torch.zeros(longest, dtype=torch.uint8, device=self.device)
            own[: len(data)] = torch.frombuffer(bytearray(data or b"\0"), dtype=torch.uint8)[: len(data)]
            parts = [torch.empty_like(own) for _ in range(self.n)]
            dist.all_gather(parts, own)
        if not self.is_first:
            return []
        return [bytes(part[: int(size)].cpu().numpy().tobytes()) for part, size in zip(parts, sizes, strict=True)]

    def from_first(self, value: Any) -> Any:
        """What the first worker gives, which can be said in JSON, for all."""
        if self.n == 1:
            return value
        data = json.dumps(value).encode() if self.is_first else b""
        with self._telling():
            size = torch.tensor([len(data)], dtype=torch.int64, device=self.device)
            dist.broadcast(size, 0)
            told = torch.zeros(int(size), dtype=torch.uint8, device=self.device)
            if self.is_first:
                told.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
            dist.broadcast(told, 0)
        return json.loads(told.cpu().numpy().tobytes())

    def take_from_first(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put what the first worker has in the place of those of the others."""
        if self.n > 1:
            with self._telling():
                for tensor in tensors:
                    dist.broadcast(tensor.data, 0)

    def first_does(self, work: Callable[[], T]) -> T:
        """Let the first worker do something, and all have what it gives, or raise its error.

        RAISES BertNerError: what it raises.
        """
        told: dict[str, Any] = {}
        if self.is_first:
            try:
                told = {"done": work()}
            except (BertNerError, OSError) as e:
                if self.n == 1:
                    raise
                told = {"failed": str(e)}
        told = self.from_first(told) if self.n > 1 else told
        if "failed" in told:
            raise BertNerError(told["failed"])
        done: T = told["done"]
        return done

    @contextmanager
    def _telling(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        except RuntimeError as e:
            raise BertNerError(Errors.worker_lost.format(rank=self.rank, n=self.n, reason=format_exception(e))) from e
        self.seconds += time.perf_counter() - start


def from_environment(environment: Mapping[str, str] = os.environ) -> tuple[int, int, int] | None:
    """What `torchrun` says of this process: its rank, how many there are, its rank on this machine; None without."""
    try:
        return int(environment["RANK"]), int(environment["WORLD_SIZE"]), int(environment["LOCAL_RANK"])
    except (KeyError, ValueError):
        return None


@contextmanager
def joined(*, on_gpu: bool) -> Iterator[ProcessGroup]:
    """The workers that `torchrun`, or Ray Train, has started; else this process alone.

    on_gpu (bool): whether weights lie on the GPUs, over which NCCL tells; else gloo does.
    RAISES BertNerError: they do not find each other, as where a port is taken.
    """
    started = from_environment()
    if dist.is_available() and dist.is_initialized():  # by Ray
        yield ProcessGroup(dist.get_rank(), dist.get_world_size(), "cuda" if on_gpu else "cpu")
        return
    if started is None or started[1] == 1:
        yield ProcessGroup()
        return
    try:
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as e:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise BertNerError(Errors.no_workers.format(address=address, reason=format_exception(e))) from e
    try:
        yield ProcessGroup(started[0], started[1], "cuda" if on_gpu else "cpu")
    finally:
        dist.destroy_process_group()


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Tensors of one kind that go through the network together."""
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
