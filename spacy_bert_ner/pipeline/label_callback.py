"""The registered callback that adds labels to a trained component before training."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.util import registry

from ..errors import ConfigError, Errors, require_setting


@registry.callbacks("spacy_bert_ner.add_labels.v1")
def make_add_labels_v1(labels: Any, component: Any = "bert_ner") -> Callable[[Language], None]:
    """Make a callback for `[initialize.before_init]` that adds labels to a component.

    A component from another pipeline (`source = ...`) is not initialized again, so that its labels stay what they were.
    The callback gives its head rows for new ones, with random weights; see `BertNer.add_label`.

    labels (List[str]): the labels. Those that the component has already stay as they are.
    component (str): its name in the pipeline.
    RAISES ConfigError: `labels` is no list; when called: the pipeline has no such component made by `bert_ner`.
    """
    are_labels = isinstance(labels, list) and bool(labels)
    require_setting("initialize.before_init", "labels", labels, are_labels, 'a list of labels, as in ["drug"]')

    def add_labels(nlp: Language) -> None:
        # Those that are trained on are disabled while the others are initialized.
        names = [name for name in nlp.component_names if nlp.get_pipe_meta(name).factory == "bert_ner"]
        if component not in names:
            found = ", ".join(names) or "none"
            raise ConfigError(Errors.no_component_for_labels.format(component=component, found=found))
        pipe: Any = nlp.get_pipe(component)
        for label in labels:
            pipe.add_label(label)

    return add_labels
