"""Saved pipelines, opened, with what is wrong in our own words."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from ..errors import BertNerError, Errors, format_exception
from .pipeline_safety import check_pipeline, find_damage

_MOST_NAMED = 8
"""Labels in a message."""


def load(path: Path | str) -> Language:
    """Open a pipeline of whatever components: a folder, or a package by its name.

    RAISES BertNerError: there is none, it is damaged, or it needs what is not installed.
    """
    if Path(path).is_dir():
        check_pipeline(Path(path))
    try:
        return spacy.load(path if Path(path).exists() else str(path))  # a package is known by its name as text alone
    except BertNerError:
        raise
    except Exception as e:  # packages and components run code of their own, which may raise whatever
        damage = find_damage(Path(path)) if Path(path).is_dir() else None
        if damage is not None:
            raise BertNerError(Errors.damaged_pipeline.format(path=path, damage=damage)) from e
        raise BertNerError(Errors.no_pipeline.format(path=path, reason=format_exception(e, None))) from e


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
    who = [name for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe)]
    return frozenset(label for name in who for label in nlp.pipe_labels.get(name, ()))


def complete_entity_labels(nlp: Language) -> frozenset[str]:
    """The labels of `entity_labels`; none where a component may give others, because it does not tell."""
    told = nlp.pipe_labels
    for name, pipe in nlp.pipeline:
        if _is_silent(nlp, name, pipe) or (_sets_entities(nlp, name, pipe) and name not in told):
            return frozenset()
    return entity_labels(nlp)


def entity_setters(nlp: Language) -> list[Any]:
    """The components that set entities, or that do not say what they set."""
    return [pipe for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe) or _is_silent(nlp, name, pipe)]


def _sets_entities(nlp: Language, name: str, pipe: Any) -> bool:
    # A span ruler sets them by a setting of its own.
    return "doc.ents" in nlp.get_pipe_meta(name).assigns or bool(getattr(pipe, "annotate_ents", False))


def _is_silent(nlp: Language, name: str, pipe: Any) -> bool:
    """Whether a component does not say what it sets. Those of spaCy that do not say set no entities."""
    module = getattr(pipe, "__module__", None) or ""
    return not nlp.get_pipe_meta(name).assigns and module.partition(".")[0] != "spacy"


def name_labels(labels: Sequence[str], given: Collection[str]) -> str:
    """Labels of data for a message, each with those of the pipeline that differ from it in case alone.

    given: the labels of the pipeline.
    """
    named = []
    for label in labels[:_MOST_NAMED]:
        near = sorted(other for other in given if other != label and other.casefold() == label.casefold())
        named.append(f"{label} (the pipeline has {', '.join(near)})" if near else label)
    return ", ".join(named) + (f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else "")


def describe_unknown_labels(name: str, unknown: Sequence[str], given: Collection[str]) -> str:
    """Say which labels of data a pipeline never gives, and what to do.

    name (str): of the pipeline.
    given: the labels that it gives.
    """
    lists = {"unknown": name_labels(unknown, given), "labels": name_labels(sorted(given), ())}
    return Errors.labels_never_given.format(name=name, **lists)


def check_labels(nlp: Language, labels: Collection[str], folder: Path, data: Path) -> None:
    """Warn of labels that the pipeline never gives; nothing is said where it does not tell all of its labels.

    labels: those of gold entities.
    folder (Path): of the pipeline, for the message.
    data (Path): the file that they are in.
    RAISES BertNerError: it gives none of them.
    """
    given = complete_entity_labels(nlp)
    unknown = sorted(set(labels) - given) if given else []
    if not unknown:
        return
    if len(unknown) == len(set(labels)):
        lists = {"unknown": name_labels(unknown, given), "labels": name_labels(sorted(given), ())}
        raise BertNerError(Errors.no_label_given.format(name=folder, data=data, **lists))
    warnings.warn(describe_unknown_labels(str(folder), unknown, given), UserWarning, stacklevel=3)
