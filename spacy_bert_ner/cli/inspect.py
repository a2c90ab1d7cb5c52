"""`python -m spacy bert-ner inspect`"""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, CorpusError, Errors
from . import _corpus_options as reading
from ._code_option import Code

Opt = typer.Option


def inspect_cli(
    files: Annotated[list[Path], typer.Argument(help="annotated text: a file or folder for each split, train first")],
    format: reading.Format = "auto",
    encoding: reading.Encoding = None,
    column: reading.Column = None,
    word_column: reading.WordColumn = None,
    tag_scheme: reading.TagScheme = None,
    limit: reading.Limit = None,
    document_key: reading.DocumentKey = None,
    text_key: reading.TextKey = None,
    skip_invalid: reading.SkipInvalid = 0,
    lang: reading.Lang = "en",
    offsets: reading.Offsets = "auto",
    misaligned: reading.Misaligned = "missing",
    overlap: reading.Overlap = "longest",
    labels: reading.Labels = None,
    label_map: reading.LabelMap = None,
    encoder: Annotated[
        str | None, Opt(help="checkpoint in whose subwords sentences are measured: a folder, or a name on the Hub")
    ] = None,
    examples: Annotated[int, Opt(help="places that are shown of each finding", min=0)] = 5,
    json_path: Annotated[
        Path | None, Opt("--json", help="write what was found to this file; - for standard output, and nothing else")
    ] = None,
    html: Annotated[Path | None, Opt(help="write it as a page with charts to this file")] = None,
    strict: Annotated[bool, Opt("--strict", help="exit with status 1 if there is an error or a warning")] = False,
    code: Code = None,
) -> None:
    """Look at annotated text: counts, lengths, and what is likely wrong with it."""
    from ..inspection import outputs

    is_quiet = str(json_path) == "-"
    try:
        if str(html) == "-":
            raise CorpusError(Errors.html_to_terminal)
        report = outputs.inspect_to(
            files,
            json_path=None if is_quiet else json_path,
            html_path=html,
            encoder=encoder,
            examples=examples,
            format=format,
            encoding=encoding,
            column=column,
            word_column=word_column,
            tag_scheme=tag_scheme,
            limit=limit,
            document_key=document_key,
            text_key=text_key,
            skip_invalid=skip_invalid,
            lang=lang,
            offsets=offsets,
            misaligned=misaligned,
            overlap=overlap,
            labels=reading.parse_labels(labels),
            label_map=reading.parse_label_map(label_map),
            progress=lambda sentences, what, n: reading.progress(sentences, what.replace("writing", "inspecting"), n),
        )
    except (BertNerError, OSError) as e:
        if is_quiet:
            typer.echo(f"Nothing was inspected: {e}", err=True)
            raise typer.Exit(1) from e
        reading.exit_with_error("Nothing was inspected", e)
    if is_quiet:
        typer.echo(outputs.json_text(report, ascii=True))
    else:
        for level, text in outputs.lines(report, shutil.get_terminal_size((100, 24)).columns - 2):
            reading.print_message(level, text)
        for path in (json_path, html):
            if path:
                reading.print_message("good", f"Written: {path}")
    if strict and report.count("error") + report.count("warning"):
        raise typer.Exit(1)
