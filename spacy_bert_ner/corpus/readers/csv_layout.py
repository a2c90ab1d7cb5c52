"""Infer the word and tag columns of a CSV file from its header and first rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise, product
from typing import NamedTuple, Protocol

from .column_layout import is_tag
from .list_cell import read_list

SENTENCE_COLUMNS = ("text", "labels")
"""Column names in Groningen Meaning Bank files with one sentence per row."""
TOKEN_COLUMNS = ("Sentence #", "Word", "Tag")
"""Column names in Groningen Meaning Bank files with one token per row."""
EMPTY = frozenset({"", "nan", "NaN", "NAN", "None", "none", "null", "NULL", "<NA>"})
"""Values that programs write for a missing sentence number. A row with such a value continues the sentence above."""

_DELIMITERS = (",", ";", "\t", "|")
_SENTENCE = re.compile(r"sid|(?:sentence|sent)(?: ?(?:id|idx|index|number|no|nr|num))?")
_WORD = re.compile(r"words?|tokens?")
_TEXT = re.compile(r"texts?|sentences?")
_TAG = re.compile(r"(?:(?:ner|ne|iob|bio|entity) ?)?(?:tags?|labels?)|ner|ne|iob|bio|entity|named entity")
"""Patterns for column names after conversion to lower case and single spaces."""
_NAME_SEPARATORS = re.compile(r"[\s_#.:-]+")
_NUMBER = re.compile(r"(?:sentence|sent)?[:# ]{0,3}([0-9]{1,9})(?:\.0)?", re.IGNORECASE)
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE | re.DOTALL)
"""Pattern for a row that specifies the delimiter for Excel."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_MAX_FIRST_ROW = 1 << 16
"""Maximum length of the first row, in characters."""
_N_ROWS, _N_SENTENCES = 1000, 20
"""Number of rows to examine: in a file without a header, and in a file with one sentence per row."""


