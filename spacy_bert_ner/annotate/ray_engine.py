"""Units on Ray Data: an actor pool with a pipeline each. Scheduling, back-pressure and retries are Ray's."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from thinc.api import require_gpu

from ..errors import BertNerError, Errors
from ..util.pipelines import load
from ..util.user_code import import_source
from .sharding import ShardSpec
from .storage import File
from .worker import AnnotationJob, ShardAnnotator, ShardResult

_MOST_BLOCKS = 2000
"""Of units, which Ray hands out; beyond that a block has several."""
_PATIENCE = 10
"""Seconds for a cluster to answer."""


@dataclass(frozen=True)
class RayOptions:
    """What of a cluster is used.

    address: of one that is there, as `ray.init` takes it; None for one on this machine that ends with the work.
    num_actors: None for as many as there is room for.
    gpus_per_actor, cpus_per_actor (float): of each. An actor computes with as many threads as it has CPUs.
    """

    address: str | None = None
    num_actors: int | None = None
    gpus_per_actor: float = 0
    cpus_per_actor: float = 1


class Actor:
    """A process with a pipeline, which Ray makes, and makes anew if it dies."""

    def __init__(self, pipeline: Any, work: AnnotationJob, how: RayOptions) -> None:
        import ray
        import torch

        if how.gpus_per_actor:
            require_gpu(0)  # Ray shows it no others
        torch.set_num_threads(max(1, int(how.cpus_per_actor)))
        if work.code is not None:
            import_source(work.code)
        self.worker = ShardAnnotator(unpacked(ray.get(pipeline)), work)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """A unit, as Ray takes it and gives it back: a row."""
        number, files, *rest = json.loads(row["unit"])
        try:
            done = self.worker.run(ShardSpec(number, tuple(File(*file) for file in files), *rest))
        except BertNerError as e:
            # As a row, since of errors that actors raise Ray brings the text alone, with that of its own.
            return {**ShardResult(number)._asdict(), "failed": str(e)}
        return {**done._asdict(), "failed": ""}


def packed(pipeline: str) -> bytes | str:
    """A pipeline as actors get it: the files of its folder, which machines of a cluster need not have, in one archive;
    a package by its name, as these have it installed. `nlp.to_bytes` would not do: of some components, such as rulers
    of phrases, what it gives finds nothing."""
    folder = Path(pipeline)
    if not folder.exists():
        return pipeline
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as files:
        for path in sorted(folder.rglob("*")):
            files.write(path, path.relative_to(folder))
    return archive.getvalue()


def unpacked(pipeline: bytes | str) -> Language:
    """The pipeline of `packed`."""
    if isinstance(pipeline, str):
        return load(pipeline)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(pipeline)) as files:
            files.extractall(folder)
        return load(folder)


def run(pipeline: str, work: AnnotationJob, units: Sequence[ShardSpec], how: RayOptions) -> Iterator[ShardResult]:
    """Annotate units, and tell of each that is finished, in whatever order.

    RAISES BertNerError: there is no such cluster, no room in it for an actor, or what an actor raises.
    """
    with ray_session(how.address):
        yield from _run(packed(pipeline), work, units, how)


@contextmanager
def ray_session(address: str | None, *, shows_output: bool = False) -> Iterator[None]:
    """A Ray: that which this process has already; else that of a cluster, or one that is started on this machine and
    ends with the block.

    address: of a cluster, as `ray.init` takes it; None for none.
    shows_output (bool): whether what its processes print is printed here.
    RAISES BertNerError: nobody answers there.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    was_there = ray.is_initialized()
    try:
        _knock(address)
        if not was_there:
            options: dict[str, Any] = {} if address else {"include_dashboard": False}
            ray.init(address=address, log_to_driver=shows_output, logging_level=logging.WARNING, **options)
    except (OSError, ValueError, RuntimeError) as e:
        raise BertNerError(Errors.no_cluster.format(address=address, reason=" ".join(str(e).split()))) from e
    try:
        yield
    finally:
        if not was_there:
            ray.shutdown()


def _knock(address: str | None) -> None:
    """See that somebody is there, for which Ray would wait for many minutes.

    RAISES OSError: nobody is.
    """
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _run(
    pipeline: bytes | str, work: AnnotationJob, units: Sequence[ShardSpec], how: RayOptions
) -> Iterator[ShardResult]:
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    found = ray.cluster_resources()
    room = found.get("CPU", 0) / how.cpus_per_actor if how.cpus_per_actor else float("inf")
    if how.gpus_per_actor:
        room = min(room, found.get("GPU", 0) / how.gpus_per_actor)
    n = min(int(min(room, how.num_actors or room)), len(units))
    if n < 1:
        has = {name: found.get(name, 0) for name in ("CPU", "GPU")}
        raise BertNerError(
            Errors.no_room_for_actors.format(cpus=how.cpus_per_actor, gpus=how.gpus_per_actor, found=has)
        )
    context = DataContext.get_current()
    context.enable_progress_bars = False  # ours tells of documents
    rows = ray.data.from_items(
        [{"unit": json.dumps(unit)} for unit in units], override_num_blocks=min(len(units), _MOST_BLOCKS)
    )
    actor: Any = Actor  # a class, of which each process of the pool makes one
    done = rows.map(
        actor,
        # By reference, so that Ray brings it to each machine once.
        fn_constructor_args=(ray.put(pipeline), work, how),
        num_cpus=how.cpus_per_actor,
        num_gpus=how.gpus_per_actor or None,
        compute=ActorPoolStrategy(size=n),
    )
    try:
        for row in done.iter_rows():
            if failed := row.pop("failed"):
                raise BertNerError(failed)
            yield ShardResult(**row)
    except ray.exceptions.RayError as e:
        # The last line is what was raised; those before it are where.
        raise BertNerError(Errors.ray_stopped.format(reason=str(e).strip().splitlines()[-1])) from e
