"""Register the spaCy factory `bert_ner` and implement its component."""

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
from ..evaluation.existing_entities import reject_preset_gold
from ..evaluation.label_scope import labels_around, remember_pipeline, scope_of_component, sets_entities_alone
from ..evaluation.scorer import score_bert_ner
from ..losses import gold_tags
from ..losses.class_weights import balanced_weights
from ..losses.cross_entropy import WeightedMean, rehearsal_loss
from ..losses.gold_warnings import GoldWarnings
from ..models import token_classifier
from ..models.shared_token_classifier import is_shared, listens
from ..models.token_classifier import TokenClassifier
from ..optim.default_optimizer import set_optimizer
from ..reporting.label_colours import MOST_LABELS
from ..tokenization.batching import read_ahead_batches
from ..tokenization.tokenizer_fit import TokenizerFit
from ..types import DocPredictions
from ..util.doc_entities import register_score_extension, write_entities
from ..util.progress import Progress, no_progress
from .calibration import calibrate
from .objective import training_loss
from .prediction import predict, warn_of_unread
from .serialization import LearnedState
from .settings import BALANCED, DEFAULT_MODEL, Settings, build_model
from .stepping import CountedExamples, SteppingPipe
from .stored_configs import keep_configs


@Language.factory(
    "bert_ner",
    assigns=["doc.ents", "doc.spans", "span._.score", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": Config().from_str(DEFAULT_MODEL)["model"],
        "subword_labels": "first",
        "subword_reading": "first",
        "objective": "tokens",
        "decoding": "viterbi",
        "respect_sentences": True,
        "overwrite": False,
        "spans_key": "bert_ner",
        "score_attribute": "score",
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
    model: Any,
    subword_labels: Any,
    subword_reading: Any,
    objective: Any,
    decoding: Any,
    respect_sentences: Any,
    overwrite: Any,
    spans_key: Any,
    score_attribute: Any,
    thresholds: Any,
    class_weights: Any,
    focal_gamma: Any,
    label_smoothing: Any,
    labels: Any,
    label_map: Any,
    incorrect_spans_key: Any,
    scorer: Callable[..., Any] | None,
) -> "BertNer":
    """Create a `BertNer` from its settings. This does not read files or access the network.

    nlp (Language): the pipeline.
    name (str): name of the component in the pipeline.
    model (Model[List[Doc], List[Ragged]] | str): the token classifier; see `spacy_bert_ner.TokenClassifier.v1`. A
        string is the folder or Hub name of a checkpoint, for a model with the default settings.
    subword_labels, subword_reading, objective, decoding, respect_sentences, overwrite, spans_key, score_attribute,
        thresholds, class_weights, focal_gamma, label_smoothing, labels, label_map, incorrect_spans_key: see
        `settings.Settings`.
    scorer (Callable | None): scoring function for Examples; see `score_bert_ner`.
    RETURNS (BertNer): the component.
    RAISES ConfigError: a setting is invalid.
    """
    # All settings have the type `Any`, so `Settings.check` reports invalid values with consistent messages.
    prediction_settings = (decoding, respect_sentences, overwrite, spans_key, thresholds)
    loss_settings = (class_weights, focal_gamma, label_smoothing)
    label_settings = (labels, label_map, incorrect_spans_key, score_attribute)
    settings = Settings(
        subword_labels, objective, *prediction_settings, *loss_settings, subword_reading, *label_settings
    )
    component = BertNer(nlp.vocab, build_model(name, model), name, settings=settings, scorer=scorer)
    keep_configs(nlp, name, model)
    set_optimizer(nlp)
    remember_pipeline(component, nlp)
    return component


class BertNer(SteppingPipe):
    """A spaCy component that trains, runs and saves a Hugging Face token classifier for named entity recognition.

    vocab (Vocab): the shared vocabulary.
    model (Model[List[Doc], List[Ragged]]): the token classifier.
    name (str): name of the component in the pipeline. It appears in error messages and is the key for the component's
        losses. Default: "bert_ner".
    settings (Settings): settings from the config. Default: `Settings()`.
    scorer (Callable | None): scoring function for Examples, or None for no scores. Default: `score_bert_ner`.
    RAISES ConfigError: a setting is invalid.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: TokenClassifier,
        name: str = "bert_ner",
        *,
        settings: Settings = Settings(),  # noqa: B008, the class is frozen
        scorer: Callable[..., Any] | None = score_bert_ner,
    ) -> None:
        settings.check(name)
        super().__init__(vocab, model, name)
        self.settings = settings
        self.scorer = scorer
        # `added_labels`: labels passed to `add_label`, which every later head must have too. `temperature`: temperature
        # for entity scores. `balanced_weights`: weights counted by `initialize`, which are needed to resume training.
        self.cfg = LearnedState(added_labels=[], temperature=1.0, balanced_weights={})
        self._rehearsal_model: TokenClassifier | None = None
        self._gold_warnings = GoldWarnings(name, settings.incorrect_spans_key)
        self._tokenizer_fit, self._unread_reported = TokenizerFit(name), False
        if settings.spans_key is not None and settings.score_attribute is not None:
            register_score_extension(settings.score_attribute)

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tag for each logit column, or an empty tuple before weights are loaded."""
        return token_classifier.get_tags(self.model).tags if token_classifier.has_checkpoint(self.model) else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the sorted entity labels.

        Before weights are loaded, the labels are read from the config of a fine-tuned checkpoint, if the config is in a
        folder or in the Hub cache. This neither loads weights nor downloads files.
        """
        known = token_classifier.expected_labels(self.model, self.settings.label_rules)
        return tuple(sorted({*known, *self.cfg["added_labels"]}))

    @property
    def is_resizable(self) -> bool:
        """Return True, because the component supports adding labels."""
        return True

    @property
    def label_data(self) -> list[str]:
        """Return the labels in the format that `spacy init labels` writes and `initialize` accepts."""
        return list(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity label.

        An existing head keeps its rows. New rows with random weights are added after them. To train them, call
        `nlp.resume_training()`. `nlp.rehearse` helps the model retain the existing labels.

        label (str): the entity label.
        RETURNS (int): 1 if the label was added, or 0 if the component already had it.
        RAISES TagError: the label is invalid, the settings `labels` and `label_map` exclude it, or it does
            not fit the head's tags.
        """
        check_labels([label])
        if self.settings.label_rules.rename(label) != label:
            raise TagError(Errors.label_not_kept.format(label=label, name=self.name))
        is_loaded = token_classifier.has_checkpoint(self.model)
        # A label that is added before weights are loaded is kept even if `initialize` replaces the head.
        if label in (self.labels if is_loaded else self.cfg["added_labels"]):
            return 0
        if is_loaded:
            token_classifier.get_checkpoint(self.model).add_labels([label])
        self.cfg["added_labels"].append(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Load the checkpoint specified in the config, and create a head for the labels unless the checkpoint has one.

        get_examples (Callable): function that returns examples. Their entities define the labels. Their tokens are
            counted for `class_weights = "balanced"`.
        nlp (Language | None): the pipeline, whose config defines the length of training; see `SteppingPipe.make_plan`.
            Default: None.
        labels (Sequence[str] | None): the labels, or None to collect them from the examples. Default: None.
        RAISES BertNerError: there are no labels and no trained head. TagError: a label is invalid. CheckpointError: see
            `Checkpoint.from_pretrained`.
        """
        validate_get_examples(get_examples, "BertNer.initialize")
        counted, rules = CountedExamples(get_examples), self.settings.label_rules
        if labels is None:
            original_labels = set[str]()
            labels = self._gold_warnings.labels(rename_gold(rules, counted(), original_labels))
            labels = sorted(original_labels or labels)
        head_labels = wanted_labels(rules, check_labels(labels), self.name)
        try:
            sample = lambda: [eg.x for eg in islice(get_examples(), 10)]  # noqa: E731
            token_classifier.load_checkpoint(self.model, head_labels, self.cfg["added_labels"], sample, rules)
        except EncoderError as e:
            raise BertNerError(Errors.no_labels.format(name=self.name)) from e
        counts = (
            gold_tags.count_tokens(rename_gold(rules, get_examples()))
            if self.settings.class_weights == BALANCED
            else {}
        )
        self.cfg.update(temperature=1.0, balanced_weights=balanced_weights(counts))
        self._rehearsal_model = None
        self._ensure_loaded()
        self.make_plan(nlp, counted)

    def predict(self, docs: Iterable[Doc]) -> list[DocPredictions]:
        """Predict the entities in each Doc without modifying it, and warn once about omitted entities.

        docs (Iterable[Doc]): Docs to process.
        RETURNS (list[DocPredictions]): the entities in each Doc, in text order.
        """
        docs = list(docs)
        if docs:
            self._ensure_loaded()
        predictions = predict(self.model, docs, self.settings, self.cfg["temperature"])
        self._add_labels_to_colour(predictions)
        self._tokenizer_fit.add(docs, predictions)
        if not self._unread_reported:
            self._unread_reported = warn_of_unread(docs, predictions, self.settings, self.name)
        return predictions

    def _add_labels_to_colour(self, predictions: list[DocPredictions]) -> None:
        """Add the pipeline's labels to predictions, so that `show` gives a label the same colour in every Doc."""
        if predictions and self.settings.spans_key is not None:
            labels = labels_around(self)
            for doc_predictions in predictions if len(labels) <= MOST_LABELS else ():
                doc_predictions.labels = tuple(sorted(labels))

    def set_annotations(self, docs: Iterable[Doc], scores: list[DocPredictions]) -> None:
        """Write entities to `doc.ents`, and entities with scores to `doc.spans`; see `doc_entities.write_entities`.

        docs (Iterable[Doc]): Docs to annotate.
        scores (list[DocPredictions]): the entities for each Doc, as returned by `predict`.
        """
        overwrite, key, attribute = self.settings.overwrite, self.settings.spans_key, self.settings.score_attribute
        for doc, predictions in zip(docs, scores, strict=True):
            write_entities(doc, predictions, overwrite=overwrite, spans_key=key, attribute=attribute)

    def calibrate(self, examples: Iterable[Example], *, progress: Progress = no_progress) -> dict[str, float]:
        """Fit the temperature for entity scores on held-out examples.

        The predicted entities do not change, except for entities whose new scores cross a threshold in `thresholds`.

        examples (Iterable[Example]): examples with gold entities, preferably the dev data. Predicted entities that
            overlap a token without annotation are ignored.
        progress (Progress): shows how many examples are annotated. Default: `no_progress`.
        RETURNS (dict[str, float]): `temperature` is the fitted temperature. `ece_before` and `ece_after` are the
            expected calibration errors over the predicted entities before and after calibration. `n_entities` is the
            number of these entities.
        RAISES BertNerError: scores are disabled. CalibrationError: the examples are not sufficient to fit a
            temperature.
        """
        if self.settings.spans_key is None:
            raise BertNerError(Errors.no_scores.format(name=self.name))
        examples = list(examples)
        validate_examples(examples, "BertNer.calibrate")
        self._ensure_loaded()
        renamed = [*rename_gold(self.settings.label_rules, examples)]
        fitted = calibrate(self.model, renamed, self.settings, self.cfg["temperature"], self.name, progress)
        self.cfg["temperature"] = fitted["temperature"]
        return fitted

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted entities against gold entities.

        Gold entities are renamed according to `label_map`. Labels that no component in the pipeline predicts are
        ignored; see `label_scope`.

        examples (Iterable[Example]): Examples after prediction.
        **kwargs: other arguments for the scorer.
        RETURNS (dict[str, Any]): the scores by name.
        RAISES BertNerError: the predicted Docs are the references. Also raised if the predicted Docs contained all
            gold entities before prediction and no other component sets entities.
        """
        renamed = [*scope_of_component(self).rename(examples)]
        if sets_entities_alone(self):
            reject_preset_gold(renamed)
        scores: dict[str, Any] = super().score(renamed, **kwargs)
        return scores

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of Docs in batches of similar length.

        Docs are read ahead to form these batches. If a batch fails, it is bisected until the failing Doc is isolated
        and passed to the error handler. The other Docs are still annotated. An error that is not caused by a Doc, such
        as a failure to load weights, is reported once for the batch.

        stream (Iterable[Doc]): Docs to annotate.
        batch_size (int): maximum number of Docs to read ahead. Fewer are read if they have many tokens; see
            `batching.read_ahead_batches`. Default: 128.
        YIELDS (Doc): the annotated Docs in their original order. Failed Docs are omitted unless the error handler
            raises.
        """
        error_handler = self.get_error_handler()
        for docs in read_ahead_batches(stream, batch_size, self.model.attrs["max_batch_tokens"]):
            for doc, predictions in self._predict_with_bisection(docs):
                try:
                    self.set_annotations([doc], [predictions])
                except Exception as e:  # any exception, as in `_predict_with_bisection`
                    error_handler(self.name, self, [doc], e)
                else:
                    yield doc

    def _predict_with_bisection(self, docs: list[Doc]) -> Iterator[tuple[Doc, DocPredictions]]:
        try:
            predictions = self.predict(docs)
        except Exception as e:  # any exception: spaCy passes all errors to the error handler
            is_of_a_doc = not isinstance(e, CheckpointError | ConfigError) and token_classifier.has_checkpoint(
                self.model
            )
            if len(docs) == 1 or not is_of_a_doc:
                self.get_error_handler()(self.name, self, docs, e)
                return
            predictions = []
        # Leave the `except` block first, because its traceback would keep the failed batch in memory.
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
        """Accumulate the gradient for one batch.

        examples (Iterable[Example]): examples in the batch.
        drop (float): dropout rate for every PyTorch module. It overrides the checkpoint's dropout rates. Default: 0.0.
        sgd (Optimizer | None): optimizer that takes a step after the batch, or None for no step. Default: None.
        losses (dict[str, float] | None): losses to update. The value under the component's name becomes the mean
            cross-entropy over this batch and all earlier batches. Default: None creates a new dictionary.
        RETURNS (dict[str, float]): the updated losses.
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
        """Accumulate a gradient that keeps the model close to its state when `nlp.resume_training()` was called.

        examples (Iterable[Example]): texts like those in the original training data. They need no annotations.
        drop (float), sgd (Optimizer | None): see `update`.
        losses (dict[str, float] | None): losses to update. The value under the component's name becomes the mean
            divergence from the original model over the first subwords of all tokens; see `cross_entropy.distillation`.
            Default: None creates a new dictionary.
        RETURNS (dict[str, float]): the updated losses.
        RAISES BertNerError: the component uses another component's encoder.
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
        # A shared encoder might be waiting for the gradients from this component and other components.
        if loss.weight or is_shared(self.model):
            weight = token_classifier.add_batch_weight(self.model, loss.weight)
            backprop([Ragged(d.dataXd * weight, d.lengths) for d in gradient] if weight != 1 else gradient)
            losses[self.name] = losses[self.name] + loss
        if sgd:  # in spaCy, both None and False mean no step
            self.finish_update(sgd)
        return losses

    def get_loss(self, examples: Iterable[Example], scores: list[Ragged]) -> tuple[WeightedMean, list[Ragged]]:
        """Compute the mean loss over subwords with known tags and, if configured, over incorrect spans.

        examples (Iterable[Example]): examples in the batch.
        scores (list[Ragged]): model output for each example's predicted Doc. *Shape:* `(n_rows, n_tags)` each
        RETURNS (tuple[WeightedMean, list[Ragged]]): the loss in nats, and its gradient with the same shape as `scores`.
        RAISES BertNerError: see `objective.training_loss`.
        """
        examples = [*rename_gold(self.settings.label_rules, examples)]
        self._gold_warnings.check(examples, self.labels)
        return self._loss(examples, scores)

    def measure_loss(self, examples: Iterable[Example], *, batch_size: int = 128) -> WeightedMean:
        """Compute the loss on examples, such as the dev data, without updating the weights; see `get_loss`.

        examples (Iterable[Example]): the examples. Tokens whose label the head lacks are ignored, because their loss
            would be infinite.
        batch_size (int): number of Docs in each batch. Default: 128.
        RETURNS (WeightedMean): the mean over all examples, in nats. Its `weight` is 0 if the examples have no known
            tags.
        RAISES ConfigError: `class_weights = "balanced"` is set, but `initialize` has not computed any weights.
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
        tags, balanced = token_classifier.get_tags(self.model), self.cfg["balanced_weights"]
        return training_loss(examples, logits, tags, self.settings, balanced, self.name, skip_unknown=skip_unknown)

    def _ensure_loaded(self) -> None:
        """Load the fine-tuned checkpoint specified in the config if no weights are loaded, and add missing labels.

        RAISES EncoderError: the checkpoint is an encoder without a trained head, so the component must be initialized
            first.
        """
        checkpoint = token_classifier.get_checkpoint(self.model)
        rename_head(checkpoint, self.settings.label_rules, self.cfg["added_labels"], self.name)
        missing_labels = [label for label in self.cfg["added_labels"] if label not in checkpoint.tags.labels]
        if missing_labels:
            checkpoint.add_labels(missing_labels)
        self.settings.check_labels(self.name, checkpoint.tags.labels)

    def _load_to_save(self) -> bool:
        try:
            self._ensure_loaded()
        except EncoderError:
            return False
        return True

    def _check_loaded(self) -> None:
        if token_classifier.has_checkpoint(self.model):
            self._ensure_loaded()
