"""The entities that a pipeline is scored on, where its components keep or rename labels."""

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
    """Gold labels as the components of a pipeline read them.

    rules: of each `bert_ner`, with the labels that it predicts.
    known: the labels that the components predict together, as far as they tell.
    """

    rules: Sequence[tuple[LabelRules, frozenset[str]]]
    known: frozenset[str]

    def __bool__(self) -> bool:
        """Whether any label is renamed or left out."""
        return any(rules for rules, _ in self.rules)

    def rename_label(self, label: str) -> str | None:
        """The name of a gold label, or None where none of the components is to predict it.

        It is the name that the first component with this label gives it. A label that none of them has is missed by the
        first that keeps all labels.
        """
        names = [(rules, own, rules.rename(label)) for rules, own in self.rules]
        for _, own, name in names:
            if name in own:
                return name
        if label in self.known:  # such as that of an entity ruler
            return label
        return next((name for rules, _, name in names if rules.labels is None and name is not None), None)

    def rename_gold(self, doc: Doc) -> Doc:
        """A gold Doc with the entities that the pipeline is to find; the Doc itself where nothing changes."""
        return rename_entities(doc, self.rename_label) if self else doc

    def filter_predicted(self, doc: Doc) -> Doc:
        """A predicted Doc without entities of labels that gold Docs cannot have here."""
        if not self or any(rules.labels is None for rules, _ in self.rules):
            return doc
        return rename_entities(doc, lambda label: label if label in self.known else None)

    def rename(self, examples: Iterable[Example]) -> Iterable[Example]:
        """The examples that the pipeline is scored on."""
        return map(self._rename_example, examples) if self else examples

    def _rename_example(self, eg: Example) -> Example:
        predicted, gold = self.filter_predicted(eg.predicted), self.rename_gold(eg.reference)
        return eg if predicted is eg.predicted and gold is eg.reference else Example(predicted, gold)

    def rename_counts(self, known: Mapping[str, Mapping[str, int]]) -> dict[str, Counter[str]]:
        """Counts of strings by label, under the names of the labels."""
        renamed: dict[str, Counter[str]] = {}
        for text, counts in known.items():
            for label, n in counts.items():
                if (name := self.rename_label(label)) is not None:
                    renamed.setdefault(text, Counter())[name] += n
        return renamed


def remember_pipeline(component: Any, nlp: Language) -> None:
    """Let a component know, when it is scored, which others predict entities in its pipeline."""
    _PIPELINES[component] = weakref.ref(nlp)


def scope_of(nlp: Language) -> LabelScope:
    """The scope of a pipeline."""
    components = [nlp.get_pipe(name) for name in our_components(nlp)]
    return _make_scope(components, complete_entity_labels(nlp))


def scope_of_component(component: Any) -> LabelScope:
    """The scope of the pipeline that a component is in; of the component alone where that is not known, as where it
    comes from another pipeline."""
    nlp = _pipeline_of(component)
    return _make_scope([component], frozenset()) if nlp is None else scope_of(nlp)


def sets_entities_alone(component: Any) -> bool:
    """Whether no other component of its pipeline can set entities; False where its pipeline is not known."""
    nlp = _pipeline_of(component)
    return nlp is not None and entity_setters(nlp) == [component]


def _pipeline_of(component: Any) -> Language | None:
    nlp = _PIPELINES[component]() if component in _PIPELINES else None
    return nlp if nlp is not None and any(pipe is component for _, pipe in nlp.pipeline) else None


def _make_scope(components: Sequence[Any], known: frozenset[str]) -> LabelScope:
    rules = [(pipe.settings.label_rules, frozenset(pipe.labels)) for pipe in components]
    return LabelScope(rules, known or frozenset().union(*(own for _, own in rules)))
