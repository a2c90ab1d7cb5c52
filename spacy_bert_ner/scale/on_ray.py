"""Units on Ray Data: an actor pool with a pipeline each. Scheduling, back-pressure and retries are Ray's."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from thinc.api import Config, require_gpu

from ..errors import BertNerError, Errors
from ..pipelines import load
from .places import File
from .plan import Unit
from .worker import Done, Work, Worker

_MOST_BLOCKS = 2000
"""Of units, which Ray hands out; beyond that a block has several."""


@dataclass(frozen=True)
class Ray:
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

    def __init__(self, pipeline: Any, work: Work, how: Ray) -> None:
        import ray
        import torch

        if how.gpus_per_actor:
            require_gpu(0)  # Ray shows it no others
        torch.set_num_threads(max(1, int(how.cpus_per_actor)))
        found = ray.get(pipeline)
        self.worker = Worker(load(found) if isinstance(found, str) else unpacked(*found), work)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """A unit, as Ray takes it and gives it back: a row."""
        number, files, *rest = json.loads(row["unit"])
        done = self.worker.run(Unit(number, tuple(File(*file) for file in files), *rest))
        return dict(done._asdict())


def packed(pipeline: str) -> tuple[str, bytes] | str:
    """A pipeline as actors get it: its config and its bytes, as machines of a cluster need not have its folder; a
    package by its name, as these have it installed."""
    if not Path(pipeline).exists():
        return pipeline
    nlp = load(pipeline)
    return nlp.config.to_str(interpolate=False), nlp.to_bytes()


def unpacked(config: str, content: bytes) -> Language:
    """The pipeline of `packed`."""
    told = Config().from_str(config, interpolate=False)
    nlp = spacy.util.get_lang_class(told["nlp"]["lang"]).from_config(told)
    return nlp.from_bytes(content)


def run(pipeline: str, work: Work, units: Sequence[Unit], how: Ray) -> Iterator[Done]:
    """Annotate units, and tell of each that is finished, in whatever order.

    RAISES BertNerError: there is no such cluster, or no room in it for an actor.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    was_there = ray.is_initialized()
    try:
        if not was_there:
            options: dict[str, Any] = {} if how.address else {"include_dashboard": False}
            ray.init(address=how.address, log_to_driver=False, logging_level=logging.WARNING, **options)
    except (ConnectionError, ValueError, RuntimeError) as e:
        raise BertNerError(Errors.no_cluster.format(address=how.address, reason=" ".join(str(e).split()))) from e
    try:
        yield from _run(packed(pipeline), work, units, how)
    finally:
        if not was_there:
            ray.shutdown()


def _run(pipeline: tuple[str, bytes] | str, work: Work, units: Sequence[Unit], how: Ray) -> Iterator[Done]:
    import ray
    from ray.data import ActorPoolStrategy, DataContext

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
    for row in done.iter_rows():
        yield Done(**row)
