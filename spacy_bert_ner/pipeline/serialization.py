"""How a component is written and read: its `cfg`, and a plain Hugging Face checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import srsly
from spacy import util
from spacy.pipeline.trainable_pipe import TrainablePipe

from ..checkpoints.loading import translate_load_errors
from ..errors import CheckpointError, Errors, is_number
from ..models import token_classifier as models
from ..models.shim import CheckpointShim
from ..util.atomic_io import atomic_folder
from ..util.checksums import check_sums, write_sums
from ..util.file_limits import MOST_LABELS
from ..util.srsly_gc import unpacking

P = TypeVar("P", bound="SerializablePipe")


class LearnedState(dict[str, Any]):
    """What a component has learned beside its weights, which is saved with it."""

    def __missing__(self, key: str) -> dict[str, float]:
        # `spacy find-threshold` sets what it tries in the config, where ours are, and in `cfg`, where those of spaCy's
        # components are, and takes for granted that there is a table.
        if key == "thresholds":
            return {}
        raise KeyError(key)


class SerializablePipe(TrainablePipe):
    """A component whose weights are those of a token classifier."""

    cfg: LearnedState

    def _load_to_save(self) -> bool:
        """Make what is saved complete.

        RETURNS: whether there are weights; an encoder that was not initialized has none.
        """
        raise NotImplementedError

    def _check_loaded(self) -> None:
        """Check what can be checked once weights were read."""
        raise NotImplementedError

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Weights, tokenizer, labels and, as thinc has it, the settings of the model as bytes; nothing is pickled."""
        if "model" not in exclude and self._load_to_save():
            self._record_source()
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def from_bytes(self: P, data: bytes, *, exclude: Iterable[str] = ()) -> P:
        """Read what `to_bytes` wrote. The settings of the model, such as its windows, are those of the bytes.

        RAISES CheckpointError: it did not write that.
        """

        def read_cfg(content: bytes) -> None:
            self.cfg.update(_checked("cfg", srsly.json_loads(content)))

        deserialize: dict[str, Callable[[bytes], Any]] = {
            "cfg": read_cfg,
            "vocab": lambda content: self.vocab.from_bytes(content, exclude=exclude),
            "model": self.model.from_bytes,
        }
        exclude = [*exclude]
        with self._or_as_before(), translate_load_errors(self.name, Errors.bad_bytes), unpacking():
            util.from_bytes(data, deserialize, exclude)
            models.check_settings(self.model)
            self._check_loaded()
        return self

    @contextmanager
    def _or_as_before(self) -> Iterator[None]:
        """Where reading fails, keep what was learned, the settings of the model and its weights; but thinc reads over
        those of a shared encoder."""
        kept = [(now, {**now}) for now in (self.cfg, self.model.attrs)]
        try:
            with cast(CheckpointShim, self.model.shims[0]).or_as_before():
                yield
        except BaseException:
            for now, before in kept:
                now.clear()
                now.update(before)
            raise

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write `cfg`, `model/`, a plain Hugging Face checkpoint, and their sums: all of them or none. What is excluded
        stays as it was there."""
        serialize: dict[str, Callable[[Path], None]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        if "model" not in exclude and self._load_to_save():
            self._record_source()
            serialize["model"] = lambda p: models.save_checkpoint(self.model, p)
        path = Path(path)
        with atomic_folder(path) as temporary:
            util.to_disk(temporary, serialize, exclude)
            for part in {"cfg", "model", "vocab"}.intersection(exclude):
                if (path / part).is_dir():
                    shutil.copytree(path / part, temporary / part)
                elif (path / part).exists():
                    shutil.copy2(path / part, temporary / part)
            write_sums(temporary)

    def _record_source(self) -> None:
        """Keep in `cfg` which commit on the Hub was opened: a branch moves on, and a saved pipeline knows no name."""
        checkpoint = models.get_checkpoint(self.model)
        if checkpoint.commit:
            self.cfg["source"] = {"name": checkpoint.name, "commit": checkpoint.commit}

    def from_disk(self: P, path: str | Path, *, exclude: Iterable[str] = ()) -> P:
        """Read what `to_disk` wrote; never asks the network.

        RAISES CheckpointError: the files cannot be opened, or are not those that were saved; see
            `checksums.check_sums`.
        """
        exclude = [*exclude]
        check_sums(Path(path), exclude)

        def read_model(folder: Path) -> None:
            # An encoder that was saved before it was initialized has none, and is opened by name then.
            if folder.exists():
                models.restore_checkpoint(self.model, folder)

        def read_vocab(folder: Path) -> None:
            try:
                with unpacking():
                    self.vocab.from_disk(folder, exclude=exclude)
            except Exception as e:  # whatever spaCy and srsly raise of what they find in the files
                reason = " ".join(str(e).split())[:200] or type(e).__name__
                raise CheckpointError(Errors.bad_cfg.format(path=folder, reason=reason)) from e

        deserialize: dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self.cfg.update(_read_cfg(p)),
            "vocab": read_vocab,
            "model": read_model,
        }
        with self._or_as_before():
            util.from_disk(path, deserialize, exclude)
            self._check_loaded()
        return self


def _read_cfg(path: Path) -> dict[str, Any]:
    """RAISES CheckpointError: it is not what `to_disk` wrote."""
    try:
        cfg = srsly.read_json(path)
    except (OSError, ValueError) as e:
        raise CheckpointError(Errors.bad_cfg.format(path=path, reason=e)) from e
    return _checked(path, cfg)


def _are_labels(value: list[object]) -> bool:
    return len(value) <= MOST_LABELS and all(isinstance(label, str) for label in value)


def _checked(path: object, cfg: object) -> dict[str, Any]:
    kinds: dict[str, Callable[[Any], bool]] = {
        "temperature": lambda value: is_number(value) and value > 0,
        "added_labels": lambda value: isinstance(value, list) and _are_labels(value),
        "balanced_weights": lambda value: isinstance(value, dict) and all(map(is_number, value.values())),
    }
    if not isinstance(cfg, dict) or not all(kinds[key](cfg[key]) for key in kinds.keys() & cfg.keys()):
        raise CheckpointError(Errors.bad_cfg.format(path=path, reason="it is no table of what a component learned"))
    return cfg
