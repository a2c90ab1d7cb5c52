"""Derive labels and gold tags for subwords from spaCy Examples, and check whether predicted entities are correct."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from spacy.training import Example
from thinc.api import Ragged, to_numpy

from ..decoding.tag_scheme import OUTSIDE, UNKNOWN, TagSet
from ..errors import Errors, TagError
from ..tokenization.alignment import first_subword_rows, joined_tokens
from ..types import Bools1d, Entity, Ints1d


class MisalignedEntities(NamedTuple):
    """The number of gold entities that begin or end inside a token of a predicted Doc, with an example.

    n (int): number of misaligned entities.
    total (int): number of gold entities.
    entity (str): text of the first misaligned entity.
    text (str): beginning of the text that contains this entity.
    """

    n: int
    total: int
    entity: str
    text: str

    def warn(self, name: str) -> bool:
        """Warn if entities are misaligned.

        name (str): name of the component.
        RETURNS (bool): whether a warning was issued.
        """
        if not self.n:
            return False
        message = Errors.misaligned.format(**self._asdict(), percent=100 * self.n / self.total, name=name)
        warnings.warn(message, UserWarning, stacklevel=3)
        return True


def collect_labels(examples: Iterable[Example]) -> tuple[list[str], MisalignedEntities]:
    """Collect the labels of all gold entities and count misaligned entities.

    examples (Iterable[Example]): the examples.
    RETURNS (tuple[list[str], MisalignedEntities]): the sorted labels, and the count of misaligned entities.
    """
    labels: set[str] = set()
    n = total = 0
    entity = text = ""
    for eg in examples:
        ents = list(eg.reference.ents)
        labels.update(ent.label_ for ent in ents)
        total += len(ents)
        if ents:
            misaligned = [ent for ent in ents if not eg.get_aligned_spans_y2x([ent])]
            n += len(misaligned)
            if misaligned and not entity:
                entity, text = misaligned[0].text, eg.reference.text[:80]
    return sorted(labels), MisalignedEntities(n, total, entity, text)


def count_tokens(examples: Iterable[Example]) -> Counter[str]:
    """Count the gold tokens with each label, including `O`. White-space and unannotated tokens are ignored.

    examples (Iterable[Example]): the examples.
    RETURNS (Counter[str]): number of tokens by label.
    """
    counts: Counter[str] = Counter()
    for eg in examples:
        # `ent_iob` is 0 for missing, 1 for inside, 2 for outside and 3 for begin.
        counts.update(t.ent_type_ or OUTSIDE for t in eg.reference if t.ent_iob and not t.is_space)
    return counts


def is_misaligned(eg: Example) -> bool:
    """Return whether any gold entity begins or ends inside a token of the predicted Doc.

    eg (Example): the example.
    """
    ents = eg.reference.ents
    return len(eg.get_aligned_spans_y2x(ents)) < len(ents)


def subword_targets(
    examples: Iterable[Example],
    output: Iterable[Ragged],
    tags: TagSet,
    subword_labels: str,
    name: str,
    *,
    skip_unknown: bool = False,
) -> list[Ints1d]:
    """Return the gold tag ID of each subword in each Example.

    examples (Iterable[Example]): the examples.
    output (Iterable[Ragged]): model output for each predicted Doc. *Shape:* `(n_rows, n_tags)` each
    tags (TagSet), name (str), skip_unknown (bool): see `tag_ids`.
    subword_labels (str): see `row_targets`.
    RETURNS (list[Ints1d]): tag IDs for each example, with `UNKNOWN` for subwords without a gold tag. *Shape:*
        `(n_rows,)` each
    RAISES TagError: see `tag_ids`.
    """
    targets = []
    for eg, part in zip(examples, output, strict=True):
        lengths = to_numpy(part.lengths)
        ids = tag_ids(eg, tags, lengths, name, is_joined=joined_tokens(part), skip_unknown=skip_unknown)
        targets.append(row_targets(ids, lengths, subword_labels))
    return targets


def tag_ids(
    eg: Example,
    tags: TagSet,
    lengths: Ints1d,
    name: str,
    *,
    is_joined: Bools1d | None = None,
    skip_unknown: bool = False,
) -> Ints1d:
    """Return the gold tag ID of each predicted token.

    The tag ID is `UNKNOWN` for a token that has no annotation, has no subwords, or is in a misaligned entity. Tokens
    without subwords are skipped, as in decoding, so a tag depends on the nearest tokens with subwords. A token and the
    tokens joined to it have one tag; see `_join`.

    eg (Example): the example.
    tags (TagSet): tags of the head.
    lengths (Ints1d): number of subwords in each token. *Shape:* `(n_tokens,)`
    name (str): name of the component, for messages.
    is_joined (Bools1d | None): see `alignment.Alignment`. Default: no token is joined. *Shape:* `(n_tokens,)`
    skip_unknown (bool): whether tokens with a label that the head lacks count as unannotated. Default: False.
    RETURNS (Ints1d): gold tag ID of each token. *Shape:* `(n_tokens,)`
    RAISES TagError: the head lacks a label, and `skip_unknown` is False.
    """
    ids = np.full(len(lengths), UNKNOWN, dtype=np.int64)
    tokens, _ = first_subword_rows(lengths)
    biluo = _clip(eg.get_aligned_ner(), tokens, is_joined)
    if skip_unknown:
        known = {"", *tags.labels}
        biluo = [tag if (tag or "").partition("-")[2] in known else None for tag in biluo]
    try:
        ids[tokens] = tags.encode(biluo)
    except TagError as e:
        labels = ", ".join(tags.labels)
        raise TagError(Errors.unknown_label.format(label=e, name=name, labels=labels)) from e
    return ids


def _clip(biluo: Sequence[str | None], tokens: Ints1d, is_joined: Bools1d | None = None) -> list[str | None]:
    """Return the BILUO tags of the given tokens, as if all others were removed or joined to the preceding token.

    B-per  I-per  L-per  O  U-geo      tokens 0, 1, 4   →   B-per  L-per  U-geo
    O      B-per  L-per                tokens 0, 2 (1 is joined to 0)   →   B-per  L-per
    """
    if len(tokens) == len(biluo):
        return list(biluo)
    entity_ids, n = [], 0  # the index of each token's entity, from 1, or 0 outside entities
    for tag in biluo:
        role, _, label = (tag or "").partition("-")
        n += bool(label) and role in "BU"
        entity_ids.append(n if label else 0)
    if is_joined is not None and is_joined.any():
        biluo, entity_ids = _join(biluo, entity_ids, tokens, np.flatnonzero(is_joined))
    ids = [0, *(entity_ids[i] for i in tokens), 0]
    clipped: list[str | None] = []
    for (before, current, after), i in zip(zip(ids, ids[1:], ids[2:], strict=False), tokens, strict=True):
        role = {(True, True): "I", (True, False): "L", (False, True): "B"}.get(
            (before == current, current == after), "U"
        )
        tag = biluo[i]
        clipped.append(f"{role}-{tag[2:]}" if current and tag else tag)
    return clipped


def _join(
    biluo: Sequence[str | None], entity_ids: Sequence[int], tokens: Ints1d, joined: Ints1d
) -> tuple[list[str | None], list[int]]:
    """Give each token the entity of the tokens that are joined to it.

    If these tokens have different entities, none of the entities can be predicted, so the tag is unknown. If they have
    no entity, the tag is `O` only if all of them are `O`.

    entity_ids: index of each token's entity, starting at 1, or 0 outside entities.
    tokens: indices of the tokens with subwords. *Shape:* `(n,)`
    joined: indices of the joined tokens. *Shape:* `(n_joined,)`
    """
    biluo, entity_ids = list(biluo), list(entity_ids)
    conflicting = set()
    for i, owner in zip(joined.tolist(), tokens[np.searchsorted(tokens, joined) - 1].tolist(), strict=True):
        if entity_ids[owner] and entity_ids[i] not in (0, entity_ids[owner]):
            conflicting.add(owner)
        elif entity_ids[i]:
            biluo[owner], entity_ids[owner] = biluo[i], entity_ids[i]
        elif not entity_ids[owner] and biluo[i] is None:
            biluo[owner] = None
    for owner in conflicting:
        biluo[owner], entity_ids[owner] = None, 0
    return biluo, entity_ids


def row_targets(tag_ids: Ints1d, lengths: Ints1d, subword_labels: str) -> Ints1d:
    """Return the gold tag ID of each subword, or `UNKNOWN` for subwords without a gold tag.

    tag_ids (Ints1d): tag ID of each token. *Shape:* `(n_tokens,)`
    lengths (Ints1d): number of subwords in each token. *Shape:* `(n_tokens,)`
    subword_labels (str): subwords that get their token's tag: "first" or "all".
    RETURNS (Ints1d): tag ID of each subword. *Shape:* `(n_rows,)`
    """
    if subword_labels == "all":
        return np.repeat(tag_ids, lengths)
    targets = np.full(int(lengths.sum()), UNKNOWN, dtype=np.int64)
    tokens, rows = first_subword_rows(lengths)
    targets[rows] = tag_ids[tokens]
    return targets


def verdicts(eg: Example, entities: Iterable[Entity]) -> list[bool | None]:
    """Return whether each predicted entity is also a gold entity.

    eg (Example): the example.
    entities (Iterable[Entity]): the predicted entities, with token indices in `eg.predicted`.
    RETURNS (list[bool | None]): whether each entity is correct; None if its annotation is missing or misaligned.
    """
    aligned, biluo = eg.get_aligned_ents_and_ner()
    gold = {Entity(ent.label_, ent.start, ent.end) for ent in aligned}
    return [None if None in biluo[entity.start : entity.end] else entity in gold for entity in entities]
