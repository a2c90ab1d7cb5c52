"""Annotate many texts with a pipeline. A text that fails does not fail the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import format_exception


class TextAnnotator:
    """Annotates texts and collects the reasons of those that fail.

    nlp (Language): the pipeline. Its error handler is replaced.
    batch_size (int | None): batch size of `nlp.pipe`; None for the pipeline's own.
    """

    def __init__(self, nlp: Language, batch_size: int | None = None) -> None:
        self.nlp, self.batch_size = nlp, batch_size
        self._reasons: dict[int, str] = {}
        self._retries: list[int] = []
        handler: Any = self._handle_error  # spaCy's annotation covers only handlers that raise
        nlp.set_error_handler(handler)

    def annotate(self, texts: Sequence[str | None]) -> tuple[dict[int, Doc], dict[int, str]]:
        """Annotate texts.

        texts (Sequence[str | None]): the texts. None is skipped.
        RETURNS (tuple[dict[int, Doc], dict[int, str]]): the Docs, and the reasons of the texts that failed, both by
            index of the text. A reason has the component, the kind of the error and its message, which may quote the
            text.
        """
        self._reasons, self._retries = {}, []
        docs = {i: doc for doc, i in self._pipe(self._tokenize(texts, range(len(texts))))}
        # Some components report an error for their whole batch, so retry each of its documents separately.
        for i in self._retries:
            self._reasons.pop(i, None)
            docs |= {j: doc for doc, j in self._pipe(self._tokenize(texts, [i]))}
        return docs, self._reasons

    def _pipe(self, docs: Iterable[tuple[Doc, int]]) -> Iterator[tuple[Doc, int]]:
        return self.nlp.pipe(docs, as_tuples=True, batch_size=self.batch_size)

    def _tokenize(self, texts: Sequence[str | None], indices: Iterable[int]) -> Iterator[tuple[Doc, int]]:
        for i in indices:
            text = texts[i]
            if text is None:
                continue
            if len(text) > self.nlp.max_length:
                self._reasons[i] = f"{len(text):,} characters, but the pipeline takes {self.nlp.max_length:,} at most"
                continue
            try:
                doc = self.nlp.make_doc(text)
            except Exception as e:  # a tokenizer may raise any exception
                self._reasons[i] = f"tokenizer: {format_exception(e)}"
                continue
            yield doc, i

    def _handle_error(self, name: str, proc: Any, docs: Sequence[Doc], error: Exception) -> None:
        """Record an error. spaCy calls this when a component raises, with the Docs that it drops."""
        for doc in docs:
            self._reasons[doc._context] = f"{name}: {format_exception(error)}"
            if len(docs) > 1:
                self._retries.append(doc._context)
