"""Train on spans in reference Docs that are known not to be entities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from spacy.training import Example
from thinc.api import Ragged, get_array_module, to_numpy

from ..decoding.tag_scheme import TagSet
from ..errors import BertNerError, Errors
from ..tokenization.alignment import first_subword_rows, joined_tokens
from ..types import Bools1d, Entity, Ints1d
from .cross_entropy import WeightedMean
from .incorrect_span_nll import negative_loss


def add_negatives(
    loss: WeightedMean,
    gradient: Sequence[Ragged],
    examples: Sequence[Example],
    output: Sequence[Ragged],
    tags: TagSet,
    key: str,
) -> tuple[WeightedMean, list[Ragged]]:
    """Add the loss for incorrect spans to the loss for tokens; see `negative_loss`.

    A span has the same weight as a token with the weight 1.

    loss (WeightedMean), gradient (Sequence[Ragged]): loss for the tokens with a known tag, and its gradient. They are
        returned unchanged if there are no incorrect spans.
    examples (Sequence[Example]): the examples in the batch.
    output (Sequence[Ragged]): model output for each predicted Doc. *Shape:* `(n_rows, n_tags)` each
    tags (TagSet): tags of the head.
    key (str): key of the incorrect spans in `eg.reference.spans`.
    RETURNS (tuple[WeightedMean, list[Ragged]]): the mean loss in nats over the tokens and spans, and its gradient with
        the same shapes as `output`.
    RAISES BertNerError: a span is also a gold entity.
    """
    total, n = 0.0, 0
    span_gradients = {}
    for i, (eg, part) in enumerate(zip(examples, output, strict=True)):
        if not (entities := incorrect_entities(eg, key)):
            continue
        lengths = to_numpy(part.lengths)
        spans = find_positions(entities, lengths, joined_tokens(part), tags)
        if spans:
            rows = first_subword_rows(lengths)[1]
            losses, d_rows = negative_loss(to_numpy(part.dataXd)[rows], spans, tags)
            total, n, span_gradients[i] = total + float(losses.sum()), n + len(spans), (rows, d_rows)
    if not n:
        return loss, list(gradient)
    weight = loss.weight + n
    parts = [Ragged(part.dataXd * (loss.weight / weight), part.lengths) for part in gradient]
    for i, (rows, d_rows) in span_gradients.items():
        xp = get_array_module(parts[i].dataXd)
        parts[i].dataXd[xp.asarray(rows)] += xp.asarray(d_rows / weight)
    return loss + WeightedMean(total / n, n), parts


def incorrect_entities(eg: Example, key: str) -> list[Entity]:
    """Return the incorrect spans in a reference Doc, without duplicates or misaligned spans.

    Spans without a label are ignored, as in spaCy's `ner` component.

    eg (Example): the example.
    key (str): key of the incorrect spans in `eg.reference.spans`.
    RETURNS (list[Entity]): the spans, with token indices in the predicted Doc.
    RAISES BertNerError: a span is also a gold entity.
    """
    spans = [span for span in eg.reference.spans.get(key, ()) if span.label]
    if not spans:
        return []
    gold = {(ent.start, ent.end, ent.label) for ent in eg.reference.ents}
    for span in spans:
        if (span.start, span.end, span.label) in gold:
            message = Errors.both_gold_and_incorrect
            raise BertNerError(message.format(span=span.text, label=span.label_, key=key, text=span.doc.text[:80]))
    aligned = eg.get_aligned_spans_y2x(spans, allow_overlap=True)
    return list(dict.fromkeys(Entity(span.label_, span.start, span.end) for span in aligned))


def find_positions(entities: Sequence[Entity], lengths: Ints1d, is_joined: Bools1d, tags: TagSet) -> list[Entity]:
    """Convert the token indices of entities to positions, and omit entities that the model cannot predict.

    A position is a token with subwords, together with the tokens joined to it. The model cannot predict an entity that
    begins or ends with white space or between joined tokens. Nor can it predict a label that the head lacks.

    entities (Sequence[Entity]): entities with token indices.
    lengths (Ints1d): number of subwords in each token. *Shape:* `(n_tokens,)`
    is_joined (Bools1d): see `alignment.Alignment`. *Shape:* `(n_tokens,)`
    tags (TagSet): tags of the head.
    RETURNS (list[Entity]): the remaining entities, whose `start` and `end` are positions.
    """
    tokens, _ = first_subword_rows(lengths)
    ends = tokens + 1
    joined = np.flatnonzero(is_joined)
    ends[np.searchsorted(tokens, joined) - 1] = joined + 1  # of several joined tokens, the last one sets the end
    first_at = {token: i for i, token in enumerate(tokens.tolist())}
    last_at = {end: i + 1 for i, end in enumerate(ends.tolist())}
    return [
        Entity(label, first_at[start], last_at[end])
        for label, start, end in entities
        if label in tags.labels and start in first_at and end in last_at
    ]
