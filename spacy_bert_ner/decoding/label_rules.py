"""The settings `labels` and `label_map`: which labels are kept, which are renamed, and which count as `O`."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Errors, TagError
from .tag_scheme import OUTSIDE, TagSet, build_tag_set, check_labels, split_tag

LABELS_ALLOWED = 'null for all labels, or a list of labels, as in ["per", "org"]'
MAP_ALLOWED = 'a table of labels and their new names, null for O, as in {"PERSON": "per", "MISC": null}'


@dataclass(frozen=True)
class LabelRules:
    """Rules that keep, rename or drop labels. Dropped labels count as `O`. Build them with `make_rules`.

    labels: labels to keep, under their new names; None for all.
    label_map: new name of each renamed label; None for `O`. Applying the map twice gives the same result as once.
    """

    labels: frozenset[str] | None = None
    label_map: Mapping[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.labels is not None or bool(self.label_map)

    def rename(self, label: str) -> str | None:
        """Return the new name of a label, or None if it counts as `O`.

        >>> make_rules(["per"], {"PERSON": "per"}).rename("PERSON")
        'per'
        """
        renamed = self.label_map.get(label, label)
        return renamed if self.labels is None or renamed in self.labels else None

    def rename_all(self, labels: Iterable[str]) -> list[str]:
        """The new names of labels, sorted, each once."""
        return sorted({renamed for label in labels if (renamed := self.rename(label)) is not None})

    def rename_tags(self, tags: TagSet) -> tuple[str, ...]:
        """The tags of a head under their new names; `O` in the place of those that count as `O`.

            O B-PERSON I-PERSON B-MISC I-MISC   →   O B-per I-per O O

        RAISES TagError: they are of no scheme then.
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
        """The IOB2 tags of a text under their new names; None stays unknown."""
        return [None if tag is None else self._rename_tag(tag, "IOB2") for tag in tags]


ALL_LABELS = LabelRules()
"""Every label stays as it is."""


def wanted_labels(rules: LabelRules, found: Collection[str], name: str) -> set[str]:
    """The labels that a component is to learn.

    found: the labels of the training data, under their own or their new names.
    name (str): of the component.
    RETURNS: those of the setting `labels` where it is given, with a warning of those that the data lacks; or else those
        of the data under their new names.
    RAISES ConfigError: the data has labels, and `labels` names none of them.
    """
    renamed = set(rules.rename_all(found))
    if rules.labels is None:
        return renamed
    lists = {"labels": ", ".join(sorted(rules.labels)), "found": ", ".join(sorted(found)) or "none"}
    if found and not renamed:
        raise ConfigError(Errors.labels_not_in_data.format(name=name, **lists))
    if missing := sorted(rules.labels - renamed):
        message = Errors.labels_without_entities.format(name=name, missing=", ".join(missing), found=lists["found"])
        warnings.warn(message, UserWarning, stacklevel=4)
    return set(rules.labels)


def rename_head(checkpoint: Any, rules: LabelRules, added: Collection[str], name: str) -> None:
    """Give the labels of a loaded head their new names.

    checkpoint: a `Checkpoint`, or what stands in its place.
    added: labels that it gets afterwards.
    name (str): of the component.
    RAISES ConfigError: the setting `labels` names one that the head does not have, no label is left, or the tags are of
        no scheme then.
    """
    if rules:
        labels = checkpoint.tags.labels
        if missing := sorted((rules.labels or frozenset()) - {*rules.rename_all(labels), *added}):
            lists = {"missing": ", ".join(missing), "labels": ", ".join(labels)}
            raise ConfigError(Errors.labels_not_in_head.format(name=name, **lists))
        try:
            checkpoint.rename_labels(rules)
        except TagError as e:
            raise ConfigError(str(e)) from e


class RuleError(ValueError):
    """A setting is not allowed. `key`, `value`, `allowed`: what a message names."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{key} = {value!r}. Allowed: {allowed}")
        self.key, self.value, self.allowed = key, value, allowed


def make_rules(labels: object, label_map: object) -> LabelRules:
    """Check the two settings, and make the rules that they say.

    labels: a list of labels, or None.
    label_map: a table, or a list of pairs, of labels and their new names, which are labels or None; or None.
    RAISES RuleError: it is something else; a new name is itself renamed; or `labels` has a label that is renamed.
    """
    if labels is not None and (not isinstance(labels, list | tuple | set | frozenset) or not labels):
        raise RuleError("labels", labels, LABELS_ALLOWED)
    pairs = _pairs(label_map)
    if pairs is None:
        raise RuleError("label_map", label_map, MAP_ALLOWED)
    table: dict[str, str | None] = dict(pairs)
    for key, value, named in (("labels", labels, labels or ()), ("label_map", label_map, _named(table))):
        try:
            check_labels(named)
        except TagError as e:
            raise RuleError(key, value, f"{LABELS_ALLOWED if key == 'labels' else MAP_ALLOWED}. {e}") from e
    for old, new in table.items():
        if new is not None and table.get(new, new) != new:
            final = table[new]
            allowed = f"new names that are not renamed in turn. {new!r} is: write {{{old!r}: {final!r}}}, or leave it"
            raise RuleError("label_map", label_map, allowed)
    kept = None if labels is None else frozenset(labels)
    for label in sorted(kept or ()):
        if table.get(label, label) != label:
            allowed = f"new names. label_map renames {label!r}: name {table[label]!r} here, or leave it out"
            raise RuleError("labels", labels, allowed)
    return LabelRules(kept, table)


def _named(table: Mapping[str, str | None]) -> list[str]:
    return [*table, *(new for new in table.values() if new is not None)]


def _pairs(label_map: object) -> list[tuple[str, str | None]] | None:
    """None where it is no map of labels."""
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
