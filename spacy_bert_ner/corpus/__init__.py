"""Read, convert and split annotated text. Each format has its own module. `FORMATS` lists all input formats."""

from .readers.registry import FORMATS
from .stream import Corpus, CorpusStream, read_corpus

__all__ = ["FORMATS", "Corpus", "CorpusStream", "read_corpus"]
