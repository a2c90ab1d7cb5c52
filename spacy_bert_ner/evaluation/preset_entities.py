"""Predicted Docs that held the gold entities before anything was predicted: scores of them say nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..errors import BertNerError, Errors
from ..util.doc_entities import kept_entities


def check_predicted(examples: Iterable[Example]) -> None:
    """Refuse Examples that cannot be scored; warn where a `bert_ner` kept all gold entities and found none of them.

    RAISES BertNerError: the predicted Doc of an Example is its reference.
    """
    examples = list(examples)
    if any(eg.predicted is eg.reference and eg.reference.ents for eg in examples):
        raise BertNerError(Errors.predicted_is_reference)
    n = sum(len(eg.reference.ents) for eg in examples)
    if n and count_preset_gold(examples, kept_entities) == n:
        warnings.warn(Errors.gold_was_given.format(n=n), UserWarning, stacklevel=4)


def reject_preset_gold(examples: Iterable[Example]) -> None:
    """Refuse predicted Docs that held all gold entities before, where no earlier component can have found them.

    RAISES BertNerError: a `bert_ner` kept all gold entities.
    """
    examples = list(examples)
    n = sum(len(eg.reference.ents) for eg in examples)
    if n and count_preset_gold(examples, kept_entities) == n:
        raise BertNerError(Errors.gold_was_given_alone.format(n=n))


def count_preset_gold(examples: Iterable[Example], entities: Callable[[Doc], Iterable[Span]]) -> int:
    """How many gold entities are among some of the predicted Doc, with the same characters and label.

    entities: those of a predicted Doc that count.
    """
    return sum(len(_places(eg.reference.ents) & _places(entities(eg.predicted))) for eg in examples)


def _places(entities: Iterable[Span]) -> set[tuple[int, int, str]]:
    return {(ent.start_char, ent.end_char, ent.label_) for ent in entities}
