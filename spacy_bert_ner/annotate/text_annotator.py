"""Annotate texts with a pipeline, so that a failing text does not affect the other texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import format_exception


class TextAnnotator:
    """An annotator that collects error messages for failing texts.

    nlp (Language): the pipeline. Its error handler is replaced.
    batch_size (int | None): batch size for `nlp.pipe`. Default: the pipeline's batch size.
    """

    def __init__(self, nlp: Language, batch_size: int | None = None) -> None:
        self.nlp, self.batch_size = nlp, batch_size
        self._reasons: dict[int, str] = {}
        self._retries: list[int] = []
        handler: Any = self._handle_error  # spaCy's type hint only permits handlers that always raise
        nlp.set_error_handler(handler)

    def annotate(self, texts: Sequence[str | None]) -> tuple[dict[int, Doc], dict[int, str]]:
        """Annotate texts.

        texts (Sequence[str | None]): the texts. None values are skipped.
        RETURNS (tuple[dict[int, Doc], dict[int, str]]): the annotated Docs, and the reasons why texts failed, both by
            text index. A reason contains the component name, the exception type and the exception message. It can
            quote the text.
        """
        self._reasons, self._retries = {}, []
        docs = {i: doc for doc, i in self._pipe(self._tokenize(texts, range(len(texts))))}
        # Some components report an error for a whole batch. Retry each document in such a batch separately.
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
                limit = f"the pipeline accepts at most {self.nlp.max_length:,}"
                self._reasons[i] = f"the text has {len(text):,} characters, but {limit}. Split the text"
                continue
            try:
                doc = self.nlp.make_doc(text)
            except Exception as e:  # a tokenizer can raise any exception
                self._reasons[i] = f"tokenizer: {format_exception(e)}"
                continue
            yield doc, i

    def _handle_error(self, name: str, proc: Any, docs: Sequence[Doc], error: Exception) -> None:
        """Record an error. If a component raises an exception, spaCy drops its Docs and passes them to this method."""
        for doc in docs:
            self._reasons[doc._context] = f"{name}: {format_exception(error)}"
            if len(docs) > 1:
                self._retries.append(doc._context)
