"""Select and rename the labels that a pipeline is scored on, if its components have label rules."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.relabeling import rename_entities
from ..decoding.label_rules import LabelRules
from ..util.pipelines import complete_entity_labels, entity_setters, our_components

_PIPELINES: weakref.WeakKeyDictionary[Any, weakref.ref[Language]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class LabelScope:
    """The gold labels of a pipeline after the label rules of its components.

    rules: the label rules of each `bert_ner`, and the labels that it predicts
    known (frozenset): the labels that all components of the pipeline predict, as far as they declare them
    """

    rules: Sequence[tuple[LabelRules, frozenset[str]]]
    known: frozenset[str]

    def __bool__(self) -> bool:
        """Return whether any label is renamed or left out."""
        return any(rules for rules, _ in self.rules)

    def rename_label(self, label: str) -> str | None:
        """Return the new name of a gold label, or None if no component should predict it.

        The first component that predicts the renamed label decides. If no component predicts it, the label counts as
        missed by the first component that keeps all labels.
        """
        candidates = [(rules, predicted, rules.rename(label)) for rules, predicted in self.rules]
        for _, predicted, name in candidates:
            if name in predicted:
                return name
        if label in self.known:  # for example a label of an entity ruler
            return label
        return next((name for rules, _, name in candidates if rules.labels is None and name is not None), None)

    def rename_gold(self, doc: Doc) -> Doc:
        """Return a gold Doc with the entities that the pipeline should find, or the Doc itself if nothing changes."""
        return rename_entities(doc, self.rename_label) if self else doc

    def filter_predicted(self, doc: Doc) -> Doc:
        """Return a predicted Doc without the entities whose labels the renamed gold Docs cannot have."""
        if not self or any(rules.labels is None for rules, _ in self.rules):
            return doc
        return rename_entities(doc, lambda label: label if label in self.known else None)

    def rename(self, examples: Iterable[Example]) -> Iterable[Example]:
        """Return the Examples that the pipeline is scored on."""
        return map(self._rename_example, examples) if self else examples

    def _rename_example(self, eg: Example) -> Example:
        predicted, gold = self.filter_predicted(eg.predicted), self.rename_gold(eg.reference)
        return eg if predicted is eg.predicted and gold is eg.reference else Example(predicted, gold)

    def rename_counts(self, known: Mapping[str, Mapping[str, int]]) -> dict[str, Counter[str]]:
        """Rename the labels in counts of strings by label.

        known: how often each string has each label, see `slices.known_entities`
        RETURNS: the counts under the new names; labels that no component should predict are left out.
        """
        renamed: dict[str, Counter[str]] = {}
        for text, counts in known.items():
            for label, n in counts.items():
                if (name := self.rename_label(label)) is not None:
                    renamed.setdefault(text, Counter())[name] += n
        return renamed


def remember_pipeline(component: Any, nlp: Language) -> None:
    """Record the pipeline of a component, for `scope_of_component` and `sets_entities_alone`."""
    _PIPELINES[component] = weakref.ref(nlp)


def scope_of(nlp: Language) -> LabelScope:
    """Return the label scope of a pipeline."""
    components = [nlp.get_pipe(name) for name in our_components(nlp)]
    return _make_scope(components, complete_entity_labels(nlp))


def scope_of_component(component: Any) -> LabelScope:
    """Return the label scope of the pipeline of a component.

    If its pipeline is unknown, for example because it was sourced from another one, the scope is that of the component.
    """
    nlp = _pipeline_of(component)
    return _make_scope([component], frozenset()) if nlp is None else scope_of(nlp)


def sets_entities_alone(component: Any) -> bool:
    """Return whether no other component of the pipeline can set entities; False if the pipeline is unknown."""
    nlp = _pipeline_of(component)
    return nlp is not None and entity_setters(nlp) == [component]


def _pipeline_of(component: Any) -> Language | None:
    nlp = _PIPELINES[component]() if component in _PIPELINES else None
    return nlp if nlp is not None and any(pipe is component for _, pipe in nlp.pipeline) else None


def _make_scope(components: Sequence[Any], known: frozenset[str]) -> LabelScope:
    rules = [(pipe.settings.label_rules, frozenset(pipe.labels)) for pipe in components]
    return LabelScope(rules, known or frozenset().union(*(predicted for _, predicted in rules)))
