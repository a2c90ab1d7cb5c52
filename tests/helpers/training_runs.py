"""Trainings in processes of their own. These are forked, as torch and spaCy take seconds to import, but where they use
a GPU, which a forked process may not."""

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
from spacy_bert_ner.training import checkpoints

NAMES = ["Kevin Durant", "Mr. O'Neill", "Ana", "Brooklyn Nets", "U.N."]
PLACES = ["New York", "São Paulo", "Brooklyn"]


def sentences(n: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Sentences of several lengths, each of another name and place."""
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
    """A config for `train.spacy` and `dev.spacy` of the folder, which are made: 12 steps of 4 sentences of 22."""
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
    """A config of twenty steps without dropout, which each worker would draw for itself."""
    return write_config(folder, encoder, dropout=0.0, max_steps=19, accumulate_gradient=1)


def nothing() -> None:
    """Come first."""


class Run:
    """A command in a process and a folder of its own.

    first: what the process does before, in Python.
    forked (bool): whether it is forked from this one; else it begins anew.
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
            warnings.simplefilter("ignore")  # from Python 3.12 on, of forks where there are threads
            self.process = context.Process(target=_run, args=(cwd, given, self.log, variables, first))
            self.process.start()

    def wait(self, seconds: float = 300) -> SimpleNamespace:
        """RETURNS: its `returncode`, and what it has `printed`, with white space made single."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        text = re.sub(r"\x1b\[[\d;]*m", "", text)  # colours
        return SimpleNamespace(returncode=self.process.exitcode, printed=" ".join(text.split()))

    def kill(self, number: int = signal.SIGKILL) -> SimpleNamespace:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        return self.wait()

    def wait_for(self, path: Path) -> None:
        """Until it is there, or the process is gone."""
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
    """What lets a process kill itself when it has written the checkpoint of a step."""
    return partial(_kill_after, step)


def _kill_after(step: int) -> None:
    real = checkpoints.write_checkpoint

    def write(output: Path, checkpoint: checkpoints.TrainingCheckpoint, keep: int) -> Path:
        folder = real(output, checkpoint, keep)
        if checkpoint.step == step:
            signal.raise_signal(signal.SIGKILL)
        return folder

    checkpoints.write_checkpoint = write


def signalled_in(call: int, number: int) -> Callable[[], None]:
    """What lets a process get a signal in the middle of a step, counted from 1, which it then finishes."""
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
    """So many workers, as `torchrun` starts them.

    environment_of: variables beside those of `torchrun`, by the worker's rank.
    """
    port = free_port()
    running = [
        Run(cwd, *arguments, rank=(rank, n, port), environment=environment_of(rank), **options) for rank in range(n)
    ]
    return [one.wait() for one in running]


def together_on_one_gpu(cwd: Path, n: int, *arguments: object, **options: Any) -> list[SimpleNamespace]:
    """The same on one GPU, which NCCL takes for the GPUs of so many machines, as it refuses two workers on one GPU."""

    def environment_of(rank: int) -> dict[str, str]:
        return {"LOCAL_RANK": "0", "NCCL_HOSTID": f"machine-{rank}"}

    return together(cwd, n, *arguments, environment_of=environment_of, forked=False, **options)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of a saved pipeline."""
    return dict(safetensors.torch.load_file(folder / "bert_ner" / "model" / "model.safetensors"))


def saved(output: Path) -> dict[str, bytes]:
    """The bytes of what a training ends with: of both pipelines, and of the newest checkpoint's tensors."""
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
    """Of a log, without what time it took."""
    with path.open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key not in ("seconds", "speed")}
            for row in csv.DictReader(file)
        ]


def check_done(workers: list[SimpleNamespace]) -> None:
    """All have come to their end."""
    for done in workers:
        assert done.returncode == 0, done.printed
        assert "Traceback" not in done.printed


def furthest(one: Path, other: Path) -> float:
    """The largest difference between weights that two trainings ended with, in `out` of these folders."""
    own, theirs = weights(one / "out" / "model-last"), weights(other / "out" / "model-last")
    assert own.keys() == theirs.keys()
    return max(float((own[name] - theirs[name]).abs().max()) for name in own)


def check_rows(one: Path, other: Path) -> None:
    """Their logs say the same, but for rounding."""
    for own, theirs in zip(rows(one / "log.csv"), rows(other / "log.csv"), strict=True):
        assert own.keys() == theirs.keys()
        assert all(abs(float(own[key]) - float(theirs[key])) <= 1e-4 for key in own)
