"""How a component is written and read: its `cfg`, and a plain Hugging Face checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import srsly
from spacy import util
from spacy.pipeline.trainable_pipe import TrainablePipe

from . import model as models

P = TypeVar("P", bound="SavedPipe")


class SavedPipe(TrainablePipe):
    """A component whose weights are those of a token classifier."""

    cfg: dict[str, Any]

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
        if "model" not in exclude:
            self._load_to_save()
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def from_bytes(self: P, data: bytes, *, exclude: Iterable[str] = ()) -> P:
        """Read what `to_bytes` wrote. The settings of the model, such as its windows, are those of the bytes."""
        super().from_bytes(data, exclude=exclude)
        self._check_loaded()
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write `cfg` and `model/`, a plain Hugging Face checkpoint."""
        serialize: dict[str, Callable[[Path], None]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        if "model" not in exclude and self._load_to_save():
            serialize["model"] = lambda p: models.save_checkpoint(self.model, p)
        util.to_disk(path, serialize, exclude)

    def from_disk(self: P, path: str | Path, *, exclude: Iterable[str] = ()) -> P:
        """Read what `to_disk` wrote; never asks the network."""

        def read_model(folder: Path) -> None:
            # An encoder that was saved before it was initialized has none, and is opened by name then.
            if folder.exists():
                models.restore_checkpoint(self.model, folder)

        deserialize: dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self.cfg.update(srsly.read_json(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": read_model,
        }
        util.from_disk(path, deserialize, exclude)
        self._check_loaded()
        return self
