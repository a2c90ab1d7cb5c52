"""Annotated text to `.spacy` files, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import spacy
from spacy.tokens import DocBin

from ..errors import CorpusError, Errors
from ..files import whole_files
from . import read_corpus
from .sentence import to_doc
from .split import parse_split, split_at_random


class Conversion(NamedTuple):
    """What was written: sentences a file, the format that was read, how many tags were repaired, the tag scheme."""

    counts: dict[Path, int]
    format: str
    n_repaired: int
    tag_scheme: str


def convert(
    path: Path,
    folder: Path,
    *,
    format: str = "auto",
    encoding: str | None = None,
    limit: int | None = None,
    tag_scheme: str | None = None,
    split: str | None = None,
    seed: int = 42,
    lang: str = "en",
) -> Conversion:
    """Read annotated text and write one Doc a sentence.

    path (Path): the file to read; see `read_corpus` for `format`, `encoding`, `limit` and `tag_scheme`.
    folder (Path): where to write `train.spacy`, `dev.spacy` and `test.spacy`, or, without a split, `<name>.spacy`.
    split (str | None): see `parse_split`; None for one file in the order of the text.
    seed (int): of the split's shuffle.
    lang (str): language of the vocabulary that the Docs are made with.
    RAISES CorpusError: the input or an option is not allowed; no file is written then.
    """
    if split is not None:
        parse_split(split)
    corpus = read_corpus(path, format=format, encoding=encoding, limit=limit, tag_scheme=tag_scheme)
    name = path.stem if path.suffix == ".zip" else path.name
    parts = split_at_random(corpus.sentences, split, seed) if split is not None else {Path(name).stem: corpus.sentences}
    try:
        vocab = spacy.blank(lang).vocab
    except ImportError as e:
        raise CorpusError(Errors.bad_language.format(lang=lang, reason=e)) from e
    names = [f"{name}.spacy" for name in parts]
    with whole_files(folder, names) as temporary:
        for sentences, file in zip(parts.values(), temporary, strict=True):
            DocBin(docs=(to_doc(sentence, vocab) for sentence in sentences)).to_disk(file)
    counts = {folder / name: len(part) for name, part in zip(names, parts.values(), strict=True)}
    return Conversion(counts, corpus.format, corpus.n_repaired, corpus.tag_scheme)
