"""A pipeline that annotates many texts at once, of which some may fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import format_exception


class TextAnnotator:
    """Annotates texts; one that fails takes no other along.

    nlp: whose errors are told here from now on.
    batch_size: of `nlp.pipe`; None for that of the pipeline.
    """

    def __init__(self, nlp: Language, batch_size: int | None = None) -> None:
        self.nlp, self.batch_size = nlp, batch_size
        self._reasons: dict[int, str] = {}
        self._again: list[int] = []
        fail: Any = self._fail  # spaCy's annotation knows only of those that raise
        nlp.set_error_handler(fail)

    def annotate(self, texts: Sequence[str | None]) -> tuple[dict[int, Doc], dict[int, str]]:
        """Annotate texts; None is for what shall be left out.

        RETURNS: the Docs, and why others failed, by the number of the text: the component, the kind of the error, and
            what it says, which may hold the text.
        """
        self._reasons, self._again = {}, []
        docs = {i: doc for doc, i in self._pipe(self._made(texts, range(len(texts))))}
        # Some components tell of their whole batch: one document of it need not take the others along.
        for i in self._again:
            self._reasons.pop(i, None)
            docs |= {j: doc for doc, j in self._pipe(self._made(texts, [i]))}
        return docs, self._reasons

    def _pipe(self, docs: Iterable[tuple[Doc, int]]) -> Iterator[tuple[Doc, int]]:
        return self.nlp.pipe(docs, as_tuples=True, batch_size=self.batch_size)

    def _made(self, texts: Sequence[str | None], numbers: Iterable[int]) -> Iterator[tuple[Doc, int]]:
        for i in numbers:
            text = texts[i]
            if text is None:
                continue
            if len(text) > self.nlp.max_length:
                self._reasons[i] = f"{len(text):,} characters, where the pipeline takes {self.nlp.max_length:,}"
                continue
            try:
                doc = self.nlp.make_doc(text)
            except Exception as e:  # a tokenizer may raise whatever, and the other documents go on
                self._reasons[i] = f"tokenizer: {format_exception(e)}"
                continue
            yield doc, i

    def _fail(self, name: str, proc: Any, docs: Sequence[Doc], error: Exception) -> None:
        """What spaCy calls where a component raises, with the Docs that are lost by that."""
        for doc in docs:
            self._reasons[doc._context] = f"{name}: {format_exception(error)}"
            if len(docs) > 1:
                self._again.append(doc._context)
