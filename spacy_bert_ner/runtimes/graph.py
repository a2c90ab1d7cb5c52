"""A checkpoint whose encoder and head are a graph of ONNX: it predicts without a torch model, and cannot be trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..checkpoint import Checkpoint
from ..errors import BertNerError, Errors
from ..files import whole_folder
from ..opening import choose_head, opening
from ..tags import trained_scheme
from .on_onnx import OnnxRuntime

if TYPE_CHECKING:
    from typing_extensions import Self

GRAPH = "model.onnx"
"""The file that stands in the place of `model.safetensors`."""


_inherited: list[Any] = []
"""Sessions of the process that this one was forked from. Kept, as a session that is deleted waits for its threads."""


def has_graph(folder: str | Path) -> bool:
    """Whether a folder holds a graph."""
    return (Path(folder) / GRAPH).is_file()


class GraphCheckpoint(Checkpoint):
    """A token classifier that onnxruntime runs.

    `model` is a torch module without weights (on the device "meta"), which knows labels, positions and subwords.
    """

    can_train = False

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        super().__init__(model, tokenizer, name)
        self.graph = b""
        """The file `model.onnx`: input_ids and attention_mask `(n_windows, longest)` of int64 → logits
        `(n_windows, longest, n_tags)` of float32."""
        self.runtime = OnnxRuntime()
        self._session: Any = None
        self._session_of: tuple[int, OnnxRuntime] | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, graph: bytes) -> Self:
        """The twin of a checkpoint that runs a graph made of it."""
        files = {key: content for key, content in checkpoint.to_files().items() if key != "model.safetensors"}
        return cls.from_files({**files, GRAPH: graph}, checkpoint.name)

    @classmethod
    def reopen(cls, folder: str | Path, *, tag_scheme: str | None = None) -> Self:
        bare = cls.without_weights(folder, local_files_only=True)
        tags, _ = choose_head(bare.model.config, str(folder), None, (), tag_scheme)
        if tag_scheme:
            bare.model.config.tag_scheme = trained_scheme(tags.scheme)
        bare.graph = (Path(folder) / GRAPH).read_bytes()
        return bare

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def to(self, device: str | torch.device) -> None:
        """Stay: where a graph runs, its provider says."""

    def save(self, folder: Path) -> None:
        """Write `config.json`, `model.onnx` and the tokenizer's files, all of them or none."""
        with whole_folder(folder) as temporary:
            self.model.config.save_pretrained(temporary)
            self.save_tokenizer(temporary)
            (temporary / GRAPH).write_bytes(self.graph)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        return torch.from_numpy(self._get_session().run(None, feeds)[0])

    def add_label(self, label: str) -> None:
        raise BertNerError(Errors.exported.format(name=self.name))

    def prepare_training(self, frozen_layers: int, gradient_checkpointing: bool) -> None:
        """Nothing: there is nothing to train."""

    def __reduce__(self) -> tuple[Callable[..., Checkpoint], tuple[Any, ...]]:
        return GraphCheckpoint.from_files, (self.to_files(), self.name)

    def _get_session(self) -> Any:
        """The session of this process: its threads do not survive a fork."""
        wanted = (os.getpid(), self.runtime)
        if self._session_of != wanted:
            if self._session_of and self._session_of[0] != os.getpid():
                _inherited.append(self._session)
            self._session = _open_session(self.graph, self.runtime, self.name, len(self.tags.tags))
            self._session_of = wanted
        return self._session


def _open_session(graph: bytes, runtime: OnnxRuntime, name: str, n_tags: int) -> Any:
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
    with opening(name, Errors.graph_damaged):
        session = onnxruntime.InferenceSession(graph, options, providers=providers, disabled_optimizers=slow)
        takes, gives = session.get_inputs(), session.get_outputs()
        widths = {output.shape[-1] for output in gives if output.shape}
        if {node.name for node in takes} != {"input_ids", "attention_mask"} or widths != {n_tags}:
            told = [[f"{node.name}{node.shape}" for node in nodes] for nodes in (takes, gives)]
            takes, gives = (", ".join(nodes) or "nothing" for nodes in told)
            raise ValueError(Errors.graph_of_others.format(takes=takes, gives=gives, n_tags=n_tags))
    return session