class CsvRows(Protocol):
    """The type of the objects that `csv.reader` returns. Python 3.10 has no public name for this type."""

    @property
    def line_num(self) -> int:
        """Return the number of lines read so far."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class AmbiguousColumnsError(ValueError):
    """Error raised if several columns may have the same role.

    wanted (str): the usual column name, which would resolve the ambiguity.
    names (list[str]): the names of the possible columns.
    """

    def __init__(self, wanted: str, names: list[str]) -> None:
        super().__init__(wanted)
        self.wanted, self.names = wanted, names


class CsvLayout(NamedTuple):
    """The delimiter and the columns of a CSV file. Column indices start at 0.

    delimiter (str): the character between two cells.
    header (tuple[str, ...]): the column names. Empty if the file has no header.
    n_columns (int): the number of cells in each row.
    word (int): the index of the word column. A cell contains one word or all words in a sentence.
    tag (int): the index of the tag column. A cell contains one tag or all tags in a sentence.
    sentence (int | None): the index of the column with the sentence numbers. Default: None (blank rows end sentences).
    """

    delimiter: str
    header: tuple[str, ...]
    n_columns: int
    word: int
    tag: int
    sentence: int | None = None

    def describe(self, column: int) -> str:
        """Return a column description such as "column Tag". Return "column 2" if the file has no header.

        column (int): the index of the column.
        """
        return f"column {self.header[column] if self.header else column + 1}"


def csv_reader(lines: Iterable[str], delimiter: str) -> CsvRows:
    """Create a CSV reader. In tab-separated files, quotation marks are treated as ordinary characters.

    lines (Iterable[str]): the lines of the file.
    delimiter (str): the character between two cells.
    RETURNS (CsvRows): an iterator over the rows.
    """
    if delimiter == "\t":
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def unquoted(row: list[str]) -> list[str]:
    """Remove the quotation marks around the cells of a tab-separated row. Some programs add them unnecessarily."""
    return [cell[1:-1].replace('""', '"') if len(cell) > 2 and _QUOTED.fullmatch(cell) else cell for cell in row]


def is_excel_row(row: str) -> bool:
    """Return whether a row specifies the delimiter for Excel and contains nothing else, as in `sep=;`."""
    return _EXCEL.fullmatch(row) is not None


def token_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Infer the columns of a file with one token per row.

    rows (Sequence[str]): the first non-blank rows in the file.
    is_named (bool): whether the user specifies this format. If so, a file without a header only needs a tag at the end
        of its first row. If not, nearly all rows must end with a tag. Default: False.
    RETURNS (CsvLayout | None): the layout. None if a column is missing.
    RAISES AmbiguousColumnsError: several columns may have the same role.
    """
    for delimiter, header, _ in _tables(rows):
        sentences, words, tags = (
            _columns_named(header, is_name) for is_name in (_SENTENCE.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        # A tab-separated file without sentence numbers has the `conll` format, which may also have a header.
        if words and tags and (sentences or delimiter != "\t"):
            sentence = _only(header, sentences, TOKEN_COLUMNS[0]) if sentences else None
            word, tag = _only(header, words, TOKEN_COLUMNS[1]), _only(header, tags, TOKEN_COLUMNS[2])
            return CsvLayout(delimiter, tuple(header), len(header), word, tag, sentence)
    for delimiter, first, others in _tables(rows):
        if delimiter != "\t" and (layout := _without_header(delimiter, [first, *islice(others, _N_ROWS)], is_named)):
            return layout
    return None


def sentence_layout(rows: Sequence[str], *, is_named: bool = False) -> CsvLayout | None:
    """Infer the columns of a file with one sentence per row.

    rows (Sequence[str]): the first non-blank rows in the file.
    is_named (bool): whether the user specifies this format. If not, at least one row must have as many tags as words.
        Default: False.
    RETURNS (CsvLayout | None): the layout. None if a column is missing.
    RAISES AmbiguousColumnsError: several columns may have the same role.
    """
    for delimiter, header, others in _tables(rows):
        texts, words, tags = (
            _columns_named(header, is_name) for is_name in (_TEXT.fullmatch, _WORD.fullmatch, _TAG.fullmatch)
        )
        if words:  # a column named `Sentence` then contains sentence numbers
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
    """Parse the words in a sentence cell.

    cell (str): a list with `n` strings, or words separated by single spaces.
    n (int): the number of tags in the sentence.
    RETURNS (list[str]): the words.
    """
    try:
        listed_words = read_list(cell)
    except ValueError:
        listed_words = None
    if listed_words is not None and len(listed_words) == n and all(isinstance(word, str) for word in listed_words):
        return listed_words
    # Only split at spaces: a word may be U+0085, which `str.split()` treats as a separator.
    return cell.split(" ") if cell else []


def plain_number(number: str) -> str:
    """Return a sentence number without the decimal part that pandas adds. For example, return `1` for `1.0`."""
    return number.removesuffix(".0")


def _tables(rows: Sequence[str]) -> Iterator[tuple[str, list[str], Iterator[list[str]]]]:
    """Yield each possible delimiter together with the first row and an iterator over the remaining rows."""
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
    """Yield the rows before the first invalid row."""
    try:
        yield from csv_reader((f"{row}\n" for row in rows), delimiter)
    except csv.Error:
        return


def _columns_named(header: Sequence[str], is_name: Callable[[str], object]) -> list[int]:
    """Return the indices of the columns whose normalised names satisfy a condition."""
    return [i for i, name in enumerate(header) if is_name(_NAME_SEPARATORS.sub(" ", name).strip().lower())]


def _only(header: Sequence[str], columns: Sequence[int], usual: str) -> int:
    """Return the index of the only column or, if there are several, the only one with the usual name.

    RAISES AmbiguousColumnsError: several columns remain.
    """
    if len(columns) > 1:
        columns = [i for i in columns if header[i] == usual] or columns
    if len(columns) > 1:
        raise AmbiguousColumnsError(usual, [header[i] for i in columns])
    return columns[0]


def _without_header(delimiter: str, rows: Sequence[list[str]], is_named: bool) -> CsvLayout | None:
    """Infer the layout of rows that begin with a word or a sentence number and end with a tag."""
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
    """Return a score for how well two cells match as the words and the tags of a sentence.

    The score is 2 if both cells are lists with the same length. It is 1 for other cells with as many words as tags, and
    0 otherwise.
    """
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
