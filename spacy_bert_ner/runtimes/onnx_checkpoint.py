"""A checkpoint whose encoder and head are a graph of ONNX: it predicts without a torch model, and cannot be trained."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.loading import resolve_head, tags_of, translate_load_errors
from ..decoding.tag_scheme import resolve_scheme
from ..errors import BertNerError, CheckpointError, EncoderError, Errors
from ..util.atomic_io import atomic_folder
from .onnx_runtime import OnnxRuntime
from .onnx_signature import Signature, is_distribution, match_signature

if TYPE_CHECKING:
    from typing_extensions import Self

GRAPH = "model.onnx"
"""The file that stands in the place of `model.safetensors`."""


TRIAL = 4.0
"""Seconds that a graph may take for one subword, for which large ones take a tenth of a second."""

_inherited: list[Any] = []
"""Sessions of the process that this one was forked from. Kept, as a session that is deleted waits for its threads."""


def has_graph(folder: str | Path) -> bool:
    """Whether a folder holds the graph of a saved checkpoint."""
    return (Path(folder) / GRAPH).is_file()


class OnnxCheckpoint(Checkpoint):
    """A token classifier that onnxruntime runs.

    `model` is a torch module without weights (on the device "meta"), which knows labels, positions and subwords.
    """

    can_train = False

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        super().__init__(model, tokenizer, name)
        self.graph = b""
        """The file `model.onnx`: subwords and mask `(n_windows, longest)` → logits `(n_windows, longest, n_tags)`; see
        `signature` for the names and types that it may have."""
        self.runtime = OnnxRuntime()
        self._session: OnnxSession | None = None
        self._session_of: tuple[int, OnnxRuntime] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, graph: bytes) -> Self:
        """The twin of a checkpoint that runs a graph made of it."""
        files = {key: content for key, content in checkpoint.to_files().items() if key != "model.safetensors"}
        return cls.from_files({**files, GRAPH: graph}, checkpoint.name)

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        tag_scheme: str | None = None,
        tag_map: Mapping[str, str] | None = None,
        graph: Path | None = None,
    ) -> Self:
        """Open a folder with a graph, its config and its tokenizer; never asks the network.

        tag_scheme (str | None), tag_map (Mapping[str, str] | None): see `Checkpoint.from_pretrained`.
        graph (Path | None): its path; None for the one that `save` writes.
        RAISES CheckpointError: a file is missing or damaged, or config.json does not name the tags.
        """
        bare = cls.load_tokenizer_only(folder, local_files_only=True, reads_weights=False)
        config = bare.model.config
        try:
            tags, _ = resolve_head(config, str(folder), None, (), tag_scheme, tag_map)
        except EncoderError as e:
            message = Errors.graph_without_tags.format(name=folder, tags=", ".join(tags_of(config)))
            raise CheckpointError(message) from e
        if tag_scheme:
            config.tag_scheme = resolve_scheme(tags.scheme)
        bare.graph = (graph or Path(folder) / GRAPH).read_bytes()
        return bare

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def to(self, device: str | torch.device) -> None:
        """Stay: where a graph runs, its provider says."""

    def save(self, folder: Path) -> None:
        """Write `config.json`, `model.onnx` and the tokenizer's files, all of them or none."""
        with atomic_folder(folder) as temporary:
            self.model.config.save_pretrained(temporary)
            self.save_tokenizer(temporary)
            (temporary / GRAPH).write_bytes(self.graph)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self._get_session().run(ids.numpy(), mask.numpy()))

    def add_labels(self, labels: Sequence[str]) -> None:
        if labels:
            raise BertNerError(Errors.exported.format(name=self.name))

    def configure_training(self, frozen_layers: int, gradient_checkpointing: bool) -> None:
        """Nothing: there is nothing to train."""

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        return OnnxCheckpoint.from_files, (self.to_files(), self.name)

    def _get_session(self) -> OnnxSession:
        """The session of this process: its threads do not survive a fork."""
        wanted = (os.getpid(), self.runtime)
        if self._session is None or self._session_of != wanted:
            if self._session_of and self._session_of[0] != os.getpid():
                _inherited.append(self._session)
            n_tags = len(self.tags.tags)
            session, signature = _open_session(self.graph, self.runtime, self.name, n_tags)
            opened = OnnxSession(session, signature, self.name, n_tags, self._first_position)
            opened.try_out()
            self._session, self._session_of = opened, wanted
        return self._session

    @property
    def _first_position(self) -> int:
        """The position of the first subword; RoBERTa and its relatives count from behind that of padding."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        return positions - self.max_window if isinstance(positions, int) and positions > 0 else 0


class OnnxSession:
    """A session of onnxruntime that is called as the signature of its graph says."""

    def __init__(self, session: Any, signature: Signature, name: str, n_tags: int, first_position: int) -> None:
        self._session = session
        self._signature = signature
        self._name = name
        self._n_tags = n_tags
        self._first_position = first_position
        self._has_run = False

    def try_out(self) -> None:
        """Run the graph on one subword.

        RAISES CheckpointError: it does not end within some seconds, as with a loop that goes on and on; or see `run`.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True

        timer = threading.Timer(TRIAL, stop)
        timer.daemon = True
        timer.start()
        feeds = self._signature.feeds(np.zeros((1, 1), np.int64), np.ones((1, 1), np.int64), self._first_position)
        try:
            self._session.run([self._signature.output], feeds, options)
        except Exception as e:  # onnxruntime's own have no common class
            if options.terminate:
                raise self._error(Errors.graph_endless.format(seconds=TRIAL)) from e
            # What else is wrong with it is told of the texts that it fails on.
        finally:
            timer.cancel()

    def run(self, ids: Any, mask: Any) -> Any:
        """Tag logits of a padded batch, in float32. *Shape:* `(n_windows, longest)` → `(n_windows, longest, n_tags)`

        RAISES CheckpointError: onnxruntime cannot run the graph, or its output is not logits of these tags.
        """
        output = self._signature.output
        try:
            (found,) = self._session.run([output], self._signature.feeds(ids, mask, self._first_position))
        except Exception as e:  # onnxruntime's own have no common class
            if "allocate memory" in str(e):
                raise BertNerError(Errors.no_memory.format(reason=e)) from e
            raise self._error(e) from e
        expected = (*ids.shape, self._n_tags)
        if found.shape != expected:
            shapes = {"found": list(found.shape), "expected": list(expected)}
            raise self._error(Errors.graph_shape.format(output=output, n_tags=self._n_tags, **shapes))
        logits = found.astype(np.float32, copy=False)
        if not self._has_run and is_distribution(logits):
            raise self._error(Errors.graph_probabilities.format(output=output))
        self._has_run = True
        return logits

    def _error(self, reason: object) -> CheckpointError:
        return CheckpointError(Errors.graph_damaged.format(name=self._name, reason=reason))


