"""One Ray for all tests that use one, on this machine's loopback.

Its workers are forked from the fork server, and start in a second rather than in four.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from fork_server import fast_python
from pages import free_port

N_CPUS = 3
TOKEN = "s3cret"
"""What the variable TESTS_TOKEN holds in all of its processes."""


@cache
def settings() -> dict[str, str]:
    """The environment of processes that start a Ray or connect to one."""
    # A folder of its own, else it might join a Ray of somebody else. Paths of sockets have to be short.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {
        "RAY_TMPDIR": folder,
        # Ray lowers the priority of its processes, which would hardly run beside the other tests.
        "RAY_worker_niceness": "0",
        # Workers that wait for work are of no use, as they are not forked.
        "RAY_enable_worker_prestart": "0",
        "RAY_prestart_worker_first_driver": "0",
    }


def runtime_env(**variables: str) -> dict[str, Any]:
    """The environment of workers: forked, with one thread, as torch would find when it is imported."""
    return {"py_executable": fast_python(), "env_vars": {"OMP_NUM_THREADS": "1", **variables}}


def environment(**more: Any) -> dict[str, str]:
    """The environment of a command that starts a Ray, or connects to one, so that its workers are forked too.

    more: of the environment of its workers, as Ray takes it.
    """
    return {
        **os.environ,
        **settings(),
        "RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps({"runtime_env": runtime_env() | more}),
    }


class _Session:
    """A Ray that this process has started, and what ends it."""

    def __init__(self) -> None:
        import ray

        from spacy_bert_ner.serving.server import be_patient

        self.end = ExitStack()
        self.end.enter_context(mock.patch.dict(os.environ, {**settings(), "TESTS_TOKEN": TOKEN}))
        be_patient()
        self.metrics = free_port()
        self.end.callback(ray.shutdown)
        found = ray.init(
            address="local",
            num_cpus=N_CPUS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            runtime_env=runtime_env(),
            _metrics_export_port=self.metrics,
            _system_config={"metrics_report_interval_ms": 1000},
        )
        self.address = found.address_info["address"]


_running: list[_Session] = []


def running() -> SimpleNamespace:
    """The Ray, which the first call starts. RETURNS: its `address`, and its port of `metrics`."""
    if not _running:
        _running.append(_Session())
    return SimpleNamespace(address=_running[0].address, metrics=_running[0].metrics)


def stop() -> None:
    """End it, if it runs."""
    if _running:
        _running.pop().end.close()
