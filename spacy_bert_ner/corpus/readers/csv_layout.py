"""Infer the columns of the words and tags of a CSV file from its header and first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple, Protocol

from .column_layout import is_tag
from .list_cell import read_list

SENTENCE_COLUMNS = ("text", "labels")
"""Column names of the Groningen Meaning Bank with a row per sentence."""
TOKEN_COLUMNS = ("Sentence #", "Word", "Tag")
"""Column names of the Groningen Meaning Bank with a row per token."""
EMPTY = frozenset({"", "nan", "NaN", "NAN", "None", "none", "null", "NULL", "<NA>"})
"""Values that programs write for a missing sentence number. The row then has the number of the row above."""

_DELIMITERS = (",", ";", "\t", "|")
_SENTENCE = re.compile(r"sid|(?:sentence|sent)(?: ?(?:id|idx|index|number|no|nr|num))?")
_WORD = re.compile(r"words?|tokens?")
_TEXT = re.compile(r"texts?|sentences?")
_TAG = re.compile(r"(?:(?:ner|ne|iob|bio|entity) ?)?(?:tags?|labels?)|ner|ne|iob|bio|entity|named entity")
"""Patterns of column names, in lower case and with single spaces."""
_NAME_SEPARATORS = re.compile(r"[\s_#.:-]+")
_NUMBER = re.compile(r"(?:sentence|sent)?[:# ]{0,3}([0-9]{1,9})(?:\.0)?", re.IGNORECASE)
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE | re.DOTALL)
"""The row that specifies the delimiter for Excel."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_MAX_FIRST_ROW = 1 << 16
"""Maximum characters of a header, and of the first row of a file with a row per token."""
_N_ROWS, _N_SENTENCES = 1000, 20
"""Number of rows that are examined in a file without a header, and in a file with a row per sentence."""


