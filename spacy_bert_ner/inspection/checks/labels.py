"""Findings about labels: what one file lacks that another has, and their names."""

from __future__ import annotations

from collections.abc import Iterator

from ...corpus.small_dev import ENOUGH_ENTITIES, describe_small, is_dev
from ..findings import Corpora, Finding, listed, share

FEWEST = 20
"""Entities of a label that training needs, at the least."""


def check_labels(corpora: Corpora) -> Iterator[Finding]:
    """All of them."""
    yield from _without_entities(corpora)
    yield from _small_dev(corpora)
    yield from _labels_of_others(corpora)
    yield from _rare_labels(corpora)
    yield from _label_names(corpora)


def _without_entities(corpora: Corpora) -> Iterator[Finding]:
    for survey in corpora.surveys:
        if not survey.n_entities:
            yield Finding(
                "error",
                "no_entities",
                f"{survey.name} has no entity at all",
                survey.n_sentences,
                f"sentences of {survey.name}",
                1.0,
                "Check that it is annotated, and that the tags are read from the right column (--column).",
            )


def _small_dev(corpora: Corpora) -> Iterator[Finding]:
    for survey in corpora.others:
        if is_dev(survey.name) and survey.n_entities and describe_small(survey.name, survey.n_entities):
            yield Finding(
                "warning",
                "small_dev",
                f"{survey.name} has fewer than {ENOUGH_ENTITIES} entities",
                survey.n_entities,
                f"entities of {survey.name}",
                1.0,
                "F1 is uncertain by more than 0.1, and chance picks the best step. Annotate more dev data, or give "
                "it a larger share: convert --split 70/20/10.",
            )


def _labels_of_others(corpora: Corpora) -> Iterator[Finding]:
    for survey in corpora.others:
        new = [label for label in corpora.labels if label in survey.entities and not corpora.train.entities[label]]
        if new and corpora.train.n_entities:
            count = sum(survey.entities[label] for label in new)
            yield Finding(
                "error",
                "new_labels",
                f"labels of {survey.name} that {corpora.train.name} lacks: {listed(new)}",
                count,
                f"entities of {survey.name}",
                share(count, survey.n_entities),
                "They cannot be learned, and count as errors in the scores. Split again (convert --split with "
                "--stratify), rename the label, or leave it out.",
            )


def _rare_labels(corpora: Corpora) -> Iterator[Finding]:
    train = corpora.train
    rare = [label for label in corpora.labels if 0 < train.entities[label] < FEWEST]
    if rare:
        count = sum(train.entities[label] for label in rare)
        yield Finding(
            "warning",
            "rare_labels",
            f"labels with fewer than {FEWEST} entities in {train.name}: {listed(rare)}",
            count,
            f"entities of {train.name}",
            share(count, train.n_entities),
            "Annotate more of them, join them with another label, or leave them out: so few are hardly learned.",
            details=[f"{label}: {train.entities[label]}" for label in rare],
        )
    for survey in corpora.others:
        missing = [label for label in corpora.labels if train.entities[label] and not survey.entities[label]]
        if missing and survey.n_entities:
            count = sum(train.entities[label] for label in missing)
            yield Finding(
                "warning",
                "absent_labels",
                f"labels of {train.name} that {survey.name} lacks: {listed(missing)}",
                count,
                f"entities of {train.name}",
                share(count, train.n_entities),
                f"Scores on {survey.name} say nothing of them. Split again: convert --split with --stratify.",
            )


def _label_names(corpora: Corpora) -> Iterator[Finding]:
    alike: dict[str, list[str]] = {}
    for label in corpora.labels:
        letters = "".join(filter(str.isalnum, label.casefold()))
        alike.setdefault(letters or label, []).append(label)
    groups = [group for group in alike.values() if len(group) > 1]
    entities = {label: sum(survey.entities[label] for survey in corpora.surveys) for label in corpora.labels}
    if groups:
        rarer = sum(entities[label] for group in groups for label in group[1:])
        yield Finding(
            "warning",
            "like_labels",
            "labels that differ only in case, blanks or punctuation",
            rarer,
            "entities",
            share(rarer, corpora.total("n_entities")),
            "The model takes them for different ones. Rename one of each.",
            details=[" and ".join(repr(label) for label in group) for group in groups],
        )
    blank = [label for label in corpora.labels if any(c.isspace() for c in label)]
    if blank:
        count = sum(entities[label] for label in blank)
        yield Finding(
            "info",
            "blank_labels",
            f"labels with white space in their names: {listed(map(repr, blank))}",
            count,
            "entities",
            share(count, corpora.total("n_entities")),
            "They work, but formats that divide columns by spaces cannot hold them. Rename them: creative-work.",
        )
    if len(corpora.labels) == 1:
        yield Finding(
            "info",
            "one_label",
            f"there is only one label: {corpora.labels[0]}",
            entities[corpora.labels[0]],
            "entities",
            1.0,
            "Nothing to do, if that is what you want.",
        )
