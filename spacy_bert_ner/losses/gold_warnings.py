"""Warn about gold entities and incorrect spans from which a model cannot learn. Each problem is reported once."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator

from spacy.tokens import Span
from spacy.training import Example

from ..errors import Errors
from . import gold_tags


class GoldWarnings:
    """Warn about gold entities that a model cannot learn and about incorrect spans that have no effect on training.

    A model cannot learn gold entities that are misaligned or that begin or end with white space.

    name (str): name of the component.
    incorrect_spans_key (str | None): see `settings.Settings`. Default: None.
    """

    def __init__(self, name: str, incorrect_spans_key: str | None = None) -> None:
        self._name, self._key = name, incorrect_spans_key
        self._misaligned_reported = self._edges_reported = self._incorrect_reported = False

    def labels(self, examples: Iterable[Example]) -> list[str]:
        """Collect the labels of all gold entities, and warn about problems even if they were reported before.

        examples (Iterable[Example]): the whole training data. It is iterated only once.
        RETURNS (list[str]): the labels, sorted.
        """
        edges, incorrect = WhiteEdges(), IncorrectSpans(self._key)
        labels, misaligned = gold_tags.collect_labels(edges.counted(incorrect.counted(examples)))
        incorrect.warn_if_none(self._name)
        self._misaligned_reported = misaligned.warn(self._name)
        self._edges_reported = edges.warn(self._name)
        return labels

    def check(self, examples: Iterable[Example], labels: Collection[str]) -> None:
        """Warn about problems in a batch that were not reported before.

        examples (Iterable[Example]): the examples in the batch.
        labels (Collection[str]): labels that the component can predict.
        """
        if not self._misaligned_reported and any(map(gold_tags.is_misaligned, examples)):
            self._misaligned_reported = gold_tags.collect_labels(examples)[1].warn(self._name)
        if not self._edges_reported:
            edges = WhiteEdges()
            for _ in edges.counted(examples):
                pass
            self._edges_reported = edges.warn(self._name)
        if self._key is not None and not self._incorrect_reported:
            self._incorrect_reported = _warn_of_unlearned(examples, self._key, labels, self._name)


class WhiteEdges:
    """Count gold entities that begin or end with white space.

    A model cannot learn such entities, because white-space tokens have no subwords.

    n (int): number of gold entities that begin or end with white space.
    total (int): number of gold entities.
    """

    def __init__(self) -> None:
        self.n = self.total = 0
        self._first: Span | None = None

    def counted(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Yield the examples unchanged and count their gold entities.

        examples (Iterable[Example]): the examples.
        """
        for eg in examples:
            ents = eg.reference.ents
            self.total += len(ents)
            for ent in ents:
                if ent[0].text[0].isspace() or ent[-1].text[-1].isspace():
                    self.n += 1
                    self._first = self._first or ent
            yield eg

    def warn(self, name: str) -> bool:
        """Warn if entities begin or end with white space. The warning contains the counts and an example.

        name (str): name of the component.
        RETURNS (bool): whether a warning was issued.
        """
        if self._first is None:
            return False
        counts = {"n": self.n, "total": self.total, "percent": 100 * self.n / self.total, "name": name}
        entity, text = self._first.text, self._first.doc.text[:80]
        warnings.warn(Errors.white_edges.format(**counts, entity=entity, text=text), UserWarning, stacklevel=4)
        return True


class IncorrectSpans:
    """Count the incorrect spans in reference Docs.

    key (str | None): key of the incorrect spans in `doc.spans`. If it is None, nothing is counted.
    n (int): number of incorrect spans.
    """

    def __init__(self, key: str | None) -> None:
        self.n, self._key = 0, key
        self._other_keys: set[str] = set()

    def counted(self, examples: Iterable[Example]) -> Iterable[Example]:
        """Return the examples unchanged and count their incorrect spans during iteration.

        examples (Iterable[Example]): the examples.
        """
        return examples if self._key is None else self._counted(examples, self._key)

    def _counted(self, examples: Iterable[Example], key: str) -> Iterator[Example]:
        for eg in examples:
            self.n += len(eg.reference.spans.get(key, ()))
            self._other_keys.update(eg.reference.spans)
            yield eg

    def warn_if_none(self, name: str) -> None:
        """Warn if a key is set but no reference Doc has a span under that key.

        name (str): name of the component.
        """
        if self._key is not None and not self.n:
            keys = ", ".join(sorted(self._other_keys - {self._key})) or "none"
            message = Errors.no_incorrect_spans.format(name=name, key=self._key, keys=keys)
            warnings.warn(message, UserWarning, stacklevel=4)


def _warn_of_unlearned(examples: Iterable[Example], key: str, labels: Collection[str], name: str) -> bool:
    """Warn about incorrect spans that have no effect, and return whether a warning was issued."""
    total, unlearned = 0, []
    for eg in examples:
        for span in eg.reference.spans.get(key, ()):
            total += 1
            if span.label_ not in labels or not eg.get_aligned_spans_y2x([span], allow_overlap=True):
                unlearned.append(span)
    if not unlearned:
        return False
    first = unlearned[0]
    details = {"span": first.text, "label": first.label_, "text": first.doc.text[:80], "labels": ", ".join(labels)}
    message = Errors.incorrect_unlearned.format(n=len(unlearned), total=total, key=key, name=name, **details)
    warnings.warn(message, UserWarning, stacklevel=4)
    return True
