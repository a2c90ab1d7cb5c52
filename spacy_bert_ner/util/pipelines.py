"""Load saved pipelines with readable errors, and list their labels and the components that set entities."""

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

_MAX_LABELS = 8
"""Maximum number of labels that a message names."""


def load(path: Path | str) -> Language:
    """Load a pipeline with any components.

    path (Path | str): a folder, or the name of an installed package.
    RETURNS: the pipeline.
    RAISES BertNerError: the pipeline does not exist, is damaged, or requires something that is not installed.
    """
    if Path(path).is_dir():
        check_pipeline(Path(path))
    try:
        return spacy.load(path if Path(path).exists() else str(path))  # spaCy takes the name of a package only as a str
    except BertNerError:
        raise
    except Exception as e:  # packages and components run their own code, which may raise anything
        damage = find_damage(Path(path)) if Path(path).is_dir() else None
        if damage is not None:
            raise BertNerError(Errors.damaged_pipeline.format(path=path, damage=damage)) from e
        raise BertNerError(Errors.no_pipeline.format(path=path, reason=format_exception(e, None))) from e


@contextmanager
def running(name: str) -> Iterator[None]:
    """Translate any error of a component within the block to a one-line BertNerError.

    name (str): name of the pipeline, for the message.
    RAISES BertNerError: a component raised an error.
    """
    try:
        yield
    except BertNerError:
        raise
    except Exception as e:  # components may raise anything; a traceback does not help users who only run them
        raise BertNerError(Errors.pipeline_failed.format(name=name, reason=f"{type(e).__name__}: {e}")) from e


def open_pipeline(folder: Path, *files: Path) -> tuple[Language, list[str]]:
    """Load a saved pipeline, and find the components made by the factory `bert_ner`.

    folder (Path): the folder of the pipeline.
    files (Path): other files that must exist.
    RETURNS: the pipeline, and the names of those components.
    RAISES BertNerError: a file does not exist, the pipeline cannot be loaded, or it has no such component.
    """
    for path in (folder, *files):
        if not path.exists():
            raise BertNerError(Errors.no_such_file.format(path=path))
    nlp = load(folder)
    names = our_components(nlp)
    if not names:
        raise BertNerError(Errors.no_bert_ner.format(folder=folder, found=", ".join(nlp.pipe_names) or "none"))
    return nlp, names


def our_components(nlp: Language, *, include_disabled: bool = False) -> list[str]:
    """Return the names of the components made by the factory `bert_ner`, in pipeline order.

    nlp (Language): the pipeline.
    include_disabled (bool): whether to include disabled components, default False.
    """
    names = nlp.component_names if include_disabled else nlp.pipe_names
    return [name for name in names if nlp.get_pipe_meta(name).factory == "bert_ner"]


def entity_labels(nlp: Language) -> frozenset[str]:
    """Return the labels that components which set entities can predict, as far as they declare them."""
    setters = [name for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe)]
    return frozenset(label for name in setters for label in nlp.pipe_labels.get(name, ()))


def complete_entity_labels(nlp: Language) -> frozenset[str]:
    """Return the labels of `entity_labels`, or none if a component may predict labels that it does not declare."""
    declared = nlp.pipe_labels
    for name, pipe in nlp.pipeline:
        if _declares_nothing(nlp, name, pipe) or (_sets_entities(nlp, name, pipe) and name not in declared):
            return frozenset()
    return entity_labels(nlp)


def entity_setters(nlp: Language) -> list[Any]:
    """Return the components that set entities, or that do not declare what they set, in pipeline order."""
    return [
        pipe for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe) or _declares_nothing(nlp, name, pipe)
    ]


def _sets_entities(nlp: Language, name: str, pipe: Any) -> bool:
    # A span ruler does not declare it, but has a setting for it.
    return "doc.ents" in nlp.get_pipe_meta(name).assigns or bool(getattr(pipe, "annotate_ents", False))


def _declares_nothing(nlp: Language, name: str, pipe: Any) -> bool:
    """Return whether a component does not declare what it sets.

    Components of spaCy do not count: those that declare nothing set no entities.
    """
    module = getattr(pipe, "__module__", None) or ""
    return not nlp.get_pipe_meta(name).assigns and module.partition(".")[0] != "spacy"


def name_labels(labels: Sequence[str], given: Collection[str]) -> str:
    """Format labels of the data for a message, each with the pipeline labels that differ only in case.

    labels: labels of the data. The message names the first eight.
    given: labels of the pipeline.
    RETURNS: the text, as in `PER (the pipeline has per), company and 2 more`.
    """
    named = []
    for label in labels[:_MAX_LABELS]:
        similar = sorted(other for other in given if other != label and other.casefold() == label.casefold())
        named.append(f"{label} (the pipeline has {', '.join(similar)})" if similar else label)
    return ", ".join(named) + (f" and {len(labels) - _MAX_LABELS} more" if len(labels) > _MAX_LABELS else "")


def describe_unknown_labels(name: str, unknown: Sequence[str], given: Collection[str]) -> str:
    """Write the message about labels of the data that a pipeline never predicts.

    name (str): name of the pipeline.
    unknown: labels that it never predicts.
    given: labels that it predicts.
    RETURNS: the message, which also says what to do.
    """
    lists = {"unknown": name_labels(unknown, given), "labels": name_labels(sorted(given), ())}
    return Errors.labels_never_given.format(name=name, **lists)


def check_labels(nlp: Language, labels: Collection[str], folder: Path, data: Path) -> None:
    """Warn about labels that the pipeline never predicts.

    There is no warning if the pipeline does not declare all of its labels.

    nlp (Language): the pipeline.
    labels: labels of the gold entities.
    folder (Path): folder of the pipeline, for the message.
    data (Path): file of the gold entities, for the message.
    RAISES BertNerError: the pipeline predicts none of the labels.
    """
    given = complete_entity_labels(nlp)
    unknown = sorted(set(labels) - given) if given else []
    if not unknown:
        return
    if len(unknown) == len(set(labels)):
        lists = {"unknown": name_labels(unknown, given), "labels": name_labels(sorted(given), ())}
        raise BertNerError(Errors.no_label_given.format(name=folder, data=data, **lists))
    warnings.warn(describe_unknown_labels(str(folder), unknown, given), UserWarning, stacklevel=3)
