"""Rename the labels of gold annotation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..decoding.label_rules import LabelRules

Rename = Callable[[str], str | None]
"""Returns the new name of a label, or None for a label that becomes `O`."""


def rename_gold(
    rules: LabelRules, examples: Iterable[Example], original_labels: set[str] | None = None
) -> Iterable[Example]:
    """Rename the labels of gold entities, one Example at a time. The predicted Docs stay the same.

    rules (LabelRules): the labels to keep and their new names.
    examples (Iterable[Example]): the Examples to rename.
    original_labels (set[str] | None): collects the original labels of the gold entities if any label is renamed.
    RETURNS (Iterable[Example]): Examples with renamed references; the same Examples if the rules are empty.
    """
    return map(partial(_rename_example, rules, original_labels), examples) if rules else examples


def _rename_example(rules: LabelRules, original_labels: set[str] | None, eg: Example) -> Example:
    if original_labels is not None:
        original_labels.update(ent.label_ for ent in eg.reference.ents)
    gold = rename_entities(eg.reference, rules.rename)
    return eg if gold is eg.reference else Example(eg.predicted, gold)


def rename_entities(doc: Doc, rename: Rename) -> Doc:
    """Copy a Doc and rename the labels of its entities and of the spans in its groups.

    doc (Doc): the Doc to rename. Tokens without annotation stay without annotation.
    rename: returns the new name of a label, or None for a label whose spans are removed.
    RETURNS (Doc): the renamed copy, or `doc` itself if nothing changes.
    """
    groups = [key for key, group in doc.spans.items() if _changes(group, rename)]
    if not groups and not _changes(doc.ents, rename):
        return doc
    renamed = doc.copy()
    for key in groups:
        renamed.spans[key] = _rename_spans(renamed, doc.spans[key], rename)
    # An ent_iob of 0 means missing; 3 without a label marks a token that no entity may cover.
    missing = [renamed[t.i : t.i + 1] for t in doc if t.ent_iob == 0]
    blocked = [renamed[t.i : t.i + 1] for t in doc if t.ent_iob == 3 and not t.ent_type]
    entities: Any = _rename_spans(renamed, doc.ents, rename)
    renamed.set_ents(entities, missing=missing, blocked=blocked, default="outside")
    return renamed


def _changes(spans: Iterable[Span], rename: Rename) -> bool:
    return any(rename(span.label_) != span.label_ for span in spans)


def _rename_spans(doc: Doc, spans: Iterable[Span], rename: Rename) -> list[Span]:
    return [
        Span(doc, span.start, span.end, label=label, kb_id=span.kb_id, span_id=span.id)
        for span in spans
        if (label := rename(span.label_)) is not None
    ]
