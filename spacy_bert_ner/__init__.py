"""A fine-tuned BERT named entity recogniser as one spaCy component: `nlp.add_pipe("bert_ner")`."""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .component import BertNer, make_bert_ner
    from .display import show
    from .evaluation.scorer import make_ner_scorer_v1, score_bert_ner
    from .model import build_token_classifier_v1

__all__ = ["BertNer", "build_token_classifier_v1", "make_bert_ner", "make_ner_scorer_v1", "score_bert_ner", "show"]
__version__ = _version("spacy-bert-ner")


def __getattr__(name: str) -> object:
    # torch and spaCy take seconds to import, so they come with the first name that needs them.
    if name not in __all__:
        from .errors import Errors

        raise AttributeError(Errors.no_such_name.format(name=name, allowed=", ".join(__all__)))
    from . import component, display, model
    from .evaluation import scorer

    return next(getattr(module, name) for module in (component, scorer, model, display) if hasattr(module, name))
