"""A tag head without an encoder, which stands in the place of a checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import safetensors.torch
import torch

from ..checkpoints.loading import translate_load_errors
from ..checkpoints.surgery import resize_head
from ..decoding.label_rules import LabelRules
from ..decoding.tag_scheme import TagSet, build_tag_set, tags_of_label
from ..errors import Errors, TagError
from ..nn.parameter_depth import ParameterDepth
from ..nn.sparse_embedding_grad import SparseEmbeddingGrad

HEAD, TAGS = "head.safetensors", "head.json"
"""The files of a head."""

DEVIATION = 0.02


class TagHead:
    """What stands in the place of a `Checkpoint` where the encoder is another component's: the head alone.

    model: a torch module with the layers `dropout` and `classifier`, and its tags in `config`.
    scheme (str): of the tags.
    """

    can_train = True
    padding_free = compiled_forward = scaler = commit = None
    name = "the head on shared vectors"

    def __init__(self, model: torch.nn.Module, scheme: str) -> None:
        self.model: Any = model.eval()
        self.scheme = scheme
        self.owner_pid = os.getpid()
        self.embedding_grad = SparseEmbeddingGrad()

    @classmethod
    def new(cls, width: int, tags: Sequence[str], scheme: str) -> TagHead:
        """One with random weights, as BERT draws them: of a normal distribution with a deviation of 0.02, without bias.

        width (int): of the vectors.
        RAISES TagError: the tags are not of the scheme.
        """
        module: Any = torch.nn.Module()
        module.dropout = torch.nn.Dropout(0.1)
        module.classifier = torch.nn.Linear(width, len(tags))
        torch.nn.init.normal_(module.classifier.weight, std=DEVIATION)
        torch.nn.init.zeros_(module.classifier.bias)
        module.config = SimpleNamespace(initializer_range=DEVIATION, tags=build_tag_set(tuple(tags), scheme).tags)
        return cls(module, scheme)

    @property
    def tags(self) -> TagSet:
        """The tag of each column of the logits."""
        return build_tag_set(self.model.config.tags, self.scheme)

    @property
    def parameter_depths(self) -> dict[str, ParameterDepth]:
        """Where each parameter lies: all in the head."""
        return {name: ParameterDepth(1, 0) for name, _ in self.model.named_parameters()}

    @property
    def device(self) -> torch.device:
        """Where vectors have to be."""
        device: torch.device = self.model.classifier.weight.device
        return device

    def to(self, device: str | torch.device) -> None:
        """Move the weights."""
        self.model.to(device)
        self.owner_pid = os.getpid()

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors `(n, width)` → logits `(n, n_tags)`."""
        logits: torch.Tensor = self.model.classifier(self.model.dropout(vectors))
        return logits

    def accumulate(self, weight: float) -> float:
        """What a batch's mean gradient is multiplied by: its rows, so that it is that of the sum."""
        return weight

    def normalize(self) -> float:
        """What gradients are multiplied by before a step. The encoder's are not ours to divide."""
        return 1.0

    def rename_labels(self, label_rules: LabelRules) -> None:
        """See `Checkpoint.rename_labels`."""
        if label_rules:
            self.model.config.tags = label_rules.rename_tags(self.tags)

    def add_labels(self, labels: Sequence[str]) -> None:
        """See `Checkpoint.add_labels`."""
        if not labels:
            return
        old = self.tags
        tags = (*old.tags, *(tag for label in dict.fromkeys(labels) for tag in tags_of_label(label, old.scheme)))
        resize_head(self.model, len(old.tags), len(tags))
        self.model.config.tags = tags

    def to_files(self) -> dict[str, bytes]:
        """The weights, and the tags, by file name."""
        told = {"tags": self.tags.tags, "tag_scheme": self.scheme}
        weights = {name: param.detach().cpu().contiguous() for name, param in self.model.named_parameters()}
        return {HEAD: safetensors.torch.save(weights), TAGS: json.dumps(told, ensure_ascii=False).encode()}

    @classmethod
    def from_files(cls, files: dict[str, bytes], name: str = name) -> TagHead:
        """The inverse of `to_files`.

        RAISES CheckpointError: they are not what it wrote.
        """
        with translate_load_errors(name, Errors.checkpoint_damaged):
            told = json.loads(files[TAGS])
            weights = safetensors.torch.load(files[HEAD])
            tags = tuple(told["tags"])
            try:
                head = cls.new(weights["classifier.weight"].shape[1], tags, told["tag_scheme"])
            except TagError as e:
                raise ValueError(e) from e
            head.model.load_state_dict(weights)
        return head

    def __reduce__(self) -> tuple[Callable[..., TagHead], tuple[Any, ...]]:
        """Copied by its files; nothing of a training step comes along."""
        return _copy, (self.to_files(), str(self.device))


def _copy(files: dict[str, bytes], device: str) -> TagHead:
    head = TagHead.from_files(files)
    head.to(device)
    return head
