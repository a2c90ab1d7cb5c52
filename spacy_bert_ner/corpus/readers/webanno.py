"""WebAnno TSV 3, as INCEpTION and WebAnno write it: a row a token, with a column for each feature of annotations.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value

    #Text=Mia flew to New York.
    1-1<tab>0-3<tab>Mia<tab>*<tab>PER
    1-4<tab>12-15<tab>New<tab>*[1]<tab>LOC[1]          [1] is one annotation of two tokens
    1-5<tab>16-20<tab>York<tab>*[1]<tab>LOC[1]
    1-5.1<tab>16-17<tab>Y<tab>_<tab>_                  a part of a token; _ is none, * one without a value

Offsets count units of UTF-16 in the whole document. Tokens are found by their text, and only their parts by offsets.

https://inception-project.github.io/releases/36.0/docs/user-guide.html#sect_webannotsv
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError, Errors
from ..offset_units import OFFSET_UNITS
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, Tokens, check_text, make_span, shorten
from .prodigy_tokens import add_gap
from .text_source import TextSource
from .webanno_layers import LabelColumn, find_column, unescape

_FORMAT = re.compile(r"#FORMAT=WebAnno TSV 3(?:\.[0-9]+)?\s*")
_UNIT = re.compile(r"([0-9]+-[0-9]+)(\.[0-9]+)?\t([0-9]{1,9})-([0-9]{1,9})\t(.*)", re.DOTALL)
_STACKED = re.compile(r"(?:[^\\|]|\\.)+", re.DOTALL)
_VALUE = re.compile(r"((?:[^\\\[\]]|\\.)*)(?:\[([0-9]{1,9})\])?", re.DOTALL)
_TEXT = "#Text="

Rows = list[tuple[int, str]]
Key = tuple[str, str]
"""The number of an annotation of several tokens, and its label."""


class _Unit(NamedTuple):
    """A row: a token, or a part of one.

    token: the number of its sentence and its own.
    labels: those of its annotations, each with the number of the annotation, which is empty where it has only this row.
    """

    line: int
    token: str
    is_part: bool
    begin: int
    end: int
    word: str
    labels: list[Key]


class _Found(NamedTuple):
    """A sentence, and the annotations of several tokens that its first and its last token have."""

    passage: AnnotatedText | Invalid
    first: set[Key]
    last: set[Key]


def is_webanno(rows: Sequence[str]) -> bool:
    """Whether the first row names the format."""
    return bool(rows and _FORMAT.fullmatch(rows[0]))


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read each sentence, with its own tokens. All are of one document, which has the name of the file.

    RAISES CorpusError: the file does not say in which column the labels of entities are.
    """
    blocks = _blocks(source)
    column = find_column(source.path, next(blocks))
    held: _Found | None = None
    for block in blocks:
        found = _sentence(source.path, block, column)
        if held and (crossing := held.last & found.first):
            number, label = min(crossing)
            where = {"path": source.path, "line": block[0][0]}
            error = CorpusError(Errors.webanno_crossing.format(**where, label=shorten(label), number=number))
            held, found = held._replace(passage=Invalid(error)), found._replace(passage=Invalid(error))
        if held:
            yield held.passage
        held = found
    if held:
        yield held.passage


def _blocks(source: TextSource) -> Iterator[Rows]:
    """The rows of the header, and then those of each sentence, with their lines."""
    block: Rows = []
    was_text = False
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            row = row.rstrip("\r\n")
            is_text = row.startswith(_TEXT)
            if is_text and not was_text:
                yield block
                block = []
            if row.strip():
                block.append((line, row))
            was_text = is_text
    yield block


def _sentence(path: Path, block: Rows, column: LabelColumn) -> _Found:
    """Read a sentence, or what is wrong with it."""
    try:
        units = [_unit(path, line, row, column) for line, row in block if not row.startswith("#")]
        lines = [row.removeprefix(_TEXT) for _, row in block if row.startswith(_TEXT)]
        passage, places = _fit_tokens(path, block[0][0], lines, units)
        spans = _spans(path, units, places)
        first, last = (units[i].token if units else "" for i in (0, -1))
        return _Found(passage._replace(spans=spans), _numbered(units, first), _numbered(units, last))
    except CorpusError as e:
        return _Found(Invalid(e), set(), set())


def _numbered(units: list[_Unit], token: str) -> set[Key]:
    """The annotations of a token and of its parts that may have other tokens, too."""
    return {key for unit in units if unit.token == token for key in unit.labels if key[0]}


def _unit(path: Path, line: int, row: str, column: LabelColumn) -> _Unit:
    """Take a row apart.

    RAISES CorpusError: it is none of this format, or an annotation has no value; the message names file and line.
    """
    match = _UNIT.fullmatch(row)
    cells = match[5].split("\t") if match else []
    if match is None or len(cells) <= column.place:
        n = len(cells) + 2
        raise CorpusError(Errors.bad_webanno.format(path=path, line=line, n=n, column=column, text=shorten(row)))
    labels = []
    for value in _STACKED.findall(cells[column.place]):
        if value == "_":
            continue
        parts = _VALUE.fullmatch(value)
        if parts is None:
            raise CorpusError(Errors.webanno_value.format(path=path, line=line, value=shorten(value), column=column))
        if parts[1] == "*":
            raise CorpusError(Errors.webanno_no_value.format(path=path, line=line, column=column, word=cells[0]))
        labels.append((parts[2] or "", unescape(parts[1])))
    return _Unit(line, match[1], bool(match[2]), int(match[3]), int(match[4]), cells[0], labels)


