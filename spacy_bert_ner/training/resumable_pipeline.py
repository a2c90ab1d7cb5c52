"""Replace the pipeline in spaCy's training loop to replay completed steps and distribute work across workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ..errors import BertNerError, Errors
from ..models.shared_token_classifier import is_shared
from ..models.shim import CheckpointShim
from ..util.pipelines import our_components
from ..util.rng import IsolatedRng
from .distributed import ProcessGroup
from .optimizer_state import trainable

Batch = tuple[int, Any]
"""The epoch number, starting at 0, and the examples in the batch."""


class ResumablePipeline:
    """A substitute for `Language` in spaCy's `train_while_improving`.

    It is not a `Language`. It has only the attributes that the loop and its evaluation callback use: `update`,
    `pipeline`, `pipe_names`, `use_params` and `evaluate`. A unit test compares this list with spaCy's source code.
    `as_language` returns this object with the type that spaCy expects.

    To resume after step s, the loop starts at step 0 and replays the steps up to s. In a replayed step, data, batches,
    schedules and patience advance as usual, but no component is updated. Replaying takes a small fraction of the
    original time. It does not depend on the internal state of any schedule or batcher.

    nlp (Language): the actual pipeline.
    workers (ProcessGroup): the group of training processes.
    completed_step (int): last step in the training checkpoint, or -1 for none. Default: -1.
    """

    def __init__(self, nlp: Language, workers: ProcessGroup, completed_step: int = -1) -> None:
        self.nlp, self.workers, self.completed_step = nlp, workers, completed_step
        self.step = -1
        self.turn = 0
        self.is_last_batch = False
        """Whether the current batch is the last batch."""

    @property
    def is_replaying(self) -> bool:
        """Return whether the current step was completed before the run was resumed."""
        return self.step <= self.completed_step

    def as_language(self) -> Language:
        """Return this object, typed as the `Language` that spaCy's training loop expects. Pass it only to that loop."""
        return cast(Language, self)

    def batches(self, batches: Iterable[Batch], data_rng: IsolatedRng) -> Iterator[Batch]:
        """Yield the batches and count the steps.

        Batches are read one step ahead to detect the last batch.

        batches: pairs of epoch number and examples.
        data_rng (IsolatedRng): random number generators for reading the data.
        RAISES BertNerError: the first batch has fewer examples than there are workers.
        """
        iterator = iter(batches)

        def read() -> tuple[int, list[Any]] | None:
            with data_rng:
                batch = next(iterator, None)
                return None if batch is None else (batch[0], list(batch[1]))

        following = read()
        while following is not None:
            epoch, batch = following
            if self.step < 0 and len(batch) < self.workers.world_size:
                raise BertNerError(Errors.too_many_workers.format(n=self.workers.world_size, found=len(batch)))
            following = read()
            self.step += 1
            self.is_last_batch = following is None
            yield epoch, batch

    def update(self, examples: Iterable[Example], *, losses: dict[str, float], **options: Any) -> dict[str, float]:
        """Train on this worker's shard of a batch with `Language.update`, or do nothing in a replayed step.

        examples: examples in the batch, in the same order on every worker.
        losses: losses to update.
        options: other arguments for `Language.update`.
        RETURNS: the updated losses.
        """
        turn, self.turn = self.turn, self.turn + 1
        if self.is_replaying:
            return losses
        self.nlp.update(self.workers.shard(list(examples), turn), losses=losses, **options)
        return losses

    @property
    def pipeline(self) -> list[tuple[str, Callable[[Doc], Doc]]]:
        """Return the components that take an optimizer step, or none in a replayed step."""
        return [] if self.is_replaying else self.nlp.pipeline

    @property
    def pipe_names(self) -> list[str]:
        """Return the component names, which spaCy shows in an error message."""
        return self.nlp.pipe_names

    def use_params(self, params: dict[Any, Any]) -> AbstractContextManager[None]:
        """Use averaged weights within a block with `Language.use_params`, or do nothing in a replayed step."""
        return nullcontext() if self.is_replaying else self.nlp.use_params(params)

    def evaluate(self, examples: Iterable[Example]) -> dict[str, Any]:
        """Score the pipeline on the dev data.

        Each worker predicts one shard, and rank 0 scores all predictions. With several workers, scorers receive
        predictions without user data, as if they had been stored in a `.spacy` file.

        examples: the dev data.
        RETURNS: the scores from `Language.evaluate`, which are the same on all workers. `speed` is the total for all
            workers.
        RAISES BertNerError: the connection to another worker is lost.
        """
        workers = self.workers
        if workers.world_size == 1:
            return self.nlp.evaluate(examples)
        examples = list(examples)
        scorer = cast(Scorer, _GatheringScorer(self.nlp, workers, examples))
        scores = self.nlp.evaluate(workers.shard(examples), scorer=scorer)
        speed = torch.tensor([float(scores.get("speed", 0.0))], device=workers.device)
        workers.all_reduce([speed])
        return {**workers.broadcast_object(scores), "speed": float(speed)}


