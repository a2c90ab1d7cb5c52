"""The spaCy side: the factory `bert_ner` and its component."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from spacy import util
from spacy.language import Language
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Optimizer, Ragged, set_dropout_rate

from . import model as models
from .alignment import first_rows
from .decoding import decode
from .errors import BertNerError, ConfigError, EncoderError, Errors, TagError
from .evaluation.metrics import iob_accuracy
from .loss import MeanLoss, cross_entropy
from .model import TokenClassifier
from .tags import OUTSIDE, UNKNOWN, biluo_to_iob, labels_of_tags
from .types import Entity, Ints1d

SUBWORD_LABELS = ("first", "all")

DEFAULT_MODEL = """
[model]
@architectures = "spacy_bert_ner.TokenClassifier.v1"
name = "dslim/bert-base-NER"
revision = null
window = null
overlap = 128
max_batch_tokens = 2048
"""


@Language.factory(
    "bert_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": Config().from_str(DEFAULT_MODEL)["model"],
        "subword_labels": "first",
        "scorer": {"@scorers": "spacy_bert_ner.ner_scorer.v1"},
    },
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
        "iob_acc": 0.0,
        "iob_doc_acc": 0.0,
    },
)
def make_bert_ner(
    nlp: Language, name: str, model: TokenClassifier, subword_labels: str, scorer: Callable[..., Any] | None
) -> "BertNer":
    """Make a `BertNer` from a config. Reads no file and asks no network.

    model (Model[List[Doc], List[Ragged]]): see `spacy_bert_ner.TokenClassifier.v1`.
    subword_labels (str): "first": only the first subword of a token carries its tag in training; the others get no
        loss. "all": every subword carries it. Predictions are read from the first subword either way.
    scorer (Callable | None): scores Examples; see `score_bert_ner`.
    """
    return BertNer(nlp.vocab, model, name, subword_labels=subword_labels, scorer=scorer)


@util.registry.scorers("spacy_bert_ner.ner_scorer.v1")
def make_ner_scorer_v1() -> Callable[..., dict[str, Any]]:
    """The registered scorer of `bert_ner`: see `score_bert_ner`."""
    return score_bert_ner


def score_bert_ner(examples: Iterable[Example], **_: Any) -> dict[str, Any]:
    """Score predicted entities.

    RETURNS: `ents_p`, `ents_r`, `ents_f`, `ents_per_type` as spaCy counts them; `iob_acc` and `iob_doc_acc`, see
        `evaluation.metrics.iob_accuracy`, counted on the gold tokens.
    """
    examples = list(examples)
    scores: dict[str, Any] = get_ner_prf(examples)
    scores.update(iob_accuracy([_gold_tags(eg.reference) for eg in examples], [_predicted_tags(eg) for eg in examples]))
    return scores


class BertNer(TrainablePipe):
    """Named entity recognition with a Hugging Face token classifier that spaCy trains, runs and saves.

    vocab (Vocab): the shared vocabulary.
    model (Model[List[Doc], List[Ragged]]): the token classifier.
    name (str): name of the component in its pipeline; the losses and errors bear it.
    subword_labels (str): "first" or "all"; see `make_bert_ner`.
    scorer (Callable | None): scores Examples.
    RAISES ConfigError: a setting is not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: TokenClassifier,
        name: str = "bert_ner",
        *,
        subword_labels: str = "first",
        scorer: Callable[..., Any] | None = score_bert_ner,
    ) -> None:
        if subword_labels not in SUBWORD_LABELS:
            allowed = ", ".join(f'"{choice}"' for choice in SUBWORD_LABELS)
            raise ConfigError(
                Errors.bad_value.format(
                    section=f"components.{name}", key="subword_labels", value=subword_labels, allowed=allowed
                )
            )
        super().__init__(vocab, model, name)
        self.subword_labels = subword_labels
        self.scorer = scorer
        # Rows with a known tag in the first of the batches gathered since the last step, and in all of them.
        self._first_rows = self._all_rows = 0

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag of each column of the logits; empty before weights are loaded."""
        return models.get_checkpoint(self.model).tags if models.has_checkpoint(self.model) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types that can be predicted, sorted."""
        return labels_of_tags(self.tags)

    @property
    def label_data(self) -> list[str]:
        """What `spacy init labels` writes and `initialize` takes back."""
        return list(self.labels)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Open the checkpoint that the config names; give it a head for the labels, unless it has one.

        get_examples (Callable): gives examples; their entities name the labels.
        nlp (Language | None): the pipeline; not used.
        labels (Sequence[str] | None): the labels, in place of those of the examples.
        RAISES BertNerError: there is no label and no trained head. CheckpointError: see `Checkpoint.open`.
        """
        validate_get_examples(get_examples, "BertNer.initialize")
        if labels is None:
            labels = sorted({ent.label_ for eg in get_examples() for ent in eg.reference.ents})
        try:
            models.load_checkpoint(self.model, labels or None)
        except EncoderError as e:
            raise BertNerError(Errors.no_labels.format(name=self.name)) from e

    def predict(self, docs: Iterable[Doc]) -> list[list[Entity]]:
        """The entities of each Doc, which stays as it is."""
        docs = list(docs)
        if not docs:
            return []
        checkpoint, to_numpy = models.get_checkpoint(self.model), self.model.ops.to_numpy
        tags, is_iob2 = checkpoint.tags, checkpoint.is_iob2
        return [
            decode(to_numpy(models.logits_of(rows)), to_numpy(rows.lengths), tags, is_iob2=is_iob2)
            for rows in self.model.predict(docs)
        ]

    def set_annotations(self, docs: Iterable[Doc], scores: list[list[Entity]]) -> None:
        """Write entities to `doc.ents`. Entities and blocked tokens that the Doc has stay; what overlaps them goes."""
        for doc, entities in zip(docs, scores, strict=True):
            present = list(doc.ents)
            blocked = [doc[token.i : token.i + 1] for token in doc if token.ent_iob == 3 and not token.ent_type]
            taken = {i for span in (*present, *blocked) for i in range(span.start, span.end)}
            spans = [
                Span(doc, entity.start, entity.end, label=entity.label)
                for entity in entities
                if taken.isdisjoint(range(entity.start, entity.end))
            ]
            doc.set_ents(present + spans, blocked=blocked)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Gather the gradient of one batch.

        examples (Iterable[Example]): the batch.
        drop (float): dropout rate of every torch module; overrides the checkpoint's own rates.
        sgd (Optimizer | None): steps at once if given.
        losses (dict[str, float] | None): the mean cross-entropy of this batch, and of those counted before, is kept
            under the component's name.
        RETURNS (dict[str, float]): `losses`.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, MeanLoss())
        examples = list(examples)
        validate_examples(examples, "BertNer.update")
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_logits = self.get_loss(examples, logits)
        if loss.n_rows:
            # Batches that are gathered before a step weigh by their rows, so that accumulation changes memory alone.
            self._first_rows = self._first_rows or loss.n_rows
            self._all_rows += loss.n_rows
            weight = loss.n_rows / self._first_rows
            backprop([Ragged(d.dataXd * weight, d.lengths) for d in d_logits] if weight != 1 else d_logits)
            losses[self.name] = losses[self.name] + loss
        if sgd:  # `spacy train` hands over False
            self.finish_update(sgd)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Step once with the mean gradient over all rows gathered since the last step."""
        if not self._all_rows:
            return
        if self._all_rows != self._first_rows:
            models.scale_gradients(self.model, self._first_rows / self._all_rows)
        self._first_rows = self._all_rows = 0
        super().finish_update(sgd)

    def get_loss(self, examples: Iterable[Example], scores: list[Ragged]) -> tuple[MeanLoss, list[Ragged]]:
        """Mean cross-entropy over the subwords that carry a known tag.

        examples (Iterable[Example]): the batch.
        scores (list[Ragged]): the model's output for `eg.predicted` of each.
        RETURNS: the loss in nats, and its gradient in the shape of `scores`.
        RAISES TagError: an example has a label that the head lacks.
        """
        xp = self.model.ops.xp
        targets = [
            self._row_targets(eg, self.model.ops.to_numpy(s.lengths)) for eg, s in zip(examples, scores, strict=True)
        ]
        logits = xp.concatenate([models.logits_of(s) for s in scores])
        loss, gradient = cross_entropy(logits, xp.asarray(np.concatenate(targets)))
        cuts = np.cumsum([len(t) for t in targets])[:-1].tolist()
        parts = xp.split(gradient, cuts)
        return loss, [Ragged(part, s.lengths) for part, s in zip(parts, scores, strict=True)]

    def _row_targets(self, eg: Example, lengths: Ints1d) -> Ints1d:
        """The tag id of each subword of each token, `UNKNOWN` for those that carry none. *Shape:* `(n_rows,)`"""
        tag_ids = self._gold_tag_ids(eg)
        if self.subword_labels == "all":
            return np.repeat(tag_ids, lengths)
        targets = np.full(int(lengths.sum()), UNKNOWN, dtype=np.int64)
        tokens, rows = first_rows(lengths)
        targets[rows] = tag_ids[tokens]
        return targets

    def _gold_tag_ids(self, eg: Example) -> Ints1d:
        """*Shape:* `(n_tokens,)` of the predicted Doc"""
        id_of_tag = {tag: i for i, tag in enumerate(self.tags)}
        tag_ids = np.full(len(eg.predicted), UNKNOWN, dtype=np.int64)
        with warnings.catch_warnings():
            # An entity that falls on no token boundary is unknown, hence masked; spaCy's W030 would say it for each.
            warnings.filterwarnings("ignore", message=r"\[W030\]")
            aligned = eg.get_aligned_ner()
        for i, tag in enumerate(aligned):
            if tag not in (None, "-"):
                iob = biluo_to_iob(tag)
                if iob not in id_of_tag:
                    label, labels = iob.partition("-")[2], ", ".join(self.labels)
                    raise TagError(Errors.unknown_label.format(label=label, name=self.name, labels=labels))
                tag_ids[i] = id_of_tag[iob]
        return tag_ids

    def _load_to_save(self) -> bool:
        """Open a named fine-tuned checkpoint that was not used yet, so that what is saved is complete.

        RETURNS: whether there are weights; an encoder that was not initialized has none.
        """
        try:
            models.get_checkpoint(self.model)
        except EncoderError:
            return False
        return True

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Weights, tokenizer and labels as bytes; nothing is pickled."""
        if "model" not in exclude:
            self._load_to_save()
        data: bytes = super().to_bytes(exclude=exclude)
        return data

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write `cfg` and `model/`, a plain Hugging Face checkpoint."""
        serialize: dict[str, Callable[[Path], None]] = {
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        if "model" not in exclude and self._load_to_save():
            serialize["model"] = lambda p: models.save_checkpoint(self.model, p)
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "BertNer":
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
        return self


def _gold_tags(doc: Doc) -> list[str | None]:
    """IOB2 tags of a gold Doc, None for tokens without annotation."""
    # ent_iob: 0 missing, 1 inside, 2 outside, 3 begins
    return [None if t.ent_iob == 0 else f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else OUTSIDE for t in doc]


def _predicted_tags(eg: Example) -> list[str]:
    """IOB2 tags of the predicted entities, on the gold tokens that hold any part of them."""
    tags = [OUTSIDE] * len(eg.reference)
    for ent in eg.predicted.ents:
        prefix = "B"
        for i in np.unique(eg.alignment.x2y[ent.start : ent.end]).tolist():
            if tags[i] == OUTSIDE:
                tags[i] = f"{prefix}-{ent.label_}"
                prefix = "I"
    return tags
