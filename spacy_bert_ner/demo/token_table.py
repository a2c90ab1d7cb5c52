"""Create a table of the tokens in a Doc with their subwords and most likely tags."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
from spacy.tokens import Doc

from ..decoding.block_scan import marginals
from ..decoding.entity_scores import tag_probabilities
from ..models.shared_token_classifier import is_shared
from ..models.token_classifier import get_checkpoint
from ..pipeline.bert_ner import BertNer
from ..pipeline.prediction import decode_batch
from ..tokenization.doc_windows import align_docs

MAX_TAGS = 3


def token_rows(doc: Doc, pipe: BertNer | None) -> list[dict[str, Any]]:
    """Return a table row for each token that is not white space.

    A row contains the token text (`token`) and the token's IOB tag in the Doc (`tag`). If the pipeline has a `bert_ner`
    component, the row also contains the token's `subwords` and its three most likely tags, `tag 1` to `tag 3`. Each of
    these tags is followed by its probability at the component's temperature. With Viterbi decoding,
    probabilities are marginals over all valid tag sequences, as for entity scores. With greedy decoding, each token's
    probabilities are independent of other tokens.

    doc (Doc): an annotated Doc.
    pipe (BertNer | None): the `bert_ner` component, or None if the pipeline has none.
    RETURNS (list[dict[str, Any]]): the rows. Each row maps column names to values.
    """
    rows: list[dict[str, Any]] = [
        {"token": token.text, "tag": f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"} for token in doc
    ]
    if pipe is not None and len(doc):
        for i, subwords in enumerate(_subwords(doc, pipe)):
            rows[i]["subwords"] = " ".join(subwords)
        # Set `overwrite` so that existing entities do not constrain the tags.
        decoded = decode_batch(pipe.model, [doc], replace(pipe.settings, overwrite=True))
        probabilities = tag_probabilities(decoded.logits, pipe.cfg["temperature"])
        if pipe.settings.decoding == "viterbi" and len(probabilities):
            probabilities, _ = marginals(probabilities, decoded.chain.is_start, decoded.tags)
        # If each subword has a row of probabilities, iterate in reverse, so that the tags for a token's first subword
        # replace the tags for its other subwords.
        for i, row in reversed(list(zip(decoded.chain.token_indices.tolist(), probabilities, strict=True))):
            for rank, column in enumerate(np.argsort(-row, kind="stable")[:MAX_TAGS].tolist(), start=1):
                rows[i][f"tag {rank}"] = f"{decoded.tags.tags[column]} {row[column]:.3f}"
    return [row for row, token in zip(rows, doc, strict=True) if not token.is_space]


def _subwords(doc: Doc, pipe: BertNer) -> list[list[str]]:
    """Return the subwords for each token, or an empty list if the encoder belongs to another component."""
    if is_shared(pipe.model):
        return []
    checkpoint = get_checkpoint(pipe.model)
    encodings = checkpoint.tokenize([doc.text])
    alignment = align_docs([doc], [doc.text], encodings)
    ids = encodings[0].ids[alignment.subwords].tolist()
    subwords = cast(list[str], checkpoint.tokenizer.convert_ids_to_tokens(ids))
    bounds = np.append(0, np.cumsum(alignment.lengths)).tolist()
    return [subwords[start:end] for start, end in pairwise(bounds)]
