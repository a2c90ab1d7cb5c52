"""Apply the settings `labels` and `label_map`, which keep labels, rename them or treat them as `O`."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Errors, TagError
from .tag_scheme import OUTSIDE, TagSet, build_tag_set, check_labels, split_tag

LABELS_ALLOWED = 'null for all labels, or a list of labels such as ["per", "org"]'
MAP_ALLOWED = 'a table that maps labels to new names, or to null for O, such as {"PERSON": "per", "MISC": null}'


@dataclass(frozen=True)
class LabelRules:
    """Rules that keep labels, rename them or treat them as `O`. See `make_rules`.

    labels (frozenset[str] | None): new names of the labels to keep; None for all labels.
    label_map (Mapping[str, str | None]): map from labels to new names, or to None for labels that count as `O`.
        Applying the map twice has the same effect as applying it once.
    """

    labels: frozenset[str] | None = None
    label_map: Mapping[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.labels is not None or bool(self.label_map)

    def rename(self, label: str) -> str | None:
        """Return the new name of a label, or None if it counts as `O`.

        >>> make_rules(["per"], {"PERSON": "per"}).rename("PERSON")
        'per'

        label (str): the original label.
        """
        renamed = self.label_map.get(label, label)
        return renamed if self.labels is None or renamed in self.labels else None

    def rename_all(self, labels: Iterable[str]) -> list[str]:
        """Return the new names of labels as a sorted list without duplicates.

        labels (Iterable[str]): the original labels.
        """
        return sorted({renamed for label in labels if (renamed := self.rename(label)) is not None})

    def rename_tags(self, tags: TagSet) -> tuple[str, ...]:
        """Rename the labels in a head's tags. Tags whose label counts as `O` become `O`.

            O B-PERSON I-PERSON B-MISC I-MISC   →   O B-per I-per O O

        tags (TagSet): the tags of the head.
        RETURNS (tuple[str, ...]): new tag of each column.
        RAISES TagError: no label is kept, or the new tags follow no scheme.
        """
        renamed = tuple(self._rename_tag(tag, tags.scheme) for tag in tags.tags)
        if set(renamed) == {OUTSIDE}:
            raise TagError(Errors.no_label_kept.format(labels=", ".join(tags.labels)))
        build_tag_set(renamed, tags.scheme)
        return renamed

    def _rename_tag(self, tag: str, scheme: str) -> str:
        if tag == OUTSIDE:
            return OUTSIDE
        prefix, label = ("", tag) if scheme == "plain" else split_tag(tag)
        renamed = self.rename(label)
        return OUTSIDE if renamed is None else f"{prefix}-{renamed}" if prefix else renamed

    def rename_iob2(self, tags: Sequence[str | None]) -> list[str | None]:
        """Rename the labels in a text's IOB2 tags.

        tags (Sequence[str | None]): IOB2 tags; None for unknown tags, which stay unknown.
        RETURNS (list[str | None]): the new tags.
        """
        return [None if tag is None else self._rename_tag(tag, "IOB2") for tag in tags]


ALL_LABELS = LabelRules()
"""Rules that leave every label unchanged."""


def wanted_labels(rules: LabelRules, data_labels: Collection[str], name: str) -> set[str]:
    """Return the labels that a component should learn.

    If the setting `labels` is given, return its labels, and warn about labels without entities in the data. Otherwise,
    return the new names of all labels in the data.

    rules (LabelRules): the component's rules.
    data_labels (Collection[str]): labels in the training data, with their original or new names.
    name (str): name of the component, for messages.
    RETURNS (set[str]): the labels to learn.
    RAISES ConfigError: the data contains labels, but none of those in the setting `labels`.
    """
    renamed = set(rules.rename_all(data_labels))
    if rules.labels is None:
        return renamed
    lists = {"labels": ", ".join(sorted(rules.labels)), "found": ", ".join(sorted(data_labels)) or "none"}
    if data_labels and not renamed:
        raise ConfigError(Errors.labels_not_in_data.format(name=name, **lists))
    if missing := sorted(rules.labels - renamed):
        message = Errors.labels_without_entities.format(name=name, missing=", ".join(missing), found=lists["found"])
        warnings.warn(message, UserWarning, stacklevel=4)
    return set(rules.labels)


def rename_head(checkpoint: Any, rules: LabelRules, added: Collection[str], name: str) -> None:
    """Rename the labels of a loaded head.

    checkpoint (Checkpoint): the checkpoint, or another object with `tags` and `rename_labels`. It is changed in place.
    rules (LabelRules): the component's rules.
    added (Collection[str]): labels that will be added to the head later.
    name (str): name of the component, for the error message.
    RAISES ConfigError: the setting `labels` contains a label that the head lacks, no label is kept, or the new tags
        follow no scheme.
    """
    if rules:
        labels = checkpoint.tags.labels
        if missing := sorted((rules.labels or frozenset()) - {*rules.rename_all(labels), *added}):
            lists = {"missing": ", ".join(missing), "labels": ", ".join(labels)}
            raise ConfigError(Errors.labels_not_in_head.format(name=name, **lists))
        if all(rules.rename(label) == label for label in labels):  # already renamed
            return
        try:
            checkpoint.rename_labels(rules)
        except TagError as e:
            raise ConfigError(str(e)) from e


class RuleError(ValueError):
    """Error raised for a setting with an invalid value.

    key (str): name of the setting.
    value (object): the invalid value.
    allowed (str): description of the allowed values.
    """

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{key} = {value!r}. Allowed: {allowed}")
        self.key, self.value, self.allowed = key, value, allowed


def make_rules(labels: object, label_map: object) -> LabelRules:
    """Validate the settings `labels` and `label_map`, and create rules from them.

    labels (list[str] | None): labels to keep; None for all labels.
    label_map (Mapping | list | None): mapping, or list of pairs, from labels to new names. A label that is mapped to
        None counts as `O`. If `label_map` itself is None, no label is renamed.
    RETURNS (LabelRules): the rules.
    RAISES RuleError: a setting has an invalid type or label, a new name is itself renamed, or `labels` contains a label
        that is renamed.
    """
    if labels is not None and (not isinstance(labels, list | tuple | set | frozenset) or not labels):
        raise RuleError("labels", labels, LABELS_ALLOWED)
    pairs = _pairs(label_map)
    if pairs is None:
        raise RuleError("label_map", label_map, MAP_ALLOWED)
    table: dict[str, str | None] = dict(pairs)
    for key, value, names in (("labels", labels, labels or ()), ("label_map", label_map, _label_names(table))):
        try:
            check_labels(names)
        except TagError as e:
            raise RuleError(key, value, f"{LABELS_ALLOWED if key == 'labels' else MAP_ALLOWED}. {e}") from e
    for old, new in table.items():
        if new is not None and table.get(new, new) != new:
            final = table[new]
            fix = f"write {{{old!r}: {final!r}}}, or remove the entry for {new!r}"
            allowed = f"new names that are not renamed themselves. {new!r} is renamed to {final!r}: {fix}"
            raise RuleError("label_map", label_map, allowed)
    label_filter = None if labels is None else frozenset(labels)
    for label in sorted(label_filter or ()):
        if table.get(label, label) != label:
            allowed = (
                f"labels after renaming. label_map renames {label!r}: use its new name, if any, or remove {label!r}"
            )
            raise RuleError("labels", labels, allowed)
    return LabelRules(label_filter, table)


def _label_names(table: Mapping[str, str | None]) -> list[str]:
    return [*table, *(new for new in table.values() if new is not None)]


def _pairs(label_map: object) -> list[tuple[str, str | None]] | None:
    """Return pairs of labels and new names, or None if `label_map` is invalid."""
    if label_map is None:
        return []
    items: Any = label_map.items() if isinstance(label_map, Mapping) else label_map
    if not isinstance(label_map, Mapping | list | tuple):
        return None
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in items):
        return None
    pairs = [(old, new) for old, new in items]
    are_names = all(isinstance(old, str) and (new is None or isinstance(new, str)) for old, new in pairs)
    return pairs if are_names and len({old for old, _ in pairs}) == len(pairs) else None
