"""Read CoNLL-U files with tags in the last column, MISC: `NER=B-PER`, `NE=B-PER` or `name=B-PER`.

A token that is split into several syntactic words is read as a single token. The Doc then has the original text:

    3-4  vámonos  …  SpaceAfter=No      a single token that is not followed by a space. If it has no tag, the tags of
    3    vamos    …  NER=O              its parts are merged.
    4    nos      …  NER=O
    4.1  _        …  _                  an empty node, which is not part of the text

The `conllu` package is not used. Its errors do not include line numbers, and it splits words at two consecutive spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from ...decoding.tag_scheme import OUTSIDE, has_prefix, split_tag
from ...errors import CorpusError, Errors
from ..sentence import Invalid, Sentence, check_row
from .text_source import TextSource

KEYS = ("NER", "NE", "name")
_N_COLUMNS = 10
_WORD = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")
_EMPTY_NODE = re.compile(r"[0-9]+\.[1-9][0-9]*")
_ABSENT = ""  # the tag for a word whose MISC cell has no tag key

Rows = list[tuple[int, str]]
"""The rows of a sentence with their line numbers, without comments."""


def is_conllu(rows: Sequence[str]) -> bool:
    """Return whether the first row after the comments begins a CoNLL-U sentence.

    The row must have ten columns. The first column must contain the number of the first word in a sentence, and the
    last one must look like a MISC cell.

    rows (Sequence[str]): the first non-blank rows in the file.
    """
    first = next((row.split("\t") for row in rows if not row.startswith("#") or "\t" in row), [])
    return (
        len(first) == _N_COLUMNS
        and re.fullmatch(r"1(-[0-9]+)?|0\.[1-9]", first[0]) is not None
        and (first[-1] == "_" or "=" in first[-1])
    )


def read(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read the tokens with their tags, spacing (`SpaceAfter=No`) and documents (`# newdoc id = …`).

    A word without a tag key has the tag `O`. The tag `_` means that the tag is unknown.

    source (TextSource): the file.
    document_key (str | None): the key of the comments with document names. For example, `source` selects comments such
        as `# source = …`. If None (the default), `# newdoc id = …` is used.
    YIELDS (Sentence | Invalid): the sentence, or the error if it is invalid.
    RAISES CorpusError: no word has a tag key, or no comment has the specified document key.
    """
    path, misc, comments = source.path, _Misc(source.path), _Comments(source.path, document_key)
    has_sentence = False
    for rows in _sentence_rows(source, comments):
        error, key = comments.pop_error(), misc.key
        try:
            sentence = _sentence(path, rows, misc, comments.document)
            has_sentence = True
            yield Invalid(error) if error else sentence
        except CorpusError as e:
            misc.key = key  # a skipped sentence does not determine the tag key for the file
            yield Invalid(error or e)
    if has_sentence and not misc.key:
        other_keys = ", ".join(sorted(misc.others)) or "none"
        raise CorpusError(Errors.no_tag_key.format(path=path, found=other_keys, keys="=, ".join(KEYS)))
    if document_key is not None and not comments.n_documents:
        raise CorpusError(Errors.no_document_comment.format(path=path, key=document_key))


def _sentence_rows(source: TextSource, comments: _Comments) -> Iterator[Rows]:
    """Yield the rows of each sentence. Add the comments before and within the sentence to `comments`."""
    rows: Rows = []
    with source.text() as text:
        for line, row in enumerate(chain(text, [""]), start=1):
            row = row.rstrip("\r\n")
            if row.startswith("#"):
                comments.add(line, row)
            elif row.strip(" \t"):
                rows.append((line, row))
            elif rows:
                yield rows
                rows = []


class _Comments:
    """The document names and sentence IDs in a file's comments.

    document (str): the name of the current document. Empty before the first document.
    n_documents (int): the number of comments that begin a document.
    """

    def __init__(self, path: Path, document_key: str | None) -> None:
        self.document, self.n_documents = "", 0
        self._path, self._document_key = path, document_key
        self._id_lines: dict[str, int] = {}  # maps each sentence ID to its line number
        self._error: CorpusError | None = None

    def add(self, line: int, row: str) -> None:
        """Parse a comment.

        line (int): the line number of the comment.
        row (str): the comment.
        """
        key, _, name = (part.strip() for part in row[1:].partition("="))
        if self._document_key is None and key.split()[:1] == ["newdoc"]:
            self.n_documents += 1
            self.document = name or f"{self._path.name} {self.n_documents}"
        elif key == self._document_key:
            self.n_documents, self.document = self.n_documents + 1, name
        elif key == "sent_id" and (first := self._id_lines.setdefault(name, line)) != line:
            self._error = CorpusError(Errors.same_name.format(path=self._path, line=line, name=name, first=first))

    def pop_error(self) -> CorpusError | None:
        """Return the error for a repeated sentence ID, if any, and clear it."""
        error, self._error = self._error, None
        return error


