"""IOB2 tags: strings, ids, and the entities that they spell. Plain Python and NumPy.

A *label* is an entity type (`per`), a *tag* an IOB string (`B-per`), a *tag id* its place in the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .errors import Errors, TagError
from .types import Entity, Ints1d

OUTSIDE = "O"
UNKNOWN = -1
"""Tag id of a token without annotation: unknown is not O, so it gets no loss."""

_IOB_OF_BILUO = {"B": "B", "U": "B", "I": "I", "L": "I"}


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix and its label, which may itself hold hyphens.

    RETURNS: `("B", "creative-work")` for `"B-creative-work"`, `("O", "")` for `"O"`.
    RAISES TagError: the tag is not IOB.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, label = tag.partition("-")
    if prefix not in ("B", "I") or not hyphen or not label:
        raise TagError(Errors.unknown_tag.format(tag=tag))
    return prefix, label


def is_iob(tags: Iterable[str]) -> bool:
    """Whether all tags are `O`, `B-<label>` or `I-<label>`, and at least one names a label."""
    try:
        return any(label for _, label in map(split_tag, tags))
    except TagError:
        return False


def tags_of_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """The head's tags for a new set of labels: `O`, then `B-` and `I-` of each label, sorted."""
    return (OUTSIDE, *(f"{prefix}-{label}" for label in sorted(set(labels)) for prefix in "BI"))


def labels_of_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The labels that a set of tags names, sorted."""
    return tuple(sorted({label for _, label in map(split_tag, tags) if label}))


def biluo_to_iob(tag: str) -> str:
    """`U-per` to `B-per`, `L-per` to `I-per`; others as they are. spaCy gives gold entities as BILUO."""
    prefix, hyphen, label = tag.partition("-")
    return f"{_IOB_OF_BILUO[prefix]}-{label}" if hyphen else tag


def repair(tags: Sequence[str]) -> tuple[list[str], int]:
    """Make a tag sequence legal IOB2 without losing an entity.

    An `I-x` that continues nothing begins an entity, so it becomes `B-x`. This also turns IOB1 into IOB2.

        O  I-per  I-per  I-geo        O  B-per  I-per  B-geo
                                 →       ^^^^^         ^^^^^   2 repaired

    RETURNS: the legal tags and how many were repaired.
    RAISES TagError: a tag is not IOB.
    """
    legal: list[str] = []
    n_repaired = 0
    label_before = ""
    for tag in tags:
        prefix, label = split_tag(tag)
        if prefix == "I" and label != label_before:
            tag = f"B-{label}"
            n_repaired += 1
        legal.append(tag)
        label_before = label
    return legal, n_repaired


def entities_of_tag_ids(tag_ids: Ints1d, tags: Sequence[str]) -> list[Entity]:
    """The entities that a sequence of tag ids spells, with the repair of `repair`.

    tag_ids: ids into `tags`. *Shape:* `(n_tokens,)`
    RETURNS: entities in the order of the text; `start` and `end` index into `tag_ids`.
    """
    if not len(tag_ids):
        return []
    labels = labels_of_tags(tags)
    number = {label: i for i, label in enumerate(labels, start=1)} | {"": 0}
    split = [split_tag(tag) for tag in tags]
    label_ids = np.array([number[label] for _, label in split])[tag_ids]  # 0 is outside
    opens = np.array([prefix == "B" for prefix, _ in split])[tag_ids]
    before = np.concatenate([[0], label_ids[:-1]])
    changes = label_ids != before
    starts = np.flatnonzero((label_ids > 0) & (opens | changes))
    # An entity ends where the next one starts or where its label ends, whichever comes first.
    stops = np.append(np.flatnonzero(changes | opens), len(tag_ids))
    ends = stops[np.searchsorted(stops, starts, side="right")]
    return [Entity(labels[label_ids[start] - 1], int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
