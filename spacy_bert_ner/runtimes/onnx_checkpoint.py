"""Run a checkpoint whose encoder and head form an ONNX graph, without a `torch` model. It cannot be trained."""

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
from ..types import BatchLogits, Ints2d
from ..util.atomic_io import atomic_folder
from .onnx_runtime import OnnxRuntime
from .onnx_signature import Signature, is_distribution, match_signature

if TYPE_CHECKING:
    from typing_extensions import Self

GRAPH = "model.onnx"
"""Name of the graph file, which replaces `model.safetensors`."""

TRIAL_SECONDS = 4.0
"""Time limit in seconds for a trial run on one subword. Large graphs take a tenth of a second."""

_inherited: list[Any] = []
"""Sessions that a forked process inherited from its parent process.

They must not be deleted. Deletion would wait forever for their threads, which do not exist in the forked process.
"""


def has_graph(folder: str | Path) -> bool:
    """Return whether a folder contains the graph of a saved checkpoint."""
    return (Path(folder) / GRAPH).is_file()


class OnnxCheckpoint(Checkpoint):
    """A token classifier that runs on `onnxruntime`.

    model (Any): `torch` module on the "meta" device, which has no weight data. It provides the labels, the number of
        positions and the vocabulary size.
    tokenizer (Any): fast tokenizer.
    name (str): name of the checkpoint, for messages.
    """

    can_train = False

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        super().__init__(model, tokenizer, name)
        self.graph = b""
        """Content of `model.onnx`. `onnx_signature` defines which inputs and outputs a graph may have.

        *Shape:* subword IDs and mask `(n_windows, longest)` → logits `(n_windows, longest, n_tags)`
        """
        self.runtime = OnnxRuntime()
        self._session: OnnxSession | None = None
        self._session_key: tuple[int, OnnxRuntime] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, graph: bytes) -> Self:
        """Create a checkpoint that runs a graph exported from another checkpoint.

        checkpoint (Checkpoint): checkpoint from which the graph was exported.
        graph (bytes): content of `model.onnx`.
        RETURNS (OnnxCheckpoint): a checkpoint with the same labels, tokenizer and name.
        """
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
        """Load a graph with its config and tokenizer from a folder, without accessing the network.

        folder (str | Path): folder that contains the config and the tokenizer.
        tag_scheme (str | None), tag_map (Mapping[str, str] | None): see `Checkpoint.from_pretrained`.
        graph (Path | None): path of the graph; None for the file that `save` writes.
        RETURNS (OnnxCheckpoint): the checkpoint.
        RAISES CheckpointError: a file is missing or damaged, or `config.json` does not name the tags.
        """
        checkpoint = cls.load_tokenizer_only(folder, local_files_only=True, reads_weights=False)
        config = checkpoint.model.config
        try:
            tags, _ = resolve_head(config, str(folder), None, (), tag_scheme, tag_map)
        except EncoderError as e:
            message = Errors.graph_without_tags.format(name=folder, tags=", ".join(tags_of(config)))
            raise CheckpointError(message) from e
        if tag_scheme:
            config.tag_scheme = resolve_scheme(tags.scheme)
        checkpoint.graph = (graph or Path(folder) / GRAPH).read_bytes()
        return checkpoint

    @property
    def device(self) -> torch.device:
        """Return the device for input batches, which is always the CPU."""
        return torch.device("cpu")

    def to(self, device: str | torch.device) -> None:
        """Do nothing, because the runtime's provider determines the device."""

    def save(self, folder: Path) -> None:
        """Write `config.json`, `model.onnx` and the tokenizer files to a folder atomically.

        folder (Path): path of the folder to write.
        """
        with atomic_folder(folder) as temporary:
            self.model.config.save_pretrained(temporary)
            self.save_tokenizer(temporary)
            (temporary / GRAPH).write_bytes(self.graph)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Compute the tag logits of a padded batch; see `OnnxSession.run`.

        ids, mask (torch.Tensor): padded batch, as `pad` returns it. *Shape:* `(n_windows, longest)` each
        RETURNS (torch.Tensor): logits in float32. *Shape:* `(n_windows, longest, n_tags)`
        """
        return torch.from_numpy(self._get_session().run(ids.numpy(), mask.numpy()))

    def add_labels(self, labels: Sequence[str]) -> None:
        """Raise an error for new labels, because a graph cannot be resized.

        labels (Sequence[str]): labels to add, which must be empty.
        RAISES BertNerError: there are labels to add.
        """
        if labels:
            raise BertNerError(Errors.exported.format(name=self.name))

    def configure_training(self, frozen_layers: int, gradient_checkpointing: bool) -> None:
        """Do nothing, because a graph cannot be trained."""

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        return OnnxCheckpoint.from_files, (self.to_files(), self.name)

    def _get_session(self) -> OnnxSession:
        """Return this process's session, and create it if necessary. A session's threads do not survive a fork."""
        key = (os.getpid(), self.runtime)
        if self._session is None or self._session_key != key:
            if self._session_key and self._session_key[0] != os.getpid():
                _inherited.append(self._session)
            n_tags = len(self.tags.tags)
            session, signature = _open_session(self.graph, self.runtime, self.name, n_tags)
            new = OnnxSession(session, signature, self.name, n_tags, self._first_position)
            new.try_out()
            self._session, self._session_key = new, key
        return self._session

    @property
    def _first_position(self) -> int:
        """Return the position of the first subword. RoBERTa and related models start after the padding position."""
        positions = getattr(self.model.config, "max_position_embeddings", None)
        return positions - self.max_window if isinstance(positions, int) and positions > 0 else 0


class OnnxSession:
    """An `onnxruntime` session that is called according to its graph's signature.

    session (Any): `onnxruntime.InferenceSession` that runs the graph.
    signature (Signature): inputs and output of the graph.
    name (str): name of the checkpoint, for messages.
    n_tags (int): number of tags.
    first_position (int): position of the first subword.
    """

    def __init__(self, session: Any, signature: Signature, name: str, n_tags: int, first_position: int) -> None:
        self._session = session
        self._signature = signature
        self._name = name
        self._n_tags = n_tags
        self._first_position = first_position
        self._has_run = False

    def try_out(self) -> None:
        """Run the graph on one subword, with a time limit.

        RAISES CheckpointError: the run does not finish within `TRIAL_SECONDS`, for example because of an infinite loop.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True

        timer = threading.Timer(TRIAL_SECONDS, stop)
        timer.daemon = True
        timer.start()
        feeds = self._signature.feeds(np.zeros((1, 1), np.int64), np.ones((1, 1), np.int64), self._first_position)
        try:
            self._session.run([self._signature.output], feeds, options)
        except Exception as e:  # Errors raised by `onnxruntime` have no common class.
            if options.terminate:
                raise self._error(Errors.graph_endless.format(seconds=TRIAL_SECONDS)) from e
            # Other errors will be reported when the graph fails on a text.
        finally:
            timer.cancel()

    def run(self, ids: Ints2d, mask: Ints2d) -> BatchLogits:
        """Compute the tag logits of a padded batch.

        ids, mask (Ints2d): padded batch from `Checkpoint.pad`, as NumPy arrays. *Shape:* `(n_windows, longest)` each
        RETURNS (BatchLogits): logits in float32. *Shape:* `(n_windows, longest, n_tags)`
        RAISES CheckpointError: `onnxruntime` cannot run the graph, or the output does not contain logits for the tags.
            BertNerError: there is not enough memory.
        """
        output = self._signature.output
        try:
            (values,) = self._session.run([output], self._signature.feeds(ids, mask, self._first_position))
        except Exception as e:  # Errors raised by `onnxruntime` have no common class.
            if "allocate memory" in str(e):
                raise BertNerError(Errors.no_memory.format(reason=e)) from e
            raise self._error(e) from e
        expected = (*ids.shape, self._n_tags)
        if values.shape != expected:
            shapes = {"shape": list(values.shape), "expected": list(expected)}
            raise self._error(Errors.graph_shape.format(output=output, n_tags=self._n_tags, **shapes))
        logits: BatchLogits = values.astype(np.float32, copy=False)
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
    options.log_severity_level = 3  # Log errors only.
    # Without VNNI instructions, 8-bit dot products overflow if one factor is signed. In this case, the option makes
    # `onnxruntime` use unsigned factors, which is slower but correct. With VNNI, it has no effect.
    options.add_session_config_entry("session.x64quantprecision", "1")
    available, cuda = onnxruntime.get_available_providers(), "CUDAExecutionProvider"
    if runtime.provider == "cuda" and cuda not in available:
        raise BertNerError(Errors.no_cuda_provider.format(found=", ".join(available)))
    providers = ["CPUExecutionProvider"]
    if runtime.provider != "cpu" and cuda in available:
        providers.insert(0, cuda)
    # On a CPU, the fused node for adding and normalizing takes ten times as long as two separate nodes. It would use a
    # fifth of an int8 graph's run time.
    slow_fusions = [] if cuda in providers else ["SkipLayerNormFusion", "BiasSkipLayerNormFusion"]
    # By default, weights in a second file are read from the working directory. A nonexistent folder prevents that.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{os.devnull}/none")
    with translate_load_errors(name, Errors.graph_damaged):
        session = onnxruntime.InferenceSession(graph, options, providers=providers, disabled_optimizers=slow_fusions)
        return session, match_signature(session.get_inputs(), session.get_outputs(), n_tags)
