"""Define the command `python -m spacy bert-ner init config`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError
from . import _corpus_options
from ._code_option import Code
from ._output import exit_with_error, print_message, progress

Opt = typer.Option


def init_config_cli(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Config file to write.", show_default=False)],
    train: Annotated[Path, Opt(help="Training data: a file, or a folder with .spacy files.", show_default=False)],
    dev: Annotated[Path, Opt(help="Dev data: a file, or a folder with .spacy files.", show_default=False)],
    encoder: Annotated[str, Opt(help="Encoder to fine-tune: a folder or a Hugging Face Hub name.", show_default=False)],
    lang: _corpus_options.Lang = "en",
    gpu: Annotated[bool, Opt("--gpu", help="Write a config for a GPU.")] = False,
    force: Annotated[bool, Opt("--force", help="Overwrite an existing file.")] = False,
    format: _corpus_options.Format = "auto",
    encoding: _corpus_options.Encoding = None,
    column: _corpus_options.Column = None,
    word_column: _corpus_options.WordColumn = None,
    tag_scheme: _corpus_options.TagScheme = None,
    document_key: _corpus_options.DocumentKey = None,
    text_key: _corpus_options.TextKey = None,
    skip_invalid: _corpus_options.SkipInvalid = 0,
    spacing: _corpus_options.Spacing = "natural",
    offsets: _corpus_options.Offsets = "auto",
    misaligned: _corpus_options.Misaligned = "error",
    overlap: _corpus_options.Overlap = "error",
    labels: _corpus_options.Labels = None,
    label_map: _corpus_options.LabelMap = None,
    code: Code = None,
) -> None:
    """Write a training config that fits the data and the encoder, and explain its settings."""
    from ..advice.init_config import write_config

    try:
        lines = write_config(
            output,
            train,
            dev,
            encoder,
            lang=lang,
            gpu=gpu,
            force=force,
            format=_unless(format, "auto"),
            encoding=encoding,
            column=column,
            word_column=word_column,
            tag_scheme=tag_scheme,
            document_key=document_key,
            text_key=text_key,
            skip_invalid=skip_invalid or None,
            spacing=_unless(spacing, "natural"),
            offsets=_unless(offsets, "auto"),
            misaligned=_unless(misaligned, "error"),
            overlap=_unless(overlap, "error"),
            labels=_corpus_options.parse_labels(labels),
            label_map=_corpus_options.parse_label_map(label_map) or None,
            progress=progress,
        )
    except (BertNerError, OSError) as e:
        exit_with_error("No config was written", e)
    for line in lines:
        print_message("good" if line.startswith("Written: ") else "info", line)


def _unless(value: str, default: str) -> str | None:
    """Return the value of an option, or None if it is the default."""
    return None if value == default else value
