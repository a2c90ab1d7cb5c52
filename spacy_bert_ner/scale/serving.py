"""Former import path of the server, which is now `spacy_bert_ner.serving.app`."""

from ..serving.app import application

__all__ = ["application"]
