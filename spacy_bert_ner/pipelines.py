"""Saved pipelines that have a `bert_ner`."""

from __future__ import annotations

from pathlib import Path

import spacy
from spacy.language import Language

from .errors import BertNerError, Errors


def open_pipeline(folder: Path, *files: Path) -> tuple[Language, list[str]]:
    """Open a saved pipeline, and find the components that the factory `bert_ner` made.

    files: others that have to be there.
    RETURNS: the pipeline, and the names of those components.
    RAISES BertNerError: something is not there, or there is no such component.
    """
    for path in (folder, *files):
        if not path.exists():
            raise BertNerError(Errors.no_such_file.format(path=path))
    nlp = spacy.load(folder)
    names = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "bert_ner"]
    if not names:
        found = ", ".join(nlp.pipe_names) or "none"
        raise BertNerError(Errors.no_bert_ner.format(folder=folder, found=found))
    return nlp, names
