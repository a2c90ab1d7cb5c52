"""Tags: strings, ids, the schemes that they are written in, and the entities that they spell. Plain Python and NumPy.

A *label* is an entity type (`per`), a *tag* a string with the place in an entity before it (`B-per`), a *tag id* its
place in the head. One entity of three tokens, one of one token, and one more of the same label directly after that:

    scheme   three tokens       O   one     one more
    IOB1     I-per I-per I-per  O   I-per   B-per      `B-` only after an entity of the same label
    IOB2     B-per I-per I-per  O   B-per   B-per
    IOE1     I-per I-per I-per  O   E-per   I-per      `E-` only before an entity of the same label
    IOE2     I-per I-per E-per  O   E-per   E-per
    BILUO    B-per I-per L-per  O   U-per   U-per
    IOBES    B-per I-per E-per  O   S-per   S-per
    BMES     B-per M-per E-per  O   S-per   S-per      the usual scheme of Chinese corpora
    BMEWO    B-per M-per E-per  O   W-per   W-per
    plain    per   per   per    O   per     per        two entities that touch are one

The first four: Tjong Kim Sang & Veenstra 1999, https://aclanthology.org/E99-1023; the others: Ratinov & Roth 2009,
https://aclanthology.org/W09-1119.
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
from . import transitions as tag_rules
from .transitions import WHOLE_SCHEMES, Parts

Tag = TypeVar("Tag", str, str | None)

OUTSIDE = "O"
UNKNOWN = -1
"""Tag id of a token without annotation: unknown is not O, so it gets no loss."""

PREFIXES = {"IOB1": "BI", "IOB2": "BI", "IOE1": "IE", "IOE2": "IE", **WHOLE_SCHEMES, "plain": ""}
"""The schemes that can be named, with the prefixes of each."""
_EITHER = {"IOB": "IOB2", "IOE": "IOE2"}
"""Tag sets in which two schemes share their prefixes; beside each the scheme in which such a head is trained."""

_ROLE = {"B": "B", "I": "I", "M": "I", "L": "L", "E": "L", "U": "U", "S": "U", "W": "U"}
"""Begins, goes on, ends, or is a whole entity: prefixes of all schemes under the names of BILUO."""
_STAND_INS = {"B": "BIUL", "I": "ILBU", "L": "LIUB", "U": "UBLI"}
"""For each role, those that spell it, best first, where a head lacks the tag for it."""

_IN_DISGUISE = re.compile(r"[BILEUSMW](_.+)?")
"""`B`, `B_per`: prefixes, in all likelihood, but not as we know them."""
_ALL_IN_DISGUISE = re.compile(r"[BILEUSMW][-_/:. ].+|[bileusmw]-.+|.+[-_/:. ][BILEUSMW]")
"""`B:per`, `b-per`, `per-B`: the same, if all tags look like it; one of them alone may be a label (`vitamin-B`)."""


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix and its label, which may itself hold hyphens.

    RETURNS: `("B", "creative-work")` for `"B-creative-work"`, `("O", "")` for `"O"`.
    RAISES TagError: the tag has no prefix.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, label = tag.partition("-")
    if prefix not in _ROLE or not hyphen or not label:
        raise TagError(Errors.unknown_tag.format(tag=tag))
    return prefix, label


def has_prefix(tag: str) -> bool:
    """Whether a tag has the prefix of a scheme, which `O` and plain labels have not."""
    try:
        return bool(split_tag(tag)[1])
    except TagError:
        return False


def infer_scheme(tags: Iterable[str]) -> str:
    """The scheme that a set of tags is written in, as far as the tags alone can tell.

    RETURNS: a key of `PREFIXES`; "IOB" for `B-` and `I-`, which are IOB1 or IOB2; "IOE" for `I-` and `E-`, which are
        IOE1 or IOE2.
    RAISES TagError: the tags name no label, only some have prefixes, the prefixes are of no scheme together, or
        they are written as `B`, `B_per` or `per-B`.
    """
    tags = list(dict.fromkeys(tags))
    named = [tag for tag in tags if tag != OUTSIDE]
    bare = [tag for tag in named if not has_prefix(tag)]
    if 0 < len(bare) < len(named):
        raise TagError(Errors.stray_tags.format(tags=", ".join(tags), bare=", ".join(bare), first=bare[0]))
    strange = any(map(_IN_DISGUISE.fullmatch, bare)) or all(map(_ALL_IN_DISGUISE.fullmatch, bare))
    if not named or (bare and (OUTSIDE not in tags or strange)):
        raise _no_scheme(tags)
    if bare:
        return "plain"
    found = {split_tag(tag)[0] for tag in named}
    if found <= set("BI"):
        # Where one of the two never occurs, nothing is left open.
        return "IOB" if found == set("BI") else "IOB2" if found == {"B"} else "IOB1"
    for scheme, prefixes in (("IOE", "IE"), *WHOLE_SCHEMES.items()):
        if found <= set(prefixes):
            return scheme
    raise _no_scheme(tags)


def _no_scheme(tags: Sequence[str]) -> TagError:
    first = (*tags, "LABEL_1")[0]
    return TagError(Errors.no_scheme.format(tags=", ".join(tags), allowed=", ".join(PREFIXES), first=first))


def check_labels(labels: Iterable[object]) -> set[str]:
    """Refuse what is no set of labels.

    RETURNS: the labels.
    RAISES TagError: it is a string, or one of them is no string, empty, or `O`.
    """
    if isinstance(labels, str):
        raise TagError(Errors.labels_in_a_string.format(labels=labels))
    found = set()
    for label in labels:
        if not isinstance(label, str) or not label.strip() or label == OUTSIDE or not _is_text(label):
            raise TagError(Errors.no_label.format(label=label))
        found.add(label)
    return found


def _is_text(label: str) -> bool:
    """Whether it holds no half of a surrogate pair, which JSON can spell and spaCy cannot store."""
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True


def tags_of_labels(labels: Iterable[str], scheme: str = "IOB2") -> tuple[str, ...]:
    """The head's tags for a new set of labels: `O`, then those of each label, sorted by label."""
    return (OUTSIDE, *(tag for label in sorted(set(labels)) for tag in tags_of_label(label, scheme)))


