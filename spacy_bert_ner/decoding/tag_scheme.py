"""Convert entities to tags and back, and infer the scheme that a set of tags follows.

This module depends only on Python and NumPy.

A *label* is an entity type, such as `per`. A *tag*, such as `B-per`, consists of the label and a prefix for the token's
position in the entity. A *tag ID* is the index of the tag's column in the head. The table shows an entity with three
tokens, followed by `O`, an entity with one token and an adjacent entity with the same label:

    scheme   three tokens       O   one     another
    IOB1     I-per I-per I-per  O   I-per   B-per      `B-` only directly after an entity with the same label
    IOB2     B-per I-per I-per  O   B-per   B-per
    IOE1     I-per I-per I-per  O   E-per   I-per      `E-` only directly before an entity with the same label
    IOE2     I-per I-per E-per  O   E-per   E-per
    BILUO    B-per I-per L-per  O   U-per   U-per
    IOBES    B-per I-per E-per  O   S-per   S-per
    BMES     B-per M-per E-per  O   S-per   S-per      the usual scheme in Chinese corpora
    BMEWO    B-per M-per E-per  O   W-per   W-per
    plain    per   per   per    O   per     per        adjacent entities with the same label are merged

The first four schemes are from Tjong Kim Sang & Veenstra 1999, https://aclanthology.org/E99-1023. The others are from
Ratinov & Roth 2009, https://aclanthology.org/W09-1119. `transitions` defines which tags may follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors, TagError
from ..types import Entity, Ints1d
from .transitions import CONTINUES, FORBIDDEN, ROLES, Parts, rules, transition_table

Tag = TypeVar("Tag", str, str | None)

OUTSIDE = "O"
UNKNOWN = -1
"""Tag ID of a token without annotation. Unlike a token with the tag `O`, it does not contribute to the loss."""

BOTH_ENDS = {"BILUO": "BILU", "IOBES": "BIES", "BMES": "BMES", "BMEWO": "BMEW"}
"""Prefixes of the schemes that mark both ends of each entity.

If tags fit several of these schemes, all of them give the same entities, and the first one is used.
"""
PREFIXES = {"IOB1": "BI", "IOB2": "BI", "IOE1": "IE", "IOE2": "IE", **BOTH_ENDS, "plain": ""}
"""Prefixes of the schemes that a setting can name."""
ALIASES = {"BIO": "IOB2", "BIOES": "IOBES", "BILOU": "BILUO"}
"""Other names of schemes that a setting can use."""
ALIAS_NOTE = ", ".join(f"{alias} means {scheme}" for alias, scheme in ALIASES.items())
_SCHEMES = {scheme.upper(): scheme for scheme in PREFIXES} | ALIASES
_AMBIGUOUS = {"IOB": "IOB2", "IOE": "IOE2"}
"""Scheme in which a head is trained if its tags fit two schemes."""

_ROLE = {"B": "B", "I": "I", "M": "I", "L": "L", "E": "L", "U": "U", "S": "U", "W": "U"}
"""Role of each prefix, named as in BILUO; see `transitions`."""
_STAND_INS = {"B": "BIUL", "I": "ILBU", "L": "LIUB", "U": "UBLI"}
"""For each role, the roles that can replace it if a head has no tag for it, in order of preference."""

_MALFORMED = re.compile(r"[BILEUSMW](_.+)?")
"""Pattern for tags such as `B` and `B_per`, whose prefixes are probably in an unsupported notation."""
_MALFORMED_IF_ALL = re.compile(r"[BILEUSMW][-_/:. ].+|[bileusmw]-.+|.+[-_/:. ][BILEUSMW]")
"""Pattern for tags such as `B:per`, `b-per` and `per-B`.

