"""Compute the training loss according to the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from spacy.training import Example
from thinc.api import Ragged

from ..decoding.tag_scheme import TagSet
from ..errors import Errors, require_setting
from ..losses import gold_tags
from ..losses.class_weights import tag_weights
from ..losses.cross_entropy import WeightedMean, tag_loss
from ..losses.incorrect_spans import add_negatives
from ..losses.sequence_nll import sequence_loss
from ..types import ArrayXd
from .settings import BALANCED, Settings


def training_loss(
    examples: Iterable[Example],
    logits: Sequence[Ragged],
    tags: TagSet,
    settings: Settings,
    balanced: Mapping[str, float],
    name: str,
    *,
    skip_unknown: bool = False,
) -> tuple[WeightedMean, list[Ragged]]:
    """Compute a batch's mean loss over tokens with known tags and, if configured, over incorrect spans.

    examples (Iterable[Example]): examples in the batch.
    logits (Sequence[Ragged]): model output for each example's predicted Doc. *Shape:* `(n_rows, n_tags)` each
    tags (TagSet): tags of the head.
    settings (Settings): settings of the component.
    balanced (Mapping[str, float]): label weights that `initialize` computed for `class_weights = "balanced"`.
    name (str): name of the component for messages.
    skip_unknown (bool): whether to ignore tokens whose label the head lacks. Default: False.
    RETURNS (tuple[WeightedMean, list[Ragged]]): the loss in nats, and its gradient with the same shape as `logits`.
    RAISES TagError: the head lacks a label and `skip_unknown` is False. ConfigError: `class_weights = "balanced"` is
        set, but `balanced` is empty. BertNerError: a gold entity is also an incorrect span.
    """
    examples = list(examples)
    targets = gold_tags.subword_targets(
        examples, logits, tags, settings.subword_labels, name, skip_unknown=skip_unknown
    )
    if settings.objective == "sequences":
        loss, gradient = sequence_loss(logits, targets, tags)
    else:
        weights = _tag_weights(tags, settings, balanced, name)
        gamma, smoothing = settings.focal_gamma, settings.label_smoothing
        loss, gradient = tag_loss(logits, targets, weights, focal_gamma=gamma, label_smoothing=smoothing)
    if settings.incorrect_spans_key is None:
        return loss, gradient
    return add_negatives(loss, gradient, examples, logits, tags, settings.incorrect_spans_key)


def _tag_weights(tags: TagSet, settings: Settings, balanced: Mapping[str, float], name: str) -> ArrayXd | None:
    weights = settings.class_weights
    if weights == BALANCED:
        weights = balanced
        require_setting(f"components.{name}", "class_weights", BALANCED, bool(weights), Errors.not_counted)
    return tag_weights(cast("Mapping[str, float]", weights), tags) if weights else None
