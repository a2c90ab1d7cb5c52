"""`python -m spacy bert-ner inspect`"""

from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from ..errors import BertNerError
from . import reading

Opt = typer.Option


def inspect_cli(
    files: Annotated[list[Path], typer.Argument(help="annotated text: a file or folder for each split, train first")],
    format: reading.Format = "auto",
    encoding: reading.Encoding = None,
    column: reading.Column = None,
    tag_scheme: reading.TagScheme = None,
    limit: reading.Limit = None,
    lang: reading.Lang = "en",
    misaligned: reading.Misaligned = "missing",
    overlap: reading.Overlap = "longest",
    encoder: Annotated[
        str | None, Opt(help="checkpoint in whose subwords sentences are measured: a folder, or a name on the Hub")
    ] = None,
    examples: Annotated[int, Opt(help="places that are shown of each finding", min=0)] = 5,
    json_path: Annotated[
        Path | None, Opt("--json", help="write what was found to this file; - for standard output, and nothing else")
    ] = None,
    html: Annotated[Path | None, Opt(help="write it as a page with charts to this file")] = None,
    strict: Annotated[bool, Opt("--strict", help="exit with status 1 if there is an error or a warning")] = False,
) -> None:
    """Look at annotated text: counts, lengths, and what is likely wrong with it."""
    from ..inspection import outputs

    is_quiet = str(json_path) == "-"
    try:
        report = outputs.inspect_to(
            files,
            json_path=None if is_quiet else json_path,
            html_path=html,
            encoder=encoder,
            examples=examples,
            format=format,
            encoding=encoding,
            column=column,
            tag_scheme=tag_scheme,
            limit=limit,
            lang=lang,
            misaligned=misaligned,
            overlap=overlap,
        )
    except (BertNerError, OSError) as e:
        if is_quiet:
            typer.echo(f"Nothing was inspected: {e}", err=True)
            raise typer.Exit(1) from e
        msg.fail("Nothing was inspected", str(e), exits=1)
    if is_quiet:
        typer.echo(outputs.json_text(report))
    else:
        show: dict[str, Any] = {"error": msg.fail, "warning": msg.warn, "info": msg.info, "": typer.echo}
        for level, text in outputs.lines(report):
            show[level](text)
        for path in (json_path, html):
            if path:
                msg.good(f"Written: {path}")
    if strict and report.count("error") + report.count("warning"):
        raise typer.Exit(1)
