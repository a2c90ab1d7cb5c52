"""Define the options shared by the commands that read annotated text; see `CorpusStream`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Option

from ..corpus import FORMATS
from ..corpus.detokenize import SPACINGS
from ..corpus.options import reject_option
from ..corpus.span_report import MISALIGNED, OVERLAP
from ..corpus.splitting.part_file import Part, part_file
from ..corpus.stream import OFFSETS
from ..decoding.tag_scheme import ALIAS_NOTE, PREFIXES
from ._output import print_message

Format = Annotated[str, Option(help=f"Input format. One of: auto, {', '.join(FORMATS)}.")]
Encoding = Annotated[
    str | None, Option(help="Input encoding. Default: the encoding that the format prescribes, otherwise UTF-8.")
]
Column = Annotated[int | None, Option(help="Tag column in a column file. 1 is the first column, -1 the last.")]
WordColumn = Annotated[int | None, Option(help="Word column in a column file. 1 is the first column, -1 the last.")]
TagScheme = Annotated[
    str | None,
    Option(help=f"Tag scheme. One of: {', '.join(PREFIXES)}. {ALIAS_NOTE}. Default: inferred from the tags."),
]
Limit = Annotated[int | None, Option(help="Read at most this many sentences.")]
DocumentKey = Annotated[
    str | None, Option(help="CSV column, CoNLL-U comment or JSON key that contains the document name.")
]
TextKey = Annotated[str | None, Option(help="JSON key or Label Studio CSV column that contains the text.")]
SkipInvalid = Annotated[int, Option(help="Skip and list up to this many unreadable sentences.", min=0)]
Lang = Annotated[str, Option(help="Language code of the text.")]
Spacing = Annotated[
    str, Option(help=f"How to space words if the format does not store spaces. One of: {', '.join(SPACINGS)}.")
]
Offsets = Annotated[
    str, Option(help=f"Unit of text offsets. One of: {', '.join(OFFSETS)}. auto selects the unit that fits all spans.")
]
Misaligned = Annotated[
    str,
    Option(
        help=f"How to handle spans that do not match token boundaries. One of: {', '.join(MISALIGNED)} (no annotation "
        "for their tokens)."
    ),
]
Overlap = Annotated[str, Option(help=f"How to handle overlapping spans. One of: {', '.join(OVERLAP)}.")]

Labels = Annotated[
    str | None, Option(help="Comma-separated labels to keep, after any renaming. All other labels become O.")
]
LabelMap = Annotated[
    list[str] | None,
    Option(help="Rename a label, as in PERSON=per. An empty new name, as in MISC=, turns it into O. Can be repeated."),
]


def parse_labels(labels: str | None) -> list[str] | None:
    """Split the value of `--labels` at commas."""
    return None if labels is None else [label.strip() for label in labels.split(",") if label.strip()]


def parse_label_map(pairs: Sequence[str] | None) -> dict[str, str | None]:
    """Parse the values of `--label-map`.

    RAISES CorpusError: a pair has no `=`, or a label has two new names.
    """
    table: dict[str, str | None] = {}
    for pair in pairs or ():
        old, sign, new = (part.strip() for part in pair.rpartition("="))
        if not sign or not old or old in table:
            reject_option("--label-map", pair, "a label and its new name, once per label, as in PERSON=per or MISC=")
        table[old] = new or None
    return table


def one_file(path: Path, part: Part) -> Path:
    """Select the file for one split if `path` is a folder, and report the choice; see `part_file`."""
    file = part_file(path, part)
    if file != path:
        print_message("info", f"{path} is a folder; using its {part.name} data: {file}")
    return file
