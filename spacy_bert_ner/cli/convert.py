"""Define the command `python -m spacy bert-ner convert`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from ..api import convert
from ..corpus.span_report import CUT
from ..corpus.writers.registry import TARGETS
from ..errors import BertNerError
from . import _corpus_options
from ._code_option import Code
from ._output import exit_with_error, print_message, print_table, progress

Opt = typer.Option
_ALL = "For the complete lists: --problems FILE"


def convert_cli(
    input: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Annotated text as a file, zipped or not, or as a folder.")
    ],
    output_dir: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="Folder to write the output files to.")],
    to: Annotated[str, Opt(help=f"Output format. One of: {', '.join(TARGETS)}.")] = "spacy",
    format: _corpus_options.Format = "auto",
    encoding: _corpus_options.Encoding = None,
    column: _corpus_options.Column = None,
    word_column: _corpus_options.WordColumn = None,
    tag_scheme: _corpus_options.TagScheme = None,
    limit: _corpus_options.Limit = None,
    split: Annotated[str | None, Opt(help="Percentages for the train, dev and test splits, such as 80/10/10.")] = None,
    seed: Annotated[int, Opt(help="Random seed for the split.", min=0, max=2**32 - 1)] = 42,
    by_document: Annotated[
        bool, Opt("--by-document", help="Keep all sentences of a document in the same split.")
    ] = False,
    stratify: Annotated[
        bool, Opt("--stratify", help="Distribute each label over the splits in proportion to their sizes.")
    ] = False,
    duplicates: Annotated[
        str,
        Opt(
            help="Duplicates to keep together in one split. One of: near (exact and near-duplicates), exact, keep "
            "(none: duplicates may end up in different splits)."
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
        Path | None, Opt(help="File to write the complete list of problematic spans and sentences to.")
    ] = None,
    code: Code = None,
) -> None:
    """Convert annotated text to .spacy files for `spacy train` or to another format."""
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
            progress=progress,
        )
    except (BertNerError, OSError) as e:
        hint = f"\n{_ALL}" if problems is None and CUT in str(e) else ""
        exit_with_error("Nothing was converted", f"{e}{hint}")
    print_message("info", f"{input}: {done.description}")
    if done.n_repaired:
        print_message("warning", f"{done.n_repaired} tags that violate the scheme {done.tag_scheme} were repaired")
    for message in done.messages:
        print_message("warning", message)
    if problems is None and any(CUT in message for message in done.messages):
        print_message("info", _ALL)
    for path, count in done.counts.items():
        print_message("good", f"{path}: {count} {done.unit}")
    if done.split_file is not None:
        print_message("good", f"{done.split_file}: settings and content of the split")
    rows = _table_rows(done.entities, done.unit, list(done.counts.values()))
    print_table(rows, ("label", *done.entities))


def _table_rows(entities: dict[str, dict[str, int]], unit: str, n_docs: list[int]) -> list[tuple[str, ...]]:
    """Build a table of entity counts: one row per label, in descending order of count, then a row for all examples.

    entities: number of entities with each label, by split.
    unit (str): heading of the last row: "sentences" or "texts".
    n_docs: number of sentences or texts in each split.
    """
    total = sum(map(Counter, entities.values()), Counter[str]())
    labels = [label for label, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))]
    rows = [(label, *(str(part.get(label, 0)) for part in entities.values())) for label in labels]
    return [*rows, (unit, *map(str, n_docs))]
