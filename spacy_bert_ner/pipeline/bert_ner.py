"""The spaCy side: the factory `bert_ner` and its component."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Optimizer, Ragged, set_dropout_rate

from ..corpus.relabeling import rename_gold
from ..decoding.label_rules import rename_head, wanted_labels
from ..decoding.tag_scheme import check_labels
from ..errors import BertNerError, CheckpointError, ConfigError, EncoderError, Errors, TagError
from ..evaluation.label_scope import remember_pipeline, scope_of_component, sets_entities_alone
from ..evaluation.preset_entities import reject_preset_gold
from ..evaluation.scorer import score_bert_ner
from ..losses import gold_tags as gold
from ..losses.class_weights import balanced_weights
from ..losses.cross_entropy import WeightedMean, rehearsal_loss
from ..losses.gold_warnings import GoldWarnings
from ..models import token_classifier as models
from ..models.shared_token_classifier import is_shared, listens
from ..models.tag_map import keep_tag_map
from ..models.token_classifier import TokenClassifier
from ..optim.default_optimizer import set_optimizer
from ..tokenization.batching import read_ahead_batches
from ..tokenization.tokenizer_fit import TokenizerFit
from ..types import DocPredictions
from ..util.doc_entities import register_score_extension, write_entities
from .calibration import calibrate
from .objective import training_loss
from .prediction import predict, warn_of_unread
from .serialization import LearnedState
from .settings import BALANCED, DEFAULT_MODEL, Settings
from .stepping import CountedExamples, SteppingPipe


@Language.factory(
    "bert_ner",
    assigns=["doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": Config().from_str(DEFAULT_MODEL)["model"],
        "subword_labels": "first",
        "subword_reading": "first",
        "objective": "tokens",
        "decoding": "viterbi",
        "respect_sentences": True,
        "overwrite": False,
        "spans_key": "bert_ner",
        "thresholds": {},
        "class_weights": None,
        "focal_gamma": 0.0,
        "label_smoothing": 0.0,
        "labels": None,
        "label_map": {},
        "incorrect_spans_key": None,
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
    nlp: Language,
    name: str,
    model: TokenClassifier,
    subword_labels: Any,
    subword_reading: Any,
    objective: Any,
    decoding: Any,
    respect_sentences: Any,
    overwrite: Any,
    spans_key: Any,
    thresholds: Any,
    class_weights: Any,
    focal_gamma: Any,
    label_smoothing: Any,
    labels: Any,
    label_map: Any,
    incorrect_spans_key: Any,
    scorer: Callable[..., Any] | None,
) -> "BertNer":
    """Make a `BertNer` from a config. Reads no file and asks no network.

    model (Model[List[Doc], List[Ragged]]): see `spacy_bert_ner.TokenClassifier.v1`.
    subword_labels, subword_reading, objective, decoding, respect_sentences, overwrite, spans_key, thresholds,
        class_weights, focal_gamma, label_smoothing, labels, label_map, incorrect_spans_key: see `settings.Settings`.
    scorer (Callable | None): scores Examples; see `score_bert_ner`.
    RAISES ConfigError: a setting is not allowed.
    """
    # Typed as Any so that all settings are refused in the same words, which name what is allowed.
    reading = (decoding, respect_sentences, overwrite, spans_key, thresholds)
    loss = (class_weights, focal_gamma, label_smoothing)
    of_labels = (labels, label_map, incorrect_spans_key)
    settings = Settings(subword_labels, objective, *reading, *loss, subword_reading, *of_labels)
    keep_tag_map(nlp)
    set_optimizer(nlp)
    component = BertNer(nlp.vocab, model, name, settings=settings, scorer=scorer)
    remember_pipeline(component, nlp)
    return component


class BertNer(SteppingPipe):
    """Named entity recognition with a Hugging Face token classifier that spaCy trains, runs and saves.

    vocab (Vocab): the shared vocabulary.
    model (Model[List[Doc], List[Ragged]]): the token classifier.
    name (str): name of the component in its pipeline; the losses and errors bear it.
    settings (Settings): what the config says.
    scorer (Callable | None): scores Examples.
    RAISES ConfigError: a setting is not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: TokenClassifier,
        name: str = "bert_ner",
        *,
        settings: Settings = Settings(),  # noqa: B008, it is frozen
        scorer: Callable[..., Any] | None = score_bert_ner,
    ) -> None:
        settings.check(name)
        super().__init__(vocab, model, name)
        self.settings = settings
        self.scorer = scorer
        # Labels that `add_label` was given, which every head is to have; the temperature of the scores; the weights
        # that `initialize` counted, so that training can go on with them.
        self.cfg = LearnedState(added_labels=[], temperature=1.0, balanced_weights={})
        self._rehearsal_model: TokenClassifier | None = None
        self._gold_warnings = GoldWarnings(name, settings.incorrect_spans_key)
        self._tokenizer_fit, self._unread_reported = TokenizerFit(name), False
        if settings.spans_key is not None:
            register_score_extension()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tag of each column of the logits; empty before weights are loaded."""
        return models.get_tags(self.model).tags if models.has_checkpoint(self.model) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types that can be predicted, sorted. Before weights are loaded, those that were added."""
        known = models.get_tags(self.model).labels if models.has_checkpoint(self.model) else ()
        return tuple(sorted({*known, *self.cfg["added_labels"]}))

    @property
    def is_resizable(self) -> bool:
        """Labels can be added."""
        return True

    @property
    def label_data(self) -> list[str]:
        """What `spacy init labels` writes and `initialize` takes back."""
        return list(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type. A head that is there gets new rows, with random weights, behind its old ones, which stay.

        Training goes on with `nlp.resume_training()`; `nlp.rehearse` keeps the old labels in mind.
        RETURNS (int): 1, or 0 if the label was there already.
        RAISES TagError: it is no label, `labels` and `label_map` do not keep it, or it does not go with the tags of the
            head.
        """
        check_labels([label])
        if self.settings.label_rules.rename(label) != label:
            raise TagError(Errors.label_not_kept.format(label=label, name=self.name))
        if label in self.labels:
            return 0
        if models.has_checkpoint(self.model):
            models.get_checkpoint(self.model).add_labels([label])
        self.cfg["added_labels"].append(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Open the checkpoint that the config names; give it a head for the labels, unless it has one.

        get_examples (Callable): gives examples; their entities name the labels, and their tokens are counted for
            `class_weights = "balanced"`.
        nlp (Language | None): the pipeline, whose config says how long it trains; see `SteppingPipe.make_plan`.
        labels (Sequence[str] | None): the labels, in place of those of the examples.
        RAISES BertNerError: there is no label and no trained head. TagError: a label is none. CheckpointError: see
            `Checkpoint.from_pretrained`.
        """
        validate_get_examples(get_examples, "BertNer.initialize")
        counted, rules = CountedExamples(get_examples), self.settings.label_rules
        if labels is None:
            found = set[str]()
            labels = self._gold_warnings.labels(rename_gold(rules, counted(), found))
            labels = sorted(found or labels)
        wanted = wanted_labels(rules, check_labels(labels), self.name)
        try:
            sample = lambda: [eg.x for eg in islice(get_examples(), 10)]  # noqa: E731
            models.load_checkpoint(self.model, wanted, self.cfg["added_labels"], sample, rules)
        except EncoderError as e:
            raise BertNerError(Errors.no_labels.format(name=self.name)) from e
        counts = (
            gold.count_tokens(rename_gold(rules, get_examples())) if self.settings.class_weights == BALANCED else {}
        )
        self.cfg.update(temperature=1.0, balanced_weights=balanced_weights(counts))
        self._rehearsal_model = None
        self._ensure_loaded()
        self.make_plan(nlp, counted)

    def predict(self, docs: Iterable[Doc]) -> list[DocPredictions]:
        """The entities of each Doc, which stays as it is, in the order of the text. Warns once of those not read."""
        docs = list(docs)
        if docs:
            self._ensure_loaded()
        predictions = predict(self.model, docs, self.settings, self.cfg["temperature"])
        self._tokenizer_fit.add(docs, predictions)
        if not self._unread_reported:
            self._unread_reported = warn_of_unread(docs, predictions, self.settings, self.name)
        return predictions

    def set_annotations(self, docs: Iterable[Doc], scores: list[DocPredictions]) -> None:
        """Write entities to `doc.ents`, and with their scores to `doc.spans`; see `doc_entities.write_entities`."""
        for doc, predictions in zip(docs, scores, strict=True):
            write_entities(doc, predictions, overwrite=self.settings.overwrite, spans_key=self.settings.spans_key)

    def calibrate(self, examples: Iterable[Example]) -> dict[str, float]:
        """Fit the temperature of the scores on held-out examples; what is found stays, but for what `thresholds` drop.

        examples (Iterable[Example]): with gold entities; best those of the dev data. Found entities that touch a token
            without annotation are left out.
        RETURNS: `temperature`; the expected calibration error over the entities found, `ece_before` and `ece_after`;
            their number, `n_entities`.
        RAISES BertNerError: there are no scores. CalibrationError: the examples hold nothing to fit to.
        """
        if self.settings.spans_key is None:
            raise BertNerError(Errors.no_scores.format(name=self.name))
        examples = list(examples)
        validate_examples(examples, "BertNer.calibrate")
        self._ensure_loaded()
        renamed = [*rename_gold(self.settings.label_rules, examples)]
        fitted = calibrate(self.model, renamed, self.settings, self.cfg["temperature"], self.name)
        self.cfg["temperature"] = fitted["temperature"]
        return fitted

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted entities, with gold ones under the names that `label_map` gives, and without those whose
        labels no component of the pipeline predicts; see `label_scope`.

        RAISES BertNerError: the predicted Docs are the references, or held all gold entities before, while nothing else
            in the pipeline sets entities.
        """
        renamed = [*scope_of_component(self).rename(examples)]
        if sets_entities_alone(self):
            reject_preset_gold(renamed)
        scores: dict[str, Any] = super().score(renamed, **kwargs)
        return scores

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of Docs, some of which are read ahead so that those of like length go together.

        A Doc that fails does not take others along: the Docs read ahead are halved until it is alone, and the error
        handler gets it. What is no Doc's fault, such as weights that cannot be opened, is reported once for all of
        them.

        stream (Iterable[Doc]): the Docs.
        batch_size (int): the most Docs to read ahead; fewer, where they hold many tokens, see
            `batching.read_ahead_batches`.
        YIELDS (Doc): the annotated Docs in order, without those that the error handler got and did not raise.
        """
        error_handler = self.get_error_handler()
        for docs in read_ahead_batches(stream, batch_size, self.model.attrs["max_batch_tokens"]):
            for doc, predictions in self._predict_with_bisection(docs):
                try:
                    self.set_annotations([doc], [predictions])
                except Exception as e:  # whatever it is, as in `_predict_with_bisection`
                    error_handler(self.name, self, [doc], e)
                else:
                    yield doc

    def _predict_with_bisection(self, docs: list[Doc]) -> Iterator[tuple[Doc, DocPredictions]]:
        try:
            predictions = self.predict(docs)
        except Exception as e:  # whatever it is, spaCy leaves it to the error handler
            is_of_a_doc = not isinstance(e, CheckpointError | ConfigError) and models.has_checkpoint(self.model)
            if len(docs) == 1 or not is_of_a_doc:
                self.get_error_handler()(self.name, self, docs, e)
                return
            predictions = []
        # Not while the error is handled, as that would hold the memory that the failed batch took.
        if predictions:
            yield from zip(docs, predictions, strict=True)
        else:
            middle = len(docs) // 2
            yield from self._predict_with_bisection(docs[:middle])
            yield from self._predict_with_bisection(docs[middle:])

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
        examples = list(examples)
        validate_examples(examples, "BertNer.update")
        return self._accumulate_gradient(examples, self.get_loss, drop, sgd, losses)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Gather the gradient that keeps the model near to what it was when `nlp.resume_training()` was called.

        examples (Iterable[Example]): of the kind that the model knows; they need no annotation.
        losses (dict[str, float] | None): the mean divergence from the old model, see `cross_entropy.distillation`, over
            the first subwords of all tokens, is kept under the component's name.
        For the others see `update`. RETURNS (dict[str, float]): `losses`.
        RAISES BertNerError: its encoder is another component's.
        """
        examples = list(examples)
        if listens(self.model):
            raise BertNerError(Errors.shared_encoder.format(name=self.name))
        validate_examples(examples, "BertNer.rehearse")
        known = [] if self._rehearsal_model is None else examples
        return self._accumulate_gradient(known, self._get_rehearsal_loss, drop, sgd, losses)

    def _get_rehearsal_loss(self, examples: list[Example], logits: list[Ragged]) -> tuple[WeightedMean, list[Ragged]]:
        teacher = cast(TokenClassifier, self._rehearsal_model)
        return rehearsal_loss(logits, teacher.predict([eg.predicted for eg in examples]))

    def _accumulate_gradient(
        self,
        examples: list[Example],
        get_loss: Callable[[list[Example], list[Ragged]], tuple[WeightedMean, list[Ragged]]],
        drop: float,
        sgd: Optimizer | None,
        losses: dict[str, float] | None,
    ) -> dict[str, float]:
        losses = {} if losses is None else losses
        losses.setdefault(self.name, WeightedMean())
        if not any(len(eg.predicted) for eg in examples):
            return losses
        self._ensure_loaded()
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, gradient = get_loss(examples, logits)
        if loss.weight or is_shared(self.model):  # whose encoder may wait for it, with the gradients of others
            weight = models.gather(self.model, loss.weight)
            backprop([Ragged(d.dataXd * weight, d.lengths) for d in gradient] if weight != 1 else gradient)
            losses[self.name] = losses[self.name] + loss
        if sgd:  # None or, as spaCy's own components take it, False for no step
            self.finish_update(sgd)
        return losses

    def get_loss(self, examples: Iterable[Example], scores: list[Ragged]) -> tuple[WeightedMean, list[Ragged]]:
        """Mean loss over the subwords that carry a known tag, and incorrect spans, as the settings say.

        examples (Iterable[Example]): the batch.
        scores (list[Ragged]): the model's output for `eg.predicted` of each.
        RETURNS: the loss in nats, and its gradient in the shape of `scores`.
        RAISES BertNerError: see `objective.training_loss`.
        """
        examples = [*rename_gold(self.settings.label_rules, examples)]
        self._gold_warnings.check(examples, self.labels)
        return self._loss(examples, scores)

    def measure_loss(self, examples: Iterable[Example], *, batch_size: int = 128) -> WeightedMean:
        """The loss of examples, such as the dev data, with the weights as they are; see `get_loss`. Nothing is learned.

        examples (Iterable[Example]): a token of a label that the head lacks, whose loss would be infinite, gets none.
        batch_size (int): the number of Docs to predict together.
        RETURNS (MeanLoss): the mean over all examples, in nats; its `weight` is 0 where they hold no known tag.
        RAISES ConfigError: no balanced weights were counted.
        """
        examples = list(examples)
        validate_examples(examples, "BertNer.measure_loss")
        self._ensure_loaded()
        loss = WeightedMean()
        for batch in util.minibatch(rename_gold(self.settings.label_rules, examples), size=batch_size):
            logits = self.model.predict([eg.predicted for eg in batch])
            loss += self._loss(batch, logits, skip_unknown=True)[0]
        return loss

    def _loss(
        self, examples: Iterable[Example], logits: list[Ragged], *, skip_unknown: bool = False
    ) -> tuple[WeightedMean, list[Ragged]]:
        tags, balanced = models.get_tags(self.model), self.cfg["balanced_weights"]
        return training_loss(examples, logits, tags, self.settings, balanced, self.name, skip_unknown=skip_unknown)

    def _ensure_loaded(self) -> None:
        """Open a named fine-tuned checkpoint that was not used yet, and give it the labels that were added.

        RAISES EncoderError: the name is that of an encoder, which has to be initialized.
        """
        checkpoint = models.get_checkpoint(self.model)
        rename_head(checkpoint, self.settings.label_rules, self.cfg["added_labels"], self.name)
        if added := [label for label in self.cfg["added_labels"] if label not in checkpoint.tags.labels]:
            checkpoint.add_labels(added)
        self.settings.check_labels(self.name, checkpoint.tags.labels)

    def _load_to_save(self) -> bool:
        try:
            self._ensure_loaded()
        except EncoderError:
            return False
        return True

    def _check_loaded(self) -> None:
        if models.has_checkpoint(self.model):
            self._ensure_loaded()
