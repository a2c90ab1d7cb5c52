"""Detect predicted Docs whose scores are meaningless because they contained the gold entities before prediction."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import BertNerError, Errors
from ..util.doc_entities import kept_entities


def check_predicted(examples: Iterable[Example]) -> None:
    """Reject Examples that cannot be scored, and warn if `bert_ner` components kept all gold entities.

    examples: Examples after prediction.
    RAISES BertNerError: the predicted Doc of an Example is its reference.
    """
    examples = list(examples)
    if any(eg.predicted is eg.reference and eg.reference.ents for eg in examples):
        raise BertNerError(Errors.predicted_is_reference)
    if n := _count_if_all_preset(examples):
        warnings.warn(Errors.gold_was_given.format(n=n), UserWarning, stacklevel=4)


def reject_preset_gold(examples: Iterable[Example]) -> None:
    """Reject predicted Docs that contained all gold entities before prediction.

    Call this function only if no earlier component can have predicted them.

    examples: Examples after prediction.
    RAISES BertNerError: `bert_ner` components kept all gold entities.
    """
    if n := _count_if_all_preset(list(examples)):
        raise BertNerError(Errors.gold_was_given_alone.format(n=n))


def _count_if_all_preset(examples: Sequence[Example]) -> int:
    """Return the number of gold entities, or 0 if `bert_ner` components did not keep all of them."""
    n = sum(len(eg.reference.ents) for eg in examples)
    return n if count_preset_gold(examples, kept_entities) == n else 0


def count_preset_gold(examples: Iterable[Example], entities: Callable[[Doc], Iterable[Span]]) -> int:
    """Count the gold entities that are also in the predicted Docs, with the same character offsets and label.

    examples: Examples to compare.
    entities (Callable): function that selects entities from a predicted Doc.
    """
    return sum(len(_keys(eg.reference.ents) & _keys(entities(eg.predicted))) for eg in examples)


def _keys(entities: Iterable[Span]) -> set[tuple[int, int, str]]:
    return {(ent.start_char, ent.end_char, ent.label_) for ent in entities}
