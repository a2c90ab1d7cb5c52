"""Share one local Ray instance between all tests that use Ray.

Its workers are forked from the fork server, so they start in one second instead of four.
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
"""Value of the environment variable `TESTS_TOKEN` in all Ray processes."""


@cache
def settings() -> dict[str, str]:
    """Return the environment variables for processes that start Ray or connect to it."""
    # Use a separate folder so that tests do not connect to another Ray instance. Socket paths must be short.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {
        "RAY_TMPDIR": folder,
        # Ray lowers the priority of its processes. They would hardly run while other tests are running.
        "RAY_worker_niceness": "0",
        # Prestarted workers are useless because they are not forked.
        "RAY_enable_worker_prestart": "0",
        "RAY_prestart_worker_first_driver": "0",
    }


def runtime_env(**variables: str) -> dict[str, Any]:
    """Return the runtime environment for workers, which are forked and use one thread.

    The number of threads is set as an environment variable, which torch normally reads on import.
    """
    return {"py_executable": fast_python(), "env_vars": {"OMP_NUM_THREADS": "1", **variables}}


def environment(**more: Any) -> dict[str, str]:
    """Return the environment for a command that starts Ray or connects to it, so that its workers are forked, too.

    more: additional settings for the runtime environment of its workers.
    """
    return {
        **os.environ,
        **settings(),
        "RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps({"runtime_env": runtime_env() | more}),
    }


class _Session:
    """A Ray instance that this process has started."""

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
    """Return the `address` and the `metrics` port of the Ray instance. The first call starts it."""
    if not _running:
        _running.append(_Session())
    return SimpleNamespace(address=_running[0].address, metrics=_running[0].metrics)


def stop() -> None:
    """Stop the Ray instance if it is running."""
    if _running:
        _running.pop().end.close()
