"""Reading annotated text: one module per format, one table that names them."""

from .readers.registry import FORMATS
from .stream import Corpus, CorpusStream, read_corpus

__all__ = ["FORMATS", "Corpus", "CorpusStream", "read_corpus"]
