"""Run training in separate processes.

The processes are forked because importing torch and spaCy takes seconds. Training runs on a GPU are not forked because
forked processes cannot use CUDA.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import safetensors.torch
import spacy
import torch
from pages import free_port
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_bert_ner.pipeline.bert_ner import BertNer
from spacy_bert_ner.training import training_checkpoints

NAMES = ["Kevin Durant", "Mr. O'Neill", "Ana", "Brooklyn Nets", "U.N."]
PLACES = ["New York", "São Paulo", "Brooklyn"]


def sentences(n: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Return sentences with various lengths, names and places."""
    made = []
    for i in range(n):
        name, place = NAMES[i % len(NAMES)], PLACES[i % len(PLACES)]
        text = f"{name} " + "lives " * (1 + i % 4) + f"in {place}."
        first = len(text) - len(place) - 1
        made.append((text, [(0, len(name), "org" if i % len(NAMES) > 2 else "per"), (first, len(text) - 1, "geo")]))
    return made


def write_corpus(path: Path, n: int) -> None:
    nlp = spacy.blank("en")
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in sentences(n)]
    DocBin(docs=[eg.reference for eg in examples]).to_disk(path)


def write_config(folder: Path, encoder: Path, **training: Any) -> Path:
    """Write a config for 12 steps with 4 sentences each, 22 training sentences, and dev data. Return its path."""
    write_corpus(folder / "train.spacy", 22)
    write_corpus(folder / "dev.spacy", 7)
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(encoder), "overlap": 8}})
    for part in ("train", "dev"):
        nlp.config["corpora"][part] = {"@readers": "spacy.Corpus.v1", "path": str(folder / f"{part}.spacy")}
    nlp.config["training"] |= {
        "seed": 3,
        "dropout": 0.1,
        "train_corpus": "corpora.train",
        "dev_corpus": "corpora.dev",
        "max_steps": 11,
        "eval_frequency": 4,
        "batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 4},
        "optimizer": {
            "@optimizers": "spacy_bert_ner.AdamW.v1",
            "head_rate": 2.0,
            "learn_rate": {
                "@schedules": "warmup_linear.v1",
                "warmup_steps": 3,
                "total_steps": 12,
                "initial_rate": 0.003,
            },
        },
        "logger": {"@loggers": "spacy_bert_ner.CsvLogger.v1", "path": "log.csv"},
        **training,
    }
    nlp.config.to_disk(folder / "config.cfg")
    return folder / "config.cfg"


def write_twenty_steps(folder: Path, encoder: Path) -> Path:
    """Write a config for twenty steps without dropout, for which each worker would draw different random numbers."""
    return write_config(folder, encoder, dropout=0.0, max_steps=19, accumulate_gradient=1)


def nothing() -> None:
    """Do nothing."""


