"""Warn if a pipeline's tokenizer does not suit its texts or its checkpoint's tokenizer."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from spacy.tokens import Doc

from ..errors import Errors
from ..types import DocPredictions

MIN_TOKENS = 100
"""Number of tokens that must be counted before the share of joined tokens is checked."""
MAX_JOINED_SHARE = 0.3
"""Share of joined tokens above which a warning is issued.

For Chinese, spaCy makes every character a token. In Chinese news, the share of joined tokens is then a third of this
limit, because of numbers and Latin words.
"""
MAX_TOKENS = 5000
"""Maximum number of tokens to count."""

KANA = re.compile("[\u3041-\u30ff]")
HAN = re.compile("[\u3400-\u9fff]")
LONG_RUN = re.compile("[\u3041-\u30ff\u3400-\u9fff]{12,}|[\u0e01-\u0e5b]{25,}")
"""Pattern for a run of Japanese, Chinese or Thai letters that is longer than any word.

These scripts do not separate words with spaces.
"""


class TokenizerFit:
    """A check of how well a pipeline's tokenizer suits its texts and the checkpoint's tokenizer.

    It covers only the first tokens that a component processes (`MAX_TOKENS`), and it warns at most once.

    name (str): name of the component, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._n_tokens = self._n_joined = 0

    def add(self, docs: Sequence[Doc], predictions: Sequence[DocPredictions]) -> None:
        """Count the tokens in Docs, and warn if one token contains many words or if many tokens share a subword.

        docs (Sequence[Doc]): Docs that were processed.
        predictions (Sequence[DocPredictions]): predictions for each Doc.
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
