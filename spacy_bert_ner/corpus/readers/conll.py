"""Read CoNLL-2003 and similar formats: a token per line, columns separated by tabs or spaces, blank lines between
sentences."""

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
    """Collect notes for the user about how a CoNLL-style file was read. They are complete after the last row."""

    def __init__(self, path: Path, layout: ColumnLayout) -> None:
        self._path, self._layout = path, layout
        self.n_ragged, self.first_ragged = 0, 0
        """Number of rows with an unusual number of columns, and the line of the first one."""
        self.n_marks = 0
        """Number of rows that began with a byte-order mark."""

    def count_ragged(self, line: int) -> None:
        """Count a row with an unusual number of columns."""
        self.n_ragged += 1
        if self.n_ragged == 1:
            self.first_ragged = line

    def messages(self) -> list[str]:
        """Report other tag columns, and words that look wrong."""
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
    """Read words and tags from the columns of the layout.

    A document begins with a `-DOCSTART-` row or a comment such as `# newdoc id = d1`, and extends to the next one. In a
    file that `convert --to conll` wrote, each row has MISC, and the tag `_` means unknown; see `conllu_misc`.

    source (TextSource): the file.
    layout (ColumnLayout): the content of its columns.
    notes (ColumnNotes): is filled with counts for the user.
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
    """A row between two sentences: whether a document begins there, and its name, None if it has none."""

    is_document: bool
    name: str | None = None


def _comment_boundary(row: str) -> _Boundary | None:
    """Return the boundary that a comment marks, such as `# hipe2022:document_id = d1`; None for any other comment."""
    key, _, value = row[1:].partition("=")
    key = key.strip().rpartition(":")[2]
    if key in _DOCUMENT_KEYS:
        return _Boundary(True, value.strip() or None)
    return _Boundary(False) if key in _SENTENCE_KEYS else None


class _SentenceBuilder:
    """Collect the rows of a sentence. `build` returns the sentence, and `begin` starts the next one."""

    def __init__(self, path: Path, layout: ColumnLayout, notes: ColumnNotes) -> None:
        self._path, self._layout, self._notes = path, layout, notes
        self._has_spaces = layout.misc > 0 or layout.has_space_rows
        self._checked_tags: set[str] = set()
        n = layout.n_columns
        self._word_index, self._tag_index = column_index(layout.word, n) or 0, column_index(layout.tag, n) or 0
        self._fast_size = 0 if self._has_spaces or layout.number else n  # number of cells of a row for the fast path
        self.begin("")

    def begin(self, document: str) -> None:
        """Start a sentence of a document."""
        self._document = document
        self._words: list[str] = []
        self._tags: list[str | None] = []
        self._lines: list[int] = []
        self._spaces: list[bool] = []
        self._numbers: list[str] = []  # word numbers, if the file has them
        self._error: CorpusError | None = None  # the first error

    def is_word(self, row: str, cells: list[str]) -> bool:
        """Return whether a row that begins with `#` is a word: it has all columns, and a tag in the tag column."""
        if len(cells) != self._layout.n_columns or self._layout.has_tabs > ("\t" in row):
            return False
        tag = cells[self._tag_index]
        return tag in self._layout.tags or is_tag(tag)

    def add(self, line: int, row: str, cells: list[str]) -> bool:
        """Add a row.

        RETURNS (bool): whether the row marks the end of the sentence.
        """
        if len(cells) == self._fast_size:
            word, tag = cells[self._word_index], cells[self._tag_index]
            if word and tag in self._checked_tags and word[0] != _BOM:  # true of most rows
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
        """Return the word in MISC, whether a space follows the word, and whether the sentence ends."""
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
        """Return the sentence, or its first error."""
        if self._error is not None:
            return Invalid(self._error)
        spaces = self._spaces if self._has_spaces else None
        sentence = Sentence(self._words, self._tags, self._lines, spaces, self._document)
        try:
            return self._with_tokens(sentence) if any(map(_is_range, self._numbers)) else sentence
        except CorpusError as e:
            return Invalid(e)

    def _with_tokens(self, sentence: Sentence) -> Sentence:
        """Replace syntactic words by tokens, as CoNLL-U defines them: `3-4` replaces 3 and 4, and `5.1` is removed."""
        words, tags, lines, end = list[str](), list[str | None](), list[int](), 0
        part_tags: list[str | None] = []
        for number, word, tag, line in zip(self._numbers, *sentence[:3], strict=True):
            first, mark, last = number.partition("-")
            if "." in number:
                continue
            if not mark and first.isdigit() and int(first) <= end:
                part_tags.append(tag)
                if not is_tag(tags[-1] or "") and int(first) == end:
                    tags[-1] = merge_tags(self._path, lines[-1], words[-1], part_tags)
                continue
            words.append(word)
            tags.append(tag)
            lines.append(line)
            end, part_tags = (int(last), []) if mark else (0, part_tags)
        return Sentence(words, tags, lines, None, sentence.document)


def _is_range(number: str) -> bool:
    return "-" in number or "." in number
