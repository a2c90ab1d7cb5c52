"""Start the server on Ray Serve, and stop it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly

from ..annotate.ray_engine import ray_session
from ..errors import BertNerError, Errors, format_exception
from ..util.pipelines import load
from ..util.user_code import import_code
from .authentication import read_token

IMPORT_PATH = "spacy_bert_ner.serving.app:application"
NAME = "bert-ner"


def options_in(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the settings of this application from a Ray Serve config file.

    path (Path): the config file.
    RETURNS (tuple[dict[str, Any], dict[str, Any]]): `args` of the application, and options of its deployment, such as
        `num_replicas`, `autoscaling_config` and `ray_actor_options`.
    RAISES BertNerError: the file does not exist, or does not describe this application.
    """
    if not path.is_file():
        raise BertNerError(Errors.no_such_file.format(path=path))
    try:
        config = srsly.read_yaml(path)
        (application,) = [entry for entry in config["applications"] if entry["import_path"] == IMPORT_PATH]
        deployments = application.get("deployments") or [{}]
        (options,) = [{key: value for key, value in entry.items() if key != "name"} for entry in deployments]
        return dict(application.get("args") or {}), options
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise BertNerError(Errors.bad_serve_config.format(path=path, reason=format_exception(e, None))) from e


def be_patient() -> None:
    """Let the server start on a busy machine, too.

    Ray lowers the priority of its processes, and Serve restarts its proxy if that is not ready after 5 seconds. On a
    machine that is busy with other processes, the proxy would never be ready. This affects a Ray that this process
    starts later; variables that are already set stay.
    """
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    os.environ.setdefault("RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S", "60")


class _StopSignal:
    """Handles SIGINT and SIGTERM. Until the server is ready, they interrupt its start."""

    def __init__(self) -> None:
        self.is_stopping = False
        self._received = threading.Event()
        self._is_waiting = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals in the block, which ends without an error if one is received."""
        self._install()
        try:
            yield
        except KeyboardInterrupt:
            if not self._received.is_set():
                raise

    def wait(self) -> None:
        """Wait for a signal."""
        self._install()  # Ray has installed its own handlers in the meantime
        self._is_waiting = True
        self._received.wait()

    def _install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, *_: object) -> None:
        self._received.set()
        if not self._is_waiting and not self.is_stopping:
            raise KeyboardInterrupt


def run_server(
    settings: dict[str, Any],
    options: dict[str, Any],
    *,
    host: str,
    port: int,
    address: str | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    settings (dict[str, Any]): see `settings.ServerSettings`.
    options (dict[str, Any]): options of the deployment, as Serve takes them.
    host (str): address to serve at.
    port (int): port to serve at.
    address (str | None): address of a running Ray cluster; None to start Ray on this machine.
    ready (Callable[[], None]): called when the server is ready.
    RAISES BertNerError: a setting is not allowed, the pipeline cannot be loaded, the port is in use, or the cluster
        does not answer.
    """
    from ray import serve

    from .app import build

    for key in ("pipeline", "code"):
        if settings.get(key) and Path(settings[key]).exists():  # replicas may have another working directory
            settings = {**settings, key: str(Path(settings[key]).absolute())}
    app = build(settings, options)
    read_token(settings.get("token_env"))
    if settings.get("code"):
        import_code(Path(settings["code"]))  # `--code` is already imported, but not the file that a Serve config names
    load(settings["pipeline"])  # report a broken pipeline here; each replica would fail again and again
    if address is None:
        _check_port(host, port)
    import ray

    is_ours = address is None and not ray.is_initialized()
    stop = _StopSignal()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    be_patient()
    with ray_session(address), stop.handled():
        serve.start(http_options={"host": host, "port": port}, logging_config={"log_level": "WARNING"})
        try:
            try:
                serve.run(app, name=NAME, route_prefix="/")
            except RuntimeError as e:
                raise BertNerError(Errors.not_deployed.format(reason=" ".join(str(e).split()))) from e
            ready()
            stop.wait()
        finally:
            stop.is_stopping = True
            serve.delete(NAME)
            # If Ray ends with this block, so does Serve. A shutdown before that would be killed half-way, and Ray would
            # report an error.
            if address is None and not is_ours:
                serve.shutdown()


def _check_port(host: str, port: int) -> None:
    """Check that a port is free.

    RAISES BertNerError: it is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise BertNerError(Errors.port_taken.format(host=host, port=port, other=port + 1)) from e