def tags_of_label(label: str, scheme: str) -> tuple[str, ...]:
    """The tags of one label: `("B-per", "I-per")` in IOB2, `("per",)` in plain."""
    prefixes = PREFIXES[resolve_scheme(scheme)]
    return tuple(f"{prefix}-{label}" for prefix in prefixes) if prefixes else (label,)


def resolve_scheme(scheme: str) -> str:
    """The scheme in which a head is trained: IOB2 for "IOB", IOE2 for "IOE", and every other as it is."""
    return _EITHER.get(scheme, scheme)


@dataclass(frozen=True, eq=False)
class TagSet:
    """The tags of a head in their order, and what their scheme says of sequences of them. See `build_tag_set`.

    tags: the tag of each column of the logits.
    scheme: what `infer_scheme` returns.
    labels: the labels, sorted.
    label_ids: for each tag, one more than the place of its label in `labels`; 0 for `O`. *Shape:* `(n_tags,)`
    ids: the tag id of a role (`B`, `I`, `L`, `U` or `O`; plain labels are `I`) and a label; where the head has no tag
        for a role that the scheme has, that of the nearest one.
    continues: whether a tag goes on with the entity of the tag before. *Shape:* `(n_tags before, n_tags)`
    may_begin: whether a tag may stand first. *Shape:* `(n_tags,)`
    may_follow: whether a tag may follow another. *Shape:* `(n_tags before, n_tags)`
    may_end: whether a tag may stand last. *Shape:* `(n_tags,)`
    needs_outside: whether a tag begins an entity only where none is directly before it. *Shape:* `(n_tags,)`
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

    def entities(self, tag_ids: Ints1d, begins: NDArray[np.bool_] | None = None) -> list[Entity]:
        """The entities that a sequence of tag ids spells, legal or not: a tag that continues nothing begins one.

            O  I-per  I-per  I-geo   →   per 1:3, geo 3:4

        tag_ids: *Shape:* `(n_tokens,)`
        begins: tokens across whose left edge no entity goes; None for none but the first. *Shape:* `(n_tokens,)`
        RETURNS: entities in the order of the text; `start` and `end` index into `tag_ids`.
        """
        if not len(tag_ids):
            return []
        goes_on = np.concatenate([[False], self.continues[tag_ids[:-1], tag_ids[1:]]])
        if begins is not None:
            goes_on &= ~begins
        label_ids = self.label_ids[tag_ids]
        starts = np.flatnonzero((label_ids > 0) & ~goes_on)
        stops = np.append(np.flatnonzero(~goes_on), len(tag_ids))
        ends = stops[np.searchsorted(stops, starts, side="right")]
        labels = label_ids[starts] - 1
        return [Entity(self.labels[i], int(s), int(e)) for i, s, e in zip(labels, starts, ends, strict=True)]

    def encode(self, biluo: Sequence[str | None]) -> Ints1d:
        """The tag ids of gold entities, which spaCy gives in BILUO.

        Where the head has no tag for a role (no `B-per`, say), the nearest one that it has stands in.

        biluo: a tag for each token; None or "-" where unknown.
        RETURNS: `UNKNOWN` where unknown. *Shape:* `(n_tokens,)`
        RAISES TagError: a label is not in the head; its message is filled by the caller.
        """
        tag_ids = np.full(len(biluo), UNKNOWN, dtype=np.int64)
        for i, tag in enumerate(biluo):
            if tag is None or tag == "-":
                continue
            role, _, label = tag.partition("-")
            if not label:  # O, or a token that spaCy marks as blocked, which is outside too
                tag_ids[i] = self.ids.get((OUTSIDE, ""), UNKNOWN)
                continue
            if label not in self.labels:
                raise TagError(label)
            role = _role_in(self.scheme, role, label, biluo[i - 1] if i else None, biluo[i + 1 : i + 2])
            tag_ids[i] = self.ids[role, label]
        return tag_ids


def _role_in(scheme: str, role: str, label: str, before: str | None, after: Sequence[str | None]) -> str:
    """What a role of BILUO is in another scheme."""
    if scheme in ("IOB", "IOB2"):
        return {"U": "B", "L": "I"}.get(role, role)
    if scheme in ("IOE", "IOE2"):
        return {"U": "L", "B": "I"}.get(role, role)
    if scheme == "IOB1":
        return "B" if role in "BU" and before in (f"L-{label}", f"U-{label}") else "I"
    if scheme == "IOE1":
        return "L" if role in "LU" and after and after[0] in (f"B-{label}", f"U-{label}") else "I"
    return "I" if scheme == "plain" else role


@lru_cache(maxsize=64)
def build_tag_set(tags: tuple[str, ...], scheme: str | None = None) -> TagSet:
    """The rules of a head's tags.

    tags: the tag of each column of the logits.
    scheme (str | None): a key of `PREFIXES`, "IOB" or "IOE"; None for what the tags tell.
    RAISES TagError: the tags tell of no scheme, or do not fit the one that is named.
    """
    for tag in tags:
        if not _is_text(tag):
            raise TagError(Errors.no_label.format(label=tag))
    if scheme is None:
        scheme = infer_scheme(tags)
    named = [tag for tag in tags if tag != OUTSIDE]
    prefixes = PREFIXES[resolve_scheme(scheme)]
    if scheme == "plain":
        split = [("O", "") if tag == OUTSIDE else ("I", tag) for tag in tags]
    else:
        strange = [tag for tag in named if not has_prefix(tag) or tag[0] not in prefixes]
        if strange or not named:
            allowed = ", ".join(["O", *(f"{prefix}-<label>" for prefix in prefixes)])
            raise TagError(Errors.wrong_scheme.format(scheme=scheme, tags=", ".join(strange or tags), allowed=allowed))
        split = [(_ROLE.get(prefix, prefix), label) for prefix, label in map(split_tag, tags)]
    labels = tuple(sorted({label for _, label in split if label}))
    number = {label: i for i, label in enumerate(labels, start=1)} | {"": 0}
    roles = [_ROLE[prefix] for prefix in prefixes] or ["I"]
    ids = {parts: i for i, parts in reversed(list(enumerate(split)))}  # of two `O`, the first
    stand_ins = {(role, label): _nearest(role, label, ids) for label in labels for role in roles}
    may_follow, continues = tag_rules.rules(split, stand_ins, scheme)
    outside = ids.get((OUTSIDE, ""))
    if outside is None:
        may_follow[:] = True  # without O not every length has a legal sequence
    return TagSet(
        tags=tags,
        scheme=scheme,
        labels=labels,
        label_ids=np.array([number[label] for _, label in split], dtype=np.int64),
        ids=ids | stand_ins,
        continues=continues,
        may_begin=may_follow[outside or 0].copy(),  # beside the edges of a text stands, as it were, an O
        may_follow=may_follow,
        may_end=may_follow[:, outside or 0].copy(),
        needs_outside=np.array([scheme == "IOB" and role == "I" for role, _ in split]),
    )


def _nearest(role: str, label: str, ids: dict[Parts, int]) -> int:
    return next(ids[r, label] for r in _STAND_INS[role] if (r, label) in ids)


def to_iob2(tags: Sequence[Tag], scheme: str) -> tuple[list[Tag], int]:
    """Write the tags of one sentence in IOB2, without losing an entity that they spell.

        O  I-per  I-per  I-geo        O  B-per  I-per  B-geo
                                 →       ^^^^^         ^^^^^   2 repaired, if the scheme is IOB2; none in IOB1

    tags: of the scheme, or None where unknown. What is beside an unknown one breaks no rule.
    scheme (str): what `infer_scheme` returns.
    RETURNS: the tags in IOB2, and how many broke the rules of their own scheme.
    RAISES TagError: a tag has no prefix, in a scheme that has some.
    """
    iob2: list[Tag] = []
    n_broken, before, label_before = 0, OUTSIDE, ""  # of the position before; beside the edges stands, as it were, an O
    for tag in tags:
        if tag == OUTSIDE == before:  # as most are
            iob2.append(tag)
            continue
        if tag is None:
            iob2.append(tag)
            before = ""
            continue
        role, label, begins, inside = _spelled(tag, scheme)
        goes_on, breaks = (False, False) if not before else _step(before, role, label_before == label, scheme)
        n_broken += breaks
        iob2.append(inside if goes_on else begins)
        before, label_before = role, label
    if before:
        n_broken += _step(before, OUTSIDE, not label_before, scheme)[1]
    return iob2, n_broken


@lru_cache(maxsize=1 << 16)
def _spelled(tag: str, scheme: str) -> tuple[str, str, str, str]:
    """The role and the label of a tag, and how IOB2 writes it where it begins an entity and inside one."""
    if tag == OUTSIDE:
        return OUTSIDE, "", OUTSIDE, OUTSIDE
    role, label = ("I", tag) if scheme == "plain" else split_tag(tag)
    return _ROLE[role], label, f"B-{label}", f"I-{label}"


@lru_cache(maxsize=1 << 10)
def _step(before: str, role: str, touches: bool, scheme: str) -> tuple[bool, bool]:
    """Whether a tag continues the entity before it, and whether it breaks a rule there, whatever the labels are.

    before, role: the roles of two tags that follow each other.
    touches: whether they have the same label.
    """
    first = (before, "" if before == OUTSIDE else "x")
    second = (role, "" if role == OUTSIDE else "x" if touches else "y")
    return tag_rules.continues(first, second), not tag_rules.may_follow(first, second, scheme)