class CsvRows(Protocol):
    """The type of the object that `csv.reader` returns. Its class has no public name in Python 3.10."""

    @property
    def line_num(self) -> int:
        """Number of lines that have been read."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class AmbiguousColumnsError(ValueError):
    """Several columns may hold the same content.

    wanted (str): the usual column name, which would resolve the ambiguity.
    names (list[str]): the names of the columns.
    """

    def __init__(self, wanted: str, names: list[str]) -> None:
        super().__init__(wanted)
        self.wanted, self.names = wanted, names


class CsvLayout(NamedTuple):
    """The columns of a CSV file, as indices from 0.

    delimiter (str): the character between two cells.
    header (tuple[str, ...]): the column names. Empty without a header.
    n_columns (int): number of cells of each row.
    word (int): the column of a word, or of all words of a sentence.
    tag (int): the column of a tag, or of all tags of a sentence.
    sentence (int | None): the column of the sentence numbers. None if blank rows end sentences.
    """

    delimiter: str
    header: tuple[str, ...]
    n_columns: int
    word: int
    tag: int
    sentence: int | None = None

    def describe(self, column: int) -> str:
        """Name a column: "column Tag", or "column 2" without a header."""
        return f"column {self.header[column] if self.header else column + 1}"


def csv_reader(lines: Iterable[str], delimiter: str) -> CsvRows:
    """Open a CSV reader. In tab-separated files quotes have no meaning, and a quotation mark is an ordinary word.

    lines (Iterable[str]): the lines of the file.
    delimiter (str): the character between two cells.
    RETURNS (CsvRows): an iterator over the rows.
    """
    if delimiter == "\t":
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def unquoted(row: list[str]) -> list[str]:
    """Remove quotes from the cells of a tab-separated row. Some programs quote them unnecessarily."""
    return [cell[1:-1].replace('""', '"') if len(cell) > 2 and _QUOTED.fullmatch(cell) else cell for cell in row]


def is_excel_row(row: str) -> bool:
    """Return whether a row only specifies the delimiter for Excel: `sep=;`."""
    return _EXCEL.fullmatch(row) is not None


def token_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Infer the columns of a file with a row per token.

    rows (Sequence[str]): the first rows, without blank rows.
    is_named (bool): whether the user names this format. In a file without a header it is then enough that the first
        row ends with a tag; otherwise nearly all rows must.
    RETURNS (CsvLayout | None): the layout. None if a column is missing.
    RAISES AmbiguousColumnsError: several columns may be the same one.
    """
    for delimiter, header, _ in _tables(rows):
        sentences, words, tags = (
            _columns_named(header, is_name) for is_name in (_SENTENCE.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        # A tab-separated file without sentence numbers is `conll`, which may have a header too.
        if words and tags and (sentences or delimiter != "\t"):
            sentence = _only(header, sentences, TOKEN_COLUMNS[0]) if sentences else None
            word, tag = _only(header, words, TOKEN_COLUMNS[1]), _only(header, tags, TOKEN_COLUMNS[2])
            return CsvLayout(delimiter, tuple(header), len(header), word, tag, sentence)
    for delimiter, first, others in _tables(rows):
        if delimiter != "\t" and (layout := _without_header(delimiter, [first, *islice(others, _N_ROWS)], is_named)):
            return layout
    return None


def sentence_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Infer the columns of a file with a row per sentence.

    rows (Sequence[str]): the first rows, without blank rows.
    is_named (bool): whether the user names this format. Otherwise some row must have as many tags as words.
    RETURNS (CsvLayout | None): the layout. None if a column is missing.
    RAISES AmbiguousColumnsError: several columns may be the same one.
    """
    for delimiter, header, others in _tables(rows):
        texts, words, tags = (
            _columns_named(header, is_name) for is_name in (_TEXT.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        if words:  # then a column named `Sentence` holds numbers
            texts = [i for i in texts if i not in _columns_named(header, _SENTENCE.fullmatch)]
        if [header.count(name) for name in SENTENCE_COLUMNS] == [1, 1]:
            texts, words, tags = [header.index("text")], [], [header.index("labels")]
        else:
            body = [row for row in islice(others, _N_SENTENCES) if len(row) == len(header)]
            scores = {
                (word, tag): sum(_match_score(row[word], row[tag], is_text=word in texts and not words) for row in body)
                for word, tag in product([*texts, *words], tags)
            }
            best = max(scores.values(), default=0)
            if best:
                pairs = [pair for pair, score in scores.items() if score == best]
                texts, tags = ([*dict.fromkeys(columns)] for columns in zip(*pairs, strict=True))
            elif not is_named:
                continue
        if texts and tags:
            word, tag = _only(header, texts, SENTENCE_COLUMNS[0]), _only(header, tags, SENTENCE_COLUMNS[1])
            return CsvLayout(delimiter, tuple(header), len(header), word, tag)
    return None


def read_words(cell: str, n: int) -> list[str]:
    """Read the words of a sentence from a cell.

    cell (str): a list of `n` strings, or words separated by single spaces.
    n (int): number of tags of the sentence.
    RETURNS (list[str]): the words.
    """
    try:
        listed_words = read_list(cell)
    except ValueError:
        listed_words = None
    if listed_words is not None and len(listed_words) == n and all(isinstance(word, str) for word in listed_words):
        return listed_words
    # Split at single spaces, not at white space: a word may be U+0085, which `str.split()` treats as a separator.
    return cell.split(" ") if cell else []


def plain_number(number: str) -> str:
    """Return a sentence number without the decimal that pandas adds: `1` for `1.0`."""
    return number.removesuffix(".0")


def _tables(rows: Sequence[str]) -> Iterator[tuple[str, list[str], Iterator[list[str]]]]:
    """Yield each possible delimiter of the file, with the first row and an iterator over the other rows."""
    delimiters: Sequence[str] = _DELIMITERS
    if rows and len(rows[0]) > _MAX_FIRST_ROW:
        return
    if rows and (match := _EXCEL.fullmatch(rows[0])):
        delimiters, rows = (match[1],), rows[1:]
    for delimiter in delimiters:
        if rows and delimiter in rows[0]:
            table = _parse(rows, delimiter)
            yield delimiter, next(table, []), table


def _parse(rows: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows up to the first invalid row."""
    try:
        yield from csv_reader((f"{row}\n" for row in rows), delimiter)
    except csv.Error:
        return


def _columns_named(header: Sequence[str], is_name: Callable[[str], object]) -> list[int]:
    """Return the columns whose normalized name matches."""
    return [i for i, name in enumerate(header) if is_name(_NAME_SEPARATORS.sub(" ", name).strip().lower())]


def _only(header: Sequence[str], columns: Sequence[int], usual: str) -> int:
    """Return the only one of some columns, or the only one that has the usual name.

    RAISES AmbiguousColumnsError: there are several.
    """
    if len(columns) > 1:
        columns = [i for i in columns if header[i] == usual] or columns
    if len(columns) > 1:
        raise AmbiguousColumnsError(usual, [header[i] for i in columns])
    return columns[0]


def _without_header(delimiter: str, rows: Sequence[list[str]], is_named: bool) -> CsvLayout | None:
    """Infer the layout of rows that begin with a word or a sentence number, and end with a tag."""
    n = len(rows[0])
    filled_rows = [row for row in rows if any(row)]
    n_wrong = sum(len(row) != n or not is_tag(row[-1]) for row in filled_rows)
    if n < 2 or not is_tag(rows[0][-1]) or (n_wrong * 50 > len(filled_rows) and not is_named):
        return None
    numbers = [_NUMBER.fullmatch(row[0]) for row in filled_rows]
    are_numbers = all(number or row[0] in EMPTY for number, row in zip(numbers, filled_rows, strict=True))
    if n == 2 or not (numbers[0] and are_numbers):
        return CsvLayout(delimiter, (), n, 0, n - 1)
    steps = [int(after[1]) - int(before[1]) for before, after in pairwise(filter(None, numbers))]
    numbers_words = len(steps) == len(filled_rows) - 1 and steps.count(1) > steps.count(0)
    return CsvLayout(delimiter, (), n, 1, n - 1, None if numbers_words else 0)


def _match_score(text: str, tags: str, *, is_text: bool) -> int:
    """Score two cells as the words and the tags of a sentence: 2 for two lists, 1 for equal counts, 0 otherwise."""
    try:
        listed_tags = read_list(tags)
    except ValueError:
        return 0
    if listed_tags is not None:
        are_tags = all(tag is None or type(tag) in (str, int) for tag in listed_tags)
        words = read_words(text, len(listed_tags))
        is_match = bool(listed_tags) and are_tags and len(words) == len(listed_tags)
        return (1 + (words != text.split(" "))) * is_match
    labels = tags.split(" ")
    n_words = len(text.split(" "))
    return int(n_words == len(labels) and any(map(is_tag, labels)) and (n_words > 1 or is_text))
