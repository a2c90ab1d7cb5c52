"""What a pipeline sees of each token: its subwords, and how likely its tags are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import numpy as np
from spacy.tokens import Doc

from ..alignment import first_rows
from ..component import BertNer
from ..doc_windows import align_docs
from ..model import get_checkpoint, get_tags, is_shared, logits_of

MOST_TAGS = 3


def token_rows(doc: Doc, pipe: BertNer | None) -> list[dict[str, Any]]:
    """A row for each token that is no white space: its text and its tag in the Doc, in IOB; and of a `bert_ner` its
    subwords and its most likely tags, with their probability at the temperature of the component.

    doc: annotated.
    pipe: the component, if there is one.
    """
    rows: list[dict[str, Any]] = [
        {"token": token.text, "tag": f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"} for token in doc
    ]
    if pipe is not None and len(doc):
        for i, subwords in enumerate(_subwords(doc, pipe)):
            rows[i]["subwords"] = " ".join(subwords)
        (output,) = pipe.model.predict([doc])
        tokens, firsts = first_rows(pipe.model.ops.to_numpy(output.lengths))
        logits = pipe.model.ops.to_numpy(logits_of(output))[firsts] / pipe.cfg["temperature"]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        tags = get_tags(pipe.model).tags
        for i, shares in zip(tokens.tolist(), odds / odds.sum(axis=1, keepdims=True), strict=True):
            for rank, column in enumerate(np.argsort(-shares, kind="stable")[:MOST_TAGS].tolist(), start=1):
                rows[i][f"tag {rank}"] = f"{tags[column]} {shares[column]:.3f}"
    return [row for row, token in zip(rows, doc, strict=True) if not token.is_space]


def _subwords(doc: Doc, pipe: BertNer) -> list[list[str]]:
    """Of each token; those of a head on shared vectors are the other component's."""
    if is_shared(pipe.model):
        return []
    checkpoint = get_checkpoint(pipe.model)
    encodings = checkpoint.tokenize([doc.text])
    alignment = align_docs([doc], [doc.text], encodings)
    ids = encodings[0].ids[alignment.subwords].tolist()
    names = cast(list[str], checkpoint.tokenizer.convert_ids_to_tokens(ids))
    cuts = np.append(0, np.cumsum(alignment.lengths)).tolist()
    return [names[start:end] for start, end in pairwise(cuts)]
