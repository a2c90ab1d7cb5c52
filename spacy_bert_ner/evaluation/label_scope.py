"""Select and rename the labels for scoring a pipeline whose components have label rules."""

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
from ..util.pipelines import complete_entity_labels, entity_labels, entity_setters, our_components

_PIPELINES: weakref.WeakKeyDictionary[Any, weakref.ref[Language]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class LabelScope:
    """The labels on which a pipeline is scored after its components' label rules are applied.

    rules: the label rules of each `bert_ner` component and the labels that the component predicts.
    known (frozenset): all labels that the pipeline's components declare.
    """

    rules: Sequence[tuple[LabelRules, frozenset[str]]]
    known: frozenset[str]

    def __bool__(self) -> bool:
        """Return whether any label is renamed or excluded."""
        return any(rules for rules, _ in self.rules)

    def rename_label(self, label: str) -> str | None:
        """Return the new name of a gold label, or None if no component should predict it.

        The first `bert_ner` component that predicts the renamed label determines the name. If there is none, a label
        that any component declares keeps its name. For all other labels, the first `bert_ner` component that keeps all
        labels determines the name. Entities with such a label count as missed.
        """
        candidates = [(rules, predicted, rules.rename(label)) for rules, predicted in self.rules]
        for _, predicted, name in candidates:
            if name in predicted:
                return name
        if label in self.known:  # for example, a label from an entity ruler
            return label
        return next((name for rules, _, name in candidates if rules.labels is None and name is not None), None)

    def rename_gold(self, doc: Doc) -> Doc:
        """Return a gold Doc with the entities that the pipeline should predict. An unchanged Doc is not copied."""
        return rename_entities(doc, self.rename_label) if self else doc

    def filter_predicted(self, doc: Doc) -> Doc:
        """Return a predicted Doc without entities whose labels cannot occur in the renamed gold Docs."""
        if not self or any(rules.labels is None for rules, _ in self.rules):
            return doc
        return rename_entities(doc, lambda label: label if label in self.known else None)

    def rename(self, examples: Iterable[Example]) -> Iterable[Example]:
        """Return the Examples for scoring, with labels renamed and entities with excluded labels omitted."""
        return map(self._rename_example, examples) if self else examples

    def _rename_example(self, eg: Example) -> Example:
        predicted, gold = self.filter_predicted(eg.predicted), self.rename_gold(eg.reference)
        return eg if predicted is eg.predicted and gold is eg.reference else Example(predicted, gold)

    def rename_counts(self, known: Mapping[str, Mapping[str, int]]) -> dict[str, Counter[str]]:
        """Rename the labels in entity counts by text and label.

        known: entity counts by text and label; see `slices.known_entities`.
        RETURNS: the counts with new label names. Labels that no component should predict are omitted.
        """
        renamed: dict[str, Counter[str]] = {}
        for text, counts in known.items():
            for label, n in counts.items():
                if (name := self.rename_label(label)) is not None:
                    renamed.setdefault(text, Counter())[name] += n
        return renamed


def remember_pipeline(component: Any, nlp: Language) -> None:
    """Record a component's pipeline for `scope_of_component` and `sets_entities_alone`."""
    _PIPELINES[component] = weakref.ref(nlp)


def scope_of(nlp: Language) -> LabelScope:
    """Return a pipeline's label scope."""
    components = [nlp.get_pipe(name) for name in our_components(nlp)]
    return _make_scope(components, complete_entity_labels(nlp))


def scope_of_component(component: Any) -> LabelScope:
    """Return the label scope of a component's pipeline.

    If the pipeline is unknown, for example because the component was sourced from another pipeline, the scope is
    determined by this component alone.
    """
    nlp = _pipeline_of(component)
    return _make_scope([component], frozenset()) if nlp is None else scope_of(nlp)


def labels_around(component: Any) -> frozenset[str]:
    """Return the entity labels of a component's pipeline, or of the component if its pipeline is unknown."""
    nlp = _pipeline_of(component)
    return frozenset(component.labels) if nlp is None else entity_labels(nlp) | {*component.labels}


def sets_entities_alone(component: Any) -> bool:
    """Return whether no other component in the pipeline can set entities, or False if the pipeline is unknown."""
    nlp = _pipeline_of(component)
    return nlp is not None and entity_setters(nlp) == [component]


def _pipeline_of(component: Any) -> Language | None:
    nlp = _PIPELINES[component]() if component in _PIPELINES else None
    return nlp if nlp is not None and any(pipe is component for _, pipe in nlp.pipeline) else None


def _make_scope(components: Sequence[Any], known: frozenset[str]) -> LabelScope:
    rules = [(pipe.settings.label_rules, frozenset(pipe.labels)) for pipe in components]
    return LabelScope(rules, known or frozenset().union(*(predicted for _, predicted in rules)))
