"""From the tag scheme that a corpus is written in to IOB2, one sentence after the other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from ..errors import CorpusError, Errors, TagError
from ..tags import (
    OUTSIDE,
    PREFIXES,
    TagSet,
    has_prefix,
    scheme_of,
    split_tag,
    tag_set,
    tags_of_label,
    tags_of_labels,
)
from .sentence import Sentence


class TagSurvey:
    """What the tags of a corpus tell of their scheme; see `add` and `rules`.

    The prefixes decide. Where they leave IOB1 or IOB2 open, it is IOB1 if every `B-x` stands directly after an entity
    of the label x, the only place that it has there; so with `E-x` before an entity, and IOE1. A tag that is unknown
    (None) tells nothing, and nor does the edge that it shares with another.

    unit: what the lines of the sentences count, for the errors.
    place: where in its row a tag is, for the errors: ", column 4"; empty for rows that are sentences.
    """

    def __init__(self, unit: str = "line", place: str = "") -> None:
        self.unit, self.place = unit, place
        self.lines: dict[str, int] = {}
        """Where each tag stands first, in the order of the file."""
        self._places: dict[str, str] = {}
        self._divides_only = True  # `B-` and `E-` are where IOB1 and IOE1 have them

    def add(self, sentence: Sentence) -> None:
        """Look at one more sentence."""
        tags, lines = sentence.tags, self.lines
        for i, tag in enumerate(tags):
            if tag is not None and tag not in lines:
                lines[tag] = sentence.lines[i]
                self._places[tag] = self.place or f", word {i + 1}"
        if self._divides_only and any(tag is not None and tag != OUTSIDE for tag in tags):
            # In both, a tag and the one beside it are of the same label: all behind their prefixes is equal.
            self._divides_only = not any(
                (after[:2] == "B-" and before[1:] != after[1:]) or (before[:2] == "E-" and before[1:] != after[1:])
                for before, after in pairwise([OUTSIDE, *tags, OUTSIDE])
                if before is not None and after is not None
            )

    def rules(self, path: Path, named: str | None) -> TagSet | None:
        """The rules that the tags are to be read by; None where all of them are `O`.

        named (str | None): a key of `PREFIXES`; None for what the tags tell.
        RAISES CorpusError: a tag does not fit the scheme; the message names file and line.
        """
        lines = {tag: line for tag, line in self.lines.items() if tag != OUTSIDE}
        if not lines:
            return None
        scheme = self._told(path, lines) if named is None else self._checked(path, named)
        if scheme in ("IOB", "IOE"):
            scheme += "1" if self._divides_only else "2"
        labels = [tag if scheme == "plain" else split_tag(tag)[1] for tag in lines]
        return tag_set(tags_of_labels(labels, scheme), scheme)

    def _told(self, path: Path, lines: dict[str, int]) -> str:
        """The scheme that the tags tell, each of which has to fit those before it."""
        try:
            scheme = scheme_of([OUTSIDE, *lines])
        except TagError:
            raise next(iter(self.odd(path, None).values())) from None
        if scheme == "plain" and OUTSIDE not in self.lines:
            tag, line = next(iter(lines.items()))
            message = Errors.no_outside.format(path=path, unit=self.unit, line=line, place=self._places[tag], tag=tag)
            raise CorpusError(message)
        return scheme

    def odd(self, path: Path, named: str | None) -> dict[str, CorpusError]:
        """The tags that do not fit the scheme that is named, or else those before them, each with its error."""
        errors: dict[str, CorpusError] = {}
        before: list[str] = []
        for tag, line in self.lines.items():
            where = {"path": path, "unit": self.unit, "line": line, "place": self._places[tag], "tag": tag}
            schemes = ", ".join(PREFIXES)
            if tag == OUTSIDE or named == "plain":
                continue
            if named is not None:
                if not (has_prefix(tag) and tag[0] in PREFIXES[named]):
                    allowed = ", ".join((OUTSIDE, *tags_of_label("<label>", named)))
                    message = Errors.strange_tag.format(**where, scheme=named, allowed=allowed, schemes=schemes)
                    errors[tag] = CorpusError(message)
                continue
            try:
                scheme_of([OUTSIDE, *before, tag])
                before.append(tag)
            except TagError:
                message = Errors.odd_tag.format(**where, before=", ".join(before[:5]), schemes=schemes)
                errors[tag] = CorpusError(message)
        return errors

    def _checked(self, path: Path, named: str) -> str:
        """The scheme that the user names, which every tag has to fit."""
        if errors := self.odd(path, named):
            raise next(iter(errors.values()))
        return named
