"""Detect predicted Docs that contained the gold entities before prediction, which makes their scores meaningless."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import BertNerError, Errors
from ..util.doc_entities import kept_entities


def check_predicted(examples: Iterable[Example]) -> None:
    """Reject Examples that cannot be scored. Warn if a `bert_ner` kept all gold entities instead of predicting them.

    examples: Examples after prediction
    RAISES BertNerError: the predicted Doc of an Example is its reference.
    """
    examples = list(examples)
    if any(eg.predicted is eg.reference and eg.reference.ents for eg in examples):
        raise BertNerError(Errors.predicted_is_reference)
    if n := _count_if_all_preset(examples):
        warnings.warn(Errors.gold_was_given.format(n=n), UserWarning, stacklevel=4)


def reject_preset_gold(examples: Iterable[Example]) -> None:
    """Reject predicted Docs that contained all gold entities before, if no earlier component can have predicted them.

    examples: Examples after prediction
    RAISES BertNerError: a `bert_ner` kept all gold entities.
    """
    if n := _count_if_all_preset(list(examples)):
        raise BertNerError(Errors.gold_was_given_alone.format(n=n))


def _count_if_all_preset(examples: Sequence[Example]) -> int:
    """Return the number of gold entities if a `bert_ner` kept all of them, otherwise 0."""
    n = sum(len(eg.reference.ents) for eg in examples)
    return n if count_preset_gold(examples, kept_entities) == n else 0


def count_preset_gold(examples: Iterable[Example], entities: Callable[[Doc], Iterable[Span]]) -> int:
    """Count the gold entities that the predicted Docs also have, with the same characters and label.

    examples: Examples to compare
    entities (Callable): selects the entities of a predicted Doc
    """
    return sum(len(_keys(eg.reference.ents) & _keys(entities(eg.predicted))) for eg in examples)


def _keys(entities: Iterable[Span]) -> set[tuple[int, int, str]]:
    return {(ent.start_char, ent.end_char, ent.label_) for ent in entities}
