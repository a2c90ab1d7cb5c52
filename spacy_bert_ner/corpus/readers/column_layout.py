"""Infer the content of each column in a column file, such as CoNLL-2003, from its first rows.

    # newdoc id = d1                             a comment: it begins with `#` and has no tag in the tag column
    TOKEN   NE-COARSE   NE-NESTED   MISC         a header: it has no tag, but a cell such as TOKEN or FORM
    1       Mia         B-PER       O            column 1 numbers the words in each sentence
    2       slept       O           O

A tag column contains only `O` and tags with prefixes. If there are several such columns, the first one is chosen. A
column with chunk tags (`B-NP`) is chosen only if there is no other tag column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ...decoding.tag_scheme import OUTSIDE, has_prefix, split_tag
from ..conllu_misc import DOCUMENT_START, read_document, read_misc

LAST = -1
COLUMN_SUFFIXES = (".conll", ".iob", ".iob2", ".bio", ".bioes", ".bmes", ".conllu", ".conllup", ".ner")
"""File name extensions for column files. With such an extension, one row is enough to recognise the format, and two out
of three rows may be invalid."""

_WORD_NAMES = {"token", "tokens", "word", "words", "form", "text"}
_TAG_NAME = re.compile(r"(?:.*[:_-])?(?:NER?|NER?[_-]?TAGS?|ENTITY|TAGS?|LABELS?)|NE-COARSE-LIT", re.IGNORECASE)
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(\S.*)")
_CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "NC", "VC", "PC"])
_LABEL = re.compile(r"[^\W\d_][\w .&/+-]*")
_NUMBER = re.compile(r"[0-9]{1,9}")
_RANGE = re.compile(r"[0-9]{1,9}[-.][0-9]{1,9}")
_LANGUAGE_PREFIX = re.compile(r"[a-z]{2,3}(?:-[a-z]+)?:(?=.)")
NO_SPACES = frozenset({"SpaceAfter=No", "NoSpaceAfter"})
_MAX_LABELS, _MIN_LABEL_ROWS, _MIN_DOUBTFUL_ROWS, _MIN_CHUNK_ROWS = 200, 8, 50, 200
_MAX_OUTSIDE_PER_TAG = 0.5
"""Maximum proportion of `O` tags in a chunk column. In an entity column, most tags are `O`."""


class ColumnLayout(NamedTuple):
    """The content of each column in a column file. Column numbers start at 1.

    tag (int): the tag column number. Negative numbers count from the last column (-1).
    word (int): the word column number. Negative numbers count from the last column (-1).
    n_columns (int): the number of columns in most rows.
    has_tabs (bool): whether columns are separated by tabs instead of spaces. Default: False.
    is_converted (bool): whether `convert --to conll` wrote the file. See `conllu_misc`. Default: False.
    header (tuple[str, ...]): the cells in the header row. Default: empty (no header row).
    number (int): the column that numbers the words in each sentence. Default: 0 (no such column).
    misc (int): the column in which `SpaceAfter=No` or `NoSpaceAfter` identifies words without a following space.
        Default: 0 (no such column).
    has_space_rows (bool): whether a row whose word is a single space represents the space between two words, as in
        KLUE. Default: False.
    tags (frozenset[str]): the tags in the first rows. A row that begins with `#` contains a word if its tag is one of
        these. Default: `O` only.
    other_tags (tuple[tuple[int, str], ...]): additional tag columns, as pairs of column number and example tag.
        Default: empty.
    word_prefix (str): the prefix that all words share, such as `en:` in WikiANN. Default: empty.
    doubtful_words (tuple[str, ...]): example words if nearly all words in the first rows are numbers or identical.
        Default: empty.
    """

    tag: int
    word: int
    n_columns: int
    has_tabs: bool = False
    is_converted: bool = False
    header: tuple[str, ...] = ()
    number: int = 0
    misc: int = 0
    has_space_rows: bool = False
    tags: frozenset[str] = frozenset({OUTSIDE})
    other_tags: tuple[tuple[int, str], ...] = ()
    word_prefix: str = ""
    doubtful_words: tuple[str, ...] = ()


class _Row(NamedTuple):
    line: int
    cells: list[str]


def split_columns(row: str) -> list[str]:
    """Split a row into cells at tabs or, if it contains no tabs, at spaces."""
    row = row.rstrip(" \t\r\n")
    return row.split("\t") if "\t" in row else [cell for cell in row.split(" ") if cell]


def column_index(column: int, n: int) -> int | None:
    """Convert a column number to an index.

    column (int): the column number, from 1. Negative numbers count from the last column (-1).
    n (int): the number of columns in the row.
    RETURNS (int | None): the index, from 0. None if the row has no such column.
    """
    index = column - 1 if column > 0 else n + column
    return index if 0 <= index < n else None


def describe_column(column: int) -> str:
    """Return a column description for messages, such as "column 2" or "the last column"."""
    return "the last column" if column == LAST else f"column {column}"


def is_tag(text: str) -> bool:
    """Return whether a cell is `O` or a tag with a prefix."""
    return text == OUTSIDE or has_prefix(text)


def infer_layout(
    rows: Sequence[tuple[int, str]], tag: int | None = None, word: int | None = None, *, is_named: bool = False
) -> ColumnLayout | None:
    """Infer the content of each column.

    rows (Sequence[tuple[int, str]]): the first non-blank rows in the file, each with its line number (from 1).
    tag (int | None): the tag column that the user specifies. If None (the default), it is inferred.
    word (int | None): the word column that the user specifies. If None (the default), it is inferred.
    is_named (bool): whether the user or the file name specifies this format. If so, one tag is enough, and two out of
        three rows may be invalid. Default: False.
    RETURNS (ColumnLayout | None): the layout. None if the rows have no tag column.
    """
    table = [_Row(line, split_columns(row)) for line, row in rows]
    starts = [row.cells for row in table if row.cells[0] == DOCUMENT_START]
    if starts and read_document(starts[0]) is not None:
        return ColumnLayout(LAST, 1, 3, is_converted=True, misc=2)
    table = [row for row in table if row.cells[0] != DOCUMENT_START]
    names, header, body = _split_header(table)
    n_columns = _usual_size(body)
    if not n_columns:
        return ColumnLayout(LAST, 1, 2) if starts and not body else None
    is_lenient = is_named or bool(starts or names) or tag is not None
    if not is_lenient and _is_markup(body):
        return None
    choice = _choose_tags(_candidates(body, n_columns, tag), len(body), names, is_lenient=is_lenient)
    if choice is None:
        return None
    chosen, others = choice
    body = [row for row in body if row.cells[0][:1] != "#" or _cell(row.cells, chosen.column) in chosen.tags]
    tag_number = chosen.column if chosen.column > 0 else n_columns + 1 + chosen.column
    number = next((i for i in (1, 2) if n_columns > 2 and i != tag_number and _is_index(body, i)), 0)
    if word is None:
        named = [i for i, name in enumerate(names, start=1) if name.lower() in _WORD_NAMES and i != tag_number]
        word = named[0] if named else next(i for i in range(1, n_columns + 1) if i not in (number, tag_number))
    words = [cell for row in body if (cell := _cell(row.cells, word)) is not None]
    free = [i for i in range(1, n_columns + 1) if i not in (number, word, tag_number)]
    return ColumnLayout(
        chosen.column,
        word,
        n_columns,
        has_tabs=any("\t" in row for _, row in rows),
        header=tuple(header),
        number=number,
        misc=next((i for i in free if _is_misc(body, i)), 0),
        has_space_rows=" " in words,
        tags=chosen.tags,
        other_tags=tuple(
            (other.column if other.column > 0 else n_columns, other.example or OUTSIDE) for other in others
        ),
        word_prefix=_common_prefix(words),
        doubtful_words=_doubtful_words(words),
    )


class _Candidate(NamedTuple):
    """A column that may contain the tags.

    column (int): the column number.
    values (Counter[str]): the number of rows with each value.
    tags (frozenset[str]): the values that are tags.
    """

    column: int
    values: Counter[str]
    tags: frozenset[str]

    @property
    def n_tags(self) -> int:
        """Return the number of rows with a tag."""
        return sum(self.values[tag] for tag in self.tags)

    @property
    def example(self) -> str:
        """Return the first tag other than `O`, or an empty string if there is none."""
        return next((value for value in self.values if value in self.tags and value != OUTSIDE), "")

    @property
    def has_names(self) -> bool:
        """Return whether any label begins with a letter. For example, the label in `B-52` does not."""
        return any(split_tag(tag)[1][:1].isalpha() for tag in self.tags if tag != OUTSIDE)

    @property
    def has_chunks(self) -> bool:
        """Return whether more than half of the labels are chunk types, or most rows are inside an entity."""
        labels = {split_tag(tag)[1] for tag in self.tags if tag != OUTSIDE}
        is_dense = self.values[OUTSIDE] < _MAX_OUTSIDE_PER_TAG * self.n_tags and self.n_tags >= _MIN_CHUNK_ROWS
        return bool(labels) and (len(labels & _CHUNKS) * 2 > len(labels) or is_dense)


def _split_header(table: Sequence[_Row]) -> tuple[list[str], list[str], list[_Row]]:
    """Return the column names, the cells in the header row, and the rows with words."""
    for row in table:
        if match := _GLOBAL_COLUMNS.match(" ".join(row.cells)):
            return match[1].split(), [], [row for row in table if row.cells[0][:1] != "#"]
    body = [row for row in table if row.cells[0][:1] != "#"] or list(table)
    if not body:
        return [], [], []
    first = body[0].cells
    if len(body) > 1 and any(cell.lower() in _WORD_NAMES for cell in first) and not any(map(is_tag, first)):
        return first, first, body[1:]
    n_columns = _usual_size(body)
    hashes = [row for row in table if row.cells[0][:1] == "#" and len(body) < len(table)]
    words = [row for row in hashes if len(row.cells) == n_columns and any(map(is_tag, row.cells[1:]))]
    return [], [], sorted([*body, *words])


def _is_markup(body: Sequence[_Row]) -> bool:
    """Return whether the rows form a Markdown table or consist of YAML keys and values."""
    return all(row.cells[0] == "|" for row in body) or all(row.cells[0].endswith(":") for row in body)


def _usual_size(rows: Sequence[_Row]) -> int:
    """Return the most frequent number of columns in rows with at least two columns. Return 0 if there are none."""
    sizes = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    return sizes.most_common(1)[0][0] if sizes else 0


def _candidates(body: Sequence[_Row], n_columns: int, tag: int | None) -> list[_Candidate]:
    """Return the columns that may contain the tags, from left to right. The last column has the number -1."""
    is_ragged = any(len(row.cells) != n_columns for row in body)
    columns = [tag] if tag is not None else [*range(1, n_columns + is_ragged), LAST]
    candidates = []
    for column in columns:
        values = Counter(cell for row in body if (cell := _cell(row.cells, column)) is not None)
        candidates.append(_Candidate(column, values, frozenset(filter(is_tag, values))))
    if is_ragged and tag is None and candidates[-2].n_tags > candidates[-1].n_tags:
        candidates.pop()  # there are additional columns after the tag column
    elif is_ragged and tag is None:
        candidates.pop(-2)
    return candidates


def _choose_tags(
    candidates: Sequence[_Candidate], n_rows: int, names: Sequence[str], *, is_lenient: bool
) -> tuple[_Candidate, list[_Candidate]] | None:
    """Return the tag column and the other columns with entity tags. Return None if there is no tag column."""
    max_wrong_rows = 2 * n_rows // 3 if is_lenient else max(n_rows // 50, int(n_rows > 3))
    if n_rows < (1 if is_lenient else 2):
        return None
    tagged = [column for column in candidates if column.n_tags >= max(n_rows - max_wrong_rows, 1)]
    entities = [
        column for column in tagged if column.example and (is_lenient or (OUTSIDE in column.tags and column.has_names))
    ]
    if len(entities) > 1:
        entities = [column for column in entities if not column.has_chunks] or entities
    if entities:
        named = [
            candidate
            for candidate in entities
            if 0 < candidate.column <= len(names) and _TAG_NAME.fullmatch(names[candidate.column - 1])
        ]
        chosen = (named or entities)[0]
        return chosen, [
            column for column in tagged if column is not chosen and (column in entities or not column.example)
        ]
    if only_outside := [column for column in tagged if set(column.values) == {OUTSIDE}]:
        return only_outside[-1], []
    last = candidates[-1]
    return (last._replace(tags=frozenset(last.values)), []) if _holds_labels(last, n_rows, is_lenient) else None


def _holds_labels(candidate: _Candidate, n_rows: int, is_lenient: bool) -> bool:
    """Return whether a column contains `O` and labels without prefixes."""
    values = candidate.values
    labels = [value for value in values if value != OUTSIDE]
    if OUTSIDE not in values or not labels or any(map(has_prefix, labels)):
        return False
    if is_lenient:
        return True
    is_complete = sum(values.values()) == n_rows >= _MIN_LABEL_ROWS
    return is_complete and len(labels) <= min(_MAX_LABELS, n_rows // 4) and all(map(_LABEL.fullmatch, labels))


def _is_index(body: Sequence[_Row], column: int) -> bool:
    """Return whether a column numbers the words in each sentence."""
    n_consecutive = n_breaks = 0
    last: _Row | None = None
    first_numbers: list[str] = []  # the first number in each sentence
    for row in body:
        cell = _cell(row.cells, column) or ""
        if _RANGE.fullmatch(cell):
            continue
        if not _NUMBER.fullmatch(cell):
            return False
        if last is None or row.line > last.line + 1:
            first_numbers.append(cell)
        if last is not None:
            step = int(cell) - int(last.cells[column - 1])
            n_consecutive += step == 1
            n_breaks += step != 1 and row.line == last.line + 1
        last = row
    # Two consecutive numbers may be ordinary words. This is unlikely if every sentence begins with 0 or 1.
    is_numbered = n_consecutive > 1 or (n_consecutive == 1 and set(first_numbers) <= {"0", "1"})
    return is_numbered and n_breaks * 50 <= n_consecutive


def _is_misc(body: Sequence[_Row], column: int) -> bool:
    """Return whether a column contains spacing information or words that the word column cannot represent."""
    cells = (cell for row in body if (cell := _cell(row.cells, column)) and ("Space" in cell or "Form=" in cell))
    return any(not NO_SPACES.isdisjoint(cell.split("|")) or read_misc(cell) is not None for cell in cells)


def _common_prefix(words: Sequence[str]) -> str:
    """Return the language code and colon at the start of all words, or an empty string if there is none."""
    match = _LANGUAGE_PREFIX.match(words[0]) if words else None
    return match[0] if match and all(word.startswith(match[0]) for word in words) else ""


def _doubtful_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the first three words if nearly all words are numbers or identical. Return an empty tuple otherwise."""
    if len(words) < _MIN_DOUBTFUL_ROWS:
        return ()
    n_numbers = sum(_NUMBER.fullmatch(word) is not None for word in words)
    n_same = Counter(words).most_common(1)[0][1]
    return tuple(words[:3]) if max(n_numbers, n_same) > 0.9 * len(words) else ()


def _cell(cells: Sequence[str], column: int) -> str | None:
    index = column_index(column, len(cells))
    return None if index is None else cells[index]
