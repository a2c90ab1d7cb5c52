"""Annotated text to `.spacy` files, or those of another format, whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import CorpusError, Errors
from ..files import whole_files
from ..types import Ints1d
from . import CorpusStream
from .parts import check_options, make_parts
from .targets import Target, find_target


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
    to: str = "spacy",
    split: str | None = None,
    seed: int = 42,
    by_document: bool = False,
    stratify: bool = False,
    **reading: Any,
) -> Conversion:
    """Read annotated text and write it, one Doc, record or row a sentence.

    path (Path): the file or folder to read.
    folder (Path): where to write `train.spacy`, `dev.spacy` and `test.spacy`, or, without a split, `<name>.spacy`.
    to (str): a key of `TARGETS`, the format that is written; names end as its files do.
    split (str | None): see `parse_split`; None for one file in the order of the text.
    seed (int): of the split's shuffle.
    by_document (bool): no document is in two parts.
    stratify (bool): each part has its share of every label.
    reading: the options of `CorpusStream`.
    RAISES CorpusError: the input or an option is not allowed; no file is written then.
    """
    check_options(split, by_document=by_document, stratify=stratify)
    target = find_target(to)
    corpus = CorpusStream(path, **reading)
    name = path.resolve().name if path.is_dir() else path.stem if path.suffix == ".zip" else path.name
    parts, messages = {Path(name).stem: np.arange(corpus.n_sentences)}, list[str]()
    if split is not None:
        parts, messages = make_parts(corpus, split, seed, by_document=by_document, stratify=stratify)
    names = [f"{name}{target.suffix}" for name in parts]
    for written in names:
        if (folder / written).exists() and (folder / written).samefile(path):
            raise CorpusError(Errors.same_file.format(path=path))
    with whole_files(folder, names) as temporary:
        _write(corpus, target, list(parts.values()), temporary)
    counts = {folder / name: len(part) for name, part in zip(names, parts.values(), strict=True)}
    messages = [*corpus.messages(), *messages]
    return Conversion(counts, corpus.format, corpus.n_repaired, corpus.tag_scheme, messages, corpus.column)


def _write(corpus: CorpusStream, target: Target, parts: list[Ints1d], files: list[Path]) -> None:
    """Write the sentences of each part, which are those at these places in the corpus, in this order."""
    part_of = np.empty(corpus.n_sentences, dtype=np.int8)
    for i, places in enumerate(parts):
        part_of[places] = i
    labels: set[str] = set()
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(target.writer(file.parent, labels))) for file in files]
        for part, sentence in zip(part_of, corpus, strict=True):
            writers[part].add(sentence)
        for places, writer, file in zip(parts, writers, files, strict=True):
            # A part's sentences are added in the order of the corpus: the place of each among them is its rank.
            writer.write(file, np.argsort(np.argsort(places)))
