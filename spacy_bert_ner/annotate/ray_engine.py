"""Annotate shards with a pool of Ray Data actors. Ray handles scheduling, back-pressure and retries."""

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
"""Maximum number of blocks that Ray schedules. If there are more shards, some blocks contain several of them."""
_CONNECT_TIMEOUT = 10
"""Maximum time to wait for a cluster to answer, in seconds."""


@dataclass(frozen=True)
class RayOptions:
    """The cluster and the resources to use.

    address (str | None): address of a running cluster, in the format that `ray.init` accepts. Default: start Ray on
        this machine and stop it when the job is done.
    num_actors (int | None): maximum number of actors. Default: as many as fit on the cluster.
    gpus_per_actor (float): number of GPUs per actor. Default: 0.
    cpus_per_actor (float): number of CPUs and threads per actor. Default: 1.
    """

    address: str | None = None
    num_actors: int | None = None
    gpus_per_actor: float = 0
    cpus_per_actor: float = 1


class Actor:
    """A process that holds a pipeline. Ray creates the process and replaces it if it dies.

    pipeline (ray.ObjectRef): reference to the value that `packed` returned.
    job (AnnotationJob): the annotation job.
    options (RayOptions): resources for the actor.
    """

    def __init__(self, pipeline: Any, job: AnnotationJob, options: RayOptions) -> None:
        import ray
        import torch

        if options.gpus_per_actor:
            require_gpu(0)  # Ray only makes this actor's GPUs visible, so the first has ID 0
        torch.set_num_threads(max(1, int(options.cpus_per_actor)))
        if job.code is not None:
            import_source(job.code)
        self.worker = ShardAnnotator(unpacked(ray.get(pipeline)), job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Annotate a shard.

        row (dict[str, Any]): row of a Ray dataset. Its `shard` is the `ShardSpec` in JSON.
        RETURNS (dict[str, Any]): the fields of the `ShardResult`, and `failed`: an error message, or an empty string.
        """
        number, files, *rest = json.loads(row["shard"])
        try:
            result = self.worker.run(ShardSpec(number, tuple(File(*file) for file in files), *rest))
        except BertNerError as e:
            # Return the error message in the row. If an actor raises an exception, Ray wraps it in a longer message.
            return {**ShardResult(number)._asdict(), "failed": str(e)}
        return {**result._asdict(), "failed": ""}


def packed(pipeline: str) -> bytes | str:
    """Pack a pipeline so that it can be sent to actors.

    A folder becomes a zip archive, so other machines in the cluster do not need the folder. A package must be installed
    on each of these machines. `nlp.to_bytes` is unsuitable: some components that are restored from it, such as phrase
    rulers, find no entities.

    pipeline (str): pipeline folder, or name of an installed package.
    RETURNS (bytes | str): a zip archive of the folder, or the package name.
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
    """Load a pipeline from the value that `packed` returned.

    pipeline (bytes | str): zip archive of a pipeline folder, or name of an installed package.
    RETURNS (Language): the pipeline.
    """
    if isinstance(pipeline, str):
        return load(pipeline)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(pipeline)) as files:
            files.extractall(folder)
        return load(folder)


def run(pipeline: str, job: AnnotationJob, specs: Sequence[ShardSpec], options: RayOptions) -> Iterator[ShardResult]:
    """Annotate shards on Ray.

    pipeline (str): pipeline folder, or name of an installed package.
    job (AnnotationJob): the annotation job.
    specs (Sequence[ShardSpec]): the shards to annotate.
    options (RayOptions): the cluster and the resources to use.
    YIELDS (ShardResult): the result for each shard as soon as it is finished. The order of the shards is undefined.
    RAISES BertNerError: the cluster does not answer, the cluster has too few resources for one actor, or an actor
        failed.
    """
    with ray_session(options.address):
        yield from _run(packed(pipeline), job, specs, options)


@contextmanager
def ray_session(address: str | None, *, shows_output: bool = False) -> Iterator[None]:
    """Connect to a Ray cluster, or start Ray on this machine, for the duration of a `with` block.

    If this process is already connected to Ray, its session is used and stays open. Otherwise the connection is closed
    at the end of the block, and a Ray instance that was started for the block is stopped.

    address (str | None): address of a running cluster, in the format that `ray.init` accepts. None to start Ray on this
        machine.
    shows_output (bool): whether to print the output of Ray's worker processes. Default: False.
    RAISES BertNerError: the cluster does not answer.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # disable usage statistics
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
    """Check that an address accepts connections. Ray itself would wait for many minutes.

    RAISES OSError: the address does not accept connections.
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
    context.enable_progress_bars = False  # `annotate` shows its own progress bar, which counts documents
    dataset = ray.data.from_items(
        [{"shard": json.dumps(spec)} for spec in specs], override_num_blocks=min(len(specs), _MAX_BLOCKS)
    )
    actor: Any = Actor  # each process in the pool creates its own instance of this class
    results = dataset.map(
        actor,
        # Pass the pipeline by reference, so that Ray sends it to each machine only once.
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
        # The last line describes the exception. The lines above it are the traceback.
        raise BertNerError(Errors.ray_stopped.format(reason=str(e).strip().splitlines()[-1])) from e


def _choose_n_actors(resources: dict[str, float], options: RayOptions, n_shards: int) -> int:
    """Return the number of actors to start.

    This is the number that fits on the cluster, limited to `num_actors` and to one actor per shard.

    resources (dict[str, float]): resources of the cluster by name, for example `CPU`.
    options (RayOptions): resources per actor and the maximum number of actors.
    n_shards (int): number of shards to annotate.
    RETURNS (int): the number of actors, at least 1.
    RAISES BertNerError: the cluster has too few resources for one actor.
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
