"""Register a callback that adds labels to a trained component before training."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable
from typing import Any

from spacy.language import Language
from spacy.util import registry

from ..errors import ConfigError, Errors, require_setting
from ..util.pipelines import our_components


@registry.callbacks("spacy_bert_ner.add_labels.v1")
def make_add_labels_v1(labels: Any, component: Any = "bert_ner") -> Callable[[Language], None]:
    """Create a callback for `[initialize.before_init]` that adds labels to a component.

    A component sourced from another pipeline (`source = ...`) is not initialized again, so it keeps its labels. The
    callback adds rows with random weights for the new labels to the component's head; see `BertNer.add_label`.

    labels (List[str]): labels to add. Labels that the component already has remain unchanged.
    component (str): name of the component in the pipeline. Default: "bert_ner".
    RETURNS (Callable[[Language], None]): the callback.
    RAISES ConfigError: `labels` is not a list. The callback raises it if the pipeline has no `bert_ner` component with
        this name.
    """
    are_labels = isinstance(labels, list) and bool(labels)
    require_setting("initialize.before_init", "labels", labels, are_labels, 'a list of labels, such as ["drug"]')

    def add_labels(nlp: Language) -> None:
        # spaCy disables sourced components during initialization.
        names = our_components(nlp, include_disabled=True)
        if component not in names:
            listed = ", ".join(names) or "none"
            raise ConfigError(Errors.no_component_for_labels.format(component=component, found=listed))
        pipe: Any = nlp.get_pipe(component)
        for label in labels:
            pipe.add_label(label)

    return add_labels
