"""CoNLL-2003 and its relatives: one token a line, columns by tabs or spaces, a blank line after a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import CorpusError, Errors
from ..misc_column import DOCUMENT_START, UNKNOWN, read_document, read_misc
from ..sentence import Invalid, Sentence, check_row
from .column_layout import NO_SPACES, ColumnLayout, is_tag, place_of, split_columns
from .conllu import joined_tag
from .text_source import TextSource

_DOCUMENT_KEYS = ("newdoc", "newdoc id", "document_id", "doc_id", "document")
_SENTENCE_KEYS = ("sent_id", "text", "newpar")
_BOM = "\ufeff"


class ColumnNotes:
    """What a user should know of how a file of columns was read, when all of it has been read."""

    def __init__(self, path: Path, layout: ColumnLayout) -> None:
        self._path, self._layout = path, layout
        self.n_ragged, self.first_ragged = 0, 0
        """Rows of another number of columns than most, and the line of the first."""
        self.n_marks = 0
        """Rows that began with a byte-order mark."""

    def count_ragged(self, line: int) -> None:
        """Count a row of another number of columns than most."""
        self.n_ragged += 1
        if self.n_ragged == 1:
            self.first_ragged = line

    def messages(self) -> list[str]:
        """Say which columns hold tags, too, and which words look wrong."""
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
    """Read word and tag, as the layout has them.

    The sentences from one `-DOCSTART-` row, or one comment such as `# newdoc id = d1`, to the next are one document. In
    a file that `convert --to conll` wrote, each row has MISC, and the tag `_` is unknown; see `misc_column`.

    notes: where to count what a user should know.
    """
    notes.n_ragged = notes.n_marks = n_documents = 0
    document = ""
    sentence = _Rows(source.path, layout, notes)
    header = list(layout.header)
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            cells = split_columns(row)
            is_start = cells[:1] == [DOCUMENT_START]
            is_comment = row[:1] == "#" and not layout.is_own and not sentence.is_word(row, cells)
            name = None
            if is_start:
                name = read_document(cells)
            elif is_comment:
                key, name = _comment(row)
                is_start = key in _DOCUMENT_KEYS
                if not is_start and key not in _SENTENCE_KEYS:
                    continue
            elif cells and not row.isspace():
                if cells == header:
                    header = []
                elif sentence.add(line, row, cells):
                    yield sentence.whole()
                    sentence.begin(document)
                continue
            if sentence:
                yield sentence.whole()
            if is_start:
                n_documents += 1
                document = f"{source.path.name} {n_documents}" if name is None else name
            sentence.begin(document)
    if sentence:
        yield sentence.whole()


def _comment(row: str) -> tuple[str, str | None]:
    """The key and the value of a comment: `document_id` and `d1` of `# hipe2022:document_id = d1`."""
    key, _, value = row[1:].partition("=")
    return key.strip().rpartition(":")[2], value.strip() or None


class _Rows:
    """The rows of a sentence that have been read; `whole` gives the sentence, and `begin` begins the next."""

    def __init__(self, path: Path, layout: ColumnLayout, notes: ColumnNotes) -> None:
        self._path, self._layout, self._notes = path, layout, notes
        self._has_spaces = layout.misc > 0 or layout.has_space_rows
        self._known_tags: set[str] = set()  # which were checked
        n = layout.n_columns
        self._word_place, self._tag_place = place_of(layout.word, n) or 0, place_of(layout.tag, n) or 0
        self._usual_size = 0 if self._has_spaces or layout.number else n
        self.begin("")

    def begin(self, document: str) -> None:
        """Begin a sentence of a document."""
        self._document = document
        self._words: list[str] = []
        self._tags: list[str | None] = []
        self._lines: list[int] = []
        self._spaces: list[bool] = []
        self._numbers: list[str] = []  # of words that the file counts
        self._error: CorpusError | None = None  # the first

    def __bool__(self) -> bool:
        return bool(self._words or self._error)

    def is_word(self, row: str, cells: list[str]) -> bool:
        """Whether a row that begins with `#` is no comment: it has the usual columns, and a tag in its place."""
        if len(cells) != self._layout.n_columns or self._layout.has_tabs > ("\t" in row):
            return False
        tag = cells[self._tag_place]
        return tag in self._layout.tags or is_tag(tag)

    def add(self, line: int, row: str, cells: list[str]) -> bool:
        """Add a row.

        RETURNS: whether it says that the sentence ends with it.
        """
        if len(cells) == self._usual_size:
            word, tag = cells[self._word_place], cells[self._tag_place]
            if word and tag in self._known_tags and word[0] != _BOM:  # as most rows are
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
        place, word_place = self._place(line, row, n, layout.tag), self._place(line, row, n, layout.word)
        word, tag = cells[word_place], cells[place]
        if n != layout.n_columns:
            self._notes.count_ragged(line)
        if word[:1] == _BOM and len(word) > 1 and not layout.is_own:
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
        check_row(self._path, line, word, tag, f", column {(place if word else word_place) + 1}")
        self._known_tags.add(tag)
        self._words.append(word)
        self._tags.append(None if layout.is_own and tag == UNKNOWN else tag)
        self._lines.append(line)
        if self._has_spaces:
            self._spaces.append(space)
        if layout.number:
            self._numbers.append(cells[layout.number - 1] if n >= layout.number else "")
        return is_end

    def _place(self, line: int, row: str, n: int, column: int) -> int:
        place = place_of(column, n)
        if place is None:
            shown = row[:40].rstrip("\r\n")
            message = Errors.no_column.format(path=self._path, line=line, n=n, column=column, text=shown)
            raise CorpusError(message)
        return place

    def _read_misc(self, line: int, row: str, cell: str, n: int) -> tuple[str | None, bool, bool]:
        """The word that MISC gives, whether a space follows, and whether the sentence ends."""
        misc = read_misc(cell) if n == 3 else None
        if misc is not None:
            return misc.word, misc.space, False
        if self._layout.is_own:
            shown = row[:60].rstrip("\r\n")
            raise CorpusError(Errors.bad_misc.format(path=self._path, line=line, text=shown))
        items = cell.split("|")
        return None, NO_SPACES.isdisjoint(items), "EndOfSentence" in items

    def whole(self) -> Sentence | Invalid:
        """The sentence, or its first error."""
        if self._error is not None:
            return Invalid(self._error)
        spaces = self._spaces if self._has_spaces else None
        sentence = Sentence(self._words, self._tags, self._lines, spaces, self._document)
        try:
            return self._with_tokens(sentence) if any(map(_is_range, self._numbers)) else sentence
        except CorpusError as e:
            return Invalid(e)

    def _with_tokens(self, sentence: Sentence) -> Sentence:
        """The sentence with the words of its text, as CoNLL-U has them: `3-4` in place of 3 and 4, without `5.1`."""
        words, tags, lines, end = list[str](), list[str | None](), list[int](), 0
        parts: list[str | None] = []
        for number, word, tag, line in zip(self._numbers, *sentence[:3], strict=True):
            first, mark, last = number.partition("-")
            if "." in number:
                continue
            if not mark and first.isdigit() and int(first) <= end:
                parts.append(tag)
                if not is_tag(tags[-1] or "") and int(first) == end:
                    tags[-1] = joined_tag(self._path, lines[-1], words[-1], parts)
                continue
            words.append(word)
            tags.append(tag)
            lines.append(line)
            end, parts = (int(last), []) if mark else (0, parts)
        return Sentence(words, tags, lines, None, sentence.document)


def _is_range(number: str) -> bool:
    return "-" in number or "." in number
