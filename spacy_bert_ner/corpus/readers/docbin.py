"""Read spaCy DocBin files. A DocBin is a single compressed map, so the whole file is loaded into memory."""

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
from ...util.msgpack_gc import unpacking
from ..sentence import Invalid, Sentence, check_row
from ..writers.docbin import DOCUMENT

_DAMAGED = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, OverflowError)
"""Exceptions that spaCy raises if a file is truncated, modified or not a DocBin."""

T = TypeVar("T")


def is_docbin(path: Path) -> bool:
    """Return whether a file begins like a DocBin: a compressed map with `attrs` among its first keys."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(256)
    try:
        return b"\xa5attrs" in zlib.decompressobj().decompress(head, 64)
    except zlib.error:
        return False


def read(path: Path) -> Iterator[Sentence | Invalid]:
    """Convert each Doc to a sentence with words, spaces, entities, incorrect spans and a document name.

    The document name is the value of `doc.user_data["document"]`. Empty Docs are skipped.

    path (Path): the path to the `.spacy` file.
    YIELDS (Sentence | Invalid): the sentence, or the error if the Doc is invalid.
    RAISES CorpusError: the file is not a DocBin or does not store entities.
    """
    return _read(path, Vocab(), partial(_sentence, path), unpack=False)


def read_docs(path: Path, vocab: Vocab, numbers: Container[int] | None = None) -> Iterator[tuple[int, Doc]]:
    """Read the non-empty Docs with all their data.

    path (Path): the path to the `.spacy` file.
    vocab (Vocab): the vocab for the Docs.
    numbers (Container[int] | None): the Docs to read, as numbers from 1. Default: None (all Docs).
    YIELDS (tuple[int, Doc]): the number of the Doc in the file (from 1), and the Doc.
    RAISES CorpusError: the file is not a DocBin or does not store entities.
    """
    docs = _read(path, vocab, lambda doc, number, document: (number, doc), unpack=True)
    return ((number, doc) for number, doc in docs if numbers is None or number in numbers)


def document_of(doc: Doc) -> str:
    """Return the document name stored in a Doc, or an empty string if there is none."""
    return _name(doc.user_data)


def _name(user_data: dict[Any, Any]) -> str:
    return str(user_data.get(DOCUMENT, ""))


def _read(path: Path, vocab: Vocab, make: Callable[[Doc, int, str], T], *, unpack: bool) -> Iterator[T]:
    """Call a function for each non-empty Doc.

    make (Callable): a function that takes the Doc, its number (from 1) and its document name.
    unpack (bool): whether the Docs keep all their user data.
    YIELDS (T): the return value of `make`.
    """
    number = 0
    if path.is_dir():
        raise CorpusError(Errors.bad_docbin.format(path=path, n=number, reason="it is a folder"))
    try:
        with unpacking():
            doc_bin = DocBin().from_disk(path)
            if ENT_IOB in doc_bin.attrs and ENT_TYPE in doc_bin.attrs:
                user_data, doc_bin.user_data = doc_bin.user_data, doc_bin.user_data if unpack else []
                names: dict[bytes, str] = {b"": ""}
                for number, doc in enumerate(doc_bin.get_docs(vocab), start=1):
                    data = (user_data[number - 1] if number <= len(user_data) else None) or b""
                    if data not in names:  # decode once per document: srsly looks up its decoders in every call
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
        tuple(Entity(span.label_, span.start, span.end) for span in doc.spans.get(INCORRECT_SPANS, ()) if span.label),
    )


def _tag(iob: str, label: str) -> str | None:
    if not iob:
        return None
    # In spaCy, `B` without a label means that no entity may include the token.
    return f"{iob}-{label}" if label and iob != OUTSIDE else OUTSIDE
