"""Find the column with the entity labels in a WebAnno TSV header, and decode escape sequences."""

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
"""Layers whose annotations are not entities. Each layer is identified by the last part of its name."""
_IDENTIFIERS = {"identifier", "entityId"}
"""Features that identify an entity in a knowledge base instead of specifying its type."""


class LabelColumn(NamedTuple):
    """A column that contains an annotation feature.

    layer (str): the full name of the layer.
    feature (str): the name of the feature.
    cell_index (int): the index of the cell in a row, counted from the token's cell, which has index 0.
    """

    layer: str
    feature: str
    cell_index: int

    def __str__(self) -> str:
        return f"{self.layer}|{self.feature}"


def find_column(path: Path, header: list[tuple[int, str]]) -> LabelColumn:
    """Find the column that contains the entity labels.

    The column belongs to the layer `NamedEntity` or, without such a layer, to the only layer with spans that may be
    entities. It contains the feature `value` of this layer or, if `value` does not exist, the only feature that is not
    an identifier.

    path (Path): the file path, for error messages.
    header (list[tuple[int, str]]): the rows before the first sentence, each with its line number.
    RETURNS (LabelColumn): the column.
    RAISES CorpusError: there is no such column, or there are several. The message lists all columns.
    """
    columns = list(_columns(row for _, row in header))
    layers = {column.layer: _short_name(column.layer) for column in columns}
    entity_layers = {layer for layer, name in layers.items() if name.endswith(_ENTITIES)}
    entity_layers = entity_layers or {layer for layer, name in layers.items() if name not in _LINGUISTIC}
    candidates = [column for column in columns if column.layer in entity_layers and column.feature not in _IDENTIFIERS]
    value_columns = [column for column in candidates if column.feature == _LABEL]
    if len({column.layer for column in candidates}) == 1 and len(value_columns or candidates) == 1:
        return (value_columns or candidates)[0]
    listed = ", ".join(map(str, columns)) or "none"
    raise CorpusError(Errors.webanno_layers.format(path=path, found=listed))


def _columns(rows: Iterator[str]) -> Iterator[LabelColumn]:
    """Yield the columns in span layers. Skip columns without text, such as roles and their targets."""
    index = 1
    for row in rows:
        if not row.startswith(_LAYERS):
            continue
        layer, *features = row.strip().partition("=")[2].split("|")
        for feature in features or [""]:
            if row.startswith(_SPANS) and feature and "." not in feature:
                yield LabelColumn(layer, feature, index)
            index += 1


def _short_name(layer: str) -> str:
    return layer.rpartition(".")[2]


def unescape(text: str) -> str:
    """Decode the escape sequences in a text or value."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: _decode_escape(match[1]), text)
    # Old versions write a character above U+FFFF as a surrogate pair.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _decode_escape(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _CONTROLS.get(escape, escape)
