"""Join consecutive Docs from the same document, so a model sees the sentences around each sentence.

join = 6   Ada left . | Bob stayed . | Nobody came back .  ‖  Eve sang .     ‖: document boundary
Docs       Ada left . Bob stayed .   | Nobody came back .  |  Eve sang .
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spacy.tokens import Doc

from .readers.docbin import document_of
from .writers.docbin import DOCUMENT


def join_docs(docs: Iterable[Doc], n_tokens: int, n_characters: int) -> Iterator[Doc]:
    """Join consecutive Docs with the same document name, up to the size limits.

    A Doc that exceeds a limit stays separate.

    docs: non-empty Docs that share a vocab. They may be modified.
    n_tokens (int): maximum number of tokens in a joined Doc.
    n_characters (int): maximum number of characters in a joined Doc.
    YIELDS (Doc): the joined Docs in the original order. No token is lost.
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


def _same_document(first: Doc, second: Doc) -> bool:
    # Categories apply to a whole Doc, so Docs with different categories cannot be joined.
    return document_of(first) == document_of(second) != "" and first.cats == second.cats


def _joined(docs: list[Doc]) -> Doc:
    """Join Docs and their annotation. Each Doc starts a new sentence in the result.

    The Docs are separated by a space. Document-level `user_data` is dropped, except for the document name.
    """
    first = docs[0]
    if len(docs) == 1:
        return first
    document = first.user_data[DOCUMENT]
    for doc in docs:
        for key in [key for key in doc.user_data if not _is_of_part(key)]:
            del doc.user_data[key]
    joined = Doc.from_docs(docs)
    joined.user_data[DOCUMENT] = document
    joined.cats = first.cats
    joined.has_unknown_spaces = any(doc.has_unknown_spaces for doc in docs)
    return joined


def _is_of_part(key: object) -> bool:
    """Return whether a key in `doc.user_data` belongs to a token or span extension attribute."""
    return isinstance(key, tuple) and len(key) == 4 and key[0] == "._." and key[2] is not None
