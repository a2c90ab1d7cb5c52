"""The pipeline as spaCy's loop is given it: it stands still where steps are done already, and shares work out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

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
"""The number of the epoch, and its examples."""


class ResumablePipeline:
    """What spaCy's `train_while_improving` asks of a pipeline.

    To go on after step s, the loop begins anew and goes through its steps up to s, with all that follows from them
    alone: data, batches, schedules, patience. None of them is learned from. That takes a small part of the time that
    they took, and needs to know nothing of what a schedule or a batcher keeps.

    done (int): the last step that is done; -1 for none.
    """

    def __init__(self, nlp: Language, workers: ProcessGroup, done: int = -1) -> None:
        self.nlp, self.workers, self.done = nlp, workers, done
        self.step = -1
        self.turn = 0
        self.is_last = False
        """Whether there is no batch after that of this step."""

    @property
    def is_behind(self) -> bool:
        """Whether the step is one of those that are done."""
        return self.step <= self.done

    def batches(self, batches: Iterable[Batch], own: IsolatedRng) -> Iterator[Batch]:
        """The same, counted, and read with random numbers of their own, one ahead to know the last.

        RAISES BertNerError: there are more workers than examples in the first batch.
        """
        iterator = iter(batches)

        def read() -> tuple[int, list[Any]] | None:
            with own:
                found = next(iterator, None)
                return None if found is None else (found[0], list(found[1]))

        following = read()
        while following is not None:
            epoch, batch = following
            if self.step < 0 and len(batch) < self.workers.n:
                raise BertNerError(Errors.too_many_workers.format(n=self.workers.n, found=len(batch)))
            following = read()
            self.step += 1
            self.is_last = following is None
            yield epoch, batch

    def update(self, examples: Iterable[Example], *, losses: dict[str, float], **options: Any) -> dict[str, float]:
        """Learn from this worker's part of a batch."""
        turn, self.turn = self.turn, self.turn + 1
        if self.is_behind:
            return losses
        self.nlp.update(self.workers.part(list(examples), turn), losses=losses, **options)
        return losses

    @property
    def pipeline(self) -> list[tuple[str, Callable[[Doc], Doc]]]:
        """The components that the loop lets step."""
        return [] if self.is_behind else self.nlp.pipeline

    @property
    def pipe_names(self) -> list[str]:
        """For an error of spaCy's."""
        return self.nlp.pipe_names

    def use_params(self, params: dict[Any, Any]) -> AbstractContextManager[None]:
        """Averages of the weights, for the length of a block."""
        return nullcontext() if self.is_behind else self.nlp.use_params(params)

    def evaluate(self, examples: Iterable[Example]) -> dict[str, Any]:
        """The scores of the dev data, each part of which another worker predicts; the first scores them all.

        Scorers see of a prediction what a `.spacy` file would hold of it, without user data, unless one works alone.
        """
        workers = self.workers
        if workers.n == 1:
            return self.nlp.evaluate(examples)
        examples = list(examples)
        shared: Any = _SharedScorer(self.nlp, workers, examples)
        scores = self.nlp.evaluate(workers.part(examples), scorer=shared)
        speed = torch.tensor([float(scores.get("speed", 0.0))], device=workers.device)
        workers.add_up([speed])
        return {**workers.from_first(scores), "speed": float(speed)}


class EvaluationSteps:
    """Which steps spaCy's loop evaluates, in the place of `eval_frequency`: those, and the last.

        step:        0   1   2   3   4   5   6   7      every 3rd, and at most step 7
        evaluated:   x           x           x   x

    Whoever asks for the remainder of a step, as the loop does, gets 0 for those.
    """

    def __init__(self, frequency: int, max_steps: int, stage: ResumablePipeline) -> None:
        self.frequency, self.max_steps, self.stage = frequency, max_steps, stage

    def __rmod__(self, step: int) -> int:
        is_last = self.stage.is_last or (self.max_steps > 0 and step == self.max_steps)
        return 0 if is_last else step % self.frequency


class _SharedScorer:
    """Scores what all workers have predicted, where it is the first."""

    def __init__(self, nlp: Language, workers: ProcessGroup, examples: Sequence[Example]) -> None:
        self.nlp, self.workers, self.examples = nlp, workers, examples

    def score(self, own: Iterable[Example], *, per_component: bool = False) -> dict[str, Any]:
        parts = self.workers.gather(DocBin(docs=[eg.predicted for eg in own]).to_bytes())
        if not parts:
            return {}
        docs = [list(DocBin().from_bytes(part).get_docs(self.nlp.vocab)) for part in parts]
        n = len(parts)
        found = [Example(docs[i % n][i // n], eg.reference) for i, eg in enumerate(self.examples)]
        return Scorer(nlp=self.nlp).score(found, per_component=per_component)


def check_parallel(nlp: Language, frozen: Sequence[str]) -> None:
    """RAISES BertNerError: a component is trained whose gradients cannot be added up."""
    ours = our_components(nlp)
    for name, pipe in trainable(nlp, frozen):
        if name not in ours or is_shared(pipe.model):
            raise BertNerError(Errors.not_parallel.format(name=name))


@contextmanager
def added_gradients(nlp: Language, frozen: Sequence[str], workers: ProcessGroup) -> Iterator[None]:
    """Let the components step with the gradients of all workers, for the length of the block."""
    shims: list[CheckpointShim] = []
    if workers.n > 1:
        shims = [pipe.model.shims[0] for _, pipe in trainable(nlp, frozen)]
    for shim in shims:
        shim.add_up = workers.add_up
    try:
        yield
    finally:
        for shim in shims:
            shim.add_up = None
