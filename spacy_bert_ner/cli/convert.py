"""`python -m spacy bert-ner convert`"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from wasabi import table

from ..corpus.convert import convert
from ..corpus.span_report import CUT
from ..corpus.writers.registry import TARGETS
from ..errors import BertNerError
from . import _corpus_options as reading
from ._code_option import Code

Opt = typer.Option
_ALL = "The complete lists: --problems FILE"


def convert_cli(
    input: Annotated[Path, typer.Argument(help="annotated text, zipped or not, a binary file, or a folder")],
    output_dir: Annotated[Path, typer.Argument(help="folder for the files that are written")],
    to: Annotated[str, Opt(help=f"format that is written; one of: {', '.join(TARGETS)}")] = "spacy",
    format: reading.Format = "auto",
    encoding: reading.Encoding = None,
    column: reading.Column = None,
    word_column: reading.WordColumn = None,
    tag_scheme: reading.TagScheme = None,
    limit: reading.Limit = None,
    split: Annotated[str | None, Opt(help="percentages for train/dev/test, such as 80/10/10")] = None,
    seed: Annotated[int, Opt(help="of the split's shuffle", min=0, max=2**32 - 1)] = 42,
    by_document: Annotated[bool, Opt("--by-document", help="split so that no document is in two parts")] = False,
    stratify: Annotated[bool, Opt("--stratify", help="split so that each part has its share of every label")] = False,
    duplicates: Annotated[
        str,
        Opt(
            help="copies of a sentence that stay in one part of the split: near (almost the same, too), exact, or keep "
            "them where they are"
        ),
    ] = "near",
    document_key: reading.DocumentKey = None,
    text_key: reading.TextKey = None,
    skip_invalid: reading.SkipInvalid = 0,
    lang: reading.Lang = "en",
    spacing: reading.Spacing = "natural",
    offsets: reading.Offsets = "auto",
    misaligned: reading.Misaligned = "error",
    overlap: reading.Overlap = "error",
    labels: reading.Labels = None,
    label_map: reading.LabelMap = None,
    problems: Annotated[
        Path | None, Opt(help="write the complete lists of spans and sentences that do not fit to this file")
    ] = None,
    code: Code = None,
) -> None:
    """Convert annotated text to .spacy files for `spacy train`, or to another format."""
    try:
        done = convert(
            input,
            output_dir,
            to=to,
            split=split,
            seed=seed,
            by_document=by_document,
            stratify=stratify,
            duplicates=duplicates,
            problems=problems,
            format=format,
            encoding=encoding,
            column=column,
            word_column=word_column,
            limit=limit,
            tag_scheme=tag_scheme,
            document_key=document_key,
            text_key=text_key,
            skip_invalid=skip_invalid,
            lang=lang,
            spacing=spacing,
            offsets=offsets,
            misaligned=misaligned,
            overlap=overlap,
            labels=reading.parse_labels(labels),
            label_map=reading.parse_label_map(label_map),
            progress=reading.progress,
        )
    except (BertNerError, OSError) as e:
        hint = f"\n{_ALL}" if problems is None and CUT in str(e) else ""
        reading.exit_with_error("Nothing was converted", f"{e}{hint}")
    reading.print_message("info", f"{input}: {done.description}")
    if done.n_repaired:
        reading.print_message(
            "warning", f"{done.n_repaired} tags that broke the rules of {done.tag_scheme} were repaired"
        )
    for message in done.messages:
        reading.print_message("warning", message)
    if problems is None and any(CUT in message for message in done.messages):
        reading.print_message("info", _ALL)
    for path, count in done.counts.items():
        reading.print_message("good", f"{path}: {count} {done.unit}")
    if done.split_file is not None:
        reading.print_message("good", f"{done.split_file}: how the split was made, and what is in it")
    header = ("label", *done.entities)
    rows = _rows(done.entities, done.unit, list(done.counts.values()))
    reading.print_message("", table(rows, header=header, aligns=("l", *"r" * len(done.entities)), divider=True))


def _rows(entities: dict[str, dict[str, int]], unit: str, n_docs: list[int]) -> list[tuple[str, ...]]:
    """How many entities each part has of each label, those of the rarest last; and its sentences or texts."""
    total = sum(map(Counter, entities.values()), Counter[str]())
    labels = [label for label, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]
    rows = [(label, *(str(part.get(label, 0)) for part in entities.values())) for label in labels]
    return [*rows, (unit, *map(str, n_docs))]
