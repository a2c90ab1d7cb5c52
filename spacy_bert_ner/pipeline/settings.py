"""Define and validate the settings of the component."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from ..decoding.label_rules import LabelRules, RuleError, make_rules
from ..decoding.tag_scheme import OUTSIDE
from ..decoding.viterbi import DECODINGS
from ..errors import ConfigError, Errors, is_number, require_setting
from ..types import INCORRECT_SPANS

SUBWORD_LABELS = ("first", "all")
SUBWORD_READINGS = ("first", "any")
OBJECTIVES = ("tokens", "sequences")
BALANCED = "balanced"
_OF_SUBWORDS = {"subword_labels": "first", "class_weights": None, "focal_gamma": 0.0, "label_smoothing": 0.0}
"""Settings that a sequence loss does not support, with their defaults."""

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
"""The default model of a component."""

NOT_IN_NAMES = {*'/\\:*?"<>|', ".", "$"}
"""Characters that a folder name cannot have on some system, or that have a special meaning in a config."""
TAKEN = {"vocab", "tokenizer"}
"""Names that spaCy writes into the same folder as the components."""
LONGEST = 200
"""Maximum length of a name in bytes: file systems allow 255, and writing a folder adds a temporary suffix."""


@dataclass(frozen=True)
class Settings:
    """The settings of `[components.bert_ner]` other than the model and the scorer.

    subword_labels (str): "first" (default): in training, only the first subword of a token has its tag; the others have
        no loss. "all": every subword has it. For predictions see `subword_reading`.
    objective (str): the training objective. "tokens" (default): maximize the likelihood of the gold tag of each token
        among all tags. "sequences": maximize the likelihood of the gold tags of each Doc among all tag sequences that
        the scheme allows; see `sequence_nll.sequence_loss`. "sequences" requires the default values of the settings
        that select or weight subwords.
    decoding (str): "viterbi" (default): the legal tag sequence with the highest sum of logits. "greedy": the highest
        logit of each token; a tag that continues no entity begins one.
    respect_sentences (bool): whether entities may not cross a sentence start set by an earlier component, default True.
    overwrite (bool): whether to replace entities set by an earlier component. If False (default), they are kept and
        other entities are predicted around them. Blocked tokens never get an entity.
    spans_key (str | None): key in `doc.spans` of the group with the entities, default "bert_ner". Its `attrs["scores"]`
        contains their probabilities, which `ent._.score` also returns. None for no scores, at no cost.
    thresholds (Mapping[str, float]): by label, the probability from 0 to 1 below which an entity is dropped, default
        none.
    class_weights (Mapping[str, float] | str | None): weights of tokens in training, by label and for `O`; 1 for labels
        without a weight. "balanced": all labels, and `O`, have the same share in the loss, as counted in the data by
        `initialize`; see `class_weights.balanced_weights`. None (default): each token has the same weight.
    focal_gamma (float), label_smoothing (float): default 0.0; see `cross_entropy.cross_entropy`.
    subword_reading (str): subwords that determine predictions. "first" (default): the first subword of a token
        determines its tag. Tokens with a later subword in an entity, but not the first, are counted. "any": each
        subword has a tag, and an entity covers every token that it touches. An entity inside a token
        ("DOB:01/02/1990") is then found. Entities of one label that share a token are joined; if the labels differ, the
        longer entity is kept.
    labels (Sequence[str] | None): labels that the component learns, predicts and is scored on, after renaming by
        `label_map`; all others count as `O`. None (default) for all labels.
    label_map (Mapping[str, str | None] | Sequence[Sequence[str | None]]): new names of labels of the training data and
        of a fine-tuned checkpoint, or None for `O`. A table or a list of pairs, default empty.
    incorrect_spans_key (str | None): key in `doc.spans` of the references. Training makes these spans unlikely as
        entities of their label; see `incorrect_span_nll.negative_loss`. None (default) for no such spans, at no cost.
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

    @cached_property
    def label_rules(self) -> LabelRules:
        """The rules that `labels` and `label_map` define."""
        return make_rules(self.labels, self.label_map)

    def check(self, name: str) -> None:
        """Validate all settings.

        name (str): name of the component.
        RAISES ConfigError: a setting is not allowed. The message states the key, the value and what is allowed.
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
        check("spans_key", self.spans_key, _is_key(self.spans_key), "a name for the span group, or null for no scores")
        incorrect = self.incorrect_spans_key
        allowed = f'null, or a span group of incorrect spans, such as "{INCORRECT_SPANS}"'
        check("incorrect_spans_key", incorrect, _is_key(incorrect), allowed)
        allowed += ", other than spans_key, the group of the predicted entities"
        check("incorrect_spans_key", incorrect, incorrect is None or incorrect != self.spans_key, allowed)
        are_shares = isinstance(self.thresholds, Mapping) and all(map(_is_share, self.thresholds.values()))
        are_shares = are_shares and all(isinstance(label, str) for label in self.thresholds)
        check("thresholds", self.thresholds, are_shares, 'numbers from 0 to 1 by label, such as {"per": 0.5}')
        have_scores = not self.thresholds or self.spans_key is not None
        allowed = f'none while spans_key = null, which turns scores off. Set a group: spans_key = "{name}"'
        check("thresholds", dict(self.thresholds), have_scores, allowed)
        self._check_loss(check)
        try:
            make_rules(self.labels, self.label_map)
        except RuleError as e:
            check(e.key, e.value, False, e.allowed)

    def _check_loss(self, check: Callable[[str, object, bool, str], None]) -> None:
        weights = self.class_weights
        are_weights = weights is None or weights == BALANCED
        if isinstance(weights, Mapping):
            are_weights = all(isinstance(label, str) for label in weights)
            are_weights = are_weights and all(is_number(value) and value > 0 for value in weights.values())
        allowed = 'null, "balanced", or numbers above 0 by label and for O, such as {"art": 5.0, "O": 0.5}'
        check("class_weights", weights, are_weights, allowed)
        gamma, smoothing = self.focal_gamma, self.label_smoothing
        check("focal_gamma", gamma, is_number(gamma) and gamma >= 0, "a number from 0; 0 for plain cross-entropy")
        is_share = is_number(smoothing) and 0 <= smoothing < 1
        check("label_smoothing", smoothing, is_share, "a number from 0 to below 1, such as 0.1")
        allowed = (
            f"0 while focal_gamma = {gamma}, because focal loss uses the probability of one gold tag, not a mixture"
        )
        check("label_smoothing", smoothing, not (gamma and smoothing), allowed)
        if self.objective == "sequences":
            for key, default in _OF_SUBWORDS.items():
                allowed = f'{default!r} while objective = "sequences", a loss of whole sequences; or set "tokens"'
                check(key, getattr(self, key), getattr(self, key) == default, allowed)

    def check_labels(self, name: str, labels: tuple[str, ...]) -> None:
        """Validate the labels of `thresholds` and `class_weights` once the labels of the head are known.

        name (str): name of the component.
        labels (tuple[str, ...]): labels of the head.
        RAISES ConfigError: the head lacks a label. The message states the label and those of the head.
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


def _is_key(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _is_share(value: object) -> bool:
    return is_number(value) and 0 <= value <= 1


def check_name(name: str) -> None:
    """Validate the name of a component: it must be a safe folder name and readable in a config.

    name (str): name of the component.
    RAISES ConfigError: the name is not allowed. The message states what is allowed.
    """
    is_plain = isinstance(name, str) and name.isprintable() and not set(name) & NOT_IN_NAMES
    if not is_plain or name != name.strip() or name.lower() in TAKEN or not 0 < len(name.encode()) <= LONGEST:
        raise ConfigError(Errors.bad_component_name.format(name=name))
