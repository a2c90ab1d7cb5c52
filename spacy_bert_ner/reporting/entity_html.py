"""Entities in colour, with their scores: in pages, and in notebooks.

The colours were searched for so that those that are nearest are far apart for people who do not see all colours too
(more than 15 in CIELAB, as Machado et al. 2009 simulate it, https://doi.org/10.1109/TVCG.2009.113), and differ from
white; dark text on each has a contrast of more than 7. Those that come first differ most. The label stands beside each
entity all the same, as there are more labels than colours.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from spacy import displacy
from spacy.tokens import Doc

from ..util.doc_entities import entity_score

TINTS = ("#66dbd1", "#c7a943", "#99bc81", "#bc9cf9", "#a8fcb4", "#7cbad9", "#f18fa8", "#cbe079")
_FRAME = "; outline: 2px solid #d55e00; outline-offset: 1px"
_ENTITY = (
    '<mark class="entity" style="background: {bg}; color: #1c2126; padding: .15em .35em; border-radius: .35em{frame}">'
    "{text}"
    '<b style="font-size: .75em; margin-left: .4em; white-space: nowrap">{label}</b>{kb_link}</mark>'
)


class EntitySpan(NamedTuple):
    """An entity in a text: its first character, one past its last, its label, and its score, if it has one.

    stands_out (bool): whether it is framed.
    """

    start: int
    end: int
    label: str
    score: float | None = None
    stands_out: bool = False


def label_colors(labels: Collection[str]) -> dict[str, str]:
    """A colour for each label, the same for the same labels; from the eighth on they come again."""
    return {label: TINTS[i % len(TINTS)] for i, label in enumerate(sorted(labels))}


def render_entities(text: str, entities: Sequence[EntitySpan], colour_of: Mapping[str, str]) -> str:
    """A text whose entities are marked, as HTML of displaCy. Text and labels are escaped.

    entities: in the order of the text; of one that overlaps those before it, what is behind them is marked, and if
        nothing is, its label alone.
    """
    ents = []
    covered = 0
    for one in entities:
        start = max(one.start, covered)
        covered = max(one.end, covered)
        label = one.label if one.score is None else f"{one.label} {one.score:.2f}"
        # displaCy escapes the text, but not labels; and to it labels in small and in capital letters are one.
        params = {"label": html.escape(label), "bg": colour_of[one.label], "frame": _FRAME if one.stands_out else ""}
        ents.append({"start": start, "end": covered, "label": one.label, "params": params})
    page: str = displacy.render(
        {"text": text, "ents": ents}, style="ent", manual=True, jupyter=False, options={"template": _ENTITY}
    )
    return page.strip()


def shown(doc: Doc) -> list[EntitySpan]:
    """The entities of a Doc."""
    return [EntitySpan(ent.start_char, ent.end_char, ent.label_, entity_score(ent)) for ent in doc.ents]


class Entities:
    """What a notebook shows of a Doc: the text in colour, and a table of its entities."""

    def __init__(self, doc: Doc) -> None:
        self.text = doc.text
        self.entities = shown(doc)

    def _repr_html_(self) -> str:
        marks = render_entities(self.text, self.entities, label_colors({one.label for one in self.entities}))
        if not self.entities:
            return f"{marks}<p>There is no entity in it.</p>"
        head = "".join(
            f"<th>{name}</th>" for name in ("entity", "label", "score", "first character", "behind the last")
        )
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in (*self._cells(one), one.start, one.end))
            + "</tr>"
            for one in self.entities
        )
        return f"{marks}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def __repr__(self) -> str:
        """As lines, where there is no HTML."""
        rows = [self._cells(one) for one in self.entities]
        width = max((len(text) for text, _, _ in rows), default=0)
        return "\n".join(f"{text:<{width}}  {label}  {score}" for text, label, score in rows) or "no entity"

    def _cells(self, one: EntitySpan) -> tuple[str, str, str]:
        return self.text[one.start : one.end], one.label, "-" if one.score is None else f"{one.score:.3f}"


def show(doc: Doc) -> Entities:
    """Show the entities of a Doc in a notebook: the text in colour, and a table with scores.

    show(nlp("Kevin Durant plays for the Brooklyn Nets."))
    """
    return Entities(doc)
