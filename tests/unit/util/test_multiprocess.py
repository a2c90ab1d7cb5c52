"""Test finding the channels for `nlp.pipe(..., n_process=2)` in spaCy's local variables.

These tests fail if spaCy changes. `tests/integration/test_processes.py` tests what the channels are needed for.
"""

from __future__ import annotations

import ast
import inspect
import multiprocessing
import textwrap
from typing import Any

import pytest
from spacy import about
from spacy.language import Language

from spacy_bert_ner.util import multiprocess

CHANGED = "spaCy has changed how it starts workers: adapt spacy_bert_ner/util/multiprocess.py, and its TESTED_SPACY"


def test_the_installed_spacy_is_the_tested_one() -> None:
    assert multiprocess.has_known_channels(), CHANGED


def test_spacy_opens_all_channels_before_it_starts_a_worker() -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(Language._multiprocessing_pipe)))
    opened, started = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            opened[ast.unparse(target)] = (ast.unparse(node.value), node.lineno)
        if isinstance(node, ast.Call) and ast.unparse(node) == "proc.start()":
            started.append(node.lineno)
    queues, queues_line = opened["texts_q"]
    pipes, pipes_line = opened["(bytedocs_recv_ch, bytedocs_send_ch)"]
    assert queues == "[mp.Queue() for _ in range(n_process)]", CHANGED
    assert pipes == "zip(*[mp.Pipe(False) for _ in range(n_process)])", CHANGED
    assert max(queues_line, pipes_line) < min(started), CHANGED
    worker = opened["procs"][0].replace("(rch, sch)", "rch, sch")  # Python 3.10 unparses this with parentheses
    assert "rch, sch" in worker, CHANGED
    assert worker.endswith("for rch, sch in zip(texts_q, bytedocs_send_ch)]"), CHANGED


def test_python_has_the_private_names() -> None:
    assert multiprocessing.Process(args=(1, 2))._args == (1, 2)  # type: ignore[attr-defined]
    queue = multiprocessing.Queue()  # type: ignore[var-annotated]
    assert hasattr(queue, "_writer")
    queue.close()


def starting(self: object, texts_q: Any, bytedocs_recv_ch: Any, bytedocs_send_ch: Any) -> list[tuple[Any, ...]]:
    """Return the channels. The test puts this function in the place of `Language._multiprocessing_pipe`."""
    return [multiprocess._channels(name) for name in ("texts_q", "bytedocs_recv_ch", "bytedocs_send_ch")]


def test_the_channels_are_those_of_the_function_that_starts_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert starting(None, ["a"], ["b"], ["c"]) == [(), (), ()]  # the function is not yet registered as spaCy's
    monkeypatch.setattr(Language, "_multiprocessing_pipe", starting)
    assert multiprocess._channels("texts_q") == ()  # no worker is starting
    assert starting(None, ["a"], ["b"], ["c"]) == [("a",), ("b",), ("c",)]


def test_with_another_version_of_spacy_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Language, "_multiprocessing_pipe", starting)
    monkeypatch.setattr(about, "__version__", "3.9.0")
    assert not multiprocess.has_known_channels()
    assert starting(None, ["a"], ["b"], ["c"]) == [(), (), ()]


@pytest.mark.parametrize("changed", [lambda self, texts_q, channels: None, None], ids=["renamed", "removed"])
def test_with_other_local_variables_nothing_is_read(monkeypatch: pytest.MonkeyPatch, changed: object) -> None:
    monkeypatch.setattr(Language, "_multiprocessing_pipe", changed)
    assert not multiprocess.has_known_channels()
    assert multiprocess._channels("texts_q") == ()
