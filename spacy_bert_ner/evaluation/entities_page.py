"""Write the page for `evaluate --displacy-path`, which shows documents with gold and predicted entities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup
from spacy.tokens import Doc

from ..reporting.entity_html import entity_spans, highlight
from ..reporting.html import render
from ..util.atomic_io import atomic_files
from .measure import PipelineOutput

ENTITIES = "entities.html"


def write_entities(
    folder: Path, outputs: Mapping[str, PipelineOutput], limit: int, colour_of: Mapping[str, str]
) -> Path:
    """Write the page to a folder atomically, replacing any existing page.

    folder (Path): output folder.
    outputs: pipeline outputs by pipeline name.
    limit (int): maximum number of documents to show, starting with the first document.
    colour_of: CSS colours by label, as returned by `label_colors`.
    RETURNS: the path to the page.
    """
    parts = [
        {
            "name": name,
            "n": len(output.examples),
            "cases": [
                {
                    "where": f"{gold.file}, document {gold.number:,}",
                    "rows": [
                        ("gold", _highlight(eg.reference, colour_of)),
                        ("predicted", _highlight(eg.predicted, colour_of)),
                    ],
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


def _highlight(doc: Doc, colour_of: Mapping[str, str]) -> Markup:
    return highlight(doc.text, entity_spans(doc), colour_of)
