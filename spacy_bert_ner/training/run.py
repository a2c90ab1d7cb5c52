"""A training from its config to its end, on this machine; each worker runs this."""

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
from . import checkpoints as states
from .distributed import ProcessGroup, from_environment, joined
from .fingerprint import Fingerprint, describe, differences, digest
from .optimizer_state import parameters
from .progress import StopSignal
from .resumable_pipeline import check_parallel
from .trainer import CheckpointPolicy, Trainer


@dataclass(frozen=True)
class TrainingJob:
    """What is to be trained, and how.

    config (Path): a config file, or `-` for standard input.
    output (Path | None): the folder that pipelines and states go to; None for none.
    overrides: settings that go before those of the config, by their path in it.
    code (Path | None): a file with functions that the config names, which was imported; None for none.
    use_gpu (int): the number of the GPU, or of that of the first worker of a machine; -1 for the CPU.
    resume (bool): go on from the newest state, if there is one.
    allow_changes (bool): even if the config, the data or the versions are others.
    is_watched (bool): whether progress is shown.
    """

    config: Path
    output: Path | None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    code: Path | None = None
    use_gpu: int = -1
    keeping: CheckpointPolicy = CheckpointPolicy()  # noqa: RUF009, it is frozen
    resume: bool = False
    allow_changes: bool = False
    is_watched: bool = True


def train(order: TrainingJob, stop: StopSignal) -> None:
    """Train as spaCy's command does, alone or with the workers that `torchrun` or Ray Train has started.

    RAISES BertNerError: something of the order is not allowed, see `Trainer.run`. Stopped: it was asked to.
    """
    started = from_environment()
    gpu = order.use_gpu
    if gpu >= 0 and started is not None:
        gpu += started[2]
    is_first = started is None or started[0] == 0
    with contextlib.ExitStack() as stack:
        if not is_first:  # the first says it for all
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        setup_gpu(gpu, silent=not is_first)
        _train(order, stop, stack.enter_context(joined(on_gpu=gpu >= 0)), gpu)


def _train(order: TrainingJob, stop: StopSignal, workers: ProcessGroup, gpu: int) -> None:
    msg = Printer(no_print=not workers.is_first)
    with show_validation_error(order.config):
        config = util.load_config(order.config, overrides=dict(order.overrides), interpolate=False)
        plain = config.interpolate()
    _check_components(plain)
    _check_corpora(plain)
    files = [order.code] if order.code else []
    told = describe(plain, *files)
    folder = workers.first_does(lambda: _begin(order, told, msg))
    everywhere = workers.gather(digest(told))
    workers.first_does(lambda: _compare(everywhere))
    msg.divider("Initializing pipeline")
    with show_validation_error(order.config, hint_fill=False):
        nlp = init_nlp(config, use_gpu=gpu)
    frozen = nlp.config["training"]["frozen_components"]
    _check_trained(nlp, frozen)
    if workers.n > 1:
        check_parallel(nlp, frozen)
    parameters(nlp, frozen)  # what cannot be kept is told now
    msg.good("Initialized pipeline")
    msg.divider("Training pipeline")
    trainer = Trainer(
        nlp,
        order.output,
        told,
        folder=None if folder is None else Path(folder),
        workers=workers,
        keeping=order.keeping,
        use_gpu=gpu,
    )
    with stop:  # not before, when there is nothing to write yet
        trainer.run(stop, is_watched=order.is_watched, stdout=sys.stdout, stderr=sys.stderr)
    if order.output is not None:
        msg.good("Saved pipeline to output directory", str(order.output / DIR_MODEL_LAST))


def _begin(order: TrainingJob, told: Fingerprint, msg: Printer) -> str | None:
    """Make the folder, or find the state to go on from.

    RAISES BertNerError: the folder is of another training, or what it was begun with has changed.
    """
    output = order.output
    if output is None:
        if order.resume:
            raise BertNerError(Errors.resume_takes_output)
        msg.info("No output directory provided: there will be no states to go on from")
        return None
    if output.exists() and not output.is_dir():
        raise BertNerError(Errors.output_is_file.format(output=output))
    pipelines = [name for name in (DIR_MODEL_BEST, DIR_MODEL_LAST) if (output / name).exists()]
    if not order.resume:
        there = [*pipelines, *([states.STATES] if states.has_checkpoints(output) else [])]
        if there:
            raise BertNerError(Errors.output_trained.format(output=output, found=", ".join(there)))
    if not output.exists():
        output.mkdir(parents=True)
        msg.good(f"Created output directory: {output}")
    msg.info(f"Saving to output directory: {output}")
    folder = states.latest_checkpoint(output, msg.warn) if order.resume else None
    if folder is None:
        if pipelines and not states.was_begun(output):
            raise BertNerError(Errors.no_states.format(output=output, found=", ".join(pipelines)))
        if order.resume:
            msg.info("There is no state to go on from yet: it begins anew")
        states.mark_begun(output)
        return None
    changed = differences(states.read_told(folder), told)
    if changed and not order.allow_changes:
        raise BertNerError(Errors.training_changed.format(folder=folder, changed="; ".join(changed)))
    if changed:
        msg.warn("It goes on, though there were changes", "\n".join(changed))
    msg.info(f"Going on from {folder}")
    return str(folder)


def _compare(everywhere: list[bytes]) -> None:
    others = [rank for rank, one in enumerate(everywhere) if one != everywhere[0]]
    if others:
        raise BertNerError(Errors.workers_differ.format(ranks=", ".join(map(str, others))))


def _check_components(config: Mapping[str, Any]) -> None:
    """Refuse a config that can have no `bert_ner`, before anything is read. One that is sourced is known later."""
    components = config.get("components", {})
    pipeline = config.get("nlp", {}).get("pipeline", [])
    factories = {name: components.get(name, {}).get("factory") for name in pipeline}
    is_sourced = any("source" in components.get(name, {}) for name in pipeline)
    if "bert_ner" not in factories.values() and not is_sourced:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(pipeline) or "nothing"))


def _check_corpora(config: Mapping[str, Any]) -> None:
    """Refuse a folder with several parts of a split, which any reader would take for one corpus."""
    for reader in config.get("corpora", {}).values():
        path = reader.get("path") if isinstance(reader, Mapping) else None
        for one in path if isinstance(path, list) else [path]:
            if isinstance(one, str) and one:
                refuse_split(Path(one))


def _check_trained(nlp: Language, frozen: list[str]) -> None:
    if not [name for name in our_components(nlp) if name not in frozen]:
        raise BertNerError(Errors.config_without_bert_ner.format(found=", ".join(nlp.pipe_names) or "nothing"))
