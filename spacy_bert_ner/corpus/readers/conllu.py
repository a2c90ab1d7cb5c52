"""CoNLL-U with a tag in the last column, MISC, as `NER=B-PER`, `NE=B-PER` or `name=B-PER`.

Where one word of the text is several of the syntax, the text's is taken, so that the Doc reads as the text does:

    3-4  vámonos  …  SpaceAfter=No      one word, `vámonos`, without a space after it; its tag, if it has none of its
    3    vamos    …  NER=O              own, is what those of its parts say together
    4    nos      …  NER=O
    4.1  _        …  _                  an empty node is in no text

The package `conllu` is not used: its errors name no line, and it takes two spaces inside a word for a separator.
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
_ABSENT = ""  # in place of a tag: MISC has no key for one


def is_conllu(rows: Sequence[str]) -> bool:
    """Whether the first row that is no comment is the first word of a sentence, with ten columns, the last of them
    MISC."""
    first = next((row.split("\t") for row in rows if not row.startswith("#") or "\t" in row), [])
    return (
        len(first) == _N_COLUMNS
        and re.fullmatch(r"1(-[0-9]+)?|0\.[1-9]", first[0]) is not None
        and (first[-1] == "_" or "=" in first[-1])
    )


def read(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read the text's words, their tags, the spaces between them (`SpaceAfter=No`) and documents (`# newdoc id = …`).

    A word without the key is `O`; one with `_` for a tag is unknown.

    document_key: the comment that names the document from there on: `source` for `# source = …`.
    """
    path, misc = source.path, _Misc(source.path)
    rows: list[tuple[int, str]] = []
    n_documents, document, is_empty, error = 0, "", True, None
    names: dict[str, int] = {}  # the line of each sent_id
    with source.text() as text:
        for line, row in enumerate(chain(text, [""]), start=1):
            row = row.rstrip("\r\n")
            if row.startswith("#"):
                key, _, name = (part.strip() for part in row[1:].partition("="))
                if document_key is None and key.split()[:1] == ["newdoc"]:
                    n_documents += 1
                    document = name or f"{path.name} {n_documents}"
                elif key == document_key:
                    n_documents, document = n_documents + 1, name
                elif key == "sent_id" and names.setdefault(name, line) != line:
                    error = CorpusError(Errors.same_name.format(path=path, line=line, name=name, first=names[name]))
            elif row.strip(" \t"):
                rows.append((line, row))
            elif rows:
                key = misc.key
                try:
                    sentence = _sentence(path, rows, misc, document)
                    is_empty = False
                    yield Invalid(error) if error else sentence
                except CorpusError as e:
                    misc.key = key  # what a sentence that is left out has, the others need not have
                    yield Invalid(error or e)
                rows, error = [], None
    if not is_empty and not misc.key:
        found = ", ".join(sorted(misc.others)) or "none"
        raise CorpusError(Errors.no_tag_key.format(path=path, found=found, keys="=, ".join(KEYS)))
    if document_key is not None and not n_documents:
        raise CorpusError(Errors.no_document_comment.format(path=path, key=document_key))


def _sentence(path: Path, rows: list[tuple[int, str]], misc: _Misc, document: str) -> Sentence:
    sentence = Sentence([], [], [], spaces := [], document)
    last = end = 0  # the last word of the syntax; that with which a word of the text ends
    parts: list[str | None] = []
    for line, row in rows:
        columns = row.split("\t")
        if len(columns) != _N_COLUMNS:
            raise CorpusError(Errors.conllu_columns.format(path=path, line=line, n=len(columns), text=row[:40]))
        number, word = columns[0], columns[1]
        if _EMPTY_NODE.fullmatch(number):
            continue
        match = _WORD.fullmatch(number)
        stop = int(match[2]) if match and match[2] else 0
        if not match or int(match[1]) != last + 1 or (stop and (stop <= last or last < end)):
            raise CorpusError(Errors.conllu_number.format(path=path, line=line, number=number, expected=last + 1))
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
                end, parts, of_its_own = stop, [], tag != _ABSENT
        else:
            parts.append(tag)
            if last == end and not of_its_own:
                sentence.tags[-1] = joined_tag(path, sentence.lines[-1], sentence.words[-1], parts)
    if last < end:
        raise CorpusError(Errors.conllu_cut.format(path=path, line=rows[-1][0], last=last, end=end))
    return sentence


def joined_tag(path: Path, line: int, word: str, tags: list[str | None]) -> str | None:
    """The tag of a word of the text, from those of its parts.

    O B-x → B-x    B-x I-x → B-x    B-x L-x → U-x    B-x E-x → S-x    I-x L-x → L-x
    """
    named = [tag for tag in tags if tag not in (None, _ABSENT, OUTSIDE)]
    if not named:
        return None if None in tags else OUTSIDE
    split = [split_tag(tag) if has_prefix(tag) else ("", tag) for tag in named if tag]
    (first, label), (last, _) = split[0], split[-1]
    if any(other != label for _, other in split) or any(prefix in ("B", "U", "S", "W") for prefix, _ in split[1:]):
        found = ", ".join(tag or "_" for tag in tags)
        raise CorpusError(Errors.two_entities.format(path=path, line=line, word=word, tags=found))
    if last in ("L", "E"):
        first = {"L": "U", "E": "S"}[last] if first == "B" else last
    return f"{first}-{label}" if first else label


class _Misc:
    """Reads MISC, and finds out by which key a file gives its tags."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key, self.line = "", 0
        self.others: set[str] = set()

    def read(self, line: int, misc: str) -> tuple[str | None, bool]:
        """The tag, and whether a space follows."""
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
