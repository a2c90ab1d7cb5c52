"""Load saved pipelines with readable error messages, and list their labels and the components that set entities."""

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
"""Maximum number of labels to list in a message."""


def load(path: Path | str) -> Language:
    """Load a pipeline with any components, which need not include a `bert_ner`.

    path (Path | str): folder of a saved pipeline, or the name of an installed package.
    RETURNS (Language): the loaded pipeline.
    RAISES BertNerError: the pipeline does not exist, is damaged, or requires a package that is not installed.
    """
    if Path(path).is_dir():
        check_pipeline(Path(path))
    try:
        return spacy.load(path if Path(path).exists() else str(path))  # spaCy accepts package names only as `str`
    except BertNerError:
        raise
    except Exception as e:  # packages and components run their own code, which can raise any exception
        damage = find_damage(Path(path)) if Path(path).is_dir() else None
        if damage is not None:
            raise BertNerError(Errors.damaged_pipeline.format(path=path, damage=damage)) from e
        raise BertNerError(Errors.no_pipeline.format(path=path, reason=format_exception(e, None))) from e


@contextmanager
def running(name: str) -> Iterator[None]:
    """Translate any error that a component raises in the block into a `BertNerError` with a short message.

    name (str): name of the pipeline, for the message.
    RAISES BertNerError: a component raised an error.
    """
    try:
        yield
    except BertNerError:
        raise
    except Exception as e:  # components can raise any exception, and a traceback does not help users who only run them
        raise BertNerError(Errors.pipeline_failed.format(name=name, reason=f"{type(e).__name__}: {e}")) from e


def open_pipeline(folder: Path, *files: Path) -> tuple[Language, list[str]]:
    """Load a saved pipeline and find the components created by the factory `bert_ner`.

    folder (Path): folder of the pipeline.
    files (Path): other files that must exist.
    RETURNS (tuple[Language, list[str]]): the pipeline and the names of these components.
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
    """Return the names of the components created by the factory `bert_ner`, in pipeline order.

    nlp (Language): pipeline to search.
    include_disabled (bool): whether to include disabled components. Default: False.
    RETURNS (list[str]): names of the components.
    """
    names = nlp.component_names if include_disabled else nlp.pipe_names
    return [name for name in names if nlp.get_pipe_meta(name).factory == "bert_ner"]


def entity_labels(nlp: Language) -> frozenset[str]:
    """Return the declared labels of all components that set entities."""
    setters = [pipe for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe)]
    return frozenset(label for pipe in setters for label in getattr(pipe, "labels", ()))


def complete_entity_labels(nlp: Language) -> frozenset[str]:
    """Return the result of `entity_labels`, or an empty set if a component may predict undeclared labels."""
    declared = nlp.pipe_labels
    for name, pipe in nlp.pipeline:
        if _declares_nothing(nlp, name, pipe) or (_sets_entities(nlp, name, pipe) and name not in declared):
            return frozenset()
    return entity_labels(nlp)


def entity_setters(nlp: Language) -> list[Any]:
    """Return the components that set entities or that do not declare what they set, in pipeline order."""
    return [
        pipe for name, pipe in nlp.pipeline if _sets_entities(nlp, name, pipe) or _declares_nothing(nlp, name, pipe)
    ]


def _sets_entities(nlp: Language, name: str, pipe: Any) -> bool:
    # A span ruler does not declare that it sets entities, but it has a setting for that.
    return "doc.ents" in nlp.get_pipe_meta(name).assigns or bool(getattr(pipe, "annotate_ents", False))


def _declares_nothing(nlp: Language, name: str, pipe: Any) -> bool:
    """Return whether a component outside spaCy does not declare what it sets.

    Ignore spaCy's components, because those that declare nothing set no entities.
    """
    module = getattr(pipe, "__module__", None) or ""
    return not nlp.get_pipe_meta(name).assigns and module.partition(".")[0] != "spacy"


def name_labels(labels: Sequence[str], given: Collection[str]) -> str:
    """Format the data's labels for a message, each with any pipeline labels that differ only in case.

    labels (Sequence[str]): labels in the data. The message lists at most eight of them.
    given (Collection[str]): labels that the pipeline predicts.
    RETURNS (str): formatted list, such as `PER (the pipeline has per), company and 2 more`.
    """
    named = []
    for label in labels[:_MAX_LABELS]:
        similar = sorted(other for other in given if other != label and other.casefold() == label.casefold())
        named.append(f"{label} (the pipeline has {', '.join(similar)})" if similar else label)
    return ", ".join(named) + (f" and {len(labels) - _MAX_LABELS} more" if len(labels) > _MAX_LABELS else "")


def describe_unknown_labels(name: str, unknown: Sequence[str], given: Collection[str]) -> str:
    """Return a message about labels in the data that a pipeline never predicts.

    name (str): name of the pipeline.
    unknown (Sequence[str]): labels that the pipeline never predicts.
    given (Collection[str]): labels that the pipeline predicts.
    RETURNS (str): the message, including what to do next.
    """
    lists = {"unknown": name_labels(unknown, given), "labels": name_labels(sorted(given), ())}
    return Errors.labels_never_given.format(name=name, **lists)


def check_labels(nlp: Language, labels: Collection[str], folder: Path, data: Path) -> None:
    """Warn about gold labels that a pipeline never predicts.

    If the pipeline does not declare all of its labels, this function does nothing.

    nlp (Language): pipeline to check.
    labels (Collection[str]): labels of the gold entities.
    folder (Path): folder of the pipeline, for messages.
    data (Path): file with the gold entities, for messages.
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
