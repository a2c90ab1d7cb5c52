"""Neighbouring Docs of one document as one Doc, so that a model sees the sentences around each.

join = 6   Ada left . | Bob stayed . | Nobody came back .  ‖  Eve sang .     ‖: another document
Docs       Ada left . Bob stayed .   | Nobody came back .  |  Eve sang .
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spacy.tokens import Doc

from .readers.docbin import document_of
from .writers.docbin import DOCUMENT


def join_docs(docs: Iterable[Doc], n_tokens: int, n_characters: int) -> Iterator[Doc]:
    """Join Docs in succession that name the same document, as long as they fit together; longer ones stand alone.

    docs: which are not empty, all of one vocab; they are used up.
    n_tokens (int): the most tokens of what is joined.
    n_characters (int): the most characters of what is joined.
    YIELDS (Doc): in the same order, with every token.
    """
    run: list[Doc] = []
    tokens = characters = 0
    for doc in docs:
        n = doc[-1].idx + len(doc[-1]) + 1
        fits = tokens + len(doc) <= n_tokens and characters + n <= n_characters
        if run and not (fits and _same_document(run[-1], doc)):
            yield _joined(run)
            run, tokens, characters = [], 0, 0
        run.append(doc)
        tokens, characters = tokens + len(doc), characters + n
    if run:
        yield _joined(run)


def _same_document(one: Doc, other: Doc) -> bool:
    # Categories are those of a whole Doc: what has others cannot be one with it.
    return document_of(one) == document_of(other) != "" and one.cats == other.cats


def _joined(docs: list[Doc]) -> Doc:
    """One Doc with the annotation of some, each of which begins a sentence in it, as the first token of a Doc does.

    There is a space between them. What `user_data` says of a whole Doc is left out, except for the document.
    """
    first = docs[0]
    if len(docs) == 1:
        return first
    document = first.user_data[DOCUMENT]
    for doc in docs:
        for key in [key for key in doc.user_data if not _is_of_part(key)]:
            del doc.user_data[key]
    whole = Doc.from_docs(docs)
    whole.user_data[DOCUMENT] = document
    whole.cats = first.cats
    whole.has_unknown_spaces = any(doc.has_unknown_spaces for doc in docs)
    return whole


def _is_of_part(key: object) -> bool:
    """Whether a key of `doc.user_data` is of an extension attribute of a token or span."""
    return isinstance(key, tuple) and len(key) == 4 and key[0] == "._." and key[2] is not None
