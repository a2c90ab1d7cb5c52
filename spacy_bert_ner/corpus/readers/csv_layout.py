"""Which columns of a CSV file hold the words and the tags, told from its header and first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple, Protocol

from .column_layout import is_tag
from .list_cell import read_list

SENTENCE_COLUMNS = ("text", "labels")
"""The names in the files of the Groningen Meaning Bank with a row a sentence."""
TOKEN_COLUMNS = ("Sentence #", "Word", "Tag")
"""Those with a row a token."""
EMPTY = frozenset({"", "nan", "NaN", "NAN", "None", "none", "null", "NULL", "<NA>"})
"""What programs write for no sentence number: it is that of the row above."""

_DELIMITERS = (",", ";", "\t", "|")
_SENTENCE = re.compile(r"sid|(?:sentence|sent)(?: ?(?:id|idx|index|number|no|nr|num))?")
_WORD = re.compile(r"words?|tokens?")
_TEXT = re.compile(r"texts?|sentences?")
_TAG = re.compile(r"(?:(?:ner|ne|iob|bio|entity) ?)?(?:tags?|labels?)|ner|ne|iob|bio|entity|named entity")
"""The names of columns, as `_plain` gives them."""
_BETWEEN = re.compile(r"[\s_#.:-]+")
_NUMBER = re.compile(r"(?:sentence|sent)?[:# ]{0,3}([0-9]{1,9})(?:\.0)?", re.IGNORECASE)
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE | re.DOTALL)
"""The row by which Excel is told the delimiter."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_LONG = 1 << 16
"""Characters that neither a header nor a row a token has."""
_N_ROWS, _N_FITTING = 1000, 20
"""Rows by which a file without a header is told, and one with a row a sentence."""


