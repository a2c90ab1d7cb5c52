"""Define the command `python -m spacy bert-ner inspect`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, CorpusError, Errors
from . import _corpus_options
from ._code_option import Code
from ._output import exit_with_error, print_message, progress

Opt = typer.Option


def inspect_cli(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...", help="Annotated text: one file or folder per split, starting with the training data."
        ),
    ],
    format: _corpus_options.Format = "auto",
    encoding: _corpus_options.Encoding = None,
    column: _corpus_options.Column = None,
    word_column: _corpus_options.WordColumn = None,
    tag_scheme: _corpus_options.TagScheme = None,
    limit: _corpus_options.Limit = None,
    document_key: _corpus_options.DocumentKey = None,
    text_key: _corpus_options.TextKey = None,
    skip_invalid: _corpus_options.SkipInvalid = 0,
    lang: _corpus_options.Lang = "en",
    offsets: _corpus_options.Offsets = "auto",
    misaligned: _corpus_options.Misaligned = "missing",
    overlap: _corpus_options.Overlap = "longest",
    labels: _corpus_options.Labels = None,
    label_map: _corpus_options.LabelMap = None,
    encoder: Annotated[
        str | None, Opt(help="Checkpoint whose tokenizer counts the subwords: a folder or a Hugging Face Hub name.")
    ] = None,
    examples: Annotated[int, Opt(help="Maximum number of examples per finding.", min=0)] = 5,
    json_path: Annotated[
        Path | None,
        Opt("--json", help="File to write the report to as JSON. Use - to print only JSON to standard output."),
    ] = None,
    html: Annotated[Path | None, Opt(help="File to write the report to as an HTML page with charts.")] = None,
    strict: Annotated[
        bool, Opt("--strict", help="Exit with status 1 if any finding is an error or a warning.")
    ] = False,
    code: Code = None,
) -> None:
    """Report counts, lengths and likely annotation errors in annotated text."""
    from .. import api
    from ..inspection import outputs

    is_quiet = str(json_path) == "-"
    try:
        if str(html) == "-":
            raise CorpusError(Errors.html_to_terminal)
        report = api.inspect(
            files,
            json=None if is_quiet else json_path,
            html=html,
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
            labels=_corpus_options.parse_labels(labels),
            label_map=_corpus_options.parse_label_map(label_map),
            progress=lambda sentences, task, n: progress(sentences, task.replace("writing", "inspecting"), n),
        )
    except (BertNerError, OSError) as e:
        if is_quiet:
            typer.echo(f"Nothing was inspected: {e}", err=True)
            raise typer.Exit(1) from e
        exit_with_error("Nothing was inspected", e)
    if is_quiet:
        typer.echo(outputs.json_text(report, ascii=True))
    else:
        for level, text in outputs.lines(report, shutil.get_terminal_size((100, 24)).columns - 2):
            print_message(level, text)
        for path in (json_path, html):
            if path:
                print_message("good", f"Written: {path}")
    if strict and report.count("error") + report.count("warning"):
        raise typer.Exit(1)
