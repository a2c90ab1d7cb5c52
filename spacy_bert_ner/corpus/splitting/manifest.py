"""`split.json`: what a split was made from, how, and what is in each part."""

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
    """Counts the tokens, documents, entities and incorrect spans of a part, a sentence after the other."""

    def __init__(self) -> None:
        self.n_tokens = self.n_incorrect = 0
        self.documents: set[str] = set()
        self._tags: Counter[str | None] = Counter()
        self._uncounted: list[str | None] = []  # counted together, which takes less time

    def add(self, sentence: Sentence) -> None:
        """Count a sentence, whose tags are in IOB2."""
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
        """How many entities there are of each label, in the order of their names."""
        self._count()
        return {tag[2:]: n for tag, n in sorted((tag or "", n) for tag, n in self._tags.items()) if tag[:2] == "B-"}


def source_sha256(path: Path, written: Collection[Path]) -> str:
    """The SHA-256 of a file; of a folder, that of what `sha256sum` prints for its files, in the order of their names.

    written: files that the conversion writes, which are none of the source, even in its folder.
    """
    if path.is_file():
        return sha256_of(path)
    total = hashlib.sha256()
    own = {file.resolve() for file in written}
    for name in sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()):
        if (path / name).resolve() not in own:
            total.update(f"{sha256_of(path / name)}  {name}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def split_record(
    corpus: CorpusStream,
    sha256: str,
    split: Split,
    to: str,
    files: dict[str, str],
    reading: dict[str, Any],
    parts: dict[str, Ints1d],
    n: list[PartCounts],
) -> str:
    """What is in `split.json`, see docs/data.md.

    sha256 (str): see `source_sha256`.
    to (str): the format that is written.
    files: the name of the file of each part.
    reading: the options that `corpus` was opened with.
    parts: the places of the sentences of each part.
    n: the counts of each part.
    """
    record = {
        "spacy_bert_ner": __version__,
        "again": shlex.join(_command(corpus.path.resolve().name, split, {"to": to, **reading})),
        "source": {"name": corpus.path.resolve().name, "sha256": sha256, "format": corpus.format},
        "split": split.shares,
        "seed": split.seed,
        "by_document": split.by_document,
        "stratify": split.stratify,
        "duplicates": split.duplicates,
        "limit": reading.get("limit"),
        "parts": {
            name: {
                "file": files[name],
                "n_sentences": len(places),
                "n_tokens": counts.n_tokens,
                "n_documents": len(counts.documents) or None,
                "entities": counts.entities,
                "places": f"of {name}",
            }
            for (name, places), counts in zip(parts.items(), n, strict=True)
        },
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    for name, places in parts.items():  # on one line each
        text = text.replace(f'"places": "of {name}"', f'"places": {places.tolist()}')
    return text + "\n"


def part_names(folder: Path) -> dict[str, str]:
    """The name of the file of each part, as the `split.json` in a folder says; none where no such file of ours is."""
    try:
        record = json.loads((folder / NAME).read_text("utf8"))
        names = {name: part["file"] for name, part in record["parts"].items()}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    # A file elsewhere is none that was written with it.
    return {name: file for name, file in names.items() if isinstance(file, str) and Path(file).name == file}


def _command(source: str, split: Split, given: dict[str, Any]) -> list[str]:
    """The command that makes the split again: the options that differ from what they are without being named."""
    defaults = {**Split._field_defaults, "seed": None, "to": "spacy"}
    defaults |= {name: parameter.default for name, parameter in signature(CorpusStream).parameters.items()}
    for name in ("tokenize", "progress"):  # which the command has not
        defaults.pop(name)
    options = {"split": split.shares, **split._asdict()} | {name: given[name] for name in defaults if name in given}
    if source.startswith("-"):  # which a command takes for an option
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
