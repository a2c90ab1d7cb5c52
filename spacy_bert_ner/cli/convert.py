"""Define the command `python -m spacy bert-ner convert`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from wasabi import table

from ..corpus.convert import convert
from ..corpus.span_report import CUT
from ..corpus.writers.registry import TARGETS
from ..errors import BertNerError
from . import _corpus_options
from ._code_option import Code

Opt = typer.Option
_ALL = "For the complete lists: --problems FILE"


def convert_cli(
    input: Annotated[Path, typer.Argument(help="annotated text (zipped or unzipped), a binary file, or a folder")],
    output_dir: Annotated[Path, typer.Argument(help="folder for the output files")],
    to: Annotated[str, Opt(help=f"output format; one of: {', '.join(TARGETS)}")] = "spacy",
    format: _corpus_options.Format = "auto",
    encoding: _corpus_options.Encoding = None,
    column: _corpus_options.Column = None,
    word_column: _corpus_options.WordColumn = None,
    tag_scheme: _corpus_options.TagScheme = None,
    limit: _corpus_options.Limit = None,
    split: Annotated[str | None, Opt(help="percentages for train/dev/test, such as 80/10/10")] = None,
    seed: Annotated[int, Opt(help="random seed for shuffling the split", min=0, max=2**32 - 1)] = 42,
    by_document: Annotated[
        bool, Opt("--by-document", help="keep all sentences of a document in one part of the split")
    ] = False,
    stratify: Annotated[bool, Opt("--stratify", help="give each part of the split its share of every label")] = False,
    duplicates: Annotated[
        str,
        Opt(
            help="duplicates to keep in one part of the split: near (also near-duplicates), exact, or keep (leave all "
            "where they are)"
        ),
    ] = "near",
    document_key: _corpus_options.DocumentKey = None,
    text_key: _corpus_options.TextKey = None,
    skip_invalid: _corpus_options.SkipInvalid = 0,
    lang: _corpus_options.Lang = "en",
    spacing: _corpus_options.Spacing = "natural",
    offsets: _corpus_options.Offsets = "auto",
    misaligned: _corpus_options.Misaligned = "error",
    overlap: _corpus_options.Overlap = "error",
    labels: _corpus_options.Labels = None,
    label_map: _corpus_options.LabelMap = None,
    problems: Annotated[
        Path | None, Opt(help="file for the complete lists of spans and sentences with problems")
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
            labels=_corpus_options.parse_labels(labels),
            label_map=_corpus_options.parse_label_map(label_map),
            progress=_corpus_options.progress,
        )
    except (BertNerError, OSError) as e:
        hint = f"\n{_ALL}" if problems is None and CUT in str(e) else ""
        _corpus_options.exit_with_error("Nothing was converted", f"{e}{hint}")
    _corpus_options.print_message("info", f"{input}: {done.description}")
    if done.n_repaired:
        _corpus_options.print_message(
            "warning", f"{done.n_repaired} tags that broke the rules of {done.tag_scheme} were repaired"
        )
    for message in done.messages:
        _corpus_options.print_message("warning", message)
    if problems is None and any(CUT in message for message in done.messages):
        _corpus_options.print_message("info", _ALL)
    for path, count in done.counts.items():
        _corpus_options.print_message("good", f"{path}: {count} {done.unit}")
    if done.split_file is not None:
        _corpus_options.print_message("good", f"{done.split_file}: settings and content of the split")
    header = ("label", *done.entities)
    rows = _table_rows(done.entities, done.unit, list(done.counts.values()))
    _corpus_options.print_message("", table(rows, header=header, aligns=("l", *"r" * len(done.entities)), divider=True))


def _table_rows(entities: dict[str, dict[str, int]], unit: str, n_docs: list[int]) -> list[tuple[str, ...]]:
    """Build the table of entity counts: a row for each label, most frequent first, then a row of sentences or texts.

    entities: number of entities of each label, for each part.
    unit (str): "sentences" or "texts", the heading of the last row.
    n_docs: number of sentences or texts in each part.
    """
    total = sum(map(Counter, entities.values()), Counter[str]())
    labels = [label for label, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]
    rows = [(label, *(str(part.get(label, 0)) for part in entities.values())) for label in labels]
    return [*rows, (unit, *map(str, n_docs))]
