"""Define and validate the component's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from spacy.util import registry
from thinc.api import Config, Model

from ..decoding.label_rules import LabelRules, RuleError, make_rules
from ..decoding.tag_scheme import OUTSIDE
from ..decoding.viterbi import DECODINGS
from ..errors import ConfigError, Errors, is_number, require_setting
from ..models.shim import CheckpointShim
from ..models.token_classifier import TokenClassifier
from ..types import INCORRECT_SPANS
from ..util.doc_entities import EXTENSION, is_attribute_name

SUBWORD_LABELS = ("first", "all")
SUBWORD_READINGS = ("first", "any")
OBJECTIVES = ("tokens", "sequences")
BALANCED = "balanced"
_OF_SUBWORDS = {"subword_labels": "first", "class_weights": None, "focal_gamma": 0.0, "label_smoothing": 0.0}
"""Settings that the sequence loss does not support, with their default values."""

DEFAULT_MODEL = """
[model]
@architectures = "spacy_bert_ner.TokenClassifier.v1"
name = "dslim/bert-base-NER"
revision = null
tag_scheme = null
tag_map = null
window = null
overlap = 32
cut_at = "sentences"
get_spans = null
max_batch_tokens = 2048
frozen_layers = 0
reset_layers = 0
gradient_checkpointing = false
precision = "fp32"
mark_case = false
runtime = null
"""
"""Config of the default model."""

_MODELS = (
    'a folder, a name on the Hub, as in model = "dslim/bert-base-NER", or a section with @architectures = '
    '"spacy_bert_ner.TokenClassifier.v1" or "spacy_bert_ner.SharedTokenClassifier.v1"'
)

NOT_IN_NAMES = {*'/\\:*?"<>|', ".", "$"}
"""Characters that are invalid in folder names on some systems or have a special meaning in a config."""
TAKEN = {"vocab", "tokenizer"}
"""Names that spaCy itself uses in the folder that contains the components."""
LONGEST = 200
"""Maximum length of a component name in bytes. File systems allow 255 bytes, including a temporary suffix."""


@dataclass(frozen=True)
class Settings:
    """The settings in `[components.bert_ner]` except the model and the scorer.

    subword_labels (str): subwords that contribute to the training loss. "first": only the first subword of each token.
        "all": every subword. For predictions, see `subword_reading`. Default: "first".
    objective (str): training objective. "tokens": maximize the likelihood of each token's gold tag among all tags.
        "sequences": maximize the likelihood of each Doc's gold tags among all valid tag sequences; see
        `sequence_nll.sequence_loss`. "sequences" requires the default values for settings that select or weight
        subwords. Default: "tokens".
    decoding (str): decoding method. "viterbi": select the valid tag sequence with the highest sum of logits. "greedy":
        select the tag with the highest logit for each token. An entity tag that does not continue an entity begins a
        new one. Default: "viterbi".
    respect_sentences (bool): whether to prevent entities from crossing a sentence start set by an earlier component.
        Default: True.
    overwrite (bool): whether to replace entities set by an earlier component. If False, they are kept, and other
        entities are predicted around them. Blocked tokens never become part of an entity. Default: False.
    spans_key (str | None): key in `doc.spans` for the entities with scores. The span group's `attrs["scores"]` contains
        their probabilities, which `score_attribute` also returns. None disables scores and avoids their cost. Default:
        "bert_ner".
    thresholds (Mapping[str, float]): minimum entity score by label, from 0 to 1. Entities with lower scores are
        dropped. Default: none.
    class_weights (Mapping[str, float] | str | None): weights for tokens in training, by label and for `O`. Labels
        without a weight have the weight 1. "balanced": give all labels and `O` equal shares of the loss, based on token
        counts in `initialize`; see `class_weights.balanced_weights`. None: give all tokens the same weight. Default:
        None.
    focal_gamma (float), label_smoothing (float): see `cross_entropy.cross_entropy`. Default: 0.0.
    subword_reading (str): subwords that determine predictions. "first": the first subword of each token determines its
        tag. If only later subwords of a token belong to an entity, this entity is omitted with a warning. "any": each
        subword has a tag, and an entity covers every token that it overlaps. This finds entities inside a token, such
        as "DOB:01/02/1990". Entities with the same label that share a token are joined. If the labels differ, the
        longer entity is kept. Default: "first".
    labels (Sequence[str] | None): labels to learn, predict and score, after renaming by `label_map`. All other labels
        count as `O`. None keeps all labels. Default: None.
    label_map (Mapping[str, str | None] | Sequence[Sequence[str | None]]): new names for labels in the training data and
        in a fine-tuned checkpoint, as a dictionary or a list of pairs. The new name None means `O`. Default: empty.
    incorrect_spans_key (str | None): key in the references' `doc.spans` for incorrect spans. Training makes these spans
        less likely as entities with their labels; see `incorrect_span_nll.negative_loss`. None disables this loss and
        avoids its cost. Default: None.
    score_attribute (str | None): name of the extension attribute that returns the score of an entity, as in
        `ent._.score`. None registers no attribute. Default: "score".
    """

    subword_labels: str = "first"
    objective: str = "tokens"
    decoding: str = "viterbi"
    respect_sentences: bool = True
    overwrite: bool = False
    spans_key: str | None = "bert_ner"
    thresholds: Mapping[str, float] = field(default_factory=dict)
    class_weights: Mapping[str, float] | str | None = None
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0
    subword_reading: str = "first"
    labels: Sequence[str] | None = None
    label_map: Mapping[str, str | None] | Sequence[Sequence[str | None]] = field(default_factory=dict)
    incorrect_spans_key: str | None = None
    score_attribute: str | None = EXTENSION

    @cached_property
    def label_rules(self) -> LabelRules:
        """Return the label rules defined by `labels` and `label_map`."""
        return make_rules(self.labels, self.label_map)

    def check(self, name: str) -> None:
        """Validate all settings.

        name (str): name of the component.
        RAISES ConfigError: a setting is invalid. The message states the key, the value and the allowed values.
        """
        check_name(name)
        check = partial(require_setting, f"components.{name}")
        choices_of = {"subword_labels": SUBWORD_LABELS, "objective": OBJECTIVES, "decoding": DECODINGS}
        choices_of["subword_reading"] = SUBWORD_READINGS
        for key, choices in choices_of.items():
            value = getattr(self, key)
            check(key, value, value in choices, ", ".join(f'"{choice}"' for choice in choices))
        for key in ("respect_sentences", "overwrite"):
            check(key, getattr(self, key), isinstance(getattr(self, key), bool), "true, false")
        check("spans_key", self.spans_key, _is_key(self.spans_key), "a span group name, or null to disable scores")
        self._check_attribute(check, name)
        incorrect = self.incorrect_spans_key
        allowed = f'null, or the name of a span group with incorrect spans, such as "{INCORRECT_SPANS}"'
        check("incorrect_spans_key", incorrect, _is_key(incorrect), allowed)
        allowed += ". It must differ from spans_key, the span group for predicted entities"
        check("incorrect_spans_key", incorrect, incorrect is None or incorrect != self.spans_key, allowed)
        are_shares = isinstance(self.thresholds, Mapping) and all(map(_is_share, self.thresholds.values()))
        are_shares = are_shares and all(isinstance(label, str) for label in self.thresholds)
        check("thresholds", self.thresholds, are_shares, 'numbers from 0 to 1 by label, such as {"per": 0.5}')
        have_scores = not self.thresholds or self.spans_key is not None
        allowed = f'none while spans_key = null, which disables scores. To enable scores, set spans_key = "{name}"'
        check("thresholds", dict(self.thresholds), have_scores, allowed)
        self._check_loss(check)
        try:
            make_rules(self.labels, self.label_map)
        except RuleError as e:
            check(e.key, e.value, False, e.allowed)

    def _check_attribute(self, check: Callable[[str, object, bool, str], None], name: str) -> None:
        attribute = self.score_attribute
        allowed = 'a name that can follow "ent._.", such as "bert_ner_score", or null for no extension attribute'
        check("score_attribute", attribute, attribute is None or is_attribute_name(attribute), allowed)
        have_scores = self.spans_key is not None or attribute in (None, EXTENSION)
        allowed = f'"score" or null while spans_key = null. To enable scores, set spans_key = "{name}"'
        check("score_attribute", attribute, have_scores, allowed)

    def _check_loss(self, check: Callable[[str, object, bool, str], None]) -> None:
        weights = self.class_weights
        are_weights = weights is None or weights == BALANCED
        if isinstance(weights, Mapping):
            are_weights = all(isinstance(label, str) for label in weights)
            are_weights = are_weights and all(is_number(value) and value > 0 for value in weights.values())
        allowed = 'null, "balanced", or positive numbers by label and for O, such as {"art": 5.0, "O": 0.5}'
        check("class_weights", weights, are_weights, allowed)
        gamma, smoothing = self.focal_gamma, self.label_smoothing
        check("focal_gamma", gamma, is_number(gamma) and gamma >= 0, "0 for plain cross-entropy, or a positive number")
        is_share = is_number(smoothing) and 0 <= smoothing < 1
        check("label_smoothing", smoothing, is_share, "a number from 0 to less than 1, such as 0.1")
        allowed = f"0 while focal_gamma = {gamma}, because focal loss requires a single gold tag"
        check("label_smoothing", smoothing, not (gamma and smoothing), allowed)
        if self.objective == "sequences":
            for key, default in _OF_SUBWORDS.items():
                allowed = f'{default!r} while objective = "sequences". To use another value, set objective = "tokens"'
                check(key, getattr(self, key), getattr(self, key) == default, allowed)

    def check_labels(self, name: str, labels: tuple[str, ...]) -> None:
        """Validate the labels in `thresholds` and `class_weights` after the head's labels are known.

        name (str): name of the component.
        labels (tuple[str, ...]): labels of the head.
        RAISES ConfigError: the head lacks a label. The message states this label and the head's labels.
        """
        for label in self.thresholds:
            if label not in labels:
                allowed = f"the labels {', '.join(labels)}"
                require_setting(f"components.{name}.thresholds", label, self.thresholds[label], False, allowed)
        weights = self.class_weights if isinstance(self.class_weights, Mapping) else {}
        for label in weights:
            if label not in (OUTSIDE, *labels):
                allowed = f"O and the labels {', '.join(labels)}"
                require_setting(f"components.{name}.class_weights", label, weights[label], False, allowed)


def model_section(name: str) -> Config:
    """Return the config section of the default model with another checkpoint.

    name (str): folder or Hub name of the checkpoint, or a variable in a config.
    RETURNS (Config): the section.
    """
    section: Config = Config().from_str(DEFAULT_MODEL)["model"]
    section["name"] = name
    return section


def build_model(name: str, model: object) -> TokenClassifier:
    """Build the model that the setting `model` defines.

    name (str): name of the component, for messages.
    model (object): value of the setting. If it is a section in the config, spaCy has already created the model from it.
    RETURNS (TokenClassifier): the model. A string creates the default model with that checkpoint.
    RAISES ConfigError: the value is invalid.
    """
    if isinstance(model, str):
        resolved: TokenClassifier = registry.resolve({"model": model_section(model)})["model"]
        return resolved
    if isinstance(model, Model) and any(isinstance(shim, CheckpointShim) for shim in model.shims):
        return model
    value = model.name if isinstance(model, Model) else model
    raise ConfigError(Errors.bad_value.format(section=f"components.{name}", key="model", value=value, allowed=_MODELS))


def _is_key(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _is_share(value: object) -> bool:
    return is_number(value) and 0 <= value <= 1


def check_name(name: str) -> None:
    """Validate a component name, which must be a safe folder name and readable in a config.

    name (str): name of the component.
    RAISES ConfigError: the name is invalid. The message states which names are allowed.
    """
    is_plain = isinstance(name, str) and name.isprintable() and not set(name) & NOT_IN_NAMES
    if not is_plain or name != name.strip() or name.lower() in TAKEN or not 0 < len(name.encode()) <= LONGEST:
        raise ConfigError(Errors.bad_component_name.format(name=name))
