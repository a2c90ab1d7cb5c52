"""Estimate the memory that a training needs, and find the memory of the machine or its GPU."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch

from .facts import EncoderFacts

_WEIGHT, _TRAINED = 4, 12
"""Bytes for a weight, and further bytes for its gradient and the two moments of AdamW, all in float32."""
_PER_UNIT, _PER_SCORE, _PER_RECOMPUTED_UNIT = 112, 12, 70
"""Bytes that a layer takes for each unit of a subword's vector, for each attention score, and for each unit if the
activations are recomputed, as measured for MiniLM-L6."""
_USUAL_SIZE = (12, 768, 12)
"""Number of layers, width and number of heads of BERT-base, for encoders whose own are unknown."""
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


class TrainingMemory(NamedTuple):
    """The estimated memory for a training, in bytes.

    fixed (int): memory for the weights, their gradients and the state of the optimizer.
    per_subword (int): memory for the activations of a subword until the backward pass.
    per_recomputed_subword (int): the same with gradient checkpointing.
    """

    fixed: int
    per_subword: int
    per_recomputed_subword: int

    def needed(self, n_subwords: int, *, recomputes: bool = False) -> int:
        """Return the memory for a pass, in bytes.

        n_subwords (int): number of subwords in the pass, including padding.
        recomputes (bool): whether gradient checkpointing is used. Default: False.
        """
        return self.fixed + n_subwords * (self.per_recomputed_subword if recomputes else self.per_subword)


def training_memory(encoder: EncoderFacts, n_frozen: int, window: int) -> TrainingMemory:
    """Estimate the memory that a training needs beyond that of Python and its libraries.

    The estimate is the sum of
    - 4 bytes for each weight, and 12 for each trained weight (its gradient and the two moments of AdamW), and
    - for each subword and trained layer, 112 bytes times the width, and 12 bytes times heads and window size; with
      gradient checkpointing, 70 bytes times the width.

    These factors were fitted to MiniLM-L6 with the settings of `configs/bert_ner.cfg`, in float32 on a CPU. Memory at
    its peak minus memory before the weights were loaded, in MiB:

        windows                  measured    estimate
        16 of 128 subwords            848         788
        64 of 128 subwords          2,663       2,588
        256 of 32 subwords          2,087       2,048
        16 of 512 subwords          4,751       4,748
        64 of 128, recomputed       1,257       1,237
        16 of 512, recomputed       1,177       1,237

    With BERT-base, which was not part of the fit, 16 windows of 128 and no frozen layer take 3,949. The estimate is
    4,110. For tiny batches the estimate is too low: 195 in place of 270 for one window of 32. For bfloat16 it is too
    high: 64 windows of 128 take 2,094. It was not measured on GPUs.

    encoder (EncoderFacts): facts about the encoder.
    n_frozen (int): number of frozen layers. The embeddings are also frozen if it is not 0.
    window (int): maximum number of subwords in a window.
    RETURNS (TrainingMemory): the estimate.
    """
    size = (encoder.n_layers, encoder.width, encoder.n_heads)
    n_layers, width, n_heads = (known or usual for known, usual in zip(size, _USUAL_SIZE, strict=True))
    n_weights = sum(encoder.n_weights)
    n_trained = sum(encoder.n_weights[n_frozen + 1 :]) if n_frozen else n_weights
    n_layers -= n_frozen
    return TrainingMemory(
        fixed=_WEIGHT * n_weights + _TRAINED * n_trained,
        per_subword=n_layers * (_PER_UNIT * width + _PER_SCORE * n_heads * window),
        per_recomputed_subword=n_layers * _PER_RECOMPUTED_UNIT * width,
    )


def installed_memory(*, gpu: bool) -> int | None:
    """Return the memory of the first GPU, or of the machine or container, in bytes.

    The limit of a container is only known on Linux with cgroup v2.

    gpu (bool): whether to return the memory of the GPU.
    RETURNS (int | None): the memory; None if it cannot be found, such as that of a GPU on a machine without one.
    """
    if gpu:
        with suppress(RuntimeError, AssertionError):  # raised for drivers that do not fit, and by torch without CUDA
            return torch.cuda.mem_get_info(0)[1] if torch.cuda.is_available() else None
        return None
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no `os.sysconf`
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # the limit may be "max", and only Linux has this file
        found.append(int(_CONTAINER_LIMIT.read_text(encoding="ascii")))
    return min((n for n in found if n > 0), default=None)
