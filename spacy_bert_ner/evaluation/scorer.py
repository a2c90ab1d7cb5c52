"""Register the `bert_ner` scorer, which computes scores for `nlp.evaluate`."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ..decoding.tag_scheme import OUTSIDE
from .existing_entities import check_predicted
from .token_accuracy import iob_accuracy


@registry.scorers("spacy_bert_ner.ner_scorer.v1")
def make_ner_scorer_v1() -> Callable[..., dict[str, Any]]:
    """Return the `bert_ner` scorer; see `score_bert_ner`."""
    return score_bert_ner


def score_bert_ner(examples: Iterable[Example], **_: Any) -> dict[str, Any]:
    """Score predicted entities, and warn if the Docs contained all gold entities before prediction.

    examples: Examples after prediction.
    RETURNS: a dictionary with `ents_p`, `ents_r`, `ents_f` and `ents_per_type` as computed by spaCy. It also has
        `iob_acc` and `iob_doc_acc` over the gold tokens; see `token_accuracy.iob_accuracy`.
    RAISES BertNerError: the predicted Doc of an Example is its reference.
    """
    examples = list(examples)
    check_predicted(examples)
    scores: dict[str, Any] = get_ner_prf(examples)
    scores.update(iob_accuracy([_gold_tags(eg.reference) for eg in examples], [_predicted_tags(eg) for eg in examples]))
    return scores


def _gold_tags(doc: Doc) -> list[str | None]:
    """Return the IOB2 tags for a gold Doc, with None for tokens without annotation."""
    # ent_iob: 0 missing, 1 inside, 2 outside, 3 begins
    return [None if t.ent_iob == 0 else f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else OUTSIDE for t in doc]


def _predicted_tags(eg: Example) -> list[str]:
    """Return the predicted entities as IOB2 tags for the gold tokens that they overlap."""
    tags = [OUTSIDE] * len(eg.reference)
    for ent in eg.predicted.ents:
        prefix = "B"
        for i in np.unique(eg.alignment.x2y[ent.start : ent.end]).tolist():
            if tags[i] == OUTSIDE:
                tags[i] = f"{prefix}-{ent.label_}"
                prefix = "I"
    return tags
