"""Convert annotated text to `.spacy` files or another format. Write either all output files or none."""

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
from .dev_set_size import describe_small_parts
from .span_report import ListedError
from .splitting import manifest
from .splitting.assign import Split, assign_splits, check_options
from .splitting.manifest import PartCounts
from .writers.registry import TARGETS, Target, find_target

_MANY_TOKENS, _FEWEST_ENTITIES = 2_000, 500
"""A corpus with at least 2,000 tokens is suspicious if it has fewer than one entity per 500 tokens. GMB has one per 9
tokens, and WNUT-17 has one per 32."""


class ConversionResult(NamedTuple):
    """The result of a conversion.

    counts: number of sentences or texts in each output file.
    format, tag_scheme, description, unit: see `CorpusStream`.
    n_repaired: number of tags that violated their scheme and were repaired.
    messages: warnings about changed or skipped input.
    entities: number of entities per label for each split. Without a split, the only key is the name of the output file
        without its suffix.
    split_file: path of the `split.json` that documents the split; None if the corpus was not split.
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
    **corpus_options: Any,
) -> ConversionResult:
    """Convert annotated text. Each sentence becomes one Doc, record or row.

    path (Path): the input file or folder.
    folder (Path): the output folder. With a split, the output files are `train.spacy`, `dev.spacy`, `test.spacy` and
        `split.json`. Without a split, the only output file is `<name>.spacy`.
    to (str): the output format, a key in `TARGETS`. It determines the file suffix.
    split (str | None): percentages for `parse_split`. Default: None, a single file in corpus order.
    seed (int): random seed for shuffling. Default: 42.
    by_document (bool): whether to keep all sentences from one document in the same split.
    stratify (bool): whether to give each split a proportional share of every label.
    duplicates (str): which duplicates to keep in the same split; see `Split`.
    problems (Path | None): file for the complete lists of changed, skipped and rejected spans and sentences. It is also
        written if such spans stop the conversion. Default: None, no file.
    corpus_options: options for `CorpusStream`.
    RETURNS (ConversionResult): the counts, warnings and output paths.
    RAISES CorpusError: the input or an option is invalid, or the folder is not writable. In this case, no output file
        is written.
    """
    check_options(split, by_document=by_document, stratify=stratify, duplicates=duplicates)
    target = find_target(to)
    if folder.exists() and not folder.is_dir():
        raise CorpusError(Errors.no_folder.format(path=folder))
    try:
        corpus = CorpusStream(path, **corpus_options)
    except ListedError as e:
        _write_problems(problems, path, e.lines)
        raise
    file = Path(path.stem) if path.suffix == ".zip" else path
    name = path.resolve().name if path.is_dir() else file.stem
    parts, messages = {name: np.arange(corpus.n_sentences)}, list[str]()
    split_settings = Split(split, seed, by_document, stratify, duplicates) if split is not None else None
    if split_settings is not None:
        with _writing(folder):
            parts, messages = assign_splits(corpus, split_settings)
    files = {name: f"{name}{target.suffix}" for name in parts}
    names = [*files.values(), *[manifest.NAME] * (split_settings is not None)]
    for file_name in names:
        if (folder / file_name).exists() and (folder / file_name).samefile(path):
            raise CorpusError(Errors.same_file.format(path=path))
    sha256 = manifest.source_sha256(path, [folder / name for name in names]) if split_settings is not None else ""
    with _writing(folder), atomic_files(folder, names) as temporary:
        part_counts = [PartCounts() for _ in parts]
        _write(corpus, target, list(parts.values()), temporary[: len(parts)], part_counts)
        if corpus.original_labels and not any(part.entities for part in part_counts):
            raise CorpusError(Errors.no_label_left.format(found=", ".join(sorted(corpus.original_labels))))
        if split_settings is not None:
            record = manifest.split_record(
                corpus, sha256, split_settings, to, files, corpus_options, parts, part_counts
            )
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
        folder / manifest.NAME if split_settings is not None else None,
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
    """Return a list with a warning if the output format cannot store the incorrect spans; otherwise, an empty list."""
    n = sum(part.n_incorrect for part in counts)
    if not n or TARGETS[to].keeps_incorrect:
        return []
    allowed = ", ".join(name for name, target in TARGETS.items() if target.keeps_incorrect)
    return [Errors.incorrect_left_out.format(n=n, to=to, allowed=allowed)]


def _few_entities(counts: list[PartCounts]) -> list[str]:
    """Return a list with a warning if there are no entities or unusually few; otherwise, an empty list."""
    n_tokens, n = sum(part.n_tokens for part in counts), sum(sum(part.entities.values()) for part in counts)
    if not n:
        return [Errors.no_entities.format(n_tokens=n_tokens)]
    if n_tokens >= _MANY_TOKENS and n * _FEWEST_ENTITIES < n_tokens:
        return [Errors.few_entities.format(n=n, n_tokens=n_tokens, usual=_FEWEST_ENTITIES)]
    return []


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Convert an `OSError` during writing to a `CorpusError` that names the folder and a remedy."""
    try:
        yield
    except OSError as e:
        if e.errno is None:  # raised by this package, not by the operating system
            raise
        message = Errors.not_written.format(path=folder, reason=e.strerror, temporary=tempfile.gettempdir())
        raise CorpusError(message) from e


def _write(
    corpus: CorpusStream, target: Target, parts: list[Ints1d], files: list[Path], counts: list[PartCounts]
) -> None:
    """Write the sentences in each split to its output file.

    parts: corpus indices of the sentences in each split, in output order. *Shape of each:* `(n_sentences_in_split,)`
    files: one output file per split.
    counts: one counter per split, which is updated in place.
    """
    part_of = np.empty(corpus.n_sentences, dtype=np.int8)
    for i, indices in enumerate(parts):
        part_of[indices] = i
    labels: set[str] = set()
    with ExitStack() as stack:
        writers = [stack.enter_context(closing(target.writer(file.parent, labels))) for file in files]
        for part, sentence in zip(part_of, corpus, strict=True):
            writers[part].add(sentence)
            counts[part].add(sentence)
        for indices, writer, file in zip(parts, writers, files, strict=True):
            # Sentences are added in corpus order, so a sentence's position in its writer is the rank of its index.
            writer.write(file, np.argsort(np.argsort(indices)))
