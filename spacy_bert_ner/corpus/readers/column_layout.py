"""What each column of a file of columns holds, inferred from its first rows.

    # newdoc id = d1                             a comment: `#`, and no tag where the others have theirs
    TOKEN   NE-COARSE   NE-NESTED   MISC         a header: no tag, and a cell such as TOKEN or FORM
    1       Mia         B-PER       O            column 1 counts the words of a sentence
    2       slept       O           O

A tag column holds `O` and tags with prefixes, and nothing else. If several do, the first is taken, without those of
chunks (`B-NP`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ...decoding.tag_scheme import OUTSIDE, has_prefix, split_tag
from ..misc_column import DOCUMENT_START, read_document, read_misc

LAST = -1
COLUMN_SUFFIXES = (".conll", ".iob", ".iob2", ".bio", ".bioes", ".bmes", ".conllu", ".conllup", ".ner")
"""Names of files of columns. In these one row is enough, and two of three may be wrong."""

_WORD_NAMES = {"token", "tokens", "word", "words", "form", "text"}
_TAG_NAME = re.compile(r"(?:.*[:_-])?(?:NER?|NER?[_-]?TAGS?|ENTITY|TAGS?|LABELS?)|NE-COARSE-LIT", re.IGNORECASE)
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(\S.*)")
_CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "NC", "VC", "PC"])
_LABEL = re.compile(r"[^\W\d_][\w .&/+-]*")
_NUMBER = re.compile(r"[0-9]{1,9}")
_RANGE = re.compile(r"[0-9]{1,9}[-.][0-9]{1,9}")
_LANGUAGE_PREFIX = re.compile(r"[a-z]{2,3}(?:-[a-z]+)?:(?=.)")
NO_SPACES = frozenset({"SpaceAfter=No", "NoSpaceAfter"})
_MOST_LABELS, _FEW_ROWS, _SOME_ROWS, _MANY_ROWS = 200, 8, 50, 200
_SHARE_OUTSIDE = 0.5
"""Most rows of a column of chunks are in one; most rows of a column of entities are in none."""


class ColumnLayout(NamedTuple):
    """Which column holds what.

    tag (int): the column of the tags: its number from 1, or from -1 downwards to count from the last.
    word (int): that of the words, likewise.
    n_columns (int): how many columns most rows have.
    has_tabs: tabs divide them, and not spaces.
    is_own: `convert --to conll` wrote the file, see `misc_column`.
    header: the cells of a row of names before all others; empty if there is none.
    number (int): the column that counts the words of a sentence, from 1; 0 if none does.
    misc (int): the column that says where no space follows (`SpaceAfter=No`, `NoSpaceAfter`), from 1; 0 if none does.
    has_space_rows: a word that is one space stands for the space between two words, as in KLUE.
    tags: tags of the first rows, so that `#` with one of them is a word.
    other_tags: further columns of tags, each with one of its tags.
    word_prefix: what all words begin with, as `en:` in WikiANN.
    doubtful_words: words of the first rows, if nearly all are numbers or the same; empty otherwise.
    """

    tag: int
    word: int
    n_columns: int
    has_tabs: bool = False
    is_own: bool = False
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
    """The cells of a row: by tabs, or, without one, by spaces."""
    row = row.rstrip(" \t\r\n")
    return row.split("\t") if "\t" in row else [cell for cell in row.split(" ") if cell]


def place_of(column: int, n: int) -> int | None:
    """The place, from 0, of a column among n; None if there is no such column."""
    place = column - 1 if column > 0 else n + column
    return place if 0 <= place < n else None


def describe_column(column: int) -> str:
    """Name a column: "column 2", "the last column"."""
    return "the last column" if column == LAST else f"column {column}"


def is_tag(text: str) -> bool:
    """Whether a cell is `O` or a tag with a prefix."""
    return text == OUTSIDE or has_prefix(text)


def infer_layout(
    rows: Sequence[tuple[int, str]], tag: int | None = None, word: int | None = None, *, is_named: bool = False
) -> ColumnLayout | None:
    """Infer what the columns hold.

    rows: lines and rows that are not blank, from the first of the file.
    tag, word: the columns that the user names; None to infer them.
    is_named: the user or the name of the file says that it has columns: a tag is enough, and two of three rows may be
        wrong.
    RETURNS: None if the rows have no tag column.
    """
    table = [_Row(line, split_columns(row)) for line, row in rows]
    starts = [row.cells for row in table if row.cells[0] == DOCUMENT_START]
    if starts and read_document(starts[0]) is not None:
        return ColumnLayout(LAST, 1, 3, is_own=True, misc=2)
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
        other_tags=tuple((one.column if one.column > 0 else n_columns, one.example or OUTSIDE) for one in others),
        word_prefix=_common_prefix(words),
        doubtful_words=_doubtful_words(words),
    )


class _Candidate(NamedTuple):
    """A column that may hold the tags: how many rows have each of its values, and which of these are tags."""

    column: int
    values: Counter[str]
    tags: frozenset[str]

    @property
    def n_tags(self) -> int:
        """Rows with a tag."""
        return sum(self.values[tag] for tag in self.tags)

    @property
    def example(self) -> str:
        """The first tag of an entity; empty if there is none."""
        return next((value for value in self.values if value in self.tags and value != OUTSIDE), "")

    @property
    def has_names(self) -> bool:
        """Whether a label begins with a letter, as that of `B-52` does not."""
        return any(split_tag(tag)[1][:1].isalpha() for tag in self.tags if tag != OUTSIDE)

    @property
    def has_chunks(self) -> bool:
        """Whether its labels are those of chunks, or most of its rows are in an entity."""
        labels = {split_tag(tag)[1] for tag in self.tags if tag != OUTSIDE}
        is_dense = self.values[OUTSIDE] < _SHARE_OUTSIDE * self.n_tags and self.n_tags >= _MANY_ROWS
        return bool(labels) and (len(labels & _CHUNKS) * 2 > len(labels) or is_dense)


def _split_header(table: Sequence[_Row]) -> tuple[list[str], list[str], list[_Row]]:
    """The names of the columns, the cells of a header, and the rows of words."""
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
    """Whether the rows are those of a table in Markdown, or keys and values of YAML."""
    return all(row.cells[0] == "|" for row in body) or all(row.cells[0].endswith(":") for row in body)


def _usual_size(rows: Sequence[_Row]) -> int:
    """How many columns most rows have, of those with two or more; 0 if none has."""
    sizes = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    return sizes.most_common(1)[0][0] if sizes else 0


def _candidates(body: Sequence[_Row], n_columns: int, tag: int | None) -> list[_Candidate]:
    """The columns that may hold the tags, from the first; the last one is counted from the end."""
    is_ragged = any(len(row.cells) != n_columns for row in body)
    columns = [tag] if tag is not None else [*range(1, n_columns + is_ragged), LAST]
    found = []
    for column in columns:
        values = Counter(cell for row in body if (cell := _cell(row.cells, column)) is not None)
        found.append(_Candidate(column, values, frozenset(filter(is_tag, values))))
    if is_ragged and tag is None and found[-2].n_tags > found[-1].n_tags:
        found.pop()  # what is more stands behind the tag
    elif is_ragged and tag is None:
        found.pop(-2)
    return found


def _choose_tags(
    candidates: Sequence[_Candidate], n_rows: int, names: Sequence[str], *, is_lenient: bool
) -> tuple[_Candidate, list[_Candidate]] | None:
    """The column of the tags, and the others that hold tags of entities."""
    n_wrong = 2 * n_rows // 3 if is_lenient else max(n_rows // 50, int(n_rows > 3))
    if n_rows < (1 if is_lenient else 2):
        return None
    tagged = [one for one in candidates if one.n_tags >= max(n_rows - n_wrong, 1)]
    entities = [one for one in tagged if one.example and (is_lenient or (OUTSIDE in one.tags and one.has_names))]
    if len(entities) > 1:
        entities = [one for one in entities if not one.has_chunks] or entities
    if entities:
        named = [one for one in entities if 0 < one.column <= len(names) and _TAG_NAME.fullmatch(names[one.column - 1])]
        chosen = (named or entities)[0]
        return chosen, [one for one in tagged if one is not chosen and (one in entities or not one.example)]
    if outside := [one for one in tagged if set(one.values) == {OUTSIDE}]:
        return outside[-1], []  # nothing but `O`
    last = candidates[-1]
    return (last._replace(tags=frozenset(last.values)), []) if _holds_labels(last, n_rows, is_lenient) else None


def _holds_labels(candidate: _Candidate, n_rows: int, is_lenient: bool) -> bool:
    """Whether a column holds `O` and labels without prefixes."""
    values = candidate.values
    labels = [value for value in values if value != OUTSIDE]
    if OUTSIDE not in values or not labels or any(map(has_prefix, labels)):
        return False
    if is_lenient:
        return True
    is_whole = sum(values.values()) == n_rows >= _FEW_ROWS
    return is_whole and len(labels) <= min(_MOST_LABELS, n_rows // 4) and all(map(_LABEL.fullmatch, labels))


def _is_index(body: Sequence[_Row], column: int) -> bool:
    """Whether a column counts the words of each sentence."""
    n_follow = n_break = 0
    last: _Row | None = None
    starts: list[str] = []  # of sentences
    for row in body:
        cell = _cell(row.cells, column) or ""
        if _RANGE.fullmatch(cell):
            continue
        if not _NUMBER.fullmatch(cell):
            return False
        if last is None or row.line > last.line + 1:
            starts.append(cell)
        if last is not None:
            step = int(cell) - int(last.cells[column - 1])
            n_follow += step == 1
            n_break += step != 1 and row.line == last.line + 1
        last = row
    # Two rows may be numbers in a text; those that begin with 0 or 1 hardly are.
    is_counted = n_follow > 1 or (n_follow == 1 and set(starts) <= {"0", "1"})
    return is_counted and n_break * 50 <= n_follow


def _is_misc(body: Sequence[_Row], column: int) -> bool:
    """Whether a column says where no space follows, or has words that the column of words cannot hold."""
    cells = (cell for row in body if (cell := _cell(row.cells, column)) and ("Space" in cell or "Form=" in cell))
    return any(not NO_SPACES.isdisjoint(cell.split("|")) or read_misc(cell) is not None for cell in cells)


def _common_prefix(words: Sequence[str]) -> str:
    """A language code and a colon, if all words begin with it."""
    match = _LANGUAGE_PREFIX.match(words[0]) if words else None
    return match[0] if match and all(word.startswith(match[0]) for word in words) else ""


def _doubtful_words(words: Sequence[str]) -> tuple[str, ...]:
    """The first words, if nearly all are numbers or the same."""
    if len(words) < _SOME_ROWS:
        return ()
    n_numbers = sum(_NUMBER.fullmatch(word) is not None for word in words)
    n_same = Counter(words).most_common(1)[0][1]
    return tuple(words[:3]) if max(n_numbers, n_same) > 0.9 * len(words) else ()


def _cell(cells: Sequence[str], column: int) -> str | None:
    place = place_of(column, len(cells))
    return None if place is None else cells[place]
