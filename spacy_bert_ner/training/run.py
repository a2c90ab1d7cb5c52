"""Run a training job from its config to the saved pipeline. Every worker runs this module."""

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
from spacy.cli._util import setup_gpu, show_validation_error
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST
from wasabi import Printer

from ..corpus.splitting.part_file import refuse_split
from ..errors import BertNerError, Errors
from ..util.pipelines import our_components
from . import checkpoints
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

    config (Path): a config file, or `-` for standard input.
    output (Path | None): folder for the pipelines and the training checkpoints. None writes neither.
    overrides: settings that override those of the config, by their path in it. Default: none.
    code (Path | None): a file with functions that the config names. It is already imported in the process that
        creates the job. Default: None.
    use_gpu (int): number of the GPU; with several workers, that of the first worker on each machine. Default: -1, the
        CPU.
    policy (CheckpointPolicy): when checkpoints are written, and how many are kept.
    resume (bool): resume from the newest training checkpoint, if there is one. Default: False.
    allow_changes (bool): resume even if the config, the data or the versions have changed. Default: False.
    shows_progress (bool): show the progress. Default: True.
    """

    config: Path
    output: Path | None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    code: Path | None = None
    use_gpu: int = -1
    policy: CheckpointPolicy = CheckpointPolicy()  # noqa: RUF009, it is frozen
    resume: bool = False
    allow_changes: bool = False
    shows_progress: bool = True


def train(job: TrainingJob, stop: StopSignal) -> None:
    """Train as `spacy train` does, in a single process or with the workers of `torchrun` or Ray Train.

    job (TrainingJob): the settings of the run.
    stop (StopSignal): is checked after each step.
    RAISES BertNerError: the job is not allowed, or training failed; see `Trainer.run`. TrainingInterrupted: a stop was
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
        setup_gpu(gpu, silent=not is_first)
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
    parameters(nlp, frozen)  # report weights that cannot be saved before training starts
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
    with stop:  # only from here on is there something to save when a stop is requested
        trainer.run(stop, shows_progress=job.shows_progress, stdout=sys.stdout, stderr=sys.stderr)
    if job.output is not None:
        msg.good("Saved pipeline to output directory", str(job.output / DIR_MODEL_LAST))


def _prepare_output(job: TrainingJob, fingerprint: Fingerprint, msg: Printer) -> str | None:
    """Create the output folder, or find the training checkpoint to resume from.

    RETURNS: the folder of the checkpoint; None to start from the beginning.
    RAISES BertNerError: the folder belongs to another run, or the inputs of the run have changed.
    """
    output = job.output
    if output is None:
        if job.resume:
            raise BertNerError(Errors.resume_requires_output)
        msg.info("No output directory provided: no training checkpoints are written, so this run cannot be resumed")
        return None
    if output.exists() and not output.is_dir():
        raise BertNerError(Errors.output_is_file.format(output=output))
    pipelines = [name for name in (DIR_MODEL_BEST, DIR_MODEL_LAST) if (output / name).exists()]
    if not job.resume:
        existing = [*pipelines, *([checkpoints.CHECKPOINTS] if checkpoints.has_checkpoints(output) else [])]
        if existing:
            raise BertNerError(Errors.output_already_trained.format(output=output, found=", ".join(existing)))
    if not output.exists():
        output.mkdir(parents=True)
        msg.good(f"Created output directory: {output}")
    msg.info(f"Saving to output directory: {output}")
    folder = checkpoints.latest_checkpoint(output, msg.warn) if job.resume else None
    if folder is None:
        if pipelines and not checkpoints.has_started(output):
            raise BertNerError(Errors.no_training_checkpoint.format(output=output, found=", ".join(pipelines)))
        if job.resume:
            msg.info("No training checkpoint to resume from yet: starting from the beginning")
        checkpoints.mark_started(output)
        return None
    changes = differences(checkpoints.read_fingerprint(folder), fingerprint)
    if changes and not job.allow_changes:
        raise BertNerError(Errors.training_changed.format(folder=folder, changed="; ".join(changes)))
    if changes:
        msg.warn("Resuming although the run has changed", "\n".join(changes))
    msg.info(f"Resuming from {folder}")
    return str(folder)


def _check_same_input(digests: list[bytes]) -> None:
    differing = [rank for rank, fingerprint_digest in enumerate(digests) if fingerprint_digest != digests[0]]
    if differing:
        raise BertNerError(Errors.workers_differ.format(ranks=", ".join(map(str, differing))))


def _check_components(config: Mapping[str, Any]) -> None:
    """Reject a config that cannot have a `bert_ner`, before any data is read.

    The factory of a sourced component is only known once it is loaded, see `_check_trained`.
    """
    components = config.get("components", {})
    pipeline = config.get("nlp", {}).get("pipeline", [])
    factories = {name: components.get(name, {}).get("factory") for name in pipeline}
    is_sourced = any("source" in components.get(name, {}) for name in pipeline)
    if "bert_ner" not in factories.values() and not is_sourced:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(pipeline) or "nothing"))


def _check_corpora(config: Mapping[str, Any]) -> None:
    """Reject a folder with several parts of a split, which every reader would read as one corpus."""
    for reader in config.get("corpora", {}).values():
        setting = reader.get("path") if isinstance(reader, Mapping) else None
        for path in setting if isinstance(setting, list) else [setting]:
            if isinstance(path, str) and path:
                refuse_split(Path(path))


def _check_trained(nlp: Language, frozen: list[str]) -> None:
    if not [name for name in our_components(nlp) if name not in frozen]:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(nlp.pipe_names) or "nothing"))
