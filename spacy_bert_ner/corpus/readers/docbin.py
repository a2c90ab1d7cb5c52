"""spaCy's DocBin, read back. It is one compressed map, so that all of it is in memory while it is read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Container, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import srsly
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ...decoding.tag_scheme import OUTSIDE
from ...errors import CorpusError, Errors
from ...types import INCORRECT_SPANS, Entity
from ...util.srsly_gc import unpacking
from ..sentence import Invalid, Sentence, check_row
from ..writers.docbin import DOCUMENT

_DAMAGED = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, OverflowError)
"""What spaCy raises for a file that is cut short, altered, or none of its own."""

T = TypeVar("T")


def is_docbin(path: Path) -> bool:
    """Whether it begins as a DocBin does: a compressed map, in which `attrs` is among the first keys."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(256)
    try:
        return b"\xa5attrs" in zlib.decompressobj().decompress(head, 64)
    except zlib.error:
        return False


def read(path: Path) -> Iterator[Sentence | Invalid]:
    """Read a sentence a Doc: words, spaces, entities, incorrect spans, and the document from
    `doc.user_data["document"]`."""
    return _read(path, Vocab(), partial(_sentence, path), unpack=False)


def read_docs(path: Path, vocab: Vocab, numbers: Container[int] | None = None) -> Iterator[tuple[int, Doc]]:
    """Read the Docs that are not empty, with all that they hold, and the number of each in the file, from 1.

    numbers: of those that are read, from 1; None for all.
    """
    docs = _read(path, vocab, lambda doc, number, document: (number, doc), unpack=True)
    return ((number, doc) for number, doc in docs if numbers is None or number in numbers)


def document_of(doc: Doc) -> str:
    """The name of the document that a Doc is from; empty where it has none."""
    return _name(doc.user_data)


def _name(user_data: dict[Any, Any]) -> str:
    return str(user_data.get(DOCUMENT, ""))


def _read(path: Path, vocab: Vocab, make: Callable[[Doc, int, str], T], *, unpack: bool) -> Iterator[T]:
    """Make something of each Doc that is not empty, of its number from 1 and of the name of its document.

    unpack (bool): the Docs have all their user data.
    """
    number = 0
    if path.is_dir():
        raise CorpusError(Errors.bad_docbin.format(path=path, n=number, reason="it is a folder"))
    try:
        with unpacking():
            docs = DocBin().from_disk(path)
            if ENT_IOB in docs.attrs and ENT_TYPE in docs.attrs:
                packed, docs.user_data = docs.user_data, docs.user_data if unpack else []
                names: dict[bytes, str] = {b"": ""}
                for number, doc in enumerate(docs.get_docs(vocab), start=1):
                    data = (packed[number - 1] if number <= len(packed) else None) or b""
                    if data not in names:  # once a document, as srsly looks up its decoders anew whenever it is called
                        names[data] = _name(srsly.msgpack_loads(data, use_list=False))
                    if len(doc):
                        yield make(doc, number, names[data])
                return
    except _DAMAGED as e:
        reason = " ".join(str(e).split())[:200] or type(e).__name__
        raise CorpusError(Errors.bad_docbin.format(path=path, n=number, reason=reason)) from e
    raise CorpusError(Errors.docbin_without_entities.format(path=path))


def _sentence(path: Path, doc: Doc, number: int, document: str) -> Sentence | Invalid:
    words, tags = [token.text for token in doc], [_tag(token.ent_iob_, token.ent_type_) for token in doc]
    try:
        for i, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
            check_row(path, number, word, tag or OUTSIDE, f", token {i}", "Doc")
    except CorpusError as e:
        return Invalid(e)
    return Sentence(
        words,
        tags,
        [number] * len(doc),
        None if doc.has_unknown_spaces else [bool(token.whitespace_) for token in doc],
        document,
        tuple(Entity(one.label_, one.start, one.end) for one in doc.spans.get(INCORRECT_SPANS, ()) if one.label),
    )


def _tag(iob: str, label: str) -> str | None:
    if not iob:
        return None
    # `B` without a label is how spaCy marks a token that no entity may cover.
    return f"{iob}-{label}" if label and iob != OUTSIDE else OUTSIDE
