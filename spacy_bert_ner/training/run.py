"""Run a training job on each worker, from loading the config to saving the pipeline."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy import util
from spacy.cli._util import show_validation_error
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST
from wasabi import Printer

from ..corpus.splitting.part_file import refuse_split
from ..errors import BertNerError, Errors
from ..util.gpu import select_gpu
from ..util.pipelines import our_components
from . import training_checkpoints
from .checkpointer import CheckpointPolicy
from .distributed import ProcessGroup, from_environment, join_process_group
from .fingerprint import Fingerprint, describe, differences, digest
from .optimizer_state import parameters
from .progress import StopSignal
from .resumable_pipeline import check_parallel
from .trainer import Trainer


@dataclass(frozen=True)
class TrainingJob:
    """The settings of a training run.

    config (Path): path to the config file, or `-` for standard input.
    output (Path | None): folder for pipelines and training checkpoints, or None to write neither.
    overrides: settings that override the config, by dotted path. Default: none.
    code (Path | None): Python file that registers functions for the config. It has already been imported in the process
        that creates the job. Default: None.
    use_gpu (int): GPU ID. With several workers, it is the GPU ID for the first worker on each machine. Default: -1, the
        CPU.
    policy (CheckpointPolicy): policy for writing and keeping training checkpoints. Default: `CheckpointPolicy()`.
    resume (bool): whether to resume from the newest training checkpoint, if there is one. Default: False.
    allow_changes (bool): whether to resume even if the config, the data or package versions have changed. Default:
        False.
    shows_progress (bool): whether to show the progress. Default: True.
    """

    config: Path
    output: Path | None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    code: Path | None = None
    use_gpu: int = -1
    policy: CheckpointPolicy = CheckpointPolicy()  # noqa: RUF009, the class is frozen
    resume: bool = False
    allow_changes: bool = False
    shows_progress: bool = True


def train(job: TrainingJob, stop: StopSignal) -> None:
    """Train like `spacy train`, in a single process or with workers started by `torchrun` or Ray Train.

    job (TrainingJob): settings of the training run.
    stop (StopSignal): stop signal to check after each step.
    RAISES BertNerError: the job is invalid or training failed; see `Trainer.run`. TrainingInterrupted: a stop was
        requested.
    """
    started = from_environment()
    gpu = job.use_gpu
    if gpu >= 0 and started is not None:
        gpu += started[2]
    is_first = started is None or started[0] == 0
    with contextlib.ExitStack() as stack:
        if not is_first:  # rank 0 prints for all workers
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        select_gpu(gpu, silent=not is_first)
        _train(job, stop, stack.enter_context(join_process_group(on_gpu=gpu >= 0)), gpu)


def _train(job: TrainingJob, stop: StopSignal, workers: ProcessGroup, gpu: int) -> None:
    msg = Printer(no_print=not workers.is_first)
    with show_validation_error(job.config):
        config = util.load_config(job.config, overrides=dict(job.overrides), interpolate=False)
        interpolated = config.interpolate()
    _check_components(interpolated)
    _check_corpora(interpolated)
    files = [job.code] if job.code else []
    fingerprint = describe(interpolated, *files)
    folder = workers.on_rank_zero(lambda: _prepare_output(job, fingerprint, msg))
    digests = workers.gather(digest(fingerprint))
    workers.on_rank_zero(lambda: _check_same_input(digests))
    msg.divider("Initializing pipeline")
    with show_validation_error(job.config, hint_fill=False):
        nlp = init_nlp(config, use_gpu=gpu)
    frozen = nlp.config["training"]["frozen_components"]
    _check_trained(nlp, frozen)
    if workers.world_size > 1:
        check_parallel(nlp, frozen)
    parameters(nlp, frozen)  # fail before training if the weights cannot be saved
    msg.good("Initialized pipeline")
    msg.divider("Training pipeline")
    trainer = Trainer(
        nlp,
        job.output,
        fingerprint,
        folder=None if folder is None else Path(folder),
        workers=workers,
        policy=job.policy,
        use_gpu=gpu,
    )
    with stop:  # before this point, there is nothing to save
        trainer.run(stop, shows_progress=job.shows_progress, stdout=sys.stdout, stderr=sys.stderr)
    if job.output is not None:
        msg.good("Saved pipeline to output folder", str(job.output / DIR_MODEL_LAST))


def _prepare_output(job: TrainingJob, fingerprint: Fingerprint, msg: Printer) -> str | None:
    """Create the output folder, or find the training checkpoint to resume from.

    RETURNS: the checkpoint folder, or None to start from the beginning.
    RAISES BertNerError: the output folder contains another run, or the run's inputs have changed.
    """
    output = job.output
    if output is None:
        if job.resume:
            raise BertNerError(Errors.resume_requires_output)
        msg.info("No output folder specified. No training checkpoints are written, so this run cannot be resumed.")
        return None
    if output.exists() and not output.is_dir():
        raise BertNerError(Errors.output_is_file.format(output=output))
    pipelines = [name for name in (DIR_MODEL_BEST, DIR_MODEL_LAST) if (output / name).exists()]
    if not job.resume:
        existing = [
            *pipelines,
            *([training_checkpoints.CHECKPOINTS] if training_checkpoints.has_checkpoints(output) else []),
        ]
        if existing:
            raise BertNerError(Errors.output_already_trained.format(output=output, found=", ".join(existing)))
    if not output.exists():
        output.mkdir(parents=True)
        msg.good(f"Created output folder: {output}")
    msg.info(f"Saving to output folder: {output}")
    folder = training_checkpoints.latest_checkpoint(output, msg.warn) if job.resume else None
    if folder is None:
        if pipelines and not training_checkpoints.has_started(output):
            raise BertNerError(Errors.no_training_checkpoint.format(output=output, found=", ".join(pipelines)))
        if job.resume:
            msg.info("There is no training checkpoint. Starting from the beginning.")
        training_checkpoints.mark_started(output)
        return None
    changes = differences(training_checkpoints.read_fingerprint(folder), fingerprint)
    if changes and not job.allow_changes:
        raise BertNerError(Errors.training_changed.format(folder=folder, changed="; ".join(changes)))
    if changes:
        msg.warn("Resuming with changed inputs", "\n".join(changes))
    msg.info(f"Resuming from {folder}")
    return str(folder)


def _check_same_input(digests: list[bytes]) -> None:
    differing = [rank for rank, fingerprint_digest in enumerate(digests) if fingerprint_digest != digests[0]]
    if differing:
        raise BertNerError(Errors.workers_differ.format(ranks=", ".join(map(str, differing))))


def _check_components(config: Mapping[str, Any]) -> None:
    """Before any data is read, reject a config whose pipeline has neither a `bert_ner` nor a sourced component.

    The factory of a sourced component is unknown until the component is loaded; see `_check_trained`.
    """
    components = config.get("components", {})
    pipeline = config.get("nlp", {}).get("pipeline", [])
    factories = {name: components.get(name, {}).get("factory") for name in pipeline}
    is_sourced = any("source" in components.get(name, {}) for name in pipeline)
    if "bert_ner" not in factories.values() and not is_sourced:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(pipeline) or "nothing"))


def _check_corpora(config: Mapping[str, Any]) -> None:
    """Reject a folder that contains several splits, because every reader would read it as one corpus."""
    for reader in config.get("corpora", {}).values():
        setting = reader.get("path") if isinstance(reader, Mapping) else None
        for path in setting if isinstance(setting, list) else [setting]:
            if isinstance(path, str) and path:
                refuse_split(Path(path))


def _check_trained(nlp: Language, frozen: list[str]) -> None:
    if not [name for name in our_components(nlp) if name not in frozen]:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(nlp.pipe_names) or "nothing"))
