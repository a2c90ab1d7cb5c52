"""Find the `.spacy` file for one split of a corpus in a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError, Errors
from .manifest import NAME, part_names

_MOST_NAMED = 8
"""Maximum number of files listed in a message."""
SUFFIX = ".spacy"


class Part(NamedTuple):
    """A split that a command reads.

    name (str): name of the split in `split.json`.
    usage (str): the command to type, up to the file name.
    """

    name: str
    usage: str


EVALUATED = Part("test", "python -m spacy bert-ner evaluate PIPELINE")
TRAINED_ON = Part("train", "python -m spacy bert-ner evaluate PIPELINE DATA --train")
THRESHOLDS_ON = Part("dev", "python -m spacy bert-ner evaluate PIPELINE DATA --dev")
CALIBRATED_ON = Part("dev", "python -m spacy bert-ner calibrate PIPELINE")
COMPARED_ON = Part("dev", "python -m spacy bert-ner export PIPELINE OUTPUT --dev")


def spacy_files(folder: Path) -> list[Path]:
    """Return the sorted `.spacy` files in a folder at any depth. Like spaCy, skip hidden files."""
    files = (file for file in folder.rglob(f"*{SUFFIX}") if file.is_file())
    return sorted(file for file in files if not any(part[0] == "." for part in file.relative_to(folder).parts))


def part_file(path: Path, part: Part) -> Path:
    """Find the file for one split of a corpus.

    path (Path): a file or folder.
    part (Part): the split to find.
    RETURNS (Path): `path` itself if it is not a folder. Otherwise, the file named in the folder's `split.json`. If
        there is no `split.json`, the only `.spacy` file in the folder at any depth.
    RAISES CorpusError: `path` is a folder, and none of its files is known to contain the split.
    """
    if not path.is_dir():
        return path
    names = part_names(path)
    named = path / names[part.name] if part.name in names else None
    if named is not None and named.suffix == SUFFIX and named.is_file():
        return named
    files = spacy_files(path)
    if not files:
        raise CorpusError(Errors.no_spacy_file.format(folder=path, part=part.name, usage=part.usage))
    if not names and len(files) == 1:
        return files[0]
    if named is not None:
        reason = Errors.part_not_there.format(name=NAME, part=part.name, file=named.name)
    elif names:
        reason = Errors.part_not_named.format(name=NAME, part=part.name, parts=", ".join(names))
    else:
        reason = Errors.no_split_file.format(name=NAME, part=part.name)
    command = f"{part.usage} {shlex.quote(str(_likeliest(files, part)))}"
    raise CorpusError(Errors.which_file.format(folder=path, files=_listed(files), reason=reason, command=command))


def refuse_split(folder: Path) -> None:
    """Reject a folder that contains several splits of a corpus, because they must not be read together.

    folder (Path): the folder with `.spacy` files. Any other path is accepted.
    RAISES CorpusError: the folder contains several splits of the same corpus.
    """
    files = spacy_files(folder)
    for parent in sorted({file.parent for file in files}):
        parts = [parent / name for name in part_names(parent).values() if parent / name in files]
        if len(parts) > 1:
            first, second = (shlex.quote(str(part)) for part in parts[:2])
            raise CorpusError(
                Errors.several_parts.format(folder=folder, files=_listed(parts), first=first, second=second)
            )


def _likeliest(files: Sequence[Path], part: Part) -> Path:
    """Return the file to suggest: the file named after the split or, if there is none, other held-out data."""
    order = [part.name, "test", "dev"]
    return min(files, key=lambda file: order.index(file.stem) if file.stem in order else len(order))


def _listed(files: Sequence[Path]) -> str:
    more = f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
    return ", ".join(map(str, files[:_MOST_NAMED])) + more
