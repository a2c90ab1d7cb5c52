"""Check for missing labels, rare labels and unsuitable label names."""

from __future__ import annotations

from collections.abc import Iterator

from ...corpus.dev_set_size import ENOUGH_ENTITIES, describe_small, is_dev
from ..findings import Corpora, Finding, listed, share

MIN_LABEL_ENTITIES = 20
"""Minimum number of training entities per label. A label with fewer entities is reported as rare."""


def check_labels(corpora: Corpora) -> Iterator[Finding]:
    """Check the labels in a corpus.

    corpora (Corpora): statistics on the splits.
    YIELDS (Finding): the findings.
    """
    yield from _check_any_entities(corpora)
    yield from _check_dev_size(corpora)
    yield from _check_new_labels(corpora)
    yield from _check_rare_labels(corpora)
    yield from _check_label_names(corpora)


def _check_any_entities(corpora: Corpora) -> Iterator[Finding]:
    for split in corpora.splits:
        if not split.n_entities:
            yield Finding(
                "error",
                "no_entities",
                f"{split.name} has no entities",
                split.n_sentences,
                f"sentences in {split.name}",
                1.0,
                "Check that the file is annotated and that --column specifies the tag column.",
            )


def _check_dev_size(corpora: Corpora) -> Iterator[Finding]:
    for split in corpora.others:
        message = describe_small(split.name, split.n_entities) if is_dev(split.name) and split.n_entities else None
        if message:
            yield Finding(
                "warning",
                "small_dev",
                f"{split.name} has fewer than {ENOUGH_ENTITIES} entities",
                split.n_entities,
                f"entities in {split.name}",
                1.0,
                message.removeprefix(split.name).partition(". ")[2],
            )


def _check_new_labels(corpora: Corpora) -> Iterator[Finding]:
    for split in corpora.others:
        new = [label for label in corpora.labels if label in split.entities and not corpora.train.entities[label]]
        if new and corpora.train.n_entities:
            count = sum(split.entities[label] for label in new)
            yield Finding(
                "error",
                "new_labels",
                f"labels in {split.name} that are missing from {corpora.train.name}: {listed(new)}",
                count,
                f"entities in {split.name}",
                share(count, split.n_entities),
                "The model cannot learn them, so they count as errors in the scores. Split the corpus again with "
                "convert --split and --stratify, rename the labels, or remove them.",
            )


def _check_rare_labels(corpora: Corpora) -> Iterator[Finding]:
    train = corpora.train
    rare = [label for label in corpora.labels if 0 < train.entities[label] < MIN_LABEL_ENTITIES]
    if rare:
        count = sum(train.entities[label] for label in rare)
        yield Finding(
            "warning",
            "rare_labels",
            f"labels with fewer than {MIN_LABEL_ENTITIES} entities in {train.name}: {listed(rare)}",
            count,
            f"entities in {train.name}",
            share(count, train.n_entities),
            "The model can hardly learn them from so few examples. Annotate more entities, merge the labels with other "
            "labels, or remove them.",
            details=[f"{label}: {train.entities[label]}" for label in rare],
        )
    for split in corpora.others:
        missing = [label for label in corpora.labels if train.entities[label] and not split.entities[label]]
        if missing and split.n_entities:
            count = sum(train.entities[label] for label in missing)
            yield Finding(
                "warning",
                "absent_labels",
                f"labels in {train.name} that are missing from {split.name}: {listed(missing)}",
                count,
                f"entities in {train.name}",
                share(count, train.n_entities),
                f"Scores on {split.name} do not cover them. Split the corpus again with convert --split and "
                "--stratify.",
            )


def _check_label_names(corpora: Corpora) -> Iterator[Finding]:
    similar: dict[str, list[str]] = {}
    for label in corpora.labels:
        letters = "".join(filter(str.isalnum, label.casefold()))
        similar.setdefault(letters or label, []).append(label)
    groups = [group for group in similar.values() if len(group) > 1]
    entities = {label: sum(split.entities[label] for split in corpora.splits) for label in corpora.labels}
    if groups:
        rarer = sum(entities[label] for group in groups for label in group[1:])
        yield Finding(
            "warning",
            "like_labels",
            "labels that differ only in case, white space or punctuation",
            rarer,
            "entities",
            share(rarer, corpora.total("n_entities")),
            "The model treats them as different labels. Give them the same name.",
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
            "They work, but column files with space-separated columns cannot store them. Use names such as "
            "creative-work.",
        )
    if len(corpora.labels) == 1:
        yield Finding(
            "info",
            "one_label",
            f"there is only one label: {corpora.labels[0]}",
            entities[corpora.labels[0]],
            "entities",
            1.0,
            "If this is intended, no action is needed.",
        )
