"""Options shared by all commands that read annotated text; see `CorpusStream`."""

import os
import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from tqdm import tqdm
from typer import Option

from ..corpus import FORMATS
from ..corpus.detokenize import SPACINGS
from ..corpus.options import reject_option
from ..corpus.sentence import Sentence
from ..corpus.span_report import MISALIGNED, OVERLAP
from ..corpus.splitting.part_file import Part, part_file
from ..corpus.stream import OFFSETS
from ..decoding.tag_scheme import PREFIXES

Format = Annotated[str, Option(help=f"input format; one of: auto, {', '.join(FORMATS)}")]
Encoding = Annotated[str | None, Option(help="encoding of the input; default: UTF-8, or the encoding of the format")]
Column = Annotated[
    int | None, Option(help="number of the tag column in a file of columns: from 1, or from -1 to count from the last")
]
WordColumn = Annotated[
    int | None, Option(help="number of the word column in a file of columns, counted in the same way")
]
TagScheme = Annotated[
    str | None, Option(help=f"tag scheme; one of: {', '.join(PREFIXES)}; default: inferred from the tags")
]
Limit = Annotated[int | None, Option(help="maximum number of sentences, from the first")]
DocumentKey = Annotated[
    str | None, Option(help="field with the document name: a CSV column, a CoNLL-U comment or a JSON key")
]
TextKey = Annotated[str | None, Option(help="JSON key, or column of Label Studio's CSV, with the text")]
SkipInvalid = Annotated[int, Option(help="maximum number of unreadable sentences to skip; they are listed", min=0)]
Lang = Annotated[str, Option(help="language code of the text")]
Spacing = Annotated[
    str, Option(help=f"spaces between words if the format does not store them; one of: {', '.join(SPACINGS)}")
]
Offsets = Annotated[
    str, Option(help=f"unit of the offsets in a text; auto: the unit that all spans fit; one of: {', '.join(OFFSETS)}")
]
Misaligned = Annotated[
    str,
    Option(help=f"handling of spans that do not start and end at token boundaries; one of: {', '.join(MISALIGNED)}"),
]
Overlap = Annotated[str, Option(help=f"handling of spans that share tokens; one of: {', '.join(OVERLAP)}")]

Labels = Annotated[
    str | None, Option(help="labels to keep, separated by commas, under their new names; other labels become O")
]
LabelMap = Annotated[
    list[str] | None,
    Option(help="new name of a label, as in PERSON=per; without a name (MISC=) it becomes O; repeatable"),
]


def parse_labels(labels: str | None) -> list[str] | None:
    """Split the value of `--labels` at commas."""
    return None if labels is None else [label.strip() for label in labels.split(",") if label.strip()]


def parse_label_map(pairs: Sequence[str] | None) -> dict[str, str | None]:
    """Parse the pairs of `--label-map`.

    RAISES CorpusError: a pair has no `=`, or a label has two new names.
    """
    table: dict[str, str | None] = {}
    for pair in pairs or ():
        old, sign, new = (part.strip() for part in pair.rpartition("="))
        if not sign or not old or old in table:
            reject_option("--label-map", pair, "a label and its new name, once per label, as in PERSON=per or MISC=")
        table[old] = new or None
    return table


def progress(sentences: Iterator[Sentence], activity: str, n_sentences: int | None) -> Iterator[Sentence]:
    """Show a progress bar on the terminal if a pass takes longer than two seconds; see `CorpusStream`.

    sentences (Iterator[Sentence]): the sentences of one pass.
    activity (str): label of the bar, such as "reading".
    n_sentences (int | None): total number of sentences; None if it is not known yet.
    """
    return iter(tqdm(sentences, activity, n_sentences, leave=False, disable=None, delay=2, unit=" sentences"))


_SIGNS = {
    "error": ("✘ ", "red"),
    "warning": ("⚠ ", "yellow"),
    "info": ("ℹ ", "blue"),
    "good": ("✔ ", "green"),
    "": ("", None),
}


def print_message(level: str, text: str) -> None:
    """Print a message and keep its line breaks.

    level (str): "error", "warning", "info", "good", or "" for no sign.
    text (str): the message.
    """
    sign, colour = _SIGNS[level]
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that cannot display a character
    # Print without colour if the output is piped or NO_COLOR is set.
    typer.secho(f"{sign}{text}", fg=colour, color=False if os.environ.get("NO_COLOR") else None)


def exit_with_error(title: str, error: object) -> NoReturn:
    """Print an error and exit with status 1."""
    print_message("error", f"{title}\n{error}")
    raise typer.Exit(1)


def one_file(path: Path, part: Part) -> Path:
    """Return the file for one part of a split if `path` is a folder, and report the choice; see `part_file`."""
    file = part_file(path, part)
    if file != path:
        print_message("info", f"{path} is a folder; using its {part.name} data: {file}")
    return file
