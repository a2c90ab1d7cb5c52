"""What Examples say: labels, the tag id of each predicted token, and whether an entity is right."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from spacy.training import Example

from .alignment import first_rows
from .errors import Errors, TagError
from .tags import UNKNOWN, TagSet
from .types import Entity, Ints1d


class Misaligned(NamedTuple):
    """Gold entities that begin or end inside a token of the predicted Docs, out of `total`; the first of them."""

    n: int
    total: int
    entity: str
    text: str

    def warn(self, name: str) -> None:
        """Say it, with numbers.

        name (str): of the component.
        """
        message = Errors.misaligned.format(**self._asdict(), percent=100 * self.n / self.total, name=name)
        warnings.warn(message, UserWarning, stacklevel=3)


def survey(examples: Iterable[Example]) -> tuple[list[str], Misaligned]:
    """The labels of all gold entities, sorted, and how many entities are misaligned."""
    labels: set[str] = set()
    n = total = 0
    entity = text = ""
    for eg in examples:
        ents = list(eg.reference.ents)
        labels.update(ent.label_ for ent in ents)
        total += len(ents)
        if ents:
            with _without_w030():
                aligned = {(ent.start_char, ent.end_char) for ent in eg.get_aligned_spans_y2x(ents)}
            strange = [ent for ent in ents if (ent.start_char, ent.end_char) not in aligned]
            n += len(strange)
            if strange and not entity:
                entity, text = strange[0].text, eg.reference.text[:80]
    return sorted(labels), Misaligned(n, total, entity, text)


def tag_ids(eg: Example, tags: TagSet, name: str) -> Ints1d:
    """The tag id of each predicted token, `UNKNOWN` where there is no annotation or an entity is misaligned.

    name (str): of the component, for the message.
    RETURNS: *Shape:* `(n_tokens,)`
    RAISES TagError: a label is not in the head.
    """
    with _without_w030():
        biluo = eg.get_aligned_ner()
    try:
        return tags.encode(biluo)
    except TagError as e:
        labels = ", ".join(tags.labels)
        raise TagError(Errors.unknown_label.format(label=e, name=name, labels=labels)) from e


def row_targets(tag_ids: Ints1d, lengths: Ints1d, subword_labels: str) -> Ints1d:
    """The tag id of each subword of each token, `UNKNOWN` for those that carry none.

    tag_ids: *Shape:* `(n_tokens,)`
    lengths: subwords of each token. *Shape:* `(n_tokens,)`
    subword_labels (str): "first" or "all".
    RETURNS: *Shape:* `(n_rows,)`
    """
    if subword_labels == "all":
        return np.repeat(tag_ids, lengths)
    targets = np.full(int(lengths.sum()), UNKNOWN, dtype=np.int64)
    tokens, rows = first_rows(lengths)
    targets[rows] = tag_ids[tokens]
    return targets


def is_right(eg: Example, entity: Entity) -> bool | None:
    """Whether a found entity is a gold one; None where the annotation does not tell.

    entity: in tokens of `eg.predicted`.
    """
    span = eg.predicted[entity.start : entity.end]
    gold = eg.reference.char_span(span.start_char, span.end_char, alignment_mode="expand")
    if gold is None or any(token.ent_iob == 0 for token in gold):
        return None
    return any(
        (ent.label_, ent.start_char, ent.end_char) == (entity.label, span.start_char, span.end_char)
        for ent in gold.ents
    )


@contextmanager
def _without_w030() -> Iterator[None]:
    """spaCy warns of every misaligned entity; we count them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\[W030\]")
        yield
