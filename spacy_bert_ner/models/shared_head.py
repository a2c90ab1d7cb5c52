"""Implement a tag head without an encoder, with the interface of a checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import safetensors.torch
import torch

from ..checkpoints.loading import translate_load_errors
from ..checkpoints.resizing import resize_head
from ..decoding.label_rules import LabelRules
from ..decoding.tag_scheme import TagSet, build_tag_set, tags_of_label
from ..errors import Errors, TagError
from ..nn.parameter_depth import ParameterDepth

HEAD, TAGS = "head.safetensors", "head.json"
"""File names for a head's weights and tags."""

DEVIATION = 0.02
"""Standard deviation of new random weights, as in BERT."""


class TagHead:
    """A tag head that takes the place of a `Checkpoint` if the encoder belongs to another component.

    model (torch.nn.Module): module with the layers `dropout` and `classifier`, and with the tags in `config`.
    scheme (str): the tag scheme.
    """

    can_train = True
    averages_gradients = False
    padding_free = compiled_forward = commit = None
    name = "the head on shared vectors"

    def __init__(self, model: torch.nn.Module, scheme: str) -> None:
        self.model: Any = model.eval()
        self.scheme = scheme
        self.owner_pid = os.getpid()

    @classmethod
    def new(cls, width: int, tags: Sequence[str], scheme: str) -> TagHead:
        """Create a head with random weights.

        As in BERT, weights are normally distributed with a standard deviation of 0.02, and biases are 0.

        width (int): size of the input vectors.
        tags (Sequence[str]): tag for each logit column.
        scheme (str): the tag scheme.
        RETURNS (TagHead): the head.
        RAISES TagError: the tags do not fit the scheme.
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
        """Return the tag for each logit column."""
        return build_tag_set(self.model.config.tags, self.scheme)

    @property
    def parameter_depths(self) -> dict[str, ParameterDepth]:
        """Return the depth of each parameter, by parameter name. All parameters belong to the head."""
        return {name: ParameterDepth(1, 0) for name, _ in self.model.named_parameters()}

    @property
    def device(self) -> torch.device:
        """Return the device of the weights. Input vectors must be on the same device."""
        device: torch.device = self.model.classifier.weight.device
        return device

    def to(self, device: str | torch.device) -> None:
        """Move the weights to a device.

        device (str | torch.device): the device.
        """
        self.model.to(device)
        self.owner_pid = os.getpid()

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Compute the tag logits for token vectors.

        vectors (torch.Tensor): token vectors. *Shape:* `(n, width)`
        RETURNS (torch.Tensor): logits. *Shape:* `(n, n_tags)`
        """
        logits: torch.Tensor = self.model.classifier(self.model.dropout(vectors))
        return logits

    def rename_labels(self, label_rules: LabelRules) -> None:
        """Rename labels; see `Checkpoint.rename_labels`.

        label_rules (LabelRules): the rules. Empty rules change nothing.
        """
        if label_rules:
            self.model.config.tags = label_rules.rename_tags(self.tags)

    def add_labels(self, labels: Sequence[str]) -> None:
        """Add labels; see `Checkpoint.add_labels`.

        labels (Sequence[str]): the new labels.
        """
        if not labels:
            return
        old = self.tags
        tags = (*old.tags, *(tag for label in dict.fromkeys(labels) for tag in tags_of_label(label, old.scheme)))
        resize_head(self.model, len(old.tags), len(tags))
        self.model.config.tags = tags

    def to_files(self) -> dict[str, bytes]:
        """Serialize the weights and the tags.

        RETURNS (dict[str, bytes]): file contents by file name.
        """
        tag_info = {"tags": self.tags.tags, "tag_scheme": self.scheme}
        weights = {name: param.detach().cpu().contiguous() for name, param in self.model.named_parameters()}
        return {HEAD: safetensors.torch.save(weights), TAGS: json.dumps(tag_info, ensure_ascii=False).encode()}

    @classmethod
    def from_files(cls, files: dict[str, bytes], name: str = name) -> TagHead:
        """Load a head from the files returned by `to_files`.

        files (dict[str, bytes]): file contents by file name.
        name (str): name of the head, for messages.
        RETURNS (TagHead): the head.
        RAISES CheckpointError: the files were not created by `to_files` or are damaged.
        """
        with translate_load_errors(name, Errors.checkpoint_damaged):
            tag_info = json.loads(files[TAGS])
            weights = safetensors.torch.load(files[HEAD])
            tags = tuple(tag_info["tags"])
            try:
                head = cls.new(weights["classifier.weight"].shape[1], tags, tag_info["tag_scheme"])
            except TagError as e:
                raise ValueError(e) from e
            head.model.load_state_dict(weights)
        return head

    def __reduce__(self) -> tuple[Callable[..., TagHead], tuple[Any, ...]]:
        """Pickle or copy the head through the files that `to_files` returns, without accumulated gradients."""
        return _copy, (self.to_files(), str(self.device))


def _copy(files: dict[str, bytes], device: str) -> TagHead:
    head = TagHead.from_files(files)
    head.to(device)
    return head
