"""Detect the tag scheme of a corpus from its tags."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ..decoding.tag_scheme import OUTSIDE, PREFIXES, has_prefix, infer_scheme, tags_of_label
from ..errors import CorpusError, Errors, TagError
from .sentence import Sentence
from .span_text import shorten

MAX_LABELS = 1000
"""Maximum number of distinct tags without prefixes. A column with more may contain other data, such as words."""
N_USES = 10
"""Minimum average number of words per label in a corpus with more than `MAX_LABELS` tags without prefixes."""


class SchemeDetector:
    """A detector for the tag scheme of a corpus. Add all sentences with `add`, then call `scheme`.

    The prefixes determine the scheme. If they match both IOB1 and IOB2, the scheme is IOB1 if every `B-x` directly
    follows an entity with the label x. IOB1 uses `B-x` in no other position. Likewise, the scheme is IOE1 if every
    `E-x` directly precedes an entity with the label x. An unknown tag (None) and its boundaries with other tags give no
    evidence.

    unit (str): unit of the line numbers, for error messages. Default: "line".
    place (str): position of tags in their rows for error messages, such as ", column 4". If it is empty, messages give
        the number of the word. Default: empty.
    """

    def __init__(self, unit: str = "line", place: str = "") -> None:
        self.unit, self.place = unit, place
        self.lines: dict[str, int] = {}
        """Line number of the first occurrence of each tag, in file order."""
        self._positions: dict[str, str] = {}
        self._n_tagged = 0  # number of words with a known tag other than `O`
        self._divides_only = True  # `B-` and `E-` occur only where IOB1 and IOE1 use them

    def add(self, sentence: Sentence) -> None:
        """Add the tags in a sentence to the evidence."""
        tags, lines = sentence.tags, self.lines
        for i, tag in enumerate(tags):
            if tag is not None and tag not in lines:
                lines[tag] = sentence.lines[i]
                self._positions[tag] = self.place or f", word {i + 1}"
        n_tagged = len(tags) - tags.count(OUTSIDE) - tags.count(None)
        self._n_tagged += n_tagged
        if self._divides_only and n_tagged:
            # In both schemes, the tag and its neighbour have the same label: everything after the prefix is equal.
            self._divides_only = not any(
                (after[:2] == "B-" and before[1:] != after[1:]) or (before[:2] == "E-" and before[1:] != after[1:])
                for before, after in pairwise([OUTSIDE, *tags, OUTSIDE])
                if before is not None and after is not None
            )

    def scheme(self, path: Path, named: str | None) -> str | None:
        """Return the tag scheme, a key in `PREFIXES`, or None if all tags are `O`.

        path (Path): the file, for error messages.
        named (str | None): the scheme that the user specified, a key in `PREFIXES`; None to detect it.
        RAISES CorpusError: a tag does not match the scheme, or the column probably contains data other than tags. The
            message names the file and line.
        """
        tags = [tag for tag in self.lines if tag != OUTSIDE]
        if not tags:
            return None
        if named in (None, "plain"):
            self._check_labels(path, tags, named)
        scheme = named or self._detected_scheme(path, tags)
        if named is not None:
            for _, error in self._mismatches(path, named):
                raise error
        if scheme in ("IOB", "IOE"):
            scheme += "1" if self._divides_only else "2"
        return scheme

    def _check_labels(self, path: Path, tags: list[str], named: str | None) -> None:
        """Reject tags that are probably not plain labels: most have a prefix, or there are too many different tags."""
        prefixed = [tag for tag in tags if has_prefix(tag)]
        n = len(tags) - len(prefixed)
        # If there is only one prefix, it may be part of the labels, as in `B-cell`.
        if named == "plain" and len(prefixed) >= 9 * n and len({tag[0] for tag in prefixed}) > 1:
            listed = ", ".join(prefixed[:5])
            raise CorpusError(Errors.prefixed_labels.format(path=path, n=len(prefixed), total=len(tags), listed=listed))
        if n > MAX_LABELS and (named is None or n * N_USES > self._n_tagged):
            where = {"unit": self.unit, "line": self.lines[tags[0]], "place": self._positions[tags[0]]}
            listed = ", ".join(shorten(tag) for tag in tags[:5])
            raise CorpusError(
                Errors.many_labels.format(path=path, n=n, n_words=self._n_tagged, listed=listed, uses=N_USES, **where)
            )

    def _detected_scheme(self, path: Path, tags: list[str]) -> str:
        """Detect the scheme from the tags. Each tag must match the earlier tags."""
        try:
            scheme = infer_scheme([OUTSIDE, *tags])
        except TagError:
            raise next(error for _, error in self._mismatches(path, None)) from None
        if scheme == "plain" and OUTSIDE not in self.lines:
            where = {"unit": self.unit, "line": self.lines[tags[0]], "place": self._positions[tags[0]]}
            raise CorpusError(Errors.no_outside.format(path=path, tag=tags[0], **where))
        return scheme

    def mismatched_tags(self, path: Path, named: str | None) -> dict[str, CorpusError]:
        """Return a map from each tag that does not match the scheme to its error.

        path (Path): the file, for error messages.
        named (str | None): the scheme that the user specified; None to compare each tag with the earlier tags.
        """
        return dict(self._mismatches(path, named))

    def _mismatches(self, path: Path, named: str | None) -> Iterator[tuple[str, CorpusError]]:
        if named == "plain":
            return
        schemes = ", ".join(PREFIXES)
        before: dict[str, str] = {}  # one matching tag per prefix, because more would add no information
        shown_tags: list[str] = []
        for tag, line in self.lines.items():
            if tag == OUTSIDE:
                continue
            where = {"path": path, "unit": self.unit, "line": line, "place": self._positions[tag], "tag": tag}
            if named is not None:
                if not (has_prefix(tag) and tag[0] in PREFIXES[named]):
                    allowed = ", ".join((OUTSIDE, *tags_of_label("<label>", named)))
                    message = Errors.strange_tag.format(**where, scheme=named, allowed=allowed, schemes=schemes)
                    yield tag, CorpusError(message)
                continue
            try:
                infer_scheme([OUTSIDE, *before.values(), tag])
            except TagError:
                yield (
                    tag,
                    CorpusError(
                        Errors.tag_of_another_scheme.format(**where, before=", ".join(shown_tags), schemes=schemes)
                    ),
                )
                continue
            before.setdefault(tag[0] if has_prefix(tag) else "", tag)
            if len(shown_tags) < 5:
                shown_tags.append(tag)
