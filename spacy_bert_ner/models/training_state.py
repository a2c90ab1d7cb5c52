"""Hold the state that exists only while a checkpoint is being trained. It is neither saved nor copied."""

from __future__ import annotations

import torch

from ..nn.gradient_accumulation import AllReduce, GradientAccumulator
from ..nn.sparse_embedding_grad import SparseEmbeddingGrad


class TrainingState:
    """The gradient weights, the embedding gradient and the loss scaler of one checkpoint.

    averages (bool): whether to divide accumulated gradients by their weights. If False, a step uses the sum of the
        gradients over tokens, as spaCy's own components do.
    """

    def __init__(self, *, averages: bool = True) -> None:
        self.accumulator = GradientAccumulator()
        self.embedding_grad = SparseEmbeddingGrad()
        self.scaler: torch.amp.GradScaler | None = None
        """Loss scaler for training in float16. None until it is needed."""
        self._averages = averages

    def add_batch(self, weight: float) -> float:
        """Add the weight of a batch; see `GradientAccumulator.add_batch`.

        weight (float): number of rows with a loss, or the sum of their weights.
        RETURNS (float): factor for the mean gradient of the batch.
        """
        return self.accumulator.add_batch(weight) if self._averages else weight

    def pop_scale(self) -> float:
        """Return the factor for the gradients accumulated since the last step, and reset their weights.

        RETURNS (float): the factor.
        """
        return self.accumulator.pop_scale() if self._averages else 1.0

    def all_reduce(self, model: torch.nn.Module, add_up: AllReduce) -> None:
        """Sum the gradients and their weights over all workers; see `GradientAccumulator.all_reduce`.

        model (torch.nn.Module): the model whose trained parameters have gradients.
        add_up (AllReduce): function that sums tensors over all workers in place.
        """
        self.accumulator.all_reduce([param for param in model.parameters() if param.requires_grad], add_up)
