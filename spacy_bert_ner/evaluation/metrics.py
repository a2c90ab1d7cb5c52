"""Token accuracy over IOB tags, the measure that tutorials on token classification report."""

from __future__ import annotations

from collections.abc import Sequence


def iob_accuracy(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """Share of tokens whose predicted IOB tag, prefix and label, is the gold one.

    gold: tags of the gold tokens of each document, None where unknown; such tokens are not counted.
    predicted: the same for the predictions, on the same tokens.
    RETURNS: `iob_acc`, over all tokens, and `iob_doc_acc`, the mean of the documents' accuracies; None without tokens.
    """
    right = total = 0
    documents: list[float] = []
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        hits = [g == p for g, p in zip(gold_tags, predicted_tags, strict=True) if g is not None]
        if hits:
            right += sum(hits)
            total += len(hits)
            documents.append(sum(hits) / len(hits))
    return {
        "iob_acc": right / total if total else None,
        "iob_doc_acc": sum(documents) / len(documents) if documents else None,
    }
