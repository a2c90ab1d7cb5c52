"""Warnings, once each, about gold entities that training cannot learn as they are annotated."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence

from spacy.tokens import Span
from spacy.training import Example

from . import gold
from .errors import Errors


class GoldWarnings:
    """Warns of misaligned entities, and of those with white space at their edges.

    name (str): of the component.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._misaligned_reported = self._edges_reported = False

    def labels(self, examples: Iterable[Example]) -> list[str]:
        """Collect the labels of all gold entities, sorted. Warns of what is in these examples, also if it did before.

        examples: of the whole training data, which are read once.
        """
        edges = WhiteEdges()
        labels, misaligned = gold.survey(edges.counted(examples))
        self._misaligned_reported = misaligned.warn(self._name)
        self._edges_reported = edges.warn(self._name)
        return labels

    def check(self, examples: Sequence[Example]) -> None:
        """Warn of what is in a batch, unless it was reported before."""
        if not self._misaligned_reported and any(map(gold.is_misaligned, examples)):
            self._misaligned_reported = gold.survey(examples)[1].warn(self._name)
        if not self._edges_reported:
            edges = WhiteEdges()
            for _ in edges.counted(examples):
                pass
            self._edges_reported = edges.warn(self._name)


class WhiteEdges:
    """Counts gold entities that begin or end with white space: a token of white space has no subword to learn from."""

    def __init__(self) -> None:
        self.n = self.total = 0
        self._first: Span | None = None

    def counted(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Yield the examples as they are, and count their entities."""
        for eg in examples:
            ents = eg.reference.ents
            self.total += len(ents)
            for ent in ents:
                if ent[0].text[0].isspace() or ent[-1].text[-1].isspace():
                    self.n += 1
                    self._first = self._first or ent
            yield eg

    def warn(self, name: str) -> bool:
        """Warn with numbers and an example, if there are any.

        name (str): of the component.
        RETURNS: whether there are.
        """
        if self._first is None:
            return False
        counts = {"n": self.n, "total": self.total, "percent": 100 * self.n / self.total, "name": name}
        entity, text = self._first.text, self._first.doc.text[:80]
        warnings.warn(Errors.white_edges.format(**counts, entity=entity, text=text), UserWarning, stacklevel=4)
        return True
