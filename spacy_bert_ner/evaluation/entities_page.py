"""The page of `evaluate --displacy-path`: whole documents with their gold and predicted entities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup
from spacy.tokens import Doc

from ..reporting.entity_html import label_colors, render_entities, shown
from ..reporting.html import cut_middle, printable, render, visible
from ..util.atomic_io import atomic_files
from .measure import PipelineOutput

ENTITIES = "entities.html"


def write_entities(folder: Path, found: Mapping[str, PipelineOutput], limit: int) -> Path:
    """Write the page into a folder, whole or not at all. A page that is there is replaced.

    found: what each pipeline finds, by its name.
    limit (int): number of documents that are shown, from the first.
    RETURNS: the file.
    """
    parts = [
        {
            "name": name,
            "n": len(one.examples),
            "cases": [
                {
                    "where": f"{gold.file}, document {gold.number:,}",
                    "rows": [("gold", _marked(eg.reference)), ("predicted", _marked(eg.predicted))],
                }
                for gold, eg in zip(one.origins[:limit], one.examples[:limit], strict=True)
            ],
        }
        for name, one in found.items()
    ]
    text = render(__package__, ENTITIES, parts=parts)
    with atomic_files(folder, [ENTITIES]) as (temporary,):
        # A corpus may hold halves of surrogate pairs, which UTF-8 does not allow.
        temporary.write_text(text, encoding="utf8", errors="backslashreplace")
    return folder / ENTITIES


def _marked(doc: Doc) -> Markup:
    """A document with its entities in colour."""
    entities = [one._replace(label=cut_middle(visible(one.label), 40)) for one in shown(doc)]
    colour_of = label_colors({one.label for one in entities})
    return Markup(render_entities(printable(doc.text), entities, colour_of))  # noqa: S704, displaCy and `render_entities` escape what they write
