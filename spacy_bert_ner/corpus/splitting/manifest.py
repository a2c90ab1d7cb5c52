"""Read and write `split.json`, which records the source, the settings and the content of each split."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Collection
from inspect import signature
from pathlib import Path
from typing import Any

from ... import __version__
from ...types import Ints1d
from ...util.atomic_io import sha256_of
from ..sentence import Sentence
from ..stream import CorpusStream
from .assign import Split

NAME = "split.json"


_MANY_TAGS = 1 << 16


class PartCounts:
    """A counter for the tokens, documents, entities and incorrect spans in a split."""

    def __init__(self) -> None:
        self.n_tokens = self.n_incorrect = 0
        self.documents: set[str] = set()
        self._tags: Counter[str | None] = Counter()
        self._uncounted: list[str | None] = []  # counting in batches is faster

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags to the counts."""
        self.n_tokens += len(sentence.words)
        self.n_incorrect += len(sentence.incorrect)
        self._uncounted += sentence.tags
        if len(self._uncounted) > _MANY_TAGS:
            self._count()
        if sentence.document:
            self.documents.add(sentence.document)

    def _count(self) -> None:
        self._tags.update(self._uncounted)
        self._uncounted.clear()

    @property
    def entities(self) -> dict[str, int]:
        """Return the number of entities per label, sorted by label."""
        self._count()
        return {tag[2:]: n for tag, n in sorted((tag or "", n) for tag, n in self._tags.items()) if tag[:2] == "B-"}


def source_sha256(path: Path, written: Collection[Path]) -> str:
    """Return the SHA-256 checksum of a file or folder.

    The checksum of a folder is that of the `sha256sum` output for its files, sorted by name.

    path (Path): the file or folder.
    written: output files of the conversion. If they are in the source folder, they are excluded from the checksum.
    """
    if path.is_file():
        return sha256_of(path)
    total = hashlib.sha256()
    written_files = {file.resolve() for file in written}
    for name in sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()):
        if (path / name).resolve() not in written_files:
            total.update(f"{sha256_of(path / name)}  {name}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def split_record(
    corpus: CorpusStream,
    sha256: str,
    split: Split,
    to: str,
    files: dict[str, str],
    corpus_options: dict[str, Any],
    parts: dict[str, Ints1d],
    part_counts: list[PartCounts],
) -> str:
    """Return the content of `split.json`; see `docs/data.md`.

    corpus (CorpusStream): the corpus that was split.
    sha256 (str): checksum of the source; see `source_sha256`.
    split (Split): the settings.
    to (str): the output format.
    files: the file name for each split.
    corpus_options: the options with which `corpus` was opened.
    parts: the sentence indices for each split. *Shape of each:* `(n_sentences_in_split,)`
    part_counts: the counts for each split.
    """
    record = {
        "spacy_bert_ner": __version__,
        "again": shlex.join(_command(corpus.path.resolve().name, split, {"to": to, **corpus_options})),
        "source": {"name": corpus.path.resolve().name, "sha256": sha256, "format": corpus.format},
        "split": split.shares,
        "seed": split.seed,
        "by_document": split.by_document,
        "stratify": split.stratify,
        "duplicates": split.duplicates,
        "limit": corpus_options.get("limit"),
        "parts": {
            name: {
                "file": files[name],
                "n_sentences": len(indices),
                "n_tokens": counts.n_tokens,
                "n_documents": len(counts.documents) or None,
                "entities": counts.entities,
                "places": f"of {name}",
            }
            for (name, indices), counts in zip(parts.items(), part_counts, strict=True)
        },
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    for name, indices in parts.items():  # write each list on one line
        text = text.replace(f'"places": "of {name}"', f'"places": {indices.tolist()}')
    return text + "\n"


def part_names(folder: Path) -> dict[str, str]:
    """Return the file name for each split from the `split.json` in a folder. If it is missing or invalid, return an
    empty dictionary.
    """
    try:
        record = json.loads((folder / NAME).read_text("utf8"))
        names = {name: part["file"] for name, part in record["parts"].items()}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    # Ignore files in other folders, because they were not written together with `split.json`.
    return {name: file for name, file in names.items() if isinstance(file, str) and Path(file).name == file}


def _command(source: str, split: Split, given: dict[str, Any]) -> list[str]:
    """Return the command that reproduces the split, with all options that differ from their defaults."""
    defaults = {**Split._field_defaults, "seed": None, "to": "spacy"}
    defaults |= {name: parameter.default for name, parameter in signature(CorpusStream).parameters.items()}
    for name in ("tokenize", "progress"):  # not command-line options
        defaults.pop(name)
    options = {"split": split.shares, **split._asdict()} | {name: given[name] for name in defaults if name in given}
    if source.startswith("-"):  # the command line would parse it as an option
        source = f"./{source}"
    command = ["python", "-m", "spacy", "bert-ner", "convert", source, "OUTPUT_DIR"]
    if labels := options.pop("labels", None):
        command += ["--labels", ",".join(labels)]
    for old, new in (options.pop("label_map", None) or {}).items():
        command += ["--label-map", f"{old}={new or ''}"]
    for name, value in options.items():
        if name != "shares" and value != defaults.get(name):
            command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return command
