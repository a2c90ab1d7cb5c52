"""From the tag scheme that a corpus is written in to IOB2."""

from __future__ import annotations

from pathlib import Path

from ..errors import CorpusError, Errors, TagError
from ..tags import OUTSIDE, PREFIXES, has_prefix, scheme_of, split_tag, tag_set, tags_of_label, tags_of_labels, to_iob2
from .sentence import Sentence

_TO_TRY = {"IOB": ("IOB1", "IOB2"), "IOE": ("IOE1", "IOE2")}
"""Schemes with the same prefixes: the first if no sentence breaks its rules, or else the second."""


def in_iob2(path: Path, sentences: list[Sentence], named: str | None) -> tuple[list[Sentence], str, int]:
    """Write the tags of a corpus in IOB2.

    The prefixes decide on the scheme. Where they leave IOB1 or IOB2 open, it is IOB1 if every `B-x` stands directly
    after an entity of the label x, the only place that it has there; so with `E-x` before an entity, and IOE1.

    named (str | None): a key of `PREFIXES`; None for what the tags tell, or IOB2 where all of them are `O`.
    RETURNS: the sentences, the name of the scheme, and how many tags broke its rules.
    RAISES CorpusError: a tag does not fit the scheme; the message names file and line.
    """
    lines: dict[str, int] = {}  # where each tag stands first, in the order of the file
    for sentence in sentences:
        for tag, line in zip(sentence.tags, sentence.lines, strict=True):
            lines.setdefault(tag, line)
    has_outside = lines.pop(OUTSIDE, None) is not None
    if not lines:
        return sentences, named or "IOB2", 0
    scheme = _told(path, lines, has_outside) if named is None else _checked(path, lines, named)
    labels = [tag if scheme == "plain" else split_tag(tag)[1] for tag in lines]
    for candidate in _TO_TRY.get(scheme, (scheme,)):
        known = tag_set(tags_of_labels(labels, candidate), candidate)
        done = [to_iob2(sentence.tags, known) for sentence in sentences]
        n_repaired = sum(n for _, n in done)
        if not n_repaired:
            break
    return [s._replace(tags=tags) for s, (tags, _) in zip(sentences, done, strict=True)], candidate, n_repaired


def _told(path: Path, lines: dict[str, int], has_outside: bool) -> str:
    """The scheme that the tags tell, each of which has to fit those before it."""
    before: list[str] = []
    for tag, line in lines.items():
        before.append(tag)
        try:
            scheme = scheme_of([OUTSIDE, *before])
        except TagError as e:
            shown = ", ".join(before[:-1][:5])
            message = Errors.odd_tag.format(path=path, line=line, tag=tag, before=shown, schemes=", ".join(PREFIXES))
            raise CorpusError(message) from e
    if scheme == "plain" and not has_outside:
        raise CorpusError(Errors.no_outside.format(path=path, line=lines[before[0]], tag=before[0]))
    return scheme


def _checked(path: Path, lines: dict[str, int], scheme: str) -> str:
    """The scheme that the user names, which every tag has to fit."""
    for tag, line in lines.items():
        if scheme != "plain" and not (has_prefix(tag) and tag[0] in PREFIXES[scheme]):
            allowed = ", ".join((OUTSIDE, *tags_of_label("<label>", scheme)))
            message = Errors.strange_tag.format(
                path=path, line=line, tag=tag, scheme=scheme, allowed=allowed, schemes=", ".join(PREFIXES)
            )
            raise CorpusError(message)
    return scheme
