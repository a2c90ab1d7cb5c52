"""Gold annotation under other names of its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..decoding.label_rules import LabelRules

Rename = Callable[[str], str | None]
"""Gives the new name of a label, or None for one that counts as `O`."""


def rename_gold(rules: LabelRules, examples: Iterable[Example], found: set[str] | None = None) -> Iterable[Example]:
    """Examples whose gold entities have their new names, one at a time. The predicted Docs stay the same.

    found: gets the labels that the gold entities have, if any are renamed.
    """
    return map(partial(_rename_example, rules, found), examples) if rules else examples


def _rename_example(rules: LabelRules, found: set[str] | None, eg: Example) -> Example:
    if found is not None:
        found.update(ent.label_ for ent in eg.reference.ents)
    gold = rename_entities(eg.reference, rules.rename)
    return eg if gold is eg.reference else Example(eg.predicted, gold)


def rename_entities(doc: Doc, rename: Rename) -> Doc:
    """Copy a Doc with other names for the labels of its entities and of the spans in its groups.

    rename: gives the new name of a label, or None for one whose spans are left out. Tokens without annotation stay so.
    RETURNS (Doc): the Doc itself where nothing changes.
    """
    groups = [key for key, group in doc.spans.items() if _changes(group, rename)]
    if not groups and not _changes(doc.ents, rename):
        return doc
    renamed = doc.copy()
    for key in groups:
        renamed.spans[key] = _rename_spans(renamed, doc.spans[key], rename)
    # ent_iob: 0 missing; 3 without a label marks a token that no entity may cover.
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
