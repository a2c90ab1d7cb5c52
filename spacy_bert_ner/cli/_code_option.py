"""Define the option `--code`, which every command has."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError
from ._output import print_message


def _import(ctx: typer.Context, path: Path | None) -> Path | None:
    """Import the file before the command parses its other arguments."""
    if path is None or ctx.resilient_parsing:
        return path
    from ..util.user_code import import_code

    try:
        import_code(path)
    except (BertNerError, OSError) as e:
        # Standard output may be reserved for the result, as with `inspect --json -`.
        print_message("error", f"Cannot import the code\n{e}", err=True)
        raise typer.Exit(1) from e
    return path


Code = Annotated[
    Path | None,
    typer.Option(
        "--code",
        "-c",
        help="Python file to import first. It can register functions for configs and pipelines.",
        callback=_import,
        is_eager=True,
    ),
]
