"""Define the command `python -m spacy bert-ner visualize`."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from spacy.util import is_package

from ..errors import Errors
from ._code_option import Code
from ._output import exit_with_error, print_message


def visualize_cli(
    pipelines: Annotated[
        list[str],
        typer.Argument(metavar="PIPELINES...", help="Folders of saved pipelines or names of installed packages."),
    ],
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501,
    host: Annotated[
        str, typer.Option(help="Host address to listen on. Use 0.0.0.0 to make the page available on the network.")
    ] = "localhost",
    code: Code = None,
) -> None:
    """Serve a web page for trying out pipelines. Press Ctrl+C to stop it."""
    if find_spec("streamlit") is None:
        exit_with_error("Cannot serve the page", Errors.no_streamlit)
    for name in pipelines:
        if not Path(name).is_dir() and not is_package(name):
            exit_with_error("Cannot serve the page", Errors.no_pipeline.format(path=name, reason="It does not exist"))
    app = Path(__file__).parent.parent / "demo" / "app.py"
    settings = {
        "server.port": port,
        "server.address": host,
        "server.headless": "true",  # prevents the prompt for an email address and the start of a browser
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 10,  # MB
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        # A color for both themes, `theme.primaryColor`, would turn off dark mode.
        "theme.light.primaryColor": "#0072B2",
        "theme.dark.primaryColor": "#0072B2",
    }
    options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
    print_message("info", f"http://{host}:{port} (press Ctrl+C to stop)")
    files = [] if code is None else ["--code", str(code)]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *options, "--", *files, *pipelines]
    if subprocess.call(command):  # noqa: S603, the command does not go through a shell
        raise typer.Exit(1)
