"""Convert and inspect annotated text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import as_list, as_path, check_counts

if TYPE_CHECKING:
    from ..corpus.convert import ConversionResult
    from ..corpus.stream import Progress
    from ..inspection.report import InspectionReport


def convert(
    input: str | Path,
    output_dir: str | Path,
    *,
    to: str = "spacy",
    format: str = "auto",
    encoding: str | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: str | None = None,
    limit: int | None = None,
    split: str | None = None,
    seed: int = 42,
    by_document: bool = False,
    stratify: bool = False,
    duplicates: str = "near",
    document_key: str | None = None,
    text_key: str | None = None,
    skip_invalid: int = 0,
    lang: str = "en",
    spacing: str = "natural",
    offsets: str = "auto",
    misaligned: str = "error",
    overlap: str = "error",
    labels: Sequence[str] | None = None,
    label_map: Mapping[str, str | None] | None = None,
    problems: str | Path | None = None,
    progress: Progress | None = None,
) -> ConversionResult:
    """Convert annotated text to `.spacy` files for `spacy train` or to another format.

    input (str | Path): annotated text as a file, zipped or not, or as a folder.
    output_dir (str | Path): folder to write the output files to.
    to (str): output format, a key of `corpus.writers.registry.TARGETS`. Default: "spacy".
    format (str): input format, a key of `corpus.FORMATS`. Default: "auto", which detects it.
    encoding (str | None): input encoding. Default: the encoding that the format prescribes, otherwise UTF-8.
    column, word_column (int | None): tag column and word column in a column file. 1 is the first column, -1 the last.
    tag_scheme (str | None): tag scheme. Default: inferred from the tags.
    limit (int | None): maximum number of sentences to read. Default: no limit.
    split (str | None): percentages for the train, dev and test splits, such as "80/10/10". Default: no split.
    seed (int): random seed for the split, below 2**32. Default: 42.
    by_document (bool): whether to keep all sentences of a document in the same split. Default: False.
    stratify (bool): whether to distribute each label over the splits in proportion to their sizes. Default: False.
    duplicates (str): duplicates to keep together in one split: "near" (default), "exact" or "keep".
    document_key (str | None): CSV column, CoNLL-U comment or JSON key that contains the document name.
    text_key (str | None): JSON key or Label Studio CSV column that contains the text.
    skip_invalid (int): maximum number of unreadable sentences to skip. Default: 0.
    lang (str): language code of the text. Default: "en".
    spacing (str): how to space words if the format does not store spaces: "natural" (default), "single" or "none".
    offsets (str): unit of text offsets. Default: "auto", the unit that fits all spans.
    misaligned (str): how to handle spans that do not match token boundaries: "error" (default), "expand", "contract" or
        "missing".
    overlap (str): how to handle overlapping spans: "error" (default), "longest" or "first".
    labels (Sequence[str] | None): labels to keep, after any renaming. All other labels become O. Default: all.
    label_map (Mapping[str, str | None] | None): new names for labels, as in {"PERSON": "per", "MISC": None}. None turns
        a label into O.
    problems (str | Path | None): file to write the complete list of problematic spans and sentences to.
    progress (Progress | None): function that shows the progress; see `CorpusStream`. Default: none.
    RETURNS (ConversionResult): paths of the output files with their number of sentences, warnings, and the number of
        entities with each label.
    RAISES CorpusError: the input or an option is invalid, or the folder cannot be written to. No output file is written
        in this case.
    RAISES OSError: the input cannot be read.
    """
    from ..corpus.convert import convert

    check_counts("convert", 0, seed=seed)
    return convert(
        Path(input),
        Path(output_dir),
        to=to,
        split=split,
        seed=seed,
        by_document=by_document,
        stratify=stratify,
        duplicates=duplicates,
        problems=as_path(problems),
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
        labels=labels,
        label_map=label_map,
        progress=progress,
    )


def inspect(
    files: str | Path | Iterable[str | Path],
    *,
    format: str = "auto",
    encoding: str | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: str | None = None,
    limit: int | None = None,
    document_key: str | None = None,
    text_key: str | None = None,
    skip_invalid: int = 0,
    lang: str = "en",
    offsets: str = "auto",
    misaligned: str = "missing",
    overlap: str = "longest",
    labels: Sequence[str] | None = None,
    label_map: Mapping[str, str | None] | None = None,
    encoder: str | None = None,
    examples: int = 5,
    json: str | Path | None = None,
    html: str | Path | None = None,
    progress: Progress | None = None,
) -> InspectionReport:
    """Collect counts, lengths and likely annotation errors in annotated text.

    files (str | Path | Iterable[str | Path]): annotated text, one file or folder per split. The training data is the
        split named `train` or, if there is none, the first split.
    encoder (str | None): checkpoint whose tokenizer counts the subwords: a folder or a Hugging Face Hub name. Default:
        none, no subwords are counted.
    examples (int): maximum number of examples per finding. Default: 5.
    json (str | Path | None): file to write the report to as JSON. Default: none.
    html (str | Path | None): file to write the report to as an HTML page with charts. Default: none.
    format, encoding, column, word_column, tag_scheme, limit, document_key, text_key, skip_invalid, lang, offsets,
        misaligned, overlap, labels, label_map, progress: see `convert`. By default, spans that do not fit are counted
        instead of rejected.
    RETURNS (InspectionReport): the report. `findings` is the list of likely problems, most severe first.
    RAISES CorpusError: a file cannot be read, an option is invalid, an output file is also an input or another output
        file, or matplotlib, which the HTML page requires, is missing. Nothing is written in these cases.
    RAISES CheckpointError: the encoder cannot be found or loaded.
    RAISES OSError: a file cannot be read or written.
    """
    from ..inspection.outputs import inspect_to

    check_counts("inspect", 0, examples=examples)
    return inspect_to(
        [Path(file) for file in as_list(files)],
        json_path=as_path(json),
        html_path=as_path(html),
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
        labels=labels,
        label_map=label_map,
        progress=progress,
    )
