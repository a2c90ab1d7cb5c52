"""Write the page for `evaluate --displacy-path`, which shows documents with gold and predicted entities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup
from spacy.tokens import Doc

from ..reporting.entity_html import entity_spans, highlight, label_colors
from ..reporting.html import render
from ..util.atomic_io import atomic_files
from .measure import PipelineOutput

ENTITIES = "entities.html"


def write_entities(folder: Path, outputs: Mapping[str, PipelineOutput], limit: int) -> Path:
    """Write the page to a folder atomically, replacing any existing page.

    folder (Path): output folder.
    outputs: pipeline outputs by pipeline name.
    limit (int): maximum number of documents to show, starting with the first document.
    RETURNS: the path to the page.
    """
    parts = [
        {
            "name": name,
            "n": len(output.examples),
            "cases": [
                {
                    "where": f"{gold.file}, document {gold.number:,}",
                    "rows": [("gold", _highlight(eg.reference)), ("predicted", _highlight(eg.predicted))],
                }
                for gold, eg in zip(output.origins[:limit], output.examples[:limit], strict=True)
            ],
        }
        for name, output in outputs.items()
    ]
    text = render(__package__, ENTITIES, parts=parts)
    with atomic_files(folder, [ENTITIES]) as (temporary,):
        # A corpus may contain lone surrogates, which UTF-8 cannot encode.
        temporary.write_text(text, encoding="utf8", errors="backslashreplace")
    return folder / ENTITIES


def _highlight(doc: Doc) -> Markup:
    entities = entity_spans(doc)
    return highlight(doc.text, entities, label_colors({entity.label for entity in entities}))
