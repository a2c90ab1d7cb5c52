"""Read WebAnno TSV 3 files from WebAnno or INCEpTION. Rows are tokens, and columns are annotation features.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value

    #Text=Mia flew to New York.
    1-1<tab>0-3<tab>Mia<tab>*<tab>PER
    1-4<tab>12-15<tab>New<tab>*[1]<tab>LOC[1]          [1] identifies a single annotation of two tokens
    1-5<tab>16-20<tab>York<tab>*[1]<tab>LOC[1]
    1-5.1<tab>16-17<tab>Y<tab>_<tab>_                  a token part; _ means no annotation, * no value

Offsets count UTF-16 units in the whole document. Tokens are located by their text. Only their parts are located by
offsets.

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
"""The number of an annotation that covers several tokens, and its label."""
Offsets = tuple[int, int]
"""The start and end offsets in a text, in characters."""


class _Unit(NamedTuple):
    """A row that contains a token or a part of a token.

    line (int): the line number.
    token (str): the sentence number and token number, such as `1-5`.
    is_part (bool): whether the row contains a part of a token.
    begin (int): the start offset in the file.
    end (int): the end offset in the file.
    word (str): the text, which may contain escape sequences.
    labels (list[Key]): each annotation's number and label. The number is empty if the annotation covers only this row.
    """

    line: int
    token: str
    is_part: bool
    begin: int
    end: int
    word: str
    labels: list[Key]


class _ParsedSentence(NamedTuple):
    """A sentence and those of its annotations that may continue in an adjacent sentence.

    text (AnnotatedText | Invalid): the sentence, or the error if it is invalid.
    first (set[Key]): the numbered annotations for the first token.
    last (set[Key]): the numbered annotations for the last token.
    """

    text: AnnotatedText | Invalid
    first: set[Key]
    last: set[Key]


def is_webanno(rows: Sequence[str]) -> bool:
    """Return whether the first row specifies the WebAnno TSV 3 format."""
    return bool(rows and _FORMAT.fullmatch(rows[0]))


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read each sentence with its tokens. All sentences belong to a document that is named after the file.

    source (TextSource): the file.
    YIELDS (AnnotatedText | Invalid): the sentence, or the error if it is invalid.
    RAISES CorpusError: the header does not identify the column with the entity labels.
    """
    blocks = _blocks(source)
    column = find_column(source.path, next(blocks))
    previous: _ParsedSentence | None = None
    for block in blocks:
        current = _parse_sentence(source.path, block, column)
        if previous and (crossing := previous.last & current.first):
            number, label = min(crossing)
            where = {"path": source.path, "line": block[0][0]}
            error = CorpusError(Errors.webanno_crossing.format(**where, label=shorten(label), number=number))
            previous, current = previous._replace(text=Invalid(error)), current._replace(text=Invalid(error))
        if previous:
            yield previous.text
        previous = current
    if previous:
        yield previous.text


def _blocks(source: TextSource) -> Iterator[Rows]:
    """Yield the header rows, then the rows of each sentence, with their line numbers."""
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


def _parse_sentence(path: Path, block: Rows, column: LabelColumn) -> _ParsedSentence:
    """Parse the rows of a sentence. An error is returned as `Invalid`."""
    try:
        units = [_parse_unit(path, line, row, column) for line, row in block if not row.startswith("#")]
        lines = [row.removeprefix(_TEXT) for _, row in block if row.startswith(_TEXT)]
        text, offsets = _locate_units(path, block[0][0], lines, units)
        spans = _spans(path, units, offsets)
        first, last = (units[i].token if units else "" for i in (0, -1))
        return _ParsedSentence(text._replace(spans=spans), _numbered(units, first), _numbered(units, last))
    except CorpusError as e:
        return _ParsedSentence(Invalid(e), set(), set())


def _numbered(units: list[_Unit], token: str) -> set[Key]:
    """Return the numbered annotations for a token and its parts. They may cover several tokens."""
    return {key for unit in units if unit.token == token for key in unit.labels if key[0]}


def _parse_unit(path: Path, line: int, row: str, column: LabelColumn) -> _Unit:
    """Parse a row with a token or a part of a token.

    RAISES CorpusError: the row is invalid, or an annotation has no value. The message includes the file and line.
    """
    match = _UNIT.fullmatch(row)
    cells = match[5].split("\t") if match else []
    if match is None or len(cells) <= column.cell_index:
        n = len(cells) + 2
        raise CorpusError(Errors.bad_webanno.format(path=path, line=line, n=n, column=column, text=shorten(row)))
    labels = []
    for value in _STACKED.findall(cells[column.cell_index]):
        if value == "_":
            continue
        parts = _VALUE.fullmatch(value)
        if parts is None:
            raise CorpusError(Errors.webanno_value.format(path=path, line=line, value=shorten(value), column=column))
        if parts[1] == "*":
            raise CorpusError(Errors.webanno_no_value.format(path=path, line=line, column=column, word=cells[0]))
        labels.append((parts[2] or "", unescape(parts[1])))
    return _Unit(line, match[1], bool(match[2]), int(match[3]), int(match[4]), cells[0], labels)


