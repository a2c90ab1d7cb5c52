"""`python -m spacy bert-ner visualize`"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from spacy.util import is_package
from wasabi import msg

from ..errors import Errors
from ._code_option import Code


def visualize_cli(
    pipelines: Annotated[list[str], typer.Argument(help="folders of saved pipelines, or names of packages")],
    port: Annotated[int, typer.Option(help="that the page is served at", min=1, max=65535)] = 8501,
    host: Annotated[
        str, typer.Option(help="address that it is served at; 0.0.0.0 lets others on the network see it")
    ] = "localhost",
    code: Code = None,
) -> None:
    """Serve a web page on which pipelines can be tried; Ctrl+C ends it."""
    if find_spec("streamlit") is None:
        msg.fail("Nothing was served", Errors.no_streamlit, exits=1)
    for name in pipelines:
        if not Path(name).is_dir() and not is_package(name):
            msg.fail("Nothing was served", Errors.no_pipeline.format(path=name, reason="It is not there"), exits=1)
    app = Path(__file__).parent.parent / "demo" / "app.py"
    settings = {
        "server.port": port,
        "server.address": host,
        "server.headless": "true",  # else it asks for an address of mail, and opens a browser
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 10,  # MB
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.primaryColor": "#0072B2",
    }
    options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
    msg.info(f"http://{host}:{port} (Ctrl+C ends it)")
    files = [] if code is None else ["--code", str(code)]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *options, "--", *files, *pipelines]
    raise SystemExit(subprocess.call(command))  # noqa: S603, no shell sees it
