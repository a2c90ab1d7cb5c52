"""Define the command `python -m spacy bert-ner serve`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, Errors
from ._code_option import Code
from ._output import exit_with_error, print_message


def serve_cli(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="Folder of a saved pipeline, or name of an installed package.")
    ],
    host: Annotated[
        str, typer.Option(help="Host address to listen on. Use 0.0.0.0 to accept requests from the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Ray Serve config file with replica and autoscaling settings. Command-line options override it."
        ),
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(help="Number of replicas. Each loads the pipeline. Default: 1.", min=1)
    ] = None,
    gpus_per_replica: Annotated[float | None, typer.Option(help="GPUs per replica. Default: 0.", min=0)] = None,
    cpus_per_replica: Annotated[float | None, typer.Option(help="CPUs per replica. Default: 1.", min=0)] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster address. Default: start Ray on this machine.")
    ] = None,
    max_batch_size: Annotated[
        int | None, typer.Option(help="Maximum number of texts per batch. Default: 32.", min=1)
    ] = None,
    batch_wait: Annotated[
        float | None,
        typer.Option(help="Maximum number of seconds a text waits for its batch to fill. Default: 0.005.", min=0),
    ] = None,
    max_texts: Annotated[
        int | None, typer.Option(help="Maximum number of texts per request. Default: 64.", min=1)
    ] = None,
    max_characters: Annotated[
        int | None, typer.Option(help="Maximum number of characters per text. Default: 100,000.", min=1)
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Maximum size of a request body in bytes. Default: 2,000,000.", min=1)
    ] = None,
    max_waiting: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of pending requests per replica. Further requests get status 503. Default: 200.", min=1
        ),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(
            help="Environment variable that contains the token that clients must send. Default: no token is required."
        ),
    ] = None,
    code: Code = None,
) -> None:
    """Serve entity recognition over HTTP with Ray Serve. Press Ctrl+C to stop the server."""
    if find_spec("ray") is None or find_spec("fastapi") is None:
        exit_with_error("Nothing was served", Errors.serve_takes_ray)
    from ..serving.server import options_in, run_server

    given_settings = {
        "pipeline": pipeline,
        "max_batch_size": max_batch_size,
        "batch_wait": batch_wait,
        "max_texts": max_texts,
        "max_characters": max_characters,
        "max_bytes": max_bytes,
        "max_waiting": max_waiting,
        "token_env": token_env,
        "gpu": True if gpus_per_replica else None,
        "code": None if code is None else str(code),
    }
    given_resources = {"num_cpus": cpus_per_replica, "num_gpus": gpus_per_replica}
    try:
        settings, options = options_in(config) if config else ({}, {})
        settings |= {key: value for key, value in given_settings.items() if value is not None}
        if replicas is not None:
            options = {**options, "num_replicas": replicas}
        resources = {key: value for key, value in given_resources.items() if value is not None}
        if resources:
            options["ray_actor_options"] = {**options.get("ray_actor_options", {}), **resources}
        run_server(
            settings,
            options,
            host=host,
            port=port,
            address=address,
            ready=lambda: print_message("good", f"http://{host}:{port}/docs (press Ctrl+C to stop)"),
        )
    except (BertNerError, OSError) as e:
        exit_with_error("Nothing was served", e)
