"""What training makes smaller: the loss that the settings name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from spacy.training import Example
from thinc.api import Ragged

from ..decoding.tag_scheme import TagSet
from ..errors import Errors, require_setting
from ..losses import gold_tags as gold
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
    """The mean loss of a batch, over its known tokens and, where the settings name their key, its incorrect spans.

    logits: the model's output for `eg.predicted` of each.
    balanced: the weights of the labels that `initialize` counted.
    name (str): of the component, for messages.
    skip_unknown (bool): tokens of a label that is not in the head count as without annotation.
    RETURNS: the loss in nats, and its gradient in the shape of `logits`.
    RAISES TagError: a label is not in the head, and `skip_unknown` is False. ConfigError: no balanced weights were
        counted. BertNerError: a gold entity is an incorrect span, too.
    """
    examples = list(examples)
    targets = gold.subword_targets(examples, logits, tags, settings.subword_labels, name, skip_unknown=skip_unknown)
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
