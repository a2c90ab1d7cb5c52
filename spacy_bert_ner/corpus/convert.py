"""Annotated text to `.spacy` files, whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import CorpusError, Errors
from ..files import whole_files
from ..types import Ints1d, Ints2d
from . import CorpusStream
from .docbin import DocBinWriter
from .fitting import tokenizer
from .split import copies_together, parse_split, split_places, split_units


class Conversion(NamedTuple):
    """What was written: sentences a file, the format that was read, how many tags were repaired, the tag scheme, what a
    user should know of spans and sentences that were not taken as they stand, and, of files of columns, that of the
    tags."""

    counts: dict[Path, int]
    format: str
    n_repaired: int
    tag_scheme: str
    messages: list[str]
    column: int | None = None


def convert(
    path: Path,
    folder: Path,
    *,
    format: str = "auto",
    encoding: str | None = None,
    column: int | None = None,
    limit: int | None = None,
    tag_scheme: str | None = None,
    split: str | None = None,
    seed: int = 42,
    by_document: bool = False,
    stratify: bool = False,
    lang: str = "en",
    spacing: str = "single",
    misaligned: str = "error",
    overlap: str = "error",
) -> Conversion:
    """Read annotated text and write one Doc a sentence.

    path (Path): the file or folder to read; see `CorpusStream` for `format`, `encoding`, `column`, `limit`,
        `tag_scheme`, `spacing`, `misaligned` and `overlap`.
    folder (Path): where to write `train.spacy`, `dev.spacy` and `test.spacy`, or, without a split, `<name>.spacy`.
    split (str | None): see `parse_split`; None for one file in the order of the text.
    seed (int): of the split's shuffle.
    by_document (bool): no document is in two parts.
    stratify (bool): each part has its share of every label.
    lang (str): language of the text, which is cut into words by its tokenizer where the file has offsets.
    RAISES CorpusError: the input or an option is not allowed; no file is written then.
    """
    if split is not None:
        parse_split(split)
    elif by_document or stratify:
        option = "--by-document" if by_document else "--stratify"
        raise CorpusError(Errors.split_option.format(option=option))
    corpus = CorpusStream(
        path,
        format=format,
        encoding=encoding,
        column=column,
        limit=limit,
        tag_scheme=tag_scheme,
        lang=lang,
        spacing=spacing,
        misaligned=misaligned,
        overlap=overlap,
    )
    name = path.resolve().name if path.is_dir() else path.stem if path.suffix == ".zip" else path.name
    n, n_moved = corpus.n_sentences, 0
    if split is None:
        parts = {Path(name).stem: np.arange(n)}
    elif by_document or stratify:
        parts = split_units(*_units(path, corpus, by_document, stratify), split, seed)
    else:
        parts, n_moved = copies_together(split_places(n, split, seed), corpus.texts, split)
    if corpus.spans is None:  # which has not needed the language yet
        tokenizer(lang)
    names = [f"{name}.spacy" for name in parts]
    for written in names:
        if (folder / written).exists() and (folder / written).samefile(path):
            raise CorpusError(Errors.same_file.format(path=path))
    with whole_files(folder, names) as temporary:
        _write(corpus, list(parts.values()), temporary)
    counts = {folder / name: len(part) for name, part in zip(names, parts.values(), strict=True)}
    messages = corpus.spans.messages(misaligned, overlap) if corpus.spans else []
    if n_moved:
        messages.append(Errors.copies_moved.format(n=n_moved))
    return Conversion(counts, corpus.format, corpus.n_repaired, corpus.tag_scheme, messages, corpus.column)


def _units(path: Path, corpus: CorpusStream, by_document: bool, stratify: bool) -> tuple[Ints1d, Ints2d]:
    """The unit and the labels of each sentence; see `split_units`."""
    units: dict[object, int] = {}
    columns: dict[str, int] = {}
    unit_of = np.zeros(corpus.n_sentences, dtype=np.int64)
    found: list[tuple[int, int]] = []
    for i, sentence in enumerate(corpus):
        if by_document and not sentence.document:
            raise CorpusError(Errors.no_documents.format(path=path, line=sentence.lines[0], format=corpus.format))
        unit = sentence.document if by_document else int(corpus.texts[i])
        unit_of[i] = units.setdefault(unit, len(units))
        if stratify:
            labels = (tag[2:] for tag in sentence.tags if tag and tag[:2] == "B-")
            found += ((i, columns.setdefault(label, len(columns))) for label in labels)
    counts = np.zeros((corpus.n_sentences, len(columns)), dtype=np.int64)
    if found:
        np.add.at(counts, tuple(np.array(found).T), 1)
    return unit_of, counts


def _write(corpus: CorpusStream, parts: list[Ints1d], files: list[Path]) -> None:
    """Write the sentences of each part, which are those at these places in the corpus, in this order."""
    part_of = np.empty(corpus.n_sentences, dtype=np.int8)
    for i, places in enumerate(parts):
        part_of[places] = i
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(DocBinWriter(file.parent))) for file in files]
        for part, sentence in zip(part_of, corpus, strict=True):
            writers[part].add(sentence)
        for places, writer, file in zip(parts, writers, files, strict=True):
            # A part's sentences are added in the order of the corpus: the place of each among them is its rank.
            writer.write(file, np.argsort(np.argsort(places)))
