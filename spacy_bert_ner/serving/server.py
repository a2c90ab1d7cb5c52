"""Start a server on Ray Serve, and end it."""

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

IMPORT_PATH = "spacy_bert_ner.serving.app:application"
NAME = "bert-ner"


def options_in(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a config file of Serve says of this application: its `args`, and the options of its deployment, such as
    `num_replicas`, `autoscaling_config` and `ray_actor_options`.

    RAISES BertNerError: it is not there, or no such config.
    """
    if not path.is_file():
        raise BertNerError(Errors.no_such_file.format(path=path))
    try:
        told = srsly.read_yaml(path)
        (found,) = [one for one in told["applications"] if one["import_path"] == IMPORT_PATH]
        deployments = found.get("deployments") or [{}]
        (options,) = [{key: value for key, value in one.items() if key != "name"} for one in deployments]
        return dict(found.get("args") or {}), options
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise BertNerError(Errors.bad_serve_config.format(path=path, reason=format_exception(e, None))) from e


def be_patient() -> None:
    """Let a server start on a busy machine too. Ray lowers the priority of its processes, and Serve kills its proxy if
    that is not ready after 5 seconds, and begins anew: beside others that compute, none would ever be ready. This is
    for a Ray that this process starts later; what is set already stays."""
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    os.environ.setdefault("RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S", "60")


class _End:
    """What SIGINT and SIGTERM ask for. Before the server answers, they break off what is being done."""

    def __init__(self) -> None:
        self.is_ending = False
        self._told = threading.Event()
        self._is_waiting = False

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Obey signals in the block, which ends without an error where one comes."""
        self._listen()
        try:
            yield
        except KeyboardInterrupt:
            if not self._told.is_set():
                raise

    def wait(self) -> None:
        """Wait for a signal."""
        self._listen()  # Ray has set its own meanwhile
        self._is_waiting = True
        self._told.wait()

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._obey)

    def _obey(self, *_: object) -> None:
        self._told.set()
        if not self._is_waiting and not self.is_ending:
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

    settings: see `app.ServerSettings`.
    options: of the deployment, as Serve takes them.
    ready: is called when it answers.
    RAISES BertNerError: a setting is not allowed, the pipeline cannot be opened, the port is taken, or there is no
        such cluster.
    """
    from ray import serve

    from .app import ServerSettings, build, token_of

    for key in ("pipeline", "code"):
        if settings.get(key) and Path(settings[key]).exists():  # replicas may be in another folder
            settings = {**settings, key: str(Path(settings[key]).absolute())}
    app = build(settings, options)
    token_of(ServerSettings(**settings))
    if settings.get("code"):
        import_code(Path(settings["code"]))  # a config file of Serve may name it
    load(settings["pipeline"])  # what is wrong with it is told here, and not by each replica again and again
    if address is None:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                free.bind((host, port))
            except OSError as e:
                raise BertNerError(Errors.port_taken.format(host=host, port=port, other=port + 1)) from e
    import ray

    is_ours = address is None and not ray.is_initialized()
    end = _End()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    be_patient()
    with ray_session(address), end.awaited():
        serve.start(http_options={"host": host, "port": port}, logging_config={"log_level": "WARNING"})
        try:
            try:
                serve.run(app, name=NAME, route_prefix="/")
            except RuntimeError as e:
                raise BertNerError(Errors.not_deployed.format(reason=" ".join(str(e).split()))) from e
            ready()
            end.wait()
        finally:
            end.is_ending = True
            serve.delete(NAME)
            # A Ray that ends with this block takes Serve with it. Told to end before, Serve is killed while it does, of
            # which Ray tells as of an error.
            if address is None and not is_ours:
                serve.shutdown()
