"""Add named entity recognition with a fine-tuned BERT model to spaCy as one component, `bert_ner`."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import api
    from .evaluation.scorer import make_ner_scorer_v1, score_bert_ner
    from .models.token_classifier import build_token_classifier_v1
    from .pipeline.bert_ner import BertNer, make_bert_ner
    from .pipeline.loading import load
    from .reporting.entity_html import show

# Importing torch and spaCy takes seconds, so each module is only imported when one of its names is first used.
_MODULE_OF = {
    "BertNer": "pipeline.bert_ner",
    "build_token_classifier_v1": "models.token_classifier",
    "load": "pipeline.loading",
    "make_bert_ner": "pipeline.bert_ner",
    "make_ner_scorer_v1": "evaluation.scorer",
    "score_bert_ner": "evaluation.scorer",
    "show": "reporting.entity_html",
}

__all__ = [
    "BertNer",
    "api",
    "build_token_classifier_v1",
    "load",
    "make_bert_ner",
    "make_ner_scorer_v1",
    "score_bert_ner",
    "show",
]
__version__ = _version("spacy-bert-ner")


def __getattr__(name: str) -> object:
    if name == "api":
        return _import_module(".api", __name__)
    if name not in _MODULE_OF:
        from .errors import Errors

        if name in _import_module(".api", __name__).__all__:
            raise AttributeError(Errors.function_in_api.format(name=name))
        raise AttributeError(Errors.no_such_name.format(name=name, allowed=", ".join(__all__)))
    return getattr(_import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