def _locate_units(path: Path, line: int, lines: list[str], units: list[_Unit]) -> tuple[AnnotatedText, list[Offsets]]:
    """Locate the units in a sentence's text. The text may contain escape sequences.

    lines (list[str]): the lines of the text.
    RETURNS (tuple[AnnotatedText, list[Offsets]]): the sentence without spans and the offsets of each unit.
    RAISES CorpusError: a token does not follow the previous token in the text. The message includes the file and line.
    """
    tokens_only = [unit for unit in units if not unit.is_part]
    for text in ("\n".join(map(unescape, lines)), "\n".join(lines)):
        tokens, offsets = _locate_words(text, [unit.word for unit in tokens_only])
        last = offsets[-1][1] if offsets else 0
        if len(offsets) == len(tokens_only) and not _is_visible(text[last:]):
            add_gap(tokens, text[last:])
            annotated_text = AnnotatedText(check_text(path, line, text), [], path, line, path.stem, tokens=tokens)
            return annotated_text, _with_parts(path, units, text, offsets)
    bad_line, word = next(((unit.line, unit.word) for unit in tokens_only[len(offsets) :]), (line, ""))
    where = {"path": path, "line": bad_line, "word": shorten(word), "rest": shorten(text[last:])}
    raise CorpusError(Errors.webanno_word.format(**where))


def _locate_words(text: str, words: list[str]) -> tuple[Tokens, list[Offsets]]:
    """Return the tokens of a text and their offsets. Stop at a word that does not follow the previous word."""
    tokens, all_offsets, last = Tokens([], []), [], 0
    for word in words:
        offsets = _find_next(text, last, word)
        if offsets is None:
            break
        add_gap(tokens, text[last : offsets[0]])
        tokens.words.append(text[slice(*offsets)])
        tokens.spaces.append(False)
        all_offsets.append(offsets)
        last = offsets[1]
    return tokens, all_offsets


def _find_next(text: str, last: int, word: str) -> Offsets | None:
    """Return the offsets of a word if only white space and invisible characters separate it from the previous word.

    INCEpTION writes tokens without escape sequences, but other programs use them. If decoding produces white space, as
    in `C:\\new`, the word is not decoded, because no token contains a line break.

    text (str): the text of the sentence.
    last (int): the end offset of the previous word.
    word (str): the word, which may contain escape sequences.
    RETURNS (Offsets | None): the offsets. None if the word does not follow the previous word.
    """
    plain = unescape(word)
    for spelling in (word,) if any(map(str.isspace, plain)) else (word, plain):
        start = text.find(spelling, last)
        if spelling and start >= 0 and not _is_visible(text[last:start]):
            return start, start + len(spelling)
    return None


def _is_visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def _with_parts(path: Path, units: list[_Unit], text: str, token_offsets: list[Offsets]) -> list[Offsets]:
    """Return the offsets of all units, given the token offsets.

    RAISES CorpusError: a part does not belong to the preceding token. The message includes the file and line.
    """
    unit_offsets: list[Offsets] = []
    token: _Unit | None = None
    remaining = iter(token_offsets)
    current = (0, 0)
    for unit in units:
        if not unit.is_part:
            token, current = unit, next(remaining)
            unit_offsets.append(current)
            continue
        offsets = _locate_part(unit, token, text, current) if token and token.token == unit.token else None
        if offsets is None:
            raise CorpusError(Errors.webanno_part.format(path=path, line=unit.line, word=shorten(unit.word)))
        unit_offsets.append(offsets)
    return unit_offsets


def _locate_part(part: _Unit, token: _Unit, text: str, token_offsets: Offsets) -> Offsets | None:
    """Return a token part's offsets, or None if it does not match the token.

    Offsets in the file should count UTF-16 units, but some programs count characters. Both units are tried.
    """
    word = text[slice(*token_offsets)]
    annotated_text = AnnotatedText(word, [], Path(), 0)
    for unit in ("utf-16", "characters"):
        to_characters = OFFSET_UNITS[unit].to_characters(annotated_text)
        start, end = to_characters(part.begin - token.begin), to_characters(part.end - token.begin)
        if start is not None and end is not None and word[start:end] in (part.word, unescape(part.word)):
            return token_offsets[0] + start, token_offsets[0] + end
    return None


def _spans(path: Path, units: list[_Unit], offsets: list[Offsets]) -> list[Span]:
    """Return the annotations in a sentence. Rows with the same number and label form a single annotation.

    RAISES CorpusError: the tokens in an annotation are not adjacent, or its label is invalid.
    """
    spans: list[Span] = []
    open_spans: dict[Key, tuple[int, int]] = {}  # maps to the index in `spans` and the last token's number
    n_tokens = 0
    for unit, (start, end) in zip(units, offsets, strict=True):
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
