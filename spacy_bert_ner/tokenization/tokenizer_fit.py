"""Tell whether the tokenizer of a pipeline fits its texts and the tokenizer of its checkpoint."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from spacy.tokens import Doc

from ..errors import Errors
from ..types import DocPredictions

ENOUGH = 100
"""Tokens, below which the share of joined tokens says little."""
MOST_JOINED = 0.3
"""The largest share of joined tokens that goes without a warning. Where spaCy cuts every character, as in Chinese, the
numbers and the Latin words of news reach a third of it."""
LAST = 5000
"""Tokens after which nothing is counted any more."""

KANA = re.compile("[\u3041-\u30ff]")
HAN = re.compile("[\u3400-\u9fff]")
LONG_RUN = re.compile("[\u3041-\u30ff\u3400-\u9fff]{12,}|[\u0e01-\u0e5b]{25,}")
"""More letters of Japanese, Chinese or Thai, which put no spaces between words, than words have."""


class TokenizerFit:
    """Counts the first tokens of a component, and warns once if the two tokenizers do not fit.

    name (str): of the component.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._n_tokens = self._n_joined = 0

    def add(self, docs: Sequence[Doc], predictions: Sequence[DocPredictions]) -> None:
        """Count Docs; warn if a sentence is one token, or if many tokens share the subword of another."""
        for doc, own in zip(docs, predictions, strict=True):
            if self._n_tokens > LAST:
                return
            self._n_tokens += len(doc)
            self._n_joined += own.n_joined
            message = self._unspaced(doc) or self._joined(doc)
            if message:
                self._n_tokens = LAST + 1
                warnings.warn(message, UserWarning, stacklevel=4)

    def _unspaced(self, doc: Doc) -> str | None:
        run = LONG_RUN.search(doc.text)
        if run is None:
            return None
        token = next((token for token in doc if LONG_RUN.search(token.text)), None)
        lang = "ja" if KANA.search(run[0]) else "zh" if HAN.search(run[0]) else "th"
        if token is None or lang == doc.lang_:
            return None
        return Errors.unspaced.format(token=token.text[:40], own=doc.lang_, lang=lang, name=self.name)

    def _joined(self, doc: Doc) -> str | None:
        if self._n_tokens < ENOUGH or self._n_joined <= MOST_JOINED * self._n_tokens:
            return None
        share = 100 * self._n_joined / self._n_tokens
        return Errors.joined_tokens.format(percent=share, n=self._n_tokens, own=doc.lang_, name=self.name)
