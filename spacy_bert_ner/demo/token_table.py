"""What a pipeline sees of each token: its subwords, and how likely its tags are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
from spacy.tokens import Doc

from ..decoding.block_scan import marginals
from ..decoding.entity_scores import tag_probabilities
from ..models.token_classifier import get_checkpoint, is_shared
from ..pipeline.bert_ner import BertNer
from ..pipeline.prediction import decode_batch
from ..tokenization.doc_windows import align_docs

MOST_TAGS = 3


def token_rows(doc: Doc, pipe: BertNer | None) -> list[dict[str, Any]]:
    """A row for each token that is no white space: its text and its tag in the Doc, in IOB; and of a `bert_ner` its
    subwords and its most likely tags, with their probability at the temperature of the component: over all legal tag
    sequences where it decodes these, as its entities have it, and else over the tags of the token alone.

    doc: annotated.
    pipe: the component, if there is one.
    """
    rows: list[dict[str, Any]] = [
        {"token": token.text, "tag": f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"} for token in doc
    ]
    if pipe is not None and len(doc):
        for i, subwords in enumerate(_subwords(doc, pipe)):
            rows[i]["subwords"] = " ".join(subwords)
        found = decode_batch(pipe.model, [doc], replace(pipe.settings, overwrite=True))  # as if nothing were found yet
        shares = tag_probabilities(found.logits, pipe.cfg["temperature"])
        if pipe.settings.decoding == "viterbi" and len(shares):
            shares, _ = marginals(shares, found.chain.is_start, found.tags)
        # Where every subword is read, the first of a token comes last.
        for i, row in reversed(list(zip(found.chain.token_indices.tolist(), shares, strict=True))):
            for rank, column in enumerate(np.argsort(-row, kind="stable")[:MOST_TAGS].tolist(), start=1):
                rows[i][f"tag {rank}"] = f"{found.tags.tags[column]} {row[column]:.3f}"
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
