"""Annotated text to `.spacy` files, or those of another format, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import CorpusError, Errors
from ..types import Ints1d
from ..util.atomic_io import atomic_files
from . import CorpusStream
from .small_dev import describe_small_parts
from .span_report import ListedError
from .splitting import manifest as split_file
from .splitting.assign import Split, assign_splits, check_options
from .splitting.manifest import PartCounts
from .writers.registry import TARGETS, Target, find_target

_MANY_TOKENS, _FEWEST_ENTITIES = 2_000, 500
"""Of texts of 2,000 tokens or more, fewer than one entity in 500 is suspicious: GMB has one in 9, WNUT-17 one in 32."""


class ConversionResult(NamedTuple):
    """What was read and written.

    counts: sentences or texts of each file that was written.
    format, tag_scheme, description, unit: see `CorpusStream`.
    n_repaired: tags that broke the rules of their scheme.
    messages: what a user should know of what was not taken as it stands.
    entities: how many there are of each label, in each part or in the one file.
    split_file: the file that says how the split was made; None without a split.
    """

    counts: dict[Path, int]
    format: str
    n_repaired: int
    tag_scheme: str
    messages: list[str]
    description: str
    unit: str
    entities: dict[str, dict[str, int]]
    split_file: Path | None = None


def convert(
    path: Path,
    folder: Path,
    *,
    to: str = "spacy",
    split: str | None = None,
    seed: int = 42,
    by_document: bool = False,
    stratify: bool = False,
    duplicates: str = "near",
    problems: Path | None = None,
    **reading: Any,
) -> ConversionResult:
    """Read annotated text and write it, one Doc, record or row a sentence.

    path (Path): the file or folder to read.
    folder (Path): where to write `train.spacy`, `dev.spacy` and `test.spacy` and `split.json`, or, without a split,
        `<name>.spacy`.
    to (str): a key of `TARGETS`, the format that is written; names end as its files do.
    split (str | None): see `parse_split`; None for one file in the order of the text.
    seed (int): of the split's shuffle.
    by_document (bool): no document is in two parts.
    stratify (bool): each part has its share of every label.
    duplicates (str): which copies of a sentence are kept in one part, see `Split`.
    problems (Path | None): file for the complete lists of spans and sentences that were not taken as they stand, or for
        which nothing was converted; None for none.
    reading: the options of `CorpusStream`.
    RAISES CorpusError: the input or an option is not allowed, or the folder cannot be written to; no file is then.
    """
    check_options(split, by_document=by_document, stratify=stratify, duplicates=duplicates)
    target = find_target(to)
    if folder.exists() and not folder.is_dir():
        raise CorpusError(Errors.no_folder.format(path=folder))
    try:
        corpus = CorpusStream(path, **reading)
    except ListedError as e:
        _write_problems(problems, path, e.lines)
        raise
    file = Path(path.stem) if path.suffix == ".zip" else path
    name = path.resolve().name if path.is_dir() else file.stem
    parts, messages = {name: np.arange(corpus.n_sentences)}, list[str]()
    how = Split(split, seed, by_document, stratify, duplicates) if split is not None else None
    if how is not None:
        with _writing(folder):
            parts, messages = assign_splits(corpus, how)
    files = {name: f"{name}{target.suffix}" for name in parts}
    names = [*files.values(), *[split_file.NAME] * (how is not None)]
    for written in names:
        if (folder / written).exists() and (folder / written).samefile(path):
            raise CorpusError(Errors.same_file.format(path=path))
    sha256 = split_file.source_sha256(path, [folder / name for name in names]) if how is not None else ""
    with _writing(folder), atomic_files(folder, names) as temporary:
        part_counts = [PartCounts() for _ in parts]
        _write(corpus, target, list(parts.values()), temporary[: len(parts)], part_counts)
        if corpus.original_labels and not any(part.entities for part in part_counts):
            raise CorpusError(Errors.no_label_left.format(found=", ".join(sorted(corpus.original_labels))))
        if how is not None:
            record = split_file.split_record(corpus, sha256, how, to, files, reading, parts, part_counts)
            temporary[-1].write_text(record, encoding="utf-8", errors="backslashreplace")
    _write_problems(problems, path, corpus.problems())
    counts = {folder / files[name]: len(part) for name, part in parts.items()}
    entities = {name: n.entities for name, n in zip(parts, part_counts, strict=True)}
    messages = [*corpus.messages(), *messages, *_few_entities(part_counts), *describe_small_parts(entities)]
    messages += _incorrect_left_out(part_counts, to)
    return ConversionResult(
        counts,
        corpus.format,
        corpus.n_repaired,
        corpus.tag_scheme,
        messages,
        corpus.describe(),
        corpus.unit,
        entities,
        folder / split_file.NAME if how is not None else None,
    )


def _write_problems(file: Path | None, source: Path, lines: list[str]) -> None:
    if file is None:
        return
    if file.exists() and file.samefile(source):
        raise CorpusError(Errors.same_file.format(path=source))
    with _writing(file.parent), atomic_files(file.parent, [file.name]) as (temporary,):
        text = "".join(f"{line}\n" for line in lines)
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _incorrect_left_out(counts: list[PartCounts], to: str) -> list[str]:
    """How many incorrect spans were not written, if any."""
    n = sum(part.n_incorrect for part in counts)
    if not n or TARGETS[to].keeps_incorrect:
        return []
    allowed = ", ".join(name for name, target in TARGETS.items() if target.keeps_incorrect)
    return [Errors.incorrect_left_out.format(n=n, to=to, allowed=allowed)]


def _few_entities(counts: list[PartCounts]) -> list[str]:
    """A warning if there is no entity, or far fewer than annotated text has."""
    n_tokens, n = sum(part.n_tokens for part in counts), sum(sum(part.entities.values()) for part in counts)
    if not n:
        return [Errors.no_entities.format(n_tokens=n_tokens)]
    if n_tokens >= _MANY_TOKENS and n * _FEWEST_ENTITIES < n_tokens:
        return [Errors.few_entities.format(n=n, n_tokens=n_tokens, usual=_FEWEST_ENTITIES)]
    return []


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say where it failed, and what to do, where no file can be written."""
    try:
        yield
    except OSError as e:
        if e.errno is None:  # it has a message of its own
            raise
        message = Errors.not_written.format(path=folder, reason=e.strerror, temporary=tempfile.gettempdir())
        raise CorpusError(message) from e


def _write(
    corpus: CorpusStream, target: Target, parts: list[Ints1d], files: list[Path], counts: list[PartCounts]
) -> None:
    """Write the sentences of each part, which are those at these places in the corpus, in this order.

    counts: one for each part, to count its sentences in.
    """
    part_of = np.empty(corpus.n_sentences, dtype=np.int8)
    for i, places in enumerate(parts):
        part_of[places] = i
    labels: set[str] = set()
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(target.writer(file.parent, labels))) for file in files]
        for part, sentence in zip(part_of, corpus, strict=True):
            writers[part].add(sentence)
            counts[part].add(sentence)
        for places, writer, file in zip(parts, writers, files, strict=True):
            # A part's sentences are added in the order of the corpus: the place of each among them is its rank.
            writer.write(file, np.argsort(np.argsort(places)))