class Run:
    """A command that runs in a separate process and folder.

    first: function to call in the process before the command.
    forked (bool): whether to fork this process. Otherwise, a new Python process is started.
    """

    def __init__(
        self,
        cwd: Path,
        *arguments: object,
        command: tuple[str, ...] = ("bert-ner", "train"),
        first: Callable[[], object] = nothing,
        rank: tuple[int, int, int] | None = None,
        environment: Mapping[str, str] | None = None,
        forked: bool = True,
    ) -> None:
        cwd.mkdir(parents=True, exist_ok=True)
        self.log = cwd / f"printed{'' if rank is None else rank[0]}.txt"
        variables: dict[str, str] = {}
        if rank is not None:
            number, n, port = rank
            variables = {"RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": str(n)}
            variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        variables |= environment or {}
        given = [*command, *map(str, arguments)]
        context: Any = get_context("fork" if forked else "spawn")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # since Python 3.12, forking a process with threads causes a warning
            self.process = context.Process(target=_run, args=(cwd, given, self.log, variables, first))
            self.process.start()

    def wait(self, seconds: float = 300) -> SimpleNamespace:
        """Wait for the process and return its `returncode` and its output as `printed`, with collapsed white space."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        text = re.sub(r"\x1b\[[\d;]*m", "", text)  # remove colours
        return SimpleNamespace(returncode=self.process.exitcode, printed=" ".join(text.split()))

    def kill(self, number: int = signal.SIGKILL) -> SimpleNamespace:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        return self.wait()

    def wait_for(self, path: Path) -> None:
        """Wait until a path exists or the process has ended."""
        while not path.exists() and self.process.is_alive():
            time.sleep(0.005)


def _run(cwd: Path, given: list[str], log: Path, environment: dict[str, str], first: Callable[[], object]) -> None:
    from spacy.cli import setup_cli

    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.update(environment)
    os.chdir(cwd)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    sys.argv = ["spacy", *given]
    code = 0
    try:
        first()
        setup_cli()
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def killed_after(step: int) -> Callable[[], None]:
    """Return a function that makes a process kill itself after it has written the checkpoint for a step."""
    return partial(_kill_after, step)


def _kill_after(step: int) -> None:
    real = training_checkpoints.write_checkpoint

    def write(output: Path, checkpoint: training_checkpoints.TrainingCheckpoint, keep: int) -> Path:
        folder = real(output, checkpoint, keep)
        if checkpoint.step == step:
            signal.raise_signal(signal.SIGKILL)
        return folder

    training_checkpoints.write_checkpoint = write


def signalled_in(call: int, number: int) -> Callable[[], None]:
    """Return a function that makes a process receive a signal during an update, which is counted from 1."""
    return partial(_signal_in, call, number)


def _signal_in(call: int, number: int) -> None:
    real, calls = BertNer.update, []

    def update(self: BertNer, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            signal.raise_signal(number)
        return real(self, *arguments, **options)

    BertNer.update = update


def together(
    cwd: Path,
    n: int,
    *arguments: object,
    environment_of: Callable[[int], Mapping[str, str]] = lambda rank: {},
    **options: Any,
) -> list[SimpleNamespace]:
    """Run a number of workers as `torchrun` starts them.

    environment_of: function that returns additional environment variables for a rank.
    """
    port = free_port()
    running = [
        Run(cwd, *arguments, rank=(rank, n, port), environment=environment_of(rank), **options) for rank in range(n)
    ]
    return [one.wait() for one in running]


def together_on_one_gpu(cwd: Path, n: int, *arguments: object, **options: Any) -> list[SimpleNamespace]:
    """Run several workers on one GPU.

    NCCL does not permit this, so each worker pretends to run on a different machine.
    """

    def environment_of(rank: int) -> dict[str, str]:
        return {"LOCAL_RANK": "0", "NCCL_HOSTID": f"machine-{rank}"}

    return together(cwd, n, *arguments, environment_of=environment_of, forked=False, **options)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a saved pipeline."""
    return dict(safetensors.torch.load_file(folder / "bert_ner" / "model" / "model.safetensors"))


def saved(output: Path) -> dict[str, bytes]:
    """Return the contents of files written by a training run: both pipelines, and the latest checkpoint's tensors."""
    newest = max((output / "checkpoints").iterdir(), key=lambda path: path.name)
    files = {
        f"{name}/{part}": output / name / "bert_ner" / part
        for name in ("model-best", "model-last")
        for part in ("cfg", "model/model.safetensors", "model/config.json")
    }
    files |= {f"{name}/meta.json": output / name / "meta.json" for name in ("model-best", "model-last")}
    files["state"] = newest / "state.safetensors"
    return {name: path.read_bytes() for name, path in files.items()}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows in a log without their time measurements."""
    with path.open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key not in ("seconds", "speed")}
            for row in csv.DictReader(file)
        ]


def check_done(workers: list[SimpleNamespace]) -> None:
    """Check that all workers have ended without an error."""
    for done in workers:
        assert done.returncode == 0, done.printed
        assert "Traceback" not in done.printed


def furthest(one: Path, other: Path) -> float:
    """Return the largest weight difference between the last pipelines from two training runs."""
    own, theirs = weights(one / "out" / "model-last"), weights(other / "out" / "model-last")
    assert own.keys() == theirs.keys()
    return max(float((own[name] - theirs[name]).abs().max()) for name in own)


def check_rows(one: Path, other: Path) -> None:
    """Check that two logs are equal up to rounding."""
    for own, theirs in zip(rows(one / "log.csv"), rows(other / "log.csv"), strict=True):
        assert own.keys() == theirs.keys()
        assert all(abs(float(own[key]) - float(theirs[key])) <= 1e-4 for key in own)