def _fit_tokens(
    path: Path, line: int, lines: list[str], units: list[_Unit]
) -> tuple[AnnotatedText, list[tuple[int, int]]]:
    """Find the tokens in the text of a sentence, whose lines may be written with escapes.

    RETURNS: the sentence, without spans, and where each unit is in it.
    RAISES CorpusError: a token is not where it should be; the message names file and line.
    """
    whole = [unit for unit in units if not unit.is_part]
    for text in ("\n".join(map(unescape, lines)), "\n".join(lines)):
        tokens, places = _cut(text, [unit.word for unit in whole])
        last = places[-1][1] if places else 0
        if len(places) == len(whole) and not _is_seen(text[last:]):
            add_gap(tokens, text[last:])
            passage = AnnotatedText(check_text(path, line, text), [], path, line, path.stem, tokens=tokens)
            return passage, _with_parts(path, units, text, places)
    wrong, word = next(((unit.line, unit.word) for unit in whole[len(places) :]), (line, ""))
    where = {"path": path, "line": wrong, "word": shorten(word), "rest": shorten(text[last:])}
    raise CorpusError(Errors.webanno_word.format(**where))


def _cut(text: str, words: list[str]) -> tuple[Tokens, list[tuple[int, int]]]:
    """The tokens of a text and where they are, up to the first that is not where it should be."""
    tokens, places, last = Tokens([], []), [], 0
    for word in words:
        place = _find(text, last, word)
        if place is None:
            break
        add_gap(tokens, text[last : place[0]])
        tokens.words.append(text[slice(*place)])
        tokens.spaces.append(False)
        places.append(place)
        last = place[1]
    return tokens, places


def _find(text: str, last: int, word: str) -> tuple[int, int] | None:
    """The next token, with nothing before it but white space and invisible characters.

    INCEpTION writes tokens without escapes, other programs with them. No token has a line break, as `C:\\new` would.
    """
    plain = unescape(word)
    for spelling in (word,) if any(map(str.isspace, plain)) else (word, plain):
        start = text.find(spelling, last)
        if spelling and start >= 0 and not _is_seen(text[last:start]):
            return start, start + len(spelling)
    return None


def _is_seen(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def _with_parts(path: Path, units: list[_Unit], text: str, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where each unit is in a text, given where each token is.

    RAISES CorpusError: a part is none of the token before it; the message names file and line.
    """
    found: list[tuple[int, int]] = []
    token: _Unit | None = None
    left = iter(places)
    whole = (0, 0)
    for unit in units:
        if not unit.is_part:
            token, whole = unit, next(left)
            found.append(whole)
            continue
        place = _part(unit, token, text, whole) if token and token.token == unit.token else None
        if place is None:
            raise CorpusError(Errors.webanno_part.format(path=path, line=unit.line, word=shorten(unit.word)))
        found.append(place)
    return found


def _part(part: _Unit, token: _Unit, text: str, whole: tuple[int, int]) -> tuple[int, int] | None:
    """The place of a part of a token, whose offsets count units of UTF-16, or characters in files of other programs."""
    word = text[slice(*whole)]
    passage = AnnotatedText(word, [], Path(), 0)
    for unit in ("utf-16", "characters"):
        to_characters = OFFSET_UNITS[unit].to_characters(passage)
        start, end = to_characters(part.begin - token.begin), to_characters(part.end - token.begin)
        if start is not None and end is not None and word[start:end] in (part.word, unescape(part.word)):
            return whole[0] + start, whole[0] + end
    return None


def _spans(path: Path, units: list[_Unit], places: list[tuple[int, int]]) -> list[Span]:
    """The annotations of a sentence; those with the same number and label are one.

    RAISES CorpusError: one is on tokens that are no neighbours, or its label is none.
    """
    spans: list[Span] = []
    open_spans: dict[Key, tuple[int, int]] = {}  # the place in `spans`, and the last token
    n_tokens = 0
    for unit, (start, end) in zip(units, places, strict=True):
        n_tokens += not unit.is_part
        for key in unit.labels:
            number, label = key
            if not number or key not in open_spans:
                spans.append(make_span(path, unit.line, start, end, label)._replace(line=unit.line))
                open_spans[key] = len(spans) - 1, n_tokens
                continue
            i, last = open_spans[key]
            if n_tokens > last + 1:
                where = {"path": path, "line": unit.line}
                raise CorpusError(Errors.webanno_gap.format(**where, label=shorten(label), number=number))
            spans[i] = spans[i]._replace(start=min(spans[i].start, start), end=max(spans[i].end, end))
            open_spans[key] = i, n_tokens
    return spans