class CsvRows(Protocol):
    """What `csv.reader` makes, whose class has no name in Python 3.10."""

    @property
    def line_num(self) -> int:
        """The lines that were read."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class AmbiguousColumnsError(ValueError):
    """Several columns may be one.

    wanted (str): the name that would tell it.
    names: those of the columns.
    """

    def __init__(self, wanted: str, names: list[str]) -> None:
        super().__init__(wanted)
        self.wanted, self.names = wanted, names


class CsvLayout(NamedTuple):
    """Where the cells of a row are, from 0.

    delimiter: what divides the cells.
    header: the names of the columns; empty without a header.
    n_columns: the cells of each row.
    word, tag: the columns of the words and the tags, or of all words and all tags of a sentence.
    sentence: the column of the sentence numbers; None where blank rows end sentences.
    """

    delimiter: str
    header: tuple[str, ...]
    n_columns: int
    word: int
    tag: int
    sentence: int | None = None

    def describe(self, column: int) -> str:
        """Name a column: "column Tag", or "column 2" where there is no header."""
        return f"column {self.header[column] if self.header else column + 1}"


def csv_reader(lines: Iterable[str], delimiter: str) -> CsvRows:
    """The rows of CSV. Between tabs nothing has to be quoted, and a quotation mark is a word as any other."""
    if delimiter == "\t":
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def unquoted(row: list[str]) -> list[str]:
    """The cells of a row between tabs, some of which may be quoted all the same."""
    return [cell[1:-1].replace('""', '"') if len(cell) > 2 and _QUOTED.fullmatch(cell) else cell for cell in row]


def is_excel_row(row: str) -> bool:
    """Whether a row only tells Excel the delimiter: `sep=;`."""
    return _EXCEL.fullmatch(row) is not None


def token_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Find the columns of a row a token.

    rows: the first rows, without blank ones.
    is_named: it is one, so that without a header the first row does; otherwise nearly all have to end with a tag.
    RETURNS: None if they are not there.
    RAISES AmbiguousColumnsError: one of them is there twice.
    """
    for delimiter, header, _ in _tables(rows):
        sentences, words, tags = (
            _places(header, is_name) for is_name in (_SENTENCE.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        # Between tabs and without sentence numbers, it is `conll`, which may have a header, too.
        if words and tags and (sentences or delimiter != "\t"):
            sentence = _only(header, sentences, TOKEN_COLUMNS[0]) if sentences else None
            word, tag = _only(header, words, TOKEN_COLUMNS[1]), _only(header, tags, TOKEN_COLUMNS[2])
            return CsvLayout(delimiter, tuple(header), len(header), word, tag, sentence)
    for delimiter, first, more in _tables(rows):
        if delimiter != "\t" and (layout := _without_header(delimiter, [first, *islice(more, _N_ROWS)], is_named)):
            return layout
    return None


def sentence_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Find the columns of a row a sentence.

    rows: as in `token_layout`.
    is_named: the user says that it is one; otherwise a row has to have as many tags as words.
    RETURNS: None if they are not there.
    RAISES AmbiguousColumnsError: one of them is there twice.
    """
    for delimiter, header, more in _tables(rows):
        texts, words, tags = (
            _places(header, is_name) for is_name in (_TEXT.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        if words:  # beside which a column `Sentence` has numbers
            texts = [i for i in texts if i not in _places(header, _SENTENCE.fullmatch)]
        if [header.count(name) for name in SENTENCE_COLUMNS] == [1, 1]:
            texts, words, tags = [header.index("text")], [], [header.index("labels")]
        else:
            body = [row for row in islice(more, _N_FITTING) if len(row) == len(header)]
            fits = {
                (word, tag): sum(_fit(row[word], row[tag], is_text=word in texts and not words) for row in body)
                for word, tag in product([*texts, *words], tags)
            }
            best = max(fits.values(), default=0)
            if best:
                pairs = [pair for pair, fit in fits.items() if fit == best]
                texts, tags = ([*dict.fromkeys(places)] for places in zip(*pairs, strict=True))
            elif not is_named:
                continue
        if texts and tags:
            word, tag = _only(header, texts, SENTENCE_COLUMNS[0]), _only(header, tags, SENTENCE_COLUMNS[1])
            return CsvLayout(delimiter, tuple(header), len(header), word, tag)
    return None


def read_words(cell: str, n: int) -> list[str]:
    """The words of a sentence that has n tags: a list of so many strings, or what stands between single spaces."""
    try:
        found = read_list(cell)
    except ValueError:
        found = None
    if found is not None and len(found) == n and all(isinstance(word, str) for word in found):
        return found
    # By the single space, not by white space: a word may be U+0085, which `str.split()` takes for a separator.
    return cell.split(" ") if cell else []


def plain_number(number: str) -> str:
    """A sentence number as it is without the decimals that pandas gives it: `1` of `1.0`."""
    return number.removesuffix(".0")


def _tables(rows: Sequence[str]) -> Iterator[tuple[str, list[str], Iterator[list[str]]]]:
    """Each delimiter that may be that of the file, with the first row and an iterator over the others."""
    delimiters: Sequence[str] = _DELIMITERS
    if rows and len(rows[0]) > _LONG:
        return
    if rows and (match := _EXCEL.fullmatch(rows[0])):
        delimiters, rows = (match[1],), rows[1:]
    for delimiter in delimiters:
        if rows and delimiter in rows[0]:
            table = _parse(rows, delimiter)
            yield delimiter, next(table, []), table


def _parse(rows: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """The rows up to the first that is none."""
    try:
        yield from csv_reader((f"{row}\n" for row in rows), delimiter)
    except csv.Error:
        return


def _places(header: Sequence[str], is_name: Callable[[str], object]) -> list[int]:
    """The columns whose name fits."""
    return [i for i, name in enumerate(header) if is_name(_BETWEEN.sub(" ", name).strip().lower())]


def _only(header: Sequence[str], places: Sequence[int], usual: str) -> int:
    """The one of some columns that is alone, or has the usual name."""
    if len(places) > 1:
        places = [i for i in places if header[i] == usual] or places
    if len(places) > 1:
        raise AmbiguousColumnsError(usual, [header[i] for i in places])
    return places[0]


def _without_header(delimiter: str, rows: Sequence[list[str]], is_named: bool) -> CsvLayout | None:
    """The layout of rows that begin with a word or a sentence number, and end with a tag."""
    n = len(rows[0])
    filled = [row for row in rows if any(row)]
    n_wrong = sum(len(row) != n or not is_tag(row[-1]) for row in filled)
    if n < 2 or not is_tag(rows[0][-1]) or (n_wrong * 50 > len(filled) and not is_named):
        return None
    numbers = [_NUMBER.fullmatch(row[0]) for row in filled]
    are_numbers = all(number or row[0] in EMPTY for number, row in zip(numbers, filled, strict=True))
    if n == 2 or not (numbers[0] and are_numbers):
        return CsvLayout(delimiter, (), n, 0, n - 1)
    steps = [int(after[1]) - int(before[1]) for before, after in pairwise(filter(None, numbers))]
    counts_words = len(steps) == len(filled) - 1 and steps.count(1) > steps.count(0)
    return CsvLayout(delimiter, (), n, 1, n - 1, None if counts_words else 0)


def _fit(text: str, tags: str, *, is_text: bool) -> int:
    """How well two cells fit as the words and the tags of a sentence: 2 for lists, 0 for not at all."""
    try:
        found = read_list(tags)
    except ValueError:
        return 0
    if found is not None:
        are_tags = all(tag is None or type(tag) in (str, int) for tag in found)
        words = read_words(text, len(found))
        return (1 + (words != text.split(" "))) * (bool(found) and are_tags and len(words) == len(found))
    labels = tags.split(" ")
    n_words = len(text.split(" "))
    return int(n_words == len(labels) and any(map(is_tag, labels)) and (n_words > 1 or is_text))
