"""Reading annotated text: one module per format, one table that names them."""

from .formats import FORMATS
from .stream import Corpus, CorpusStream, read_corpus

__all__ = ["FORMATS", "Corpus", "CorpusStream", "read_corpus"]