def _sentence(path: Path, rows: Rows, misc: _Misc, document: str) -> Sentence:
    """Create a sentence from its rows.

    RAISES CorpusError: a row is invalid, or rows of a multiword token are missing. The message includes the file and
        line.
    """
    sentence = Sentence([], [], [], spaces := [], document)
    last = end = 0  # last word so far, last word in the multiword token
    part_tags: list[str | None] = []
    for line, row in rows:
        columns = row.split("\t")
        if len(columns) != _N_COLUMNS:
            raise CorpusError(Errors.conllu_columns.format(path=path, line=line, n=len(columns), text=row[:40]))
        number, word = columns[0], columns[1]
        if _EMPTY_NODE.fullmatch(number):
            continue
        stop = _multiword_end(path, line, number, last, end)
        tag, space = misc.read(line, columns[-1])
        check_row(path, line, word, tag or OUTSIDE, f", column {'10' if word else '2'}")
        if not stop:
            last += 1
        if stop or last > end:
            sentence.words.append(word)
            sentence.tags.append(OUTSIDE if tag == _ABSENT else tag)
            sentence.lines.append(line)
            spaces.append(space)
            if stop:
                end, part_tags, has_tag = stop, [], tag != _ABSENT
        else:
            part_tags.append(tag)
            if last == end and not has_tag:
                sentence.tags[-1] = merge_tags(path, sentence.lines[-1], sentence.words[-1], part_tags)
    if last < end:
        raise CorpusError(Errors.conllu_cut.format(path=path, line=rows[-1][0], last=last, end=end))
    return sentence


def _multiword_end(path: Path, line: int, number: str, last: int, end: int) -> int:
    """Check a row's number and return the number of the last word if the row is a multiword token.

    path (Path): the file path, for error messages.
    line (int): the line number, for error messages.
    number (str): the number in the row, such as `3` or `3-4`.
    last (int): the number of the last word so far.
    end (int): the number of the last word in the previous multiword token.
    RETURNS (int): the number of the last word in the multiword token. 0 if the row is a single word.
    RAISES CorpusError: the number is invalid, does not follow `last`, or begins a multiword token inside another one.
    """
    match = _WORD.fullmatch(number)
    stop = int(match[2]) if match and match[2] else 0
    if not match or int(match[1]) != last + 1 or (stop and (stop <= last or last < end)):
        raise CorpusError(Errors.conllu_number.format(path=path, line=line, number=number, expected=last + 1))
    return stop


def merge_tags(path: Path, line: int, word: str, tags: list[str | None]) -> str | None:
    """Merge the tags from the parts of a multiword token.

    O B-x → B-x    B-x I-x → B-x    B-x L-x → U-x    B-x E-x → S-x    I-x L-x → L-x

    path (Path): the file path, for error messages.
    line (int): the line number of the token, for error messages.
    word (str): the token, for error messages.
    tags (list[str | None]): the tags of the parts. None represents an unknown tag.
    RETURNS (str | None): the merged tag. None if it is unknown.
    RAISES CorpusError: the parts belong to different entities.
    """
    entity_tags = [tag for tag in tags if tag not in (None, _ABSENT, OUTSIDE)]
    if not entity_tags:
        return None if None in tags else OUTSIDE
    prefixes_and_labels = [split_tag(tag) if has_prefix(tag) else ("", tag) for tag in entity_tags if tag]
    (first, label), (last, _) = prefixes_and_labels[0], prefixes_and_labels[-1]
    has_other_label = any(other != label for _, other in prefixes_and_labels)
    if has_other_label or any(prefix in ("B", "U", "S", "W") for prefix, _ in prefixes_and_labels[1:]):
        listed = ", ".join(tag or "_" for tag in tags)
        raise CorpusError(Errors.two_entities.format(path=path, line=line, word=word, tags=listed))
    if last in ("L", "E"):
        first = {"L": "U", "E": "S"}[last] if first == "B" else last
    return f"{first}-{label}" if first else label


class _Misc:
    """A parser for MISC cells that remembers the tag key used in the file.

    key (str): the tag key. Empty until a word has one.
    line (int): the line number on which the tag key first occurs.
    others (set[str]): the keys other than tag keys and `SpaceAfter`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key, self.line = "", 0
        self.others: set[str] = set()

    def read(self, line: int, misc: str) -> tuple[str | None, bool]:
        """Parse a MISC cell.

        line (int): the line number of the word.
        misc (str): the cell.
        RETURNS (tuple[str | None, bool]): the tag, and whether a space follows the word. An unknown tag is None. The
            tag is empty if the cell has no tag key.
        RAISES CorpusError: the cell has two tag keys, a tag key that differs from the previous ones, or an empty tag.
        """
        tag: str | None = _ABSENT
        space = True
        for item in misc.split("|"):
            key, _, value = item.partition("=")
            if key == "SpaceAfter":
                space = value != "No"
            elif key not in KEYS:
                if key != "_":
                    self.others.add(key)
            else:
                if not self.key:
                    self.key, self.line = key, line
                if key != self.key or tag != _ABSENT:
                    raise CorpusError(
                        Errors.two_tag_keys.format(
                            path=self.path, line=line, key=key, misc=misc[:60], first=self.key, at=self.line
                        )
                    )
                if not value:
                    check_row(self.path, line, "_", value, ", column 10")
                tag = None if value == "_" else value
        return tag, space
