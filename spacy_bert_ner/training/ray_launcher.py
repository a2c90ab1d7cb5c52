"""Workers on Ray Train, which starts them, brings them together and ends them."""

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


def train_on_ray(order: TrainingJob, n: int, address: str | None) -> None:
    """Train with so many workers, each of which takes a CPU, and a GPU if the order says so.

    The output folder, and the files that the config names, have to be where all machines see them.

    address: of a cluster, as `ray.init` takes it; None for one that is started here and ends with the training.
    RAISES BertNerError: there is no such cluster, no room in it, or what a worker raises. Stopped: it was asked to.
    """
    order = replace(order, output=order.output and order.output.absolute())
    with ray_session(address, shows_output=True), _beside(order.output) as results:
        _run(order, n, results)


@contextmanager
def _beside(output: Path | None) -> Iterator[Path]:
    """A folder for what Ray writes of a run, which all machines see, as they do the output.

    RAISES BertNerError: the output is a file.
    """
    if output is not None:
        if output.exists() and not output.is_dir():
            raise BertNerError(Errors.output_is_file.format(output=output))
        output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ray-", dir=output) as folder:
        yield Path(folder)


def _run(order: TrainingJob, n: int, results: Path) -> None:
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    gpus = 1 if order.use_gpu >= 0 else 0
    found = ray.cluster_resources()
    has = {name: found.get(name, 0) for name in ("CPU", "GPU")}
    if has["CPU"] < n or has["GPU"] < n * gpus:
        raise BertNerError(Errors.no_room_for_workers.format(n=n, cpus=1, gpus=gpus, found=has))
    # Signals reach this process alone; the workers look for the file.
    wish = results / "stop"
    trainer = TorchTrainer(
        _work,
        train_loop_config={"order": order, "wish": str(wish), "cwd": str(Path.cwd())},
        torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=n, use_gpu=bool(gpus), resources_per_worker={"CPU": 1, **({"GPU": 1} if gpus else {})}
        ),
        # Who starts it again says --resume, with as many workers as there are then.
        run_config=RunConfig(storage_path=str(results), failure_config=FailureConfig(max_failures=0)),
    )
    failed: list[BaseException] = []

    def fit() -> None:
        try:
            trainer.fit()
        except Exception as e:  # what Ray makes of whatever a worker raises, or of its end
            failed.append(e)

    # Not in this thread, where Ray would take SIGINT for a wish to end at once.
    thread = threading.Thread(target=fit, daemon=True)
    with StopSignal() as stop:
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
            if stop.is_asked:
                wish.touch()
    if failed:
        raise BertNerError(_reason(failed[0])) from failed[0]
    if stop.is_asked:
        raise TrainingInterrupted(stop.signal, -1)


def _work(settings: dict[str, Any]) -> None:
    order: TrainingJob = settings["order"]
    os.chdir(settings["cwd"])
    if order.code is not None:
        import_code(order.code)
    try:
        train(order, StopSignal(Path(settings["wish"])))
    except TrainingInterrupted:
        return


def _reason(e: BaseException) -> str:
    """What a worker raised, in its own words, where Ray brings it."""
    failures = getattr(e, "worker_failures", {})
    for one in failures.values():
        cause = getattr(one, "cause", one)
        if isinstance(cause, BertNerError):
            return str(cause)
    first = next(iter(failures.values()), e)
    return Errors.workers_failed.format(reason=format_exception(first).splitlines()[0])
