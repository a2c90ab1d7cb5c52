"""Former import path for the server. Use `spacy_bert_ner.serving.app` instead."""

from ..serving.app import application

__all__ = ["application"]
