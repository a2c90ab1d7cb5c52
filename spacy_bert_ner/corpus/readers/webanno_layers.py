"""The header of WebAnno TSV: which of its columns has the labels of entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import CorpusError, Errors

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|->|.)", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}
_LAYERS = ("#T_SP=", "#T_CH=", "#T_RL=")
_SPANS = _LAYERS[0]
_ENTITIES, _LABEL = "NamedEntity", "value"
_LINGUISTIC = {"POS", "Lemma", "Stem", "MorphologicalFeatures", "SurfaceForm", "SofaChangeAnnotation", "Token"}
"""Layers that are annotated beside entities, by the ends of their names."""
_IDENTIFIERS = {"identifier", "entityId"}
"""Features that say which thing an entity is, not of which kind."""


class LabelColumn(NamedTuple):
    """The column of a feature.

    place: of it in a row, where the token is at 0.
    """

    layer: str
    feature: str
    place: int

    def __str__(self) -> str:
        return f"{self.layer}|{self.feature}"


def find_column(path: Path, header: list[tuple[int, str]]) -> LabelColumn:
    """The column with the labels of entities.

    It is the feature `value` of the layer NamedEntity; without such a layer, that of the only layer of spans that has
    one. In place of `value` it may be the only feature that is no identifier.
    RAISES CorpusError: there is none, or there are several; the message lists them.
    """
    columns = list(_columns(row for _, row in header))
    layers = {column.layer: _name(column.layer) for column in columns}
    chosen = {layer for layer, name in layers.items() if name.endswith(_ENTITIES)}
    chosen = chosen or {layer for layer, name in layers.items() if name not in _LINGUISTIC}
    candidates = [column for column in columns if column.layer in chosen and column.feature not in _IDENTIFIERS]
    named = [column for column in candidates if column.feature == _LABEL]
    if len({column.layer for column in candidates}) == 1 and len(named or candidates) == 1:
        return (named or candidates)[0]
    found = ", ".join(map(str, columns)) or "none"
    raise CorpusError(Errors.webanno_layers.format(path=path, found=found))


def _columns(rows: Iterator[str]) -> Iterator[LabelColumn]:
    """The columns of the layers of spans, without those that hold no text, such as roles and their targets."""
    place = 1
    for row in rows:
        if not row.startswith(_LAYERS):
            continue
        layer, *features = row.strip().partition("=")[2].split("|")
        for feature in features or [""]:
            if row.startswith(_SPANS) and feature and "." not in feature:
                yield LabelColumn(layer, feature, place)
            place += 1


def _name(layer: str) -> str:
    return layer.rpartition(".")[2]


def unescape(text: str) -> str:
    """Text or a value without the backslashes before characters that mean something here."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: _unescaped(match[1]), text)
    # Old versions spell a character beyond U+FFFF as two.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _unescaped(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _CONTROLS.get(escape, escape)
