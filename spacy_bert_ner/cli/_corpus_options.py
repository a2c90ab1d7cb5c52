"""The options of every command that reads annotated text; see `CorpusStream`."""

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

Format = Annotated[str, Option(help=f"one of: auto, {', '.join(FORMATS)}")]
Encoding = Annotated[str | None, Option(help="of the input; without it UTF-8, or else the format's own")]
Column = Annotated[
    int | None, Option(help="that of the tags in a file of columns: from 1, or from -1 to count from the last")
]
WordColumn = Annotated[int | None, Option(help="that of the words in a file of columns, counted likewise")]
TagScheme = Annotated[str | None, Option(help=f"one of: {', '.join(PREFIXES)}; without it, what the tags tell")]
Limit = Annotated[int | None, Option(help="take this many sentences, from the first")]
DocumentKey = Annotated[
    str | None, Option(help="field that names the document: a column of CSV, a comment of CoNLL-U, a key of JSON")
]
TextKey = Annotated[str | None, Option(help="key of JSON, or column of Label Studio's CSV, that has the text")]
SkipInvalid = Annotated[int, Option(help="leave out as many sentences that cannot be read, and list them", min=0)]
Lang = Annotated[str, Option(help="language code of the text")]
Spacing = Annotated[
    str, Option(help=f"spaces between words where the format does not say; one of: {', '.join(SPACINGS)}")
]
Offsets = Annotated[
    str, Option(help=f"what offsets in a text count; auto: what all spans fit; one of: {', '.join(OFFSETS)}")
]
Misaligned = Annotated[
    str, Option(help=f"spans that do not begin and end where tokens do; one of: {', '.join(MISALIGNED)}")
]
Overlap = Annotated[str, Option(help=f"spans that share tokens; one of: {', '.join(OVERLAP)}")]

Labels = Annotated[
    str | None, Option(help="labels to keep, separated by commas, under their new names; others count as O")
]
LabelMap = Annotated[
    list[str] | None,
    Option(help="new name of a label, as in PERSON=per; without a name (MISC=) it counts as O; may be repeated"),
]


def parse_labels(labels: str | None) -> list[str] | None:
    """Split the labels of `--labels`."""
    return None if labels is None else [label.strip() for label in labels.split(",") if label.strip()]


def parse_label_map(pairs: Sequence[str] | None) -> dict[str, str | None]:
    """Read the pairs of `--label-map`.

    RAISES CorpusError: one of them has no `=`, or a label has two names.
    """
    table: dict[str, str | None] = {}
    for pair in pairs or ():
        old, sign, new = (part.strip() for part in pair.rpartition("="))
        if not sign or not old or old in table:
            reject_option(
                "--label-map", pair, "a label and its new name, once for each label, as in PERSON=per or MISC="
            )
        table[old] = new or None
    return table


def progress(sentences: Iterator[Sentence], what: str, n: int | None) -> Iterator[Sentence]:
    """A bar on the terminal for what takes longer than two seconds; see `CorpusStream`."""
    return iter(tqdm(sentences, what, n, leave=False, disable=None, delay=2, unit=" sentences"))


_SIGNS = {
    "error": ("✘ ", "red"),
    "warning": ("⚠ ", "yellow"),
    "info": ("ℹ ", "blue"),
    "good": ("✔ ", "green"),
    "": ("", None),
}


def print_message(level: str, text: str) -> None:
    """Print a message, in which line breaks stay where they are.

    level (str): "error", "warning", "info", "good", or "" for no sign.
    """
    sign, colour = _SIGNS[level]
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # of a terminal that lacks a character of the corpus
    # Without colour if the output is piped, or NO_COLOR asks for none.
    typer.secho(f"{sign}{text}", fg=colour, color=False if os.environ.get("NO_COLOR") else None)


def exit_with_error(title: str, error: object) -> NoReturn:
    """Print an error, and exit with status 1."""
    print_message("error", f"{title}\n{error}")
    raise typer.Exit(1)


def one_file(path: Path, part: Part) -> Path:
    """Find the file of a part where a folder is named, and say which it is; see `part_file`."""
    file = part_file(path, part)
    if file != path:
        print_message("info", f"{path} is a folder. Its {part.name} data is taken: {file}")
    return file
