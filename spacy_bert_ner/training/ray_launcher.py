"""Run training workers on Ray Train, stop them on request and report their errors."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..annotate.ray_engine import ray_session
from ..errors import BertNerError, Errors, format_exception
from ..util.user_code import import_code
from .progress import StopSignal
from .run import TrainingJob, train
from .trainer import TrainingInterrupted


def train_on_ray(job: TrainingJob, world_size: int, address: str | None) -> None:
    """Train with several workers on Ray Train.

    Each worker uses one CPU. If the job uses GPUs, each worker also uses one GPU. The output folder and the files
    specified in the config must be on storage that all machines share.

    job (TrainingJob): settings of the training run.
    world_size (int): number of workers.
    address (str | None): cluster address in a form that `ray.init` accepts. None starts a cluster on this machine and
        stops it after training.
    RAISES BertNerError: the cluster does not exist or is too small, or a worker failed. TrainingInterrupted: a stop was
        requested.
    """
    job = replace(job, output=job.output and job.output.absolute())
    with ray_session(address, shows_output=True), _ray_results_in(job.output) as results:
        _run(job, world_size, results)


@contextmanager
def _ray_results_in(output: Path | None) -> Iterator[Path]:
    """Create a temporary folder for the files that Ray writes during a run.

    It is inside the output folder, because all machines share that folder.

    RAISES BertNerError: the output path is a file.
    """
    if output is not None:
        if output.exists() and not output.is_dir():
            raise BertNerError(Errors.output_is_file.format(output=output))
        output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ray-", dir=output) as folder:
        yield Path(folder)


def _run(job: TrainingJob, world_size: int, results: Path) -> None:
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    gpus = 1 if job.use_gpu >= 0 else 0
    resources = ray.cluster_resources()
    available = {name: resources.get(name, 0) for name in ("CPU", "GPU")}
    if available["CPU"] < world_size or available["GPU"] < world_size * gpus:
        raise BertNerError(Errors.cluster_too_small.format(n=world_size, cpus=1, gpus=gpus, found=available))
    # Signals reach only this process, so workers check for this file instead.
    stop_file = results / "stop"
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "stop_file": str(stop_file), "cwd": str(Path.cwd())},
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=world_size, use_gpu=bool(gpus), resources_per_worker={"CPU": 1, **({"GPU": 1} if gpus else {})}
        ),
        # Ray must not restart a failed run. The user can resume it with `--resume` and any number of workers.
        run_config=RunConfig(storage_path=str(results), failure_config=FailureConfig(max_failures=0)),
    )
    errors: list[BaseException] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as e:  # Ray wraps a worker's exception or exit code
            errors.append(e)

    # Use a separate thread. In the main thread, Ray would end the run immediately on SIGINT.
    thread = threading.Thread(target=fit, daemon=True)
    with StopSignal() as stop:
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
            if stop.is_requested:
                stop_file.touch()
    if errors:
        raise BertNerError(_reason(errors[0])) from errors[0]
    if stop.is_requested:
        raise TrainingInterrupted(stop.signal, -1)


def _work(settings: dict[str, Any]) -> None:
    job: TrainingJob = settings["job"]
    os.chdir(settings["cwd"])
    if job.code is not None:
        import_code(job.code)
    try:
        train(job, StopSignal(Path(settings["stop_file"])))
    except TrainingInterrupted:
        return


def _reason(e: BaseException) -> str:
    """Return the message of a worker's `BertNerError` if there is one. Otherwise, describe the first failure."""
    failures = getattr(e, "worker_failures", {})
    for failure in failures.values():
        cause = getattr(failure, "cause", failure)
        if isinstance(cause, BertNerError):
            return str(cause)
    first = next(iter(failures.values()), e)
    return Errors.workers_failed.format(reason=format_exception(first).splitlines()[0])
