"""Start and stop the server on Ray Serve."""

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
    """Read the server settings and deployment options from a Ray Serve config file.

    path (Path): path to the config file.
    RETURNS (tuple[dict[str, Any], dict[str, Any]]): the application's `args`, and its deployment options, such as
        `num_replicas`, `autoscaling_config` and `ray_actor_options`.
    RAISES BertNerError: the file does not exist or does not describe this application.
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
    """Set environment variables that let the server start on a busy machine.

    Ray lowers the priority of its processes, and Serve restarts its proxy if the proxy is not ready after 5 seconds. On
    a machine that is busy with other processes, the proxy might never become ready. The variables affect Ray instances
    that this process starts later. Variables that are already set are not changed.
    """
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    os.environ.setdefault("RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S", "60")


class _StopSignal:
    """A handler for SIGINT and SIGTERM. Before the server is ready, these signals interrupt its start."""

    def __init__(self) -> None:
        self.is_stopping = False
        self._received = threading.Event()
        self._is_waiting = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals in a `with` block. If a signal is received, the block ends without an error."""
        self._install()
        try:
            yield
        except KeyboardInterrupt:
            if not self._received.is_set():
                raise

    def wait(self) -> None:
        """Wait until a signal is received."""
        self._install()  # Ray has replaced the handlers in the meantime
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
    """Run the server until this process receives SIGINT or SIGTERM.

    settings (dict[str, Any]): server settings by name. See `settings.ServerSettings`.
    options (dict[str, Any]): deployment options that Ray Serve accepts.
    host (str): host name or IP address to listen on.
    port (int): port to listen on.
    address (str | None): address of a running Ray cluster. Default: start Ray on this machine.
    ready (Callable[[], None]): callback for when the server is ready. Default: no callback.
    RAISES BertNerError: a setting or an option is invalid, the token is not set, the pipeline cannot be loaded, the
        port is in use, the cluster does not answer, or Ray Serve cannot start the server.
    """
    from ray import serve

    from .app import build

    for key in ("pipeline", "code"):
        if settings.get(key) and Path(settings[key]).exists():  # a replica can have a different working directory
            settings = {**settings, key: str(Path(settings[key]).absolute())}
    app = build(settings, options)
    read_token(settings.get("token_env"))
    if settings.get("code"):
        # The file passed as `--code` is already imported, but not a file specified in a Serve config.
        import_code(Path(settings["code"]))
    load(settings["pipeline"])  # report a broken pipeline here; otherwise, each replica would fail repeatedly
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
            # If this process started Ray, the end of the block stops both Ray and Serve. In that case, an explicit
            # shutdown would be killed halfway, and Ray would report an error.
            if address is None and not is_ours:
                serve.shutdown()


def _check_port(host: str, port: int) -> None:
    """Check that a port is free.

    RAISES BertNerError: the port is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise BertNerError(Errors.port_taken.format(host=host, port=port, other=port + 1)) from e
