"""From the tag scheme that a corpus is written in to IOB2, one sentence after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ..decoding.tag_scheme import OUTSIDE, PREFIXES, has_prefix, infer_scheme, tags_of_label
from ..errors import CorpusError, Errors, TagError
from .sentence import Sentence
from .span_text import shorten

MAX_LABELS = 1000
"""Tags without prefixes; a column of more may hold something else, such as words or lemmas."""
N_USES = 10
"""How many words share a label, on average, where there are more than `MAX_LABELS` and they are labels."""


class SchemeDetector:
    """What the tags of a corpus tell of their scheme; see `add` and `scheme`.

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
        self._n_tagged = 0  # words whose tag is known and not `O`
        self._divides_only = True  # `B-` and `E-` are where IOB1 and IOE1 have them

    def add(self, sentence: Sentence) -> None:
        """Look at one more sentence."""
        tags, lines = sentence.tags, self.lines
        for i, tag in enumerate(tags):
            if tag is not None and tag not in lines:
                lines[tag] = sentence.lines[i]
                self._places[tag] = self.place or f", word {i + 1}"
        n_tagged = len(tags) - tags.count(OUTSIDE) - tags.count(None)
        self._n_tagged += n_tagged
        if self._divides_only and n_tagged:
            # In both, a tag and the one beside it are of the same label: all behind their prefixes is equal.
            self._divides_only = not any(
                (after[:2] == "B-" and before[1:] != after[1:]) or (before[:2] == "E-" and before[1:] != after[1:])
                for before, after in pairwise([OUTSIDE, *tags, OUTSIDE])
                if before is not None and after is not None
            )

    def scheme(self, path: Path, named: str | None) -> str | None:
        """The scheme that the tags are to be read by, a key of `PREFIXES`; None where all of them are `O`.

        named (str | None): a key of `PREFIXES`; None for what the tags tell.
        RAISES CorpusError: a tag does not fit the scheme; the message names file and line. Or the tags are none.
        """
        tags = [tag for tag in self.lines if tag != OUTSIDE]
        if not tags:
            return None
        if named in (None, "plain"):
            self._check_labels(path, tags, named)
        scheme = named or self._told(path, tags)
        if named is not None:
            for _, error in self._each_odd(path, named):
                raise error
        if scheme in ("IOB", "IOE"):
            scheme += "1" if self._divides_only else "2"
        return scheme

    def _check_labels(self, path: Path, tags: list[str], named: str | None) -> None:
        """Refuse labels without prefixes that are none: most have a prefix, or there are as many as words in a text."""
        prefixed = [tag for tag in tags if has_prefix(tag)]
        n = len(tags) - len(prefixed)
        # One prefix alone may belong to the labels, as in `B-cell`.
        if named == "plain" and len(prefixed) >= 9 * n and len({tag[0] for tag in prefixed}) > 1:
            listed = ", ".join(prefixed[:5])
            raise CorpusError(Errors.prefixed_labels.format(path=path, n=len(prefixed), total=len(tags), listed=listed))
        if n > MAX_LABELS and (named is None or n * N_USES > self._n_tagged):
            where = {"unit": self.unit, "line": self.lines[tags[0]], "place": self._places[tags[0]]}
            listed = ", ".join(shorten(tag) for tag in tags[:5])
            raise CorpusError(
                Errors.many_labels.format(path=path, n=n, n_words=self._n_tagged, listed=listed, uses=N_USES, **where)
            )

    def _told(self, path: Path, tags: list[str]) -> str:
        """The scheme that the tags tell, each of which has to fit those before it."""
        try:
            scheme = infer_scheme([OUTSIDE, *tags])
        except TagError:
            raise next(error for _, error in self._each_odd(path, None)) from None
        if scheme == "plain" and OUTSIDE not in self.lines:
            where = {"unit": self.unit, "line": self.lines[tags[0]], "place": self._places[tags[0]]}
            raise CorpusError(Errors.no_outside.format(path=path, tag=tags[0], **where))
        return scheme

    def odd(self, path: Path, named: str | None) -> dict[str, CorpusError]:
        """The tags that do not fit the scheme that is named, or else those before them, each with its error."""
        return dict(self._each_odd(path, named))

    def _each_odd(self, path: Path, named: str | None) -> Iterator[tuple[str, CorpusError]]:
        if named == "plain":
            return
        schemes = ", ".join(PREFIXES)
        before: dict[str, str] = {}  # of the tags that fit, one with each prefix: they tell as much as all do
        shown: list[str] = []
        for tag, line in self.lines.items():
            if tag == OUTSIDE:
                continue
            where = {"path": path, "unit": self.unit, "line": line, "place": self._places[tag], "tag": tag}
            if named is not None:
                if not (has_prefix(tag) and tag[0] in PREFIXES[named]):
                    allowed = ", ".join((OUTSIDE, *tags_of_label("<label>", named)))
                    message = Errors.strange_tag.format(**where, scheme=named, allowed=allowed, schemes=schemes)
                    yield tag, CorpusError(message)
                continue
            try:
                infer_scheme([OUTSIDE, *before.values(), tag])
            except TagError:
                yield tag, CorpusError(Errors.odd_tag.format(**where, before=", ".join(shown), schemes=schemes))
                continue
            before.setdefault(tag[0] if has_prefix(tag) else "", tag)
            if len(shown) < 5:
                shown.append(tag)
