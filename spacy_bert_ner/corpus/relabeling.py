"""Rename labels in gold annotation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..decoding.label_rules import LabelRules

Rename = Callable[[str], str | None]
"""Function that returns the new name for a label, or None for a label that becomes `O`."""


def rename_gold(
    rules: LabelRules, examples: Iterable[Example], original_labels: set[str] | None = None
) -> Iterable[Example]:
    """Rename the labels of gold entities, one Example at a time. The predicted Docs do not change.

    rules (LabelRules): the labels to keep and their new names.
    examples (Iterable[Example]): the Examples with the gold entities.
    original_labels (set[str] | None): set to which the original labels are added, unless the rules are empty.
    RETURNS (Iterable[Example]): Examples with renamed gold entities; the original Examples if the rules are empty.
    """
    return map(partial(_rename_example, rules, original_labels), examples) if rules else examples


def _rename_example(rules: LabelRules, original_labels: set[str] | None, eg: Example) -> Example:
    if original_labels is not None:
        original_labels.update(ent.label_ for ent in eg.reference.ents)
    gold = rename_entities(eg.reference, rules.rename)
    return eg if gold is eg.reference else Example(eg.predicted, gold)


def rename_entities(doc: Doc, rename: Rename) -> Doc:
    """Return a Doc in which the labels of entities and of spans in span groups are renamed.

    doc (Doc): the Doc, which is not modified. Its unannotated tokens stay unannotated.
    rename: function that returns the new name for a label, or None to remove the spans with this label.
    RETURNS (Doc): a copy with renamed labels, or `doc` itself if no label changes.
    """
    groups = [key for key, group in doc.spans.items() if _changes(group, rename)]
    if not groups and not _changes(doc.ents, rename):
        return doc
    renamed = doc.copy()
    for key in groups:
        renamed.spans[key] = _rename_spans(renamed, doc.spans[key], rename)
    # `ent_iob` 0 means missing annotation. `ent_iob` 3 without a label means that no entity may cover the token.
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
