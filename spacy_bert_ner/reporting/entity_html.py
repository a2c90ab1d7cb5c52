"""Highlight entities and their scores in HTML pages and notebooks."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup
from spacy import displacy
from spacy.tokens import Doc

from ..util.doc_entities import entity_score, pipeline_labels
from .label_colours import label_colors
from .text import cut_middle, printable, score, visible

_MAX_LABEL = 40
"""Maximum number of characters in a label on a page."""
_FRAME = "; outline: 2px solid #d55e00; outline-offset: 1px"
_ENTITY = (
    '<mark class="entity" style="background: {bg}; color: #1c2126; padding: .15em .35em; border-radius: .35em{frame}">'
    "{text}"
    '<b style="font-size: .75em; margin-left: .4em; white-space: nowrap">{label}</b>{kb_link}</mark>'
)


class EntitySpan(NamedTuple):
    """An entity in a text.

    start (int): character offset of its start.
    end (int): character offset of its end, exclusive.
    label (str): entity label.
    score (float | None): entity score from 0 to 1, or None if there is none. Default: None.
    stands_out (bool): whether to frame the entity. Default: False.
    """

    start: int
    end: int
    label: str
    score: float | None = None
    stands_out: bool = False


def render_entities(text: str, entities: Sequence[EntitySpan], colour_of: Mapping[str, str]) -> str:
    """Render a text with highlighted entities as HTML with displaCy. Text and labels are escaped.

    text (str): plain text.
    entities: entities in text order. If an entity overlaps an earlier entity, only its remaining text is highlighted.
        If no text remains, only its label is shown.
    colour_of: CSS colours by label, as returned by `label_colors`.
    RETURNS: the HTML.
    """
    ents = []
    covered = 0
    for entity in entities:
        start = max(entity.start, covered)
        covered = max(entity.end, covered)
        label = entity.label if entity.score is None else f"{entity.label} {entity.score:.2f}"
        # displaCy does not escape labels, and its own colour lookup ignores case.
        params = {
            "label": html.escape(label),
            "bg": colour_of[entity.label],
            "frame": _FRAME if entity.stands_out else "",
        }
        ents.append({"start": start, "end": covered, "label": entity.label, "params": params})
    page: str = displacy.render(
        {"text": text, "ents": ents}, style="ent", manual=True, jupyter=False, options={"template": _ENTITY}
    )
    return page.strip()


def highlight(text: str, entities: Sequence[EntitySpan], colour_of: Mapping[str, str]) -> Markup:
    """Render a text with highlighted entities for a page. Replace invisible characters, and shorten long labels.

    text (str): plain text, which may contain invisible characters.
    entities: see `render_entities`.
    colour_of: CSS colours by label, as returned by `label_colors`.
    RETURNS: the HTML, which can be inserted safely into a template.
    """
    short_entities = [entity._replace(label=_short_label(entity.label)) for entity in entities]
    short_colours = {_short_label(entity.label): colour_of[entity.label] for entity in entities}
    return Markup(render_entities(printable(text), short_entities, short_colours))  # noqa: S704, `render_entities` escapes


def _short_label(label: str) -> str:
    return cut_middle(visible(label), _MAX_LABEL)


def entity_spans(doc: Doc) -> list[EntitySpan]:
    """Return the entities in a Doc with their scores, if they have any."""
    return [EntitySpan(ent.start_char, ent.end_char, ent.label_, entity_score(ent)) for ent in doc.ents]


class Entities:
    """A notebook display of the entities in a Doc as highlighted text and as a table."""

    def __init__(self, doc: Doc) -> None:
        self.text = doc.text
        self.entities = entity_spans(doc)
        self.colours = label_colors(pipeline_labels(doc))

    def _repr_html_(self) -> str:
        highlighted = render_entities(self.text, self.entities, self.colours)
        if not self.entities:
            return f"{highlighted}<p>No entities.</p>"
        head = "".join(f"<th>{name}</th>" for name in ("entity", "label", "score", "start", "end"))
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in (*self._cells(entity), entity.start, entity.end))
            + "</tr>"
            for entity in self.entities
        )
        return f"{highlighted}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def __repr__(self) -> str:
        """Return one line per entity for terminals, which do not display HTML."""
        rows = [self._cells(entity) for entity in self.entities]
        width = max((len(text) for text, _, _ in rows), default=0)
        return "\n".join(f"{text:<{width}}  {label}  {number}" for text, label, number in rows) or "no entities"

    def _cells(self, entity: EntitySpan) -> tuple[str, str, str]:
        return self.text[entity.start : entity.end], entity.label, score(entity.score, missing="-")


def show(doc: Doc) -> Entities:
    """Show the entities in a Doc in a notebook as highlighted text and as a table with scores.

        show(nlp("Kevin Durant plays for the Brooklyn Nets."))

    doc (Doc): a Doc with entities.
    RETURNS: an object that notebooks display as HTML and terminals display as text.
    """
    return Entities(doc)
