"""Saved pipelines, opened, with what is wrong in our own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import spacy
from spacy.language import Language

from .errors import BertNerError, Errors, one_line


def load(path: Path | str) -> Language:
    """Open a pipeline of whatever components: a folder, or a package by its name.

    RAISES BertNerError: there is none, it is damaged, or it needs what is not installed.
    """
    try:
        return spacy.load(path if Path(path).exists() else str(path))  # a package is known by its name as text alone
    except BertNerError:
        raise
    except Exception as e:  # packages and components run code of their own, which may raise whatever
        raise BertNerError(Errors.no_pipeline.format(path=path, reason=one_line(e, None))) from e


@contextmanager
def running(name: str) -> Iterator[None]:
    """RAISES BertNerError: what a component of the pipeline raises in such a block, in a line."""
    try:
        yield
    except BertNerError:
        raise
    except Exception as e:  # components may raise whatever; their code is nothing to show to who only runs them
        raise BertNerError(Errors.pipeline_failed.format(name=name, reason=f"{type(e).__name__}: {e}")) from e


def open_pipeline(folder: Path, *files: Path) -> tuple[Language, list[str]]:
    """Open a saved pipeline, and find the components that the factory `bert_ner` made.

    files: others that have to be there.
    RETURNS: the pipeline, and the names of those components.
    RAISES BertNerError: something is not there, or cannot be opened, or there is no such component.
    """
    for path in (folder, *files):
        if not path.exists():
            raise BertNerError(Errors.no_such_file.format(path=path))
    nlp = load(folder)
    names = our_components(nlp)
    if not names:
        found = ", ".join(nlp.pipe_names) or "none"
        raise BertNerError(Errors.no_bert_ner.format(folder=folder, found=found))
    return nlp, names


def our_components(nlp: Language) -> list[str]:
    """The names of the components that the factory `bert_ner` made."""
    return [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "bert_ner"]


def entity_labels(nlp: Language) -> frozenset[str]:
    """The labels that components which set entities can give, as far as they tell."""
    who = [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
    return frozenset(label for name in who for label in nlp.pipe_labels.get(name, ()))
