"""The settings of the component, checked when the pipeline is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from .decoding import DECODINGS
from .errors import check_setting

SUBWORD_LABELS = ("first", "all")


@dataclass(frozen=True)
class Settings:
    """What `[components.bert_ner]` holds beside the model and the scorer.

    subword_labels (str): "first": only the first subword of a token carries its tag in training; the others get no
        loss. "all": every subword carries it. Predictions are read from the first subword either way.
    decoding (str): "viterbi": the legal tag sequence with the highest sum of logits. "greedy": each token's own highest
        logit, read so that a tag that continues nothing begins an entity.
    respect_sentences (bool): no entity crosses the beginning of a sentence, where an earlier component has set those.
    overwrite (bool): entities that an earlier component has set are replaced. Otherwise they stay, and the others are
        found around them. Blocked tokens get no entity either way.
    spans_key (str | None): the key in `doc.spans` of the group that holds the entities and, in `attrs["scores"]`, their
        probabilities, which `ent._.score` reads too. None for no scores, which then cost nothing.
    thresholds (Mapping[str, float]): for some labels the probability, from 0 to 1, below which an entity is dropped.
    """

    subword_labels: str = "first"
    decoding: str = "viterbi"
    respect_sentences: bool = True
    overwrite: bool = False
    spans_key: str | None = "bert_ner"
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def check(self, name: str) -> None:
        """Refuse what is not allowed.

        name (str): of the component.
        RAISES ConfigError: it names the key, the value and what is allowed.
        """
        check = partial(check_setting, f"components.{name}")
        for key, choices in (("subword_labels", SUBWORD_LABELS), ("decoding", DECODINGS)):
            value = getattr(self, key)
            check(key, value, value in choices, ", ".join(f'"{choice}"' for choice in choices))
        for key in ("respect_sentences", "overwrite"):
            check(key, getattr(self, key), isinstance(getattr(self, key), bool), "true, false")
        is_key = self.spans_key is None or (isinstance(self.spans_key, str) and bool(self.spans_key.strip()))
        check("spans_key", self.spans_key, is_key, "a name for the span group, or null for no scores")
        are_shares = isinstance(self.thresholds, Mapping) and all(map(_is_share, self.thresholds.values()))
        are_shares = are_shares and all(isinstance(label, str) for label in self.thresholds)
        check("thresholds", self.thresholds, are_shares, 'numbers from 0 to 1 by label, as in {"per": 0.5}')
        have_scores = not self.thresholds or self.spans_key is not None
        allowed = f'none while spans_key = null, which turns scores off. Name a group: spans_key = "{name}"'
        check("thresholds", dict(self.thresholds), have_scores, allowed)

    def check_labels(self, name: str, labels: tuple[str, ...]) -> None:
        """Refuse thresholds for labels that the head does not have; it is known only once weights are loaded.

        RAISES ConfigError: it names the label and those that there are.
        """
        for label in self.thresholds:
            if label not in labels:
                allowed = f"the labels {', '.join(labels)}"
                check_setting(f"components.{name}.thresholds", label, self.thresholds[label], False, allowed)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
