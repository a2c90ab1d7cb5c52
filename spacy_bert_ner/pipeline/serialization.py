"""Save and load a component: its `cfg`, and its weights as a standard Hugging Face checkpoint."""

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
from ..models import token_classifier
from ..models.shim import CheckpointShim
from ..util.atomic_io import atomic_folder
from ..util.checksums import check_sums, write_sums
from ..util.file_limits import MOST_LABELS
from ..util.msgpack_gc import unpacking

P = TypeVar("P", bound="SerializablePipe")


class LearnedState(dict[str, Any]):
    """The learned values that a component saves as `cfg`, in addition to its weights."""

    def __missing__(self, key: str) -> dict[str, float]:
        # `spacy find-threshold` sets a threshold both in the config, which this component uses, and in `cfg`, which
        # spaCy's own components use. It expects a dictionary in both places.
        if key == "thresholds":
            return {}
        raise KeyError(key)


class SerializablePipe(TrainablePipe):
    """A component that saves and loads the weights of a token classifier."""

    cfg: LearnedState

    def _load_to_save(self) -> bool:
        """Load the weights if needed before the component is saved.

        RETURNS (bool): whether there are weights. An encoder that was not initialized has none.
        """
        raise NotImplementedError

    def _check_loaded(self) -> None:
        """Check that the weights that were just read suit the component."""
        raise NotImplementedError

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Serialize the weights, tokenizer, labels and model settings without pickling.

        exclude (Iterable[str]): data to exclude: "cfg", "model" or "vocab". Default: none.
        RETURNS (bytes): the serialized component.
        """
        if "model" not in exclude and self._load_to_save():
            self._record_source()
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def from_bytes(self: P, data: bytes, *, exclude: Iterable[str] = ()) -> P:
        """Load a component that `to_bytes` serialized.

        The model settings, such as the window length, are loaded too.

        data (bytes): the serialized component.
        exclude (Iterable[str]): data to exclude: "cfg", "model" or "vocab". Default: none.
        RETURNS (SerializablePipe): this component.
        RAISES CheckpointError: the bytes are not the output of `to_bytes`.
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
            token_classifier.check_settings(self.model)
            self._check_loaded()
        return self

    @contextmanager
    def _or_as_before(self) -> Iterator[None]:
        """Restore `cfg`, the model settings and the weights if loading fails.

        A shared encoder's weights are not restored, because thinc overwrites them in place.
        """
        snapshots = [(current, {**current}) for current in (self.cfg, self.model.attrs)]
        try:
            with cast(CheckpointShim, self.model.shims[0]).or_as_before():
                yield
        except BaseException:
            for current, before in snapshots:
                current.clear()
                current.update(before)
            raise

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write `cfg`, a standard Hugging Face checkpoint in `model/`, and their checksums atomically.

        path (str | Path): folder of the component. Excluded data that the folder already contains is kept.
        exclude (Iterable[str]): data to exclude: "cfg", "model" or "vocab". Default: none.
        """
        serialize: dict[str, Callable[[Path], None]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        if "model" not in exclude and self._load_to_save():
            self._record_source()
            serialize["model"] = lambda p: token_classifier.save_checkpoint(self.model, p)
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
        """Record the checkpoint's Hub name and commit in `cfg`.

        A branch can change, and a saved pipeline does not contain the checkpoint's name elsewhere.
        """
        checkpoint = token_classifier.get_checkpoint(self.model)
        if checkpoint.commit:
            self.cfg["source"] = {"name": checkpoint.name, "commit": checkpoint.commit}

    def from_disk(self: P, path: str | Path, *, exclude: Iterable[str] = ()) -> P:
        """Load a component that `to_disk` wrote, without accessing the network.

        path (str | Path): folder of the component.
        exclude (Iterable[str]): data to exclude: "cfg", "model" or "vocab". Default: none.
        RETURNS (SerializablePipe): this component.
        RAISES CheckpointError: the files cannot be opened or differ from the saved files; see `checksums.check_sums`.
        """
        exclude = [*exclude]
        check_sums(Path(path), exclude)

        def read_model(folder: Path) -> None:
            # An encoder that was saved before initialization has no `model` folder. It is later loaded by name.
            if folder.exists():
                token_classifier.restore_checkpoint(self.model, folder)

        def read_vocab(folder: Path) -> None:
            try:
                with unpacking():
                    self.vocab.from_disk(folder, exclude=exclude)
            except Exception as e:  # spaCy and srsly do not document their exceptions for damaged files
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
    """Read a component's `cfg` file.

    RAISES CheckpointError: the file is not the output of `to_disk`.
    """
    try:
        cfg = srsly.read_json(path)
    except (OSError, ValueError) as e:
        raise CheckpointError(Errors.bad_cfg.format(path=path, reason=e)) from e
    return _checked(path, cfg)


def _are_labels(value: list[object]) -> bool:
    return len(value) <= MOST_LABELS and all(isinstance(label, str) for label in value)


def _checked(path: object, cfg: object) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], bool]] = {
        "temperature": lambda value: is_number(value) and value > 0,
        "added_labels": lambda value: isinstance(value, list) and _are_labels(value),
        "balanced_weights": lambda value: isinstance(value, dict) and all(map(is_number, value.values())),
    }
    if not isinstance(cfg, dict) or not all(checks[key](cfg[key]) for key in checks.keys() & cfg.keys()):
        raise CheckpointError(Errors.bad_cfg.format(path=path, reason="it is not a dictionary of valid learned values"))
    return cfg