class EvaluationSteps:
    """A substitute for the integer `eval_frequency` in spaCy's training loop that also evaluates the last step.

        step:        0   1   2   3   4   5   6   7      eval_frequency = 3, max_steps = 7
        evaluated:   x           x           x   x

    It is not an integer. It supports only `step % eval_frequency`, which returns 0 for the steps to evaluate.

    frequency (int): `eval_frequency` from the config.
    max_steps (int): `max_steps` from the config, or 0 for no limit.
    pipeline (ResumablePipeline): pipeline that detects the last batch.
    """

    def __init__(self, frequency: int, max_steps: int, pipeline: ResumablePipeline) -> None:
        self.frequency, self.max_steps, self.pipeline = frequency, max_steps, pipeline

    def __rmod__(self, step: int) -> int:
        is_last = self.pipeline.is_last_batch or (self.max_steps > 0 and step == self.max_steps)
        return 0 if is_last else step % self.frequency

    def as_int(self) -> int:
        """Return this object, typed as the `int` that spaCy's training loop expects. Pass it only to that loop."""
        return cast(int, self)


class _GatheringScorer:
    """A substitute for the `Scorer` in `Language.evaluate` that scores all workers' predictions on rank 0."""

    def __init__(self, nlp: Language, workers: ProcessGroup, examples: Sequence[Example]) -> None:
        self.nlp, self.workers, self.examples = nlp, workers, examples

    def score(self, shard: Iterable[Example], *, per_component: bool = False) -> dict[str, Any]:
        parts = self.workers.gather(DocBin(docs=[eg.predicted for eg in shard]).to_bytes())
        if not parts:
            return {}
        docs = [list(DocBin().from_bytes(part).get_docs(self.nlp.vocab)) for part in parts]
        n = len(parts)
        predicted = [Example(docs[i % n][i // n], eg.reference) for i, eg in enumerate(self.examples)]
        return Scorer(nlp=self.nlp).score(predicted, per_component=per_component)


def check_parallel(nlp: Language, frozen: Sequence[str]) -> None:
    """Check that several workers can train the pipeline.

    nlp (Language): the pipeline.
    frozen: names of the components that are not trained.
    RAISES BertNerError: a trained component's gradients cannot be summed across workers.
    """
    ours = our_components(nlp)
    for name, pipe in trainable(nlp, frozen):
        if name not in ours or is_shared(pipe.model):
            raise BertNerError(Errors.not_parallel.format(name=name))


@contextmanager
def added_gradients(nlp: Language, frozen: Sequence[str], workers: ProcessGroup) -> Iterator[None]:
    """Sum gradients across workers before each optimizer step within the block.

    nlp (Language): the pipeline.
    frozen: names of the components that are not trained.
    workers (ProcessGroup): the group of training processes. With a single process, no gradients are summed.
    """
    shims: list[CheckpointShim] = []
    if workers.world_size > 1:
        shims = [pipe.model.shims[0] for _, pipe in trainable(nlp, frozen)]
    for shim in shims:
        shim.add_up = workers.all_reduce
    try:
        yield
    finally:
        for shim in shims:
            shim.add_up = None