If all tags match, they have prefixes in an unsupported notation. A single match may be a label, such as `vitamin-B`.
"""


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix and its label. The label may contain hyphens.

    >>> split_tag("B-creative-work")
    ('B', 'creative-work')

    tag (str): tag in a scheme with prefixes.
    RETURNS (tuple[str, str]): the prefix and the label, which is empty for `O`.
    RAISES TagError: the tag has no prefix.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, label = tag.partition("-")
    if prefix not in _ROLE or not hyphen or not label:
        raise TagError(Errors.unknown_tag.format(tag=tag))
    return prefix, label


def has_prefix(tag: str) -> bool:
    """Return whether a tag has a prefix. `O` and plain labels have no prefix.

    tag (str): tag in any scheme.
    """
    try:
        return bool(split_tag(tag)[1])
    except TagError:
        return False


def infer_scheme(tags: Iterable[str]) -> str:
    """Infer the scheme that a set of tags follows.

    Some tags fit two schemes. `B-` and `I-` fit IOB1 and IOB2, and `I-` and `E-` fit IOE1 and IOE2.

    tags (Iterable[str]): all tags that occur, in any order.
    RETURNS (str): a key of `PREFIXES`, "IOB" for IOB1 or IOB2, or "IOE" for IOE1 or IOE2.
    RAISES TagError: no tag has a label, only some tags have prefixes, no scheme has all of the prefixes, or the tags
        have an unsupported notation such as `B`, `B_per` or `per-B`.
    """
    tags = list(dict.fromkeys(tags))
    with_label = [tag for tag in tags if tag != OUTSIDE]
    bare = [tag for tag in with_label if not has_prefix(tag)]
    if 0 < len(bare) < len(with_label):
        raise TagError(Errors.stray_tags.format(tags=", ".join(tags), bare=", ".join(bare), first=bare[0]))
    is_malformed = any(map(_MALFORMED.fullmatch, bare)) or all(map(_MALFORMED_IF_ALL.fullmatch, bare))
    if not with_label or (bare and (OUTSIDE not in tags or is_malformed)):
        raise _no_scheme(tags)
    if bare:
        return "plain"
    used_prefixes = {split_tag(tag)[0] for tag in with_label}
    if used_prefixes <= set("BI"):
        # If only one of the two prefixes occurs, the scheme is unambiguous.
        return "IOB" if used_prefixes == set("BI") else "IOB2" if used_prefixes == {"B"} else "IOB1"
    for scheme, prefixes in (("IOE", "IE"), *BOTH_ENDS.items()):
        if used_prefixes <= set(prefixes):
            return scheme
    raise _no_scheme(tags)


def _no_scheme(tags: Sequence[str]) -> TagError:
    first = (*tags, "LABEL_1")[0]
    return TagError(Errors.no_scheme.format(tags=", ".join(tags), allowed=", ".join(PREFIXES), first=first))


def check_labels(labels: Iterable[object]) -> set[str]:
    """Check that labels are valid.

    labels (Iterable[object]): list or set of labels.
    RETURNS (set[str]): the labels without duplicates.
    RAISES TagError: `labels` is a string, or a label is not a string, is empty, is `O`, or cannot be encoded.
    """
    if isinstance(labels, str):
        raise TagError(Errors.labels_in_a_string.format(labels=labels))
    checked = set()
    for label in labels:
        if not isinstance(label, str) or not label.strip() or label == OUTSIDE or not _is_encodable(label):
            raise TagError(Errors.no_label.format(label=label))
        checked.add(label)
    return checked


def _is_encodable(label: str) -> bool:
    """Return whether a label contains no lone surrogates, which JSON can represent but spaCy cannot store.

    label (str): label to check.
    """
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True


def tags_of_labels(labels: Iterable[str], scheme: str = "IOB2") -> tuple[str, ...]:
    """Return the tags for a new head: `O`, followed by the tags for each label, sorted by label.

    labels (Iterable[str]): the labels, in any order.
    scheme (str): a key of `PREFIXES`, "IOB" or "IOE". Default: "IOB2".
    """
    return (OUTSIDE, *(tag for label in sorted(set(labels)) for tag in tags_of_label(label, scheme)))


def tags_of_label(label: str, scheme: str) -> tuple[str, ...]:
    """Return the tags for one label.

    >>> tags_of_label("per", "IOB2")
    ('B-per', 'I-per')
    >>> tags_of_label("per", "plain")
    ('per',)

    label (str): the label.
    scheme (str): a key of `PREFIXES`, "IOB" or "IOE".
    """
    prefixes = PREFIXES[resolve_scheme(scheme)]
    return tuple(f"{prefix}-{label}" for prefix in prefixes) if prefixes else (label,)


def resolve_scheme(scheme: str) -> str:
    """Return the scheme in which a head is trained: "IOB2" for "IOB", "IOE2" for "IOE", or the given scheme.

    scheme (str): a key of `PREFIXES`, "IOB" or "IOE".
    """
    return _AMBIGUOUS.get(scheme, scheme)


def find_scheme(name: object) -> str | None:
    """Look up the name or alias of a scheme, regardless of case.

    >>> find_scheme("bio")
    'IOB2'

    name (object): value of a setting.
    RETURNS (str | None): the scheme, a key of `PREFIXES`; None if the value is not the name of a scheme.
    """
    return _SCHEMES.get(name.upper()) if isinstance(name, str) else None


@dataclass(frozen=True, eq=False)
class TagSet:
    """The tags of a head in column order, with the rules of their scheme. See `build_tag_set`.

    tags (tuple[str, ...]): tag of each logit column.
    scheme (str): the scheme, as `infer_scheme` returns it.
    labels (tuple[str, ...]): the labels, sorted.
    label_ids: 1 plus the index of each tag's label in `labels`, or 0 for `O`. *Shape:* `(n_tags,)`
    ids (dict): tag ID for each pair of role and label. The roles are `B`, `I`, `L`, `U` and `O`. Plain labels have the
        role `I`. If the head lacks a tag for a role, this is the ID of the closest tag.
    continues: whether each tag continues the entity of each preceding tag. *Shape:* `(n_tags before, n_tags)`
    may_begin: whether each tag may be the first in a sequence. *Shape:* `(n_tags,)`
    may_follow: whether each tag may follow each preceding tag. *Shape:* `(n_tags before, n_tags)`
    may_end: whether each tag may be the last in a sequence. *Shape:* `(n_tags,)`
    needs_outside: whether each tag may start an entity only if no entity directly precedes it. *Shape:* `(n_tags,)`
    """

    tags: tuple[str, ...]
    scheme: str
    labels: tuple[str, ...]
    label_ids: Ints1d
    ids: dict[tuple[str, str], int]
    continues: NDArray[np.bool_]
    may_begin: NDArray[np.bool_]
    may_follow: NDArray[np.bool_]
    may_end: NDArray[np.bool_]
    needs_outside: NDArray[np.bool_]

    def entities(self, tag_ids: Ints1d, is_start: NDArray[np.bool_] | None = None) -> list[Entity]:
        """Return the entities in a tag sequence. If a tag continues no entity, it starts one.

            O  I-per  I-per  I-geo   →   per 1:3, geo 3:4

        tag_ids: tag ID of each token. *Shape:* `(n_tokens,)`
        is_start: whether each token is the first of a sequence, so no entity continues there. None if all tokens form
            a single sequence. *Shape:* `(n_tokens,)`
        RETURNS (list[Entity]): entities in text order. `start` and `end` are indices into `tag_ids`.
        """
        if not len(tag_ids):
            return []
        continues = np.concatenate([[False], self.continues[tag_ids[:-1], tag_ids[1:]]])
        if is_start is not None:
            continues &= ~is_start
        label_ids = self.label_ids[tag_ids]
        starts = np.flatnonzero((label_ids > 0) & ~continues)
        stops = np.append(np.flatnonzero(~continues), len(tag_ids))
        ends = stops[np.searchsorted(stops, starts, side="right")]
        labels = label_ids[starts] - 1
        return [Entity(self.labels[i], int(s), int(e)) for i, s, e in zip(labels, starts, ends, strict=True)]

    def encode(self, biluo: Sequence[str | None]) -> Ints1d:
        """Convert gold BILUO tags from spaCy to tag IDs.

        If the head lacks a tag such as `B-per`, its closest tag is used instead.

        biluo (Sequence[str | None]): tag of each token; None or "-" for unknown tags.
        RETURNS: tag IDs, or `UNKNOWN` for unknown tags. *Shape:* `(n_tokens,)`
        RAISES TagError: the head lacks a label. The error contains only the label, and the caller adds the message.
        """
        tag_ids = np.full(len(biluo), UNKNOWN, dtype=np.int64)
        for i, tag in enumerate(biluo):
            if tag is None or tag == "-":
                continue
            role, _, label = tag.partition("-")
            if not label:  # `O`, or a token that spaCy marks as blocked, which also counts as outside
                tag_ids[i] = self.ids.get((OUTSIDE, ""), UNKNOWN)
                continue
            if label not in self.labels:
                raise TagError(label)
            next_tag = biluo[i + 1] if i + 1 < len(biluo) else None
            role = _role_in(self.scheme, role, label, biluo[i - 1] if i else None, next_tag)
            tag_ids[i] = self.ids[role, label]
        return tag_ids


def _role_in(scheme: str, role: str, label: str, before: str | None, after: str | None) -> str:
    """Convert a BILUO role to the corresponding role in another scheme.

    before, after: BILUO tags of the neighbouring tokens, or None if there is no such token.
    """
    if scheme in ("IOB", "IOB2"):
        return {"U": "B", "L": "I"}.get(role, role)
    if scheme in ("IOE", "IOE2"):
        return {"U": "L", "B": "I"}.get(role, role)
    if scheme == "IOB1":
        return "B" if role in "BU" and before in (f"L-{label}", f"U-{label}") else "I"
    if scheme == "IOE1":
        return "L" if role in "LU" and after in (f"B-{label}", f"U-{label}") else "I"
    return "I" if scheme == "plain" else role


@lru_cache(maxsize=64)
def build_tag_set(tags: tuple[str, ...], scheme: str | None = None) -> TagSet:
    """Build the tag set of a head.

    tags (tuple[str, ...]): tag of each logit column.
    scheme (str | None): a key of `PREFIXES`, "IOB" or "IOE"; None to infer the scheme from the tags.
    RETURNS (TagSet): the tags and their rules. Calls with the same arguments return the same cached object.
    RAISES TagError: no scheme can be inferred, the tags do not fit the given scheme, or a tag cannot be encoded.
    """
    for tag in tags:
        if not _is_encodable(tag):
            raise TagError(Errors.no_label.format(label=tag))
    if scheme is None:
        scheme = infer_scheme(tags)
    with_label = [tag for tag in tags if tag != OUTSIDE]
    prefixes = PREFIXES[resolve_scheme(scheme)]
    if scheme == "plain":
        split = [("O", "") if tag == OUTSIDE else ("I", tag) for tag in tags]
    else:
        wrong = [tag for tag in with_label if not has_prefix(tag) or tag[0] not in prefixes]
        if wrong or not with_label:
            allowed = ", ".join(["O", *(f"{prefix}-<label>" for prefix in prefixes)])
            raise TagError(Errors.wrong_scheme.format(scheme=scheme, tags=", ".join(wrong or tags), allowed=allowed))
        split = [(_ROLE.get(prefix, prefix), label) for prefix, label in map(split_tag, tags)]
    labels = tuple(sorted({label for _, label in split if label}))
    label_numbers = {label: i for i, label in enumerate(labels, start=1)} | {"": 0}
    roles = [_ROLE[prefix] for prefix in prefixes] or ["I"]
    ids = {parts: i for i, parts in reversed(list(enumerate(split)))}  # the first column if several have the same tag
    stand_ins = {(role, label): _nearest(role, label, ids) for label in labels for role in roles}
    may_follow, continues = rules(split, stand_ins, scheme)
    outside = ids.get((OUTSIDE, ""))
    if outside is None:
        may_follow[:] = True  # without `O`, sequences of some lengths could not be legal
    return TagSet(
        tags=tags,
        scheme=scheme,
        labels=labels,
        label_ids=np.array([label_numbers[label] for _, label in split], dtype=np.int64),
        ids=ids | stand_ins,
        continues=continues,
        may_begin=may_follow[outside or 0].copy(),  # positions before and after a sequence count as `O`
        may_follow=may_follow,
        may_end=may_follow[:, outside or 0].copy(),
        needs_outside=np.array([scheme == "IOB" and role == "I" for role, _ in split]),
    )


def _nearest(role: str, label: str, ids: dict[Parts, int]) -> int:
    return next(ids[r, label] for r in _STAND_INS[role] if (r, label) in ids)


def to_iob2(tags: Sequence[Tag], scheme: str) -> tuple[list[Tag], int]:
    """Convert the tags of a sentence to IOB2. Every entity is preserved, even if the sequence is illegal.

        O  I-per  I-per  I-geo        O  B-per  I-per  B-geo
                                 →       ^^^^^         ^^^^^   two tags violate IOB2, but no tag violates IOB1

    >>> to_iob2(["O", "I-per", "I-per", "I-geo"], "IOB2")
    (['O', 'B-per', 'I-per', 'B-geo'], 2)

    tags (Sequence): tags in the given scheme; None for unknown tags, which may precede and follow any tag.
    scheme (str): the scheme, as `infer_scheme` returns it.
    RETURNS (tuple): the IOB2 tags, and the number of tags that violate the rules of `scheme`.
    RAISES TagError: the scheme has prefixes, but a tag has none.
    """
    iob2: list[Tag] = []
    n_illegal, before, label_before = 0, OUTSIDE, ""  # the position before the sentence counts as `O`
    for tag in tags:
        if tag == OUTSIDE == before:  # the most frequent case
            iob2.append(tag)
            continue
        if tag is None:
            iob2.append(tag)
            before = ""
            continue
        role, label, first, inside = _as_iob2(tag, scheme)
        outcome = _outcome(before, role, label_before == label, scheme) if before else None
        n_illegal += outcome == FORBIDDEN
        iob2.append(inside if outcome == CONTINUES else first)
        before, label_before = role, label
    if before:
        n_illegal += _outcome(before, OUTSIDE, not label_before, scheme) == FORBIDDEN
    return iob2, n_illegal


@lru_cache(maxsize=1 << 16)
def _as_iob2(tag: str, scheme: str) -> tuple[str, str, str, str]:
    """Return a tag's role and label, and the IOB2 tags that replace it at the start of an entity and inside it."""
    if tag == OUTSIDE:
        return OUTSIDE, "", OUTSIDE, OUTSIDE
    role, label = ("I", tag) if scheme == "plain" else split_tag(tag)
    return _ROLE[role], label, f"B-{label}", f"I-{label}"


@lru_cache(maxsize=1 << 10)
def _outcome(before: str, role: str, is_same_label: bool, scheme: str) -> int:
    """Return the outcome of a transition between two roles: `FORBIDDEN`, `NEW` or `CONTINUES`."""
    return int(transition_table(scheme)[int(is_same_label), ROLES.index(before), ROLES.index(role)])
