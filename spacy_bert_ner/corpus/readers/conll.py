"""Read column files in CoNLL-2003 and similar formats.

Each line contains one token in columns that are separated by tabs or spaces. Blank lines separate sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError, Errors
from ..conllu_misc import DOCUMENT_START, UNKNOWN, read_document, read_misc
from ..sentence import Invalid, Sentence, check_row
from .column_layout import NO_SPACES, ColumnLayout, column_index, is_tag, split_columns
from .conllu import merge_tags
from .text_source import TextSource

_DOCUMENT_KEYS = ("newdoc", "newdoc id", "document_id", "doc_id", "document")
_SENTENCE_KEYS = ("sent_id", "text", "newpar")
_BOM = "\ufeff"


class ColumnNotes:
    """Notes for the user about how a column file was read. They are complete once the last row has been read."""

    def __init__(self, path: Path, layout: ColumnLayout) -> None:
        self._path, self._layout = path, layout
        self.n_ragged, self.first_ragged = 0, 0
        """Number of rows with an unusual number of columns, and the line number of the first such row."""
        self.n_marks = 0
        """Number of words from which a byte-order mark was removed."""

    def count_ragged(self, line: int) -> None:
        """Count a row with an unusual number of columns.

        line (int): the line number of the row.
        """
        self.n_ragged += 1
        if self.n_ragged == 1:
            self.first_ragged = line

    def messages(self) -> list[str]:
        """Return the notes as messages.

        They report additional tag columns, a prefix that all words share, rows with an unusual number of columns, and
        removed byte-order marks.
        """
        layout, messages = self._layout, list[str]()
        for column, tag in layout.other_tags:
            messages.append(Errors.other_tag_column.format(column=column, tag=tag, taken=layout.tag))
        if layout.word_prefix:
            prefix = layout.word_prefix
            messages.append(Errors.word_prefix.format(prefix=prefix, path=self._path))
        if self.n_ragged:
            messages.append(Errors.ragged_rows.format(n=self.n_ragged, usual=layout.n_columns, line=self.first_ragged))
        if self.n_marks:
            messages.append(Errors.marks_removed.format(n=self.n_marks))
        return messages


def read(source: TextSource, layout: ColumnLayout, notes: ColumnNotes) -> Iterator[Sentence | Invalid]:
    """Read the words and tags in a column file.

    A document begins with a `-DOCSTART-` row or a comment such as `# newdoc id = d1`. It ends where the next document
    begins. In a file written by `convert --to conll`, each row has a MISC cell, and the tag `_` means that the tag is
    unknown. See `conllu_misc`.

    source (TextSource): the file.
    layout (ColumnLayout): the content of each column.
    notes (ColumnNotes): the notes for the user. They are reset and then updated while the file is read.
    YIELDS (Sentence | Invalid): the sentence, or the error if it is invalid.
    """
    notes.n_ragged = notes.n_marks = n_documents = 0
    document = ""
    sentence = _SentenceBuilder(source.path, layout, notes)
    header = list(layout.header)
    boundary: _Boundary | None
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            cells = split_columns(row)
            if cells[:1] == [DOCUMENT_START]:
                boundary = _Boundary(True, read_document(cells))
            elif row[:1] == "#" and not layout.is_converted and not sentence.is_word(row, cells):
                boundary = _comment_boundary(row)
            elif cells and not row.isspace():
                if cells == header:
                    header = []
                elif sentence.add(line, row, cells):
                    yield sentence.build()
                    sentence.begin(document)
                continue
            else:
                boundary = _Boundary(False)
            if boundary is None:
                continue
            yield from sentence.flush()
            if boundary.is_document:
                n_documents += 1
                document = f"{source.path.name} {n_documents}" if boundary.name is None else boundary.name
            sentence.begin(document)
    yield from sentence.flush()


class _Boundary(NamedTuple):
    """A boundary between two sentences.

    is_document (bool): whether a document begins here.
    name (str | None): the document name. Default: None (no name).
    """

    is_document: bool
    name: str | None = None


def _comment_boundary(row: str) -> _Boundary | None:
    """Return the boundary that a comment represents, or None for any other comment.

    For example, the document `d1` begins at the comment `# hipe2022:document_id = d1`.
    """
    key, _, value = row[1:].partition("=")
    key = key.strip().rpartition(":")[2]
    if key in _DOCUMENT_KEYS:
        return _Boundary(True, value.strip() or None)
    return _Boundary(False) if key in _SENTENCE_KEYS else None


class _SentenceBuilder:
    """A builder that collects the rows in a sentence.

    `build` returns the sentence. `begin` starts the next one.
    """

    def __init__(self, path: Path, layout: ColumnLayout, notes: ColumnNotes) -> None:
        self._path, self._layout, self._notes = path, layout, notes
        self._has_spaces = layout.misc > 0 or layout.has_space_rows
        self._checked_tags: set[str] = set()
        n = layout.n_columns
        self._word_index, self._tag_index = column_index(layout.word, n) or 0, column_index(layout.tag, n) or 0
        self._fast_size = 0 if self._has_spaces or layout.number else n  # number of cells in a row for the fast path
        self.begin("")

    def begin(self, document: str) -> None:
        """Start a new sentence.

        document (str): the name of the document that contains the sentence. Empty if there is none.
        """
        self._document = document
        self._words: list[str] = []
        self._tags: list[str | None] = []
        self._lines: list[int] = []
        self._spaces: list[bool] = []
        self._numbers: list[str] = []  # the word numbers, if the file has them
        self._error: CorpusError | None = None  # the first error in the sentence

    def is_word(self, row: str, cells: list[str]) -> bool:
        """Return whether a row that begins with `#` contains a word.

        A row with a word has the usual number of columns and a tag in the tag column.

        row (str): the row.
        cells (list[str]): the cells in the row.
        """
        if len(cells) != self._layout.n_columns or self._layout.has_tabs > ("\t" in row):
            return False
        tag = cells[self._tag_index]
        return tag in self._layout.tags or is_tag(tag)

    def add(self, line: int, row: str, cells: list[str]) -> bool:
        """Add a row to the sentence. An error is stored until `build` is called.

        line (int): the line number of the row.
        row (str): the row.
        cells (list[str]): the cells in the row.
        RETURNS (bool): whether the sentence ends after this row.
        """
        if len(cells) == self._fast_size:
            word, tag = cells[self._word_index], cells[self._tag_index]
            if word and tag in self._checked_tags and word[0] != _BOM:  # true for most rows
                self._words.append(word)
                self._tags.append(tag)
                self._lines.append(line)
                return False
        try:
            return self._add(line, row, cells)
        except CorpusError as e:
            self._error = self._error or e
            return False

    def _add(self, line: int, row: str, cells: list[str]) -> bool:
        layout, n = self._layout, len(cells)
        if n < 2:
            shown = row[:40].rstrip("\r\n")
            raise CorpusError(Errors.few_columns.format(path=self._path, line=line, text=shown))
        tag_index, word_index = self._index(line, row, n, layout.tag), self._index(line, row, n, layout.word)
        word, tag = cells[word_index], cells[tag_index]
        if n != layout.n_columns:
            self._notes.count_ragged(line)
        if word[:1] == _BOM and len(word) > 1 and not layout.is_converted:
            word = word[1:]
            self._notes.n_marks += 1
        if layout.has_space_rows and word == " ":
            self._spaces[-1:] = [True] * bool(self._spaces)
            return False
        space, is_end = not layout.has_space_rows, False
        if layout.misc:
            misc = cells[layout.misc - 1] if n >= layout.misc else UNKNOWN
            form, space, is_end = self._read_misc(line, row, misc, n)
            word = word if form is None else form
        check_row(self._path, line, word, tag, f", column {(tag_index if word else word_index) + 1}")
        self._checked_tags.add(tag)
        self._words.append(word)
        self._tags.append(None if layout.is_converted and tag == UNKNOWN else tag)
        self._lines.append(line)
        if self._has_spaces:
            self._spaces.append(space)
        if layout.number:
            self._numbers.append(cells[layout.number - 1] if n >= layout.number else "")
        return is_end

    def _index(self, line: int, row: str, n: int, column: int) -> int:
        index = column_index(column, n)
        if index is None:
            shown = row[:40].rstrip("\r\n")
            message = Errors.no_column.format(path=self._path, line=line, n=n, column=column, text=shown)
            raise CorpusError(message)
        return index

    def _read_misc(self, line: int, row: str, cell: str, n: int) -> tuple[str | None, bool, bool]:
        """Parse a MISC cell.

        RETURNS (tuple[str | None, bool, bool]): the word if the cell contains it, whether a space follows the word, and
            whether the sentence ends after it.
        """
        misc = read_misc(cell) if n == 3 else None
        if misc is not None:
            return misc.word, misc.space, False
        if self._layout.is_converted:
            shown = row[:60].rstrip("\r\n")
            raise CorpusError(Errors.bad_misc.format(path=self._path, line=line, text=shown))
        items = cell.split("|")
        return None, NO_SPACES.isdisjoint(items), "EndOfSentence" in items

    def flush(self) -> Iterator[Sentence | Invalid]:
        """Yield the sentence if it has any rows."""
        if self._words or self._error:
            yield self.build()

    def build(self) -> Sentence | Invalid:
        """Return the sentence, or `Invalid` with its first error."""
        if self._error is not None:
            return Invalid(self._error)
        spaces = self._spaces if self._has_spaces else None
        sentence = Sentence(self._words, self._tags, self._lines, spaces, self._document)
        try:
            return self._with_tokens(sentence) if any(map(_is_range, self._numbers)) else sentence
        except CorpusError as e:
            return Invalid(e)

    def _with_tokens(self, sentence: Sentence) -> Sentence:
        """Replace syntactic words with multiword tokens, as defined by CoNLL-U.

        For example, the token `3-4` replaces the words 3 and 4. An empty node such as `5.1` is removed.
        """
        words, tags, lines, end = list[str](), list[str | None](), list[int](), 0
        part_tags: list[str | None] = []
        for number, word, tag, line in zip(self._numbers, *sentence[:3], strict=True):
            first, hyphen, last = number.partition("-")
            if "." in number:
                continue
            if not hyphen and first.isdigit() and int(first) <= end:
                part_tags.append(tag)
                if not is_tag(tags[-1] or "") and int(first) == end:
                    tags[-1] = merge_tags(self._path, lines[-1], words[-1], part_tags)
                continue
            words.append(word)
            tags.append(tag)
            lines.append(line)
            end, part_tags = (int(last), []) if hyphen else (0, part_tags)
        return Sentence(words, tags, lines, None, sentence.document)


def _is_range(number: str) -> bool:
    return "-" in number or "." in number
