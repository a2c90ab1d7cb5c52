"""The import path of the server before it moved to `spacy_bert_ner.serving.app`."""

from ..serving.app import application

__all__ = ["application"]
