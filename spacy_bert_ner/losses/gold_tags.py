"""What Examples say: labels, the tag id of each predicted token, and whether an entity is right."""

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
    """Gold entities that begin or end inside a token of the predicted Docs, out of `total`; the first of them."""

    n: int
    total: int
    entity: str
    text: str

    def warn(self, name: str) -> bool:
        """Say it, with numbers, if there are any.

        name (str): of the component.
        RETURNS: whether there are.
        """
        if not self.n:
            return False
        message = Errors.misaligned.format(**self._asdict(), percent=100 * self.n / self.total, name=name)
        warnings.warn(message, UserWarning, stacklevel=3)
        return True


def collect_labels(examples: Iterable[Example]) -> tuple[list[str], MisalignedEntities]:
    """The labels of all gold entities, sorted, and how many entities are misaligned."""
    labels: set[str] = set()
    n = total = 0
    entity = text = ""
    for eg in examples:
        ents = list(eg.reference.ents)
        labels.update(ent.label_ for ent in ents)
        total += len(ents)
        if ents:
            strange = [ent for ent in ents if not eg.get_aligned_spans_y2x([ent])]
            n += len(strange)
            if strange and not entity:
                entity, text = strange[0].text, eg.reference.text[:80]
    return sorted(labels), MisalignedEntities(n, total, entity, text)


def count_tokens(examples: Iterable[Example]) -> Counter[str]:
    """How many gold tokens each label has, and `O`. Those without annotation, and white space, do not count."""
    counts: Counter[str] = Counter()
    for eg in examples:
        # ent_iob: 0 missing, 1 inside, 2 outside, 3 begins
        counts.update(t.ent_type_ or OUTSIDE for t in eg.reference if t.ent_iob and not t.is_space)
    return counts


def is_misaligned(eg: Example) -> bool:
    """Whether a gold entity begins or ends inside a token of the predicted Doc."""
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
    """The tag id of each subword of each Example; for the arguments see `tag_ids` and `row_targets`.

    output: of the model for `eg.predicted` of each.
    RETURNS: *Shape:* `(n_rows,)` each
    """
    found = []
    for eg, part in zip(examples, output, strict=True):
        lengths = to_numpy(part.lengths)
        ids = tag_ids(eg, tags, lengths, name, is_joined=joined_tokens(part), skip_unknown=skip_unknown)
        found.append(row_targets(ids, lengths, subword_labels))
    return found


def tag_ids(
    eg: Example,
    tags: TagSet,
    lengths: Ints1d,
    name: str,
    *,
    is_joined: Bools1d | None = None,
    skip_unknown: bool = False,
) -> Ints1d:
    """The tag id of each predicted token, `UNKNOWN` where there is no annotation, no subword, or a misaligned entity.

    Tokens without subwords are passed over, as in decoding: a tag depends on the nearest tokens that have some. A token
    and those joined to it have one tag, see `_join`.

    lengths: subwords of each token. *Shape:* `(n_tokens,)`
    name (str): of the component, for the message.
    is_joined: see `alignment.Alignment`; None if no token is. *Shape:* `(n_tokens,)`
    skip_unknown (bool): tokens of a label that is not in the head count as without annotation.
    RETURNS: *Shape:* `(n_tokens,)`
    RAISES TagError: a label is not in the head, and `skip_unknown` is False.
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
    """The BILUO tags of some tokens, as if the others were not there, or were one with the token before.

    B-per  I-per  L-per  O  U-geo      tokens 0, 1, 4   →   B-per  L-per  U-geo
    O      B-per  L-per                tokens 0, 2, token 1 is joined   →   B-per  L-per
    """
    if len(tokens) == len(biluo):
        return list(biluo)
    entity, n = [], 0  # the number of the entity of each token, 0 outside
    for tag in biluo:
        role, _, label = (tag or "").partition("-")
        n += bool(label) and role in "BU"
        entity.append(n if label else 0)
    if is_joined is not None and is_joined.any():
        biluo, entity = _join(biluo, entity, tokens, np.flatnonzero(is_joined))
    numbers = [0, *(entity[i] for i in tokens), 0]
    clipped: list[str | None] = []
    for (before, own, after), i in zip(zip(numbers, numbers[1:], numbers[2:], strict=False), tokens, strict=True):
        role = {(True, True): "I", (True, False): "L", (False, True): "B"}.get((before == own, own == after), "U")
        tag = biluo[i]
        clipped.append(f"{role}-{tag[2:]}" if own and tag else tag)
    return clipped


def _join(
    biluo: Sequence[str | None], entity: Sequence[int], tokens: Ints1d, joined: Ints1d
) -> tuple[list[str | None], list[int]]:
    """Give each token the entity of those that are joined to it. Where there are two entities, neither can be right,
    so that the tag is unknown; without an entity it is `O` only if all of them are.

    entity: the number of the entity of each token, 0 outside.
    """
    biluo, entity = list(biluo), list(entity)
    clashing = set()
    for i, owner in zip(joined.tolist(), tokens[np.searchsorted(tokens, joined) - 1].tolist(), strict=True):
        if entity[owner] and entity[i] not in (0, entity[owner]):
            clashing.add(owner)
        elif entity[i]:
            biluo[owner], entity[owner] = biluo[i], entity[i]
        elif not entity[owner] and biluo[i] is None:
            biluo[owner] = None
    for owner in clashing:
        biluo[owner], entity[owner] = None, 0
    return biluo, entity


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
    tokens, rows = first_subword_rows(lengths)
    targets[rows] = tag_ids[tokens]
    return targets


def verdicts(eg: Example, entities: Iterable[Entity]) -> list[bool | None]:
    """Whether found entities are gold ones; None where the annotation does not tell, as it is missing or misaligned.

    entities: in tokens of `eg.predicted`.
    """
    aligned, biluo = eg.get_aligned_ents_and_ner()
    gold = {Entity(ent.label_, ent.start, ent.end) for ent in aligned}
    return [None if None in biluo[entity.start : entity.end] else entity in gold for entity in entities]
