"""Warn if the tokenizer of a pipeline does not fit its texts or the tokenizer of its checkpoint."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from spacy.tokens import Doc

from ..errors import Errors
from ..types import DocPredictions

MIN_TOKENS = 100
"""Number of tokens below which the share of joined tokens is not meaningful."""
MAX_JOINED_SHARE = 0.3
"""Highest share of joined tokens without a warning. If spaCy splits every character, as in Chinese, the numbers and
Latin words in news reach a third of it."""
MAX_TOKENS = 5000
"""Number of tokens after which counting stops."""

KANA = re.compile("[\u3041-\u30ff]")
HAN = re.compile("[\u3400-\u9fff]")
LONG_RUN = re.compile("[\u3041-\u30ff\u3400-\u9fff]{12,}|[\u0e01-\u0e5b]{25,}")
"""A run of Japanese, Chinese or Thai letters that is longer than words are. These scripts do not separate words with
spaces."""


class TokenizerFit:
    """Count the first tokens of a component, and warn once if the two tokenizers do not fit.

    name (str): name of the component.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._n_tokens = self._n_joined = 0

    def add(self, docs: Sequence[Doc], predictions: Sequence[DocPredictions]) -> None:
        """Count the tokens of Docs. Warn if a sentence is one token, or if many tokens share another token's subword.

        docs (Sequence[Doc]): the Docs.
        predictions (Sequence[DocPredictions]): the entities of each Doc.
        """
        for doc, doc_predictions in zip(docs, predictions, strict=True):
            if self._n_tokens > MAX_TOKENS:
                return
            self._n_tokens += len(doc)
            self._n_joined += doc_predictions.n_joined
            message = self._unsplit_message(doc) or self._joined_message(doc)
            if message:
                self._n_tokens = MAX_TOKENS + 1
                warnings.warn(message, UserWarning, stacklevel=4)

    def _unsplit_message(self, doc: Doc) -> str | None:
        run = LONG_RUN.search(doc.text)
        if run is None:
            return None
        token = next((token for token in doc if LONG_RUN.search(token.text)), None)
        lang = "ja" if KANA.search(run[0]) else "zh" if HAN.search(run[0]) else "th"
        if token is None or lang == doc.lang_:
            return None
        return Errors.unspaced.format(token=token.text[:40], own=doc.lang_, lang=lang, name=self.name)

    def _joined_message(self, doc: Doc) -> str | None:
        if self._n_tokens < MIN_TOKENS or self._n_joined <= MAX_JOINED_SHARE * self._n_tokens:
            return None
        share = 100 * self._n_joined / self._n_tokens
        return Errors.joined_tokens.format(percent=share, n=self._n_tokens, own=doc.lang_, name=self.name)
