"""`python -m spacy bert-ner serve`"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError, Errors
from ._code_option import Code


def serve_cli(
    pipeline: Annotated[str, typer.Argument(help="folder of a saved pipeline, or name of an installed package")],
    host: Annotated[str, typer.Option(help="address to serve at; 0.0.0.0 lets others on the network in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="that it is served at", min=1, max=65535)] = 8000,
    config: Annotated[
        Path | None, typer.Option(help="config file of Serve, for replicas and autoscaling; options here go before it")
    ] = None,
    replicas: Annotated[int | None, typer.Option(help="with a pipeline each; 1 if not said", min=1)] = None,
    gpus_per_replica: Annotated[float | None, typer.Option(help="0 if not said", min=0)] = None,
    cpus_per_replica: Annotated[float | None, typer.Option(help="1 if not said", min=0)] = None,
    address: Annotated[str | None, typer.Option(help="of a Ray cluster; if not said, one is started here")] = None,
    max_batch_size: Annotated[int | None, typer.Option(help="texts that are annotated together; 32", min=1)] = None,
    batch_wait: Annotated[float | None, typer.Option(help="seconds that a text waits for others; 0.005", min=0)] = None,
    max_texts: Annotated[int | None, typer.Option(help="of a request; 64", min=1)] = None,
    max_characters: Annotated[int | None, typer.Option(help="of a text; 100,000", min=1)] = None,
    max_bytes: Annotated[int | None, typer.Option(help="of the body of a request; 2,000,000", min=1)] = None,
    max_waiting: Annotated[int | None, typer.Option(help="requests of a replica; more get 503; 200", min=1)] = None,
    token_env: Annotated[str | None, typer.Option(help="environment variable that holds the token, if any")] = None,
    code: Code = None,
) -> None:
    """Serve the entities of texts over HTTP, on Ray Serve; Ctrl+C ends it."""
    if find_spec("ray") is None or find_spec("fastapi") is None:
        msg.fail("Nothing was served", Errors.serve_takes_ray, exits=1)
    from ..serving.server import options_in, run_server

    settings = {
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
    actor = {"num_cpus": cpus_per_replica, "num_gpus": gpus_per_replica}
    try:
        args, options = options_in(config) if config else ({}, {})
        args |= {key: value for key, value in settings.items() if value is not None}
        if replicas is not None:
            options = {**options, "num_replicas": replicas}
        asked = {key: value for key, value in actor.items() if value is not None}
        if asked:
            options["ray_actor_options"] = {**options.get("ray_actor_options", {}), **asked}
        run_server(
            args,
            options,
            host=host,
            port=port,
            address=address,
            ready=lambda: msg.good(f"http://{host}:{port}/docs (Ctrl+C ends it)"),
        )
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was served", str(e), exits=1)
