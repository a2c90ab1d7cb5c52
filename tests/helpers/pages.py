"""Serve a page while tests check it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(
    arguments: Sequence[str], port: int, log: Path, *, python: str = sys.executable, **options: Any
) -> Iterator[str]:
    """Run Python with these arguments and wait until its page responds.

    python (str): Python interpreter, for example `fast_python()`.
    options: options for `subprocess.Popen`.
    YIELDS: the URL. At the end of the `with` block, the process and all its child processes are killed.
    """
    url = f"http://localhost:{port}"
    with log.open("w") as file:
        command = [python, *arguments]
        server = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True, **options)
    try:
        for _ in range(2400):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.05)
        else:
            pytest.fail(f"Nothing is served: {log.read_text()}")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
