"""The settings of the component, checked when the pipeline is built."""

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
"""Settings, with their defaults, that a loss of whole sequences does not know."""

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
"""The model of a component that names none."""

NOT_IN_NAMES = {*'/\\:*?"<>|', ".", "$"}
"""What no folder can have in its name, here or on other systems; and what means something else in a config."""
TAKEN = {"vocab", "tokenizer"}
"""What spaCy writes beside the components."""
LONGEST = 200
"""In bytes: file systems take 255, some of which are for what is added while a folder is written."""


@dataclass(frozen=True)
class Settings:
    """What `[components.bert_ner]` holds beside the model and the scorer.

    subword_labels (str): "first": only the first subword of a token carries its tag in training; the others get no
        loss. "all": every subword carries it. For predictions see `subword_reading`.
    objective (str): what training makes likely. "tokens": the gold tag of each token among all tags. "sequences": the
        gold tags of each Doc among all sequences of tags that the scheme allows; see `sequence_nll.sequence_loss`. It
        goes with the defaults alone of the settings that choose or weigh subwords.
    decoding (str): "viterbi": the legal tag sequence with the highest sum of logits. "greedy": each token's own highest
        logit, read so that a tag that continues nothing begins an entity.
    respect_sentences (bool): no entity crosses the beginning of a sentence, where an earlier component has set those.
    overwrite (bool): entities that an earlier component has set are replaced. Otherwise they stay, and the others are
        found around them. Blocked tokens get no entity either way.
    spans_key (str | None): the key in `doc.spans` of the group that holds the entities and, in `attrs["scores"]`, their
        probabilities, which `ent._.score` reads too. None for no scores, which then cost nothing.
    thresholds (Mapping[str, float]): for some labels the probability, from 0 to 1, below which an entity is dropped.
    class_weights (Mapping[str, float] | str | None): what a token with a tag of a label, or `O`, weighs in training;
        1 for those not named. "balanced": all labels, and `O`, have the same share in the loss, as counted in the data
        by `initialize`; see `class_weights.balanced_weights`. None: each token weighs the same.
    focal_gamma (float), label_smoothing (float): see `cross_entropy.cross_entropy`.
    subword_reading (str): the subwords that predictions are read from. "first": the first subword of a token speaks for
        it. Tokens of which a later subword is in an entity and the first is not are counted. "any": each subword has a
        tag, and an entity takes up every token that it touches, so that one inside of a token ("DOB:01/02/1990") is
        found. Entities of one label that share a token are joined; of two labels the longer one stays.
    labels (Sequence[str] | None): the labels that the component learns, predicts and is scored on, under the names that
        `label_map` gives; all others count as `O`. None for all.
    label_map (Mapping[str, str | None] | Sequence[Sequence[str | None]]): for some labels of the training data, and of
        a fine-tuned checkpoint, the name that they get; None for `O`. A table, or a list of pairs.
    incorrect_spans_key (str | None): the key in `doc.spans` of references of spans that are no entity of their label,
        and are made unlikely in training; see `incorrect_span_nll.negative_loss`. None to read none, at no cost.
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
        """What `labels` and `label_map` say."""
        return make_rules(self.labels, self.label_map)

    def check(self, name: str) -> None:
        """Refuse what is not allowed.

        name (str): of the component.
        RAISES ConfigError: it names the key, the value and what is allowed.
        """
        check_name(name)
        check = partial(require_setting, f"components.{name}")
        chosen = {"subword_labels": SUBWORD_LABELS, "objective": OBJECTIVES, "decoding": DECODINGS}
        chosen["subword_reading"] = SUBWORD_READINGS
        for key, choices in chosen.items():
            value = getattr(self, key)
            check(key, value, value in choices, ", ".join(f'"{choice}"' for choice in choices))
        for key in ("respect_sentences", "overwrite"):
            check(key, getattr(self, key), isinstance(getattr(self, key), bool), "true, false")
        check("spans_key", self.spans_key, _is_key(self.spans_key), "a name for the span group, or null for no scores")
        incorrect = self.incorrect_spans_key
        allowed = f'null, or a span group of incorrect spans, such as "{INCORRECT_SPANS}"'
        check("incorrect_spans_key", incorrect, _is_key(incorrect), allowed)
        allowed += ", and not spans_key, the group of the entities that are found"
        check("incorrect_spans_key", incorrect, incorrect is None or incorrect != self.spans_key, allowed)
        are_shares = isinstance(self.thresholds, Mapping) and all(map(_is_share, self.thresholds.values()))
        are_shares = are_shares and all(isinstance(label, str) for label in self.thresholds)
        check("thresholds", self.thresholds, are_shares, 'numbers from 0 to 1 by label, as in {"per": 0.5}')
        have_scores = not self.thresholds or self.spans_key is not None
        allowed = f'none while spans_key = null, which turns scores off. Name a group: spans_key = "{name}"'
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
        allowed = 'null, "balanced", or numbers above 0 by label and for O, as in {"art": 5.0, "O": 0.5}'
        check("class_weights", weights, are_weights, allowed)
        gamma, smoothing = self.focal_gamma, self.label_smoothing
        check("focal_gamma", gamma, is_number(gamma) and gamma >= 0, "a number from 0; 0 for plain cross-entropy")
        is_share = is_number(smoothing) and 0 <= smoothing < 1
        check("label_smoothing", smoothing, is_share, "a number from 0 to below 1, such as 0.1")
        allowed = f"0 while focal_gamma = {gamma}, which asks how likely one gold tag is, not a mixture of all tags"
        check("label_smoothing", smoothing, not (gamma and smoothing), allowed)
        if self.objective == "sequences":
            for key, default in _OF_SUBWORDS.items():
                allowed = f'{default!r} while objective = "sequences", a loss of whole sequences; or set "tokens"'
                check(key, getattr(self, key), getattr(self, key) == default, allowed)

    def check_labels(self, name: str, labels: tuple[str, ...]) -> None:
        """Refuse thresholds and weights for labels that the head does not have, once weights are loaded and tell them.

        RAISES ConfigError: it names the label and those that there are.
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
    """Refuse a component's name that would lead out of the pipeline's folder, or that no config could be read with.

    RAISES ConfigError: it says what is allowed.
    """
    is_plain = isinstance(name, str) and name.isprintable() and not set(name) & NOT_IN_NAMES
    if not is_plain or name != name.strip() or name.lower() in TAKEN or not 0 < len(name.encode()) <= LONGEST:
        raise ConfigError(Errors.bad_component_name.format(name=name))