def _open_session(graph: bytes, runtime: OnnxRuntime, name: str, n_tags: int) -> tuple[Any, Signature]:
    try:
        import onnxruntime
    except ImportError as e:
        raise BertNerError(Errors.no_onnxruntime.format(name=name)) from e
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.threads or torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    # Without VNNI instructions, sums of products of bytes overflow where one of the two has a sign. Onnxruntime takes
    # the sign away then, if it is told to, which is slower and right; with VNNI nothing changes.
    options.add_session_config_entry("session.x64quantprecision", "1")
    known, cuda = onnxruntime.get_available_providers(), "CUDAExecutionProvider"
    if runtime.provider == "cuda" and cuda not in known:
        raise BertNerError(Errors.no_cuda_provider.format(found=", ".join(known)))
    providers = ["CPUExecutionProvider"]
    if runtime.provider != "cpu" and cuda in known:
        providers.insert(0, cuda)
    # Onnxruntime's one node for "add, then normalize" takes ten times as long on a CPU as two nodes do: with it a fifth
    # of the time of a graph in eight bits goes there.
    slow = [] if cuda in providers else ["SkipLayerNormFusion", "BiasSkipLayerNormFusion"]
    # Weights in a second file would be read from wherever this process was started. There is no such folder.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{os.devnull}/none")
    with translate_load_errors(name, Errors.graph_damaged):
        session = onnxruntime.InferenceSession(graph, options, providers=providers, disabled_optimizers=slow)
        return session, match_signature(session.get_inputs(), session.get_outputs(), n_tags)
