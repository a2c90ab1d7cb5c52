"""Annotate shards on Ray Data with a pool of actors. Ray does the scheduling, back-pressure and retries."""

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

_MAX_BLOCKS = 2000
"""Maximum number of blocks of shards that Ray schedules. With more shards than that, a block has several."""
_CONNECT_TIMEOUT = 10
"""Seconds to wait for a cluster to answer."""


@dataclass(frozen=True)
class RayOptions:
    """Cluster and resources to use.

    address (str | None): address of a running cluster, as `ray.init` takes it. None to start Ray on this machine and
        stop it when the job is done.
    num_actors (int | None): number of actors; None for as many as fit.
    gpus_per_actor (float): GPUs of each actor.
    cpus_per_actor (float): CPUs of each actor, which is also its number of threads.
    """

    address: str | None = None
    num_actors: int | None = None
    gpus_per_actor: float = 0
    cpus_per_actor: float = 1


class Actor:
    """A process with a pipeline. Ray creates it, and replaces it if it dies.

    pipeline (ray.ObjectRef): reference to the result of `packed`.
    job (AnnotationJob): how to annotate shards.
    options (RayOptions): resources of the actor.
    """

    def __init__(self, pipeline: Any, job: AnnotationJob, options: RayOptions) -> None:
        import ray
        import torch

        if options.gpus_per_actor:
            require_gpu(0)  # Ray makes only this actor's GPUs visible
        torch.set_num_threads(max(1, int(options.cpus_per_actor)))
        if job.code is not None:
            import_source(job.code)
        self.worker = ShardAnnotator(unpacked(ray.get(pipeline)), job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Annotate a shard, given and returned as a row of a Ray dataset."""
        number, files, *rest = json.loads(row["shard"])
        try:
            result = self.worker.run(ShardSpec(number, tuple(File(*file) for file in files), *rest))
        except BertNerError as e:
            # Returned in the row, as Ray keeps only the text of an actor's exception, inside a message of its own.
            return {**ShardResult(number)._asdict(), "failed": str(e)}
        return {**result._asdict(), "failed": ""}


def packed(pipeline: str) -> bytes | str:
    """Pack a pipeline to send it to actors.

    `nlp.to_bytes` would not do: some components restored from it, such as phrase rulers, find no entities.

    pipeline (str): folder of the pipeline, or name of an installed package.
    RETURNS (bytes | str): a zip archive of the folder, which other machines of the cluster need not have; the name of a
        package, which has to be installed there.
    """
    folder = Path(pipeline)
    if not folder.exists():
        return pipeline
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as files:
        for path in sorted(folder.rglob("*")):
            files.write(path, path.relative_to(folder))
    return archive.getvalue()


def unpacked(pipeline: bytes | str) -> Language:
    """Load the pipeline that `packed` returned."""
    if isinstance(pipeline, str):
        return load(pipeline)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(pipeline)) as files:
            files.extractall(folder)
        return load(folder)


def run(pipeline: str, job: AnnotationJob, specs: Sequence[ShardSpec], options: RayOptions) -> Iterator[ShardResult]:
    """Annotate shards.

    pipeline (str): folder of the pipeline, or name of an installed package.
    job (AnnotationJob): how to annotate the shards.
    specs (Sequence[ShardSpec]): the shards.
    options (RayOptions): cluster and resources.
    YIELDS (ShardResult): the result of each shard when it is finished, in any order.
    RAISES BertNerError: the cluster does not answer or has no room for an actor, or an actor failed.
    """
    with ray_session(options.address):
        yield from _run(packed(pipeline), job, specs, options)


@contextmanager
def ray_session(address: str | None, *, shows_output: bool = False) -> Iterator[None]:
    """Connect to Ray, or start it, for the duration of the block.

    If this process is already connected, that session is used and stays open. A Ray that is started here ends with the
    block.

    address (str | None): address of a running cluster, as `ray.init` takes it; None to start Ray on this machine.
    shows_output (bool): whether to print the output of Ray's processes here.
    RAISES BertNerError: the cluster does not answer.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # send no usage statistics
    was_connected = ray.is_initialized()
    try:
        _check_reachable(address)
        if not was_connected:
            options: dict[str, Any] = {} if address else {"include_dashboard": False}
            ray.init(address=address, log_to_driver=shows_output, logging_level=logging.WARNING, **options)
    except (OSError, ValueError, RuntimeError) as e:
        raise BertNerError(Errors.no_cluster.format(address=address, reason=" ".join(str(e).split()))) from e
    try:
        yield
    finally:
        if not was_connected:
            ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Check that the address accepts connections, as Ray itself would wait for many minutes.

    RAISES OSError: it does not.
    """
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT).close()


def _run(
    pipeline: bytes | str, job: AnnotationJob, specs: Sequence[ShardSpec], options: RayOptions
) -> Iterator[ShardResult]:
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    logging.getLogger("ray.data").setLevel(logging.WARNING)
    n_actors = _choose_n_actors(ray.cluster_resources(), options, len(specs))
    context = DataContext.get_current()
    context.enable_progress_bars = False  # ours counts documents
    dataset = ray.data.from_items(
        [{"shard": json.dumps(spec)} for spec in specs], override_num_blocks=min(len(specs), _MAX_BLOCKS)
    )
    actor: Any = Actor  # a class, which each process of the pool instantiates
    results = dataset.map(
        actor,
        # By reference: Ray sends the pipeline to each machine once.
        fn_constructor_args=(ray.put(pipeline), job, options),
        num_cpus=options.cpus_per_actor,
        num_gpus=options.gpus_per_actor or None,
        compute=ActorPoolStrategy(size=n_actors),
    )
    try:
        for row in results.iter_rows():
            if failed := row.pop("failed"):
                raise BertNerError(failed)
            yield ShardResult(**row)
    except ray.exceptions.RayError as e:
        # The last line is the exception; the lines before it are the traceback.
        raise BertNerError(Errors.ray_stopped.format(reason=str(e).strip().splitlines()[-1])) from e


def _choose_n_actors(resources: dict[str, float], options: RayOptions, n_shards: int) -> int:
    """Return how many actors to start: as many as the cluster has room for, up to `num_actors` and one per shard.

    RAISES BertNerError: there is no room for any.
    """
    room = resources.get("CPU", 0) / options.cpus_per_actor if options.cpus_per_actor else float("inf")
    if options.gpus_per_actor:
        room = min(room, resources.get("GPU", 0) / options.gpus_per_actor)
    n_actors = int(min(room, options.num_actors or room, n_shards))
    if n_actors < 1:
        available = {name: resources.get(name, 0) for name in ("CPU", "GPU")}
        requested = {"cpus": options.cpus_per_actor, "gpus": options.gpus_per_actor}
        raise BertNerError(Errors.no_room_for_actors.format(**requested, available=available))
    return n_actors
