"""Assign each label a colour that is the same in every text.

Common labels have fixed colours. The colour of any other label is determined by its name. If several labels of a
pipeline have the same colour while other colours are free, all but one of these labels get free colours.

The colours were chosen by a search. Even with simulated colour-vision deficiency (Machado et al. 2009,
https://doi.org/10.1109/TVCG.2009.113), all pairs remain distinguishable, with a distance above 15 in CIELAB. All
colours differ from white. Dark text on each colour has a contrast ratio above 7. The first colours differ most from
each other. Each entity also shows its label, because there can be more labels than colours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from zlib import crc32

TINTS = ("#66dbd1", "#c7a943", "#99bc81", "#bc9cf9", "#a8fcb4", "#7cbad9", "#f18fa8", "#cbe079")
MOST_LABELS = 32
"""Maximum number of labels in a pipeline for which shared colours are replaced with free ones."""

_USUAL = (
    "ART MISC OTH OTHER WORK_OF_ART PRODUCT",
    "EVE EVENT CREATIVE-WORK LAW",
    "GEO LOC LOCATION FAC",
    "GPE PERCENT CARDINAL",
    "NAT NORP GROUP LANGUAGE",
    "ORG ORGANIZATION ORGANISATION CORPORATION MONEY",
    "PER PERSON QUANTITY ORDINAL",
    "TIM DATE TIME",
)
"""Common labels in upper case, one row for each colour. In common sets of up to eight labels, no two share a row."""
_ROW = {label: i for i, row in enumerate(_USUAL) for label in row.split()}
_RANK = {label: row.split().index(label) for row in _USUAL for label in row.split()}

DISPLACY_COLORS = {label: TINTS[i] for label, i in _ROW.items()}
"""Colours of common labels for displaCy, which ignores the case of labels. Registered as `spacy_displacy_colors`."""


class LabelColours(dict[str, str]):
    """CSS colours by label. A missing label has the colour determined by its name."""

    def __missing__(self, label: str) -> str:
        return TINTS[_own_index(label)]


def label_colors(*pipelines: Collection[str]) -> LabelColours:
    """Assign a colour to each label. The same set of labels always gets the same colours.

    *pipelines (Collection[str]): labels of each pipeline. The labels of the first pipeline get the same colours as
        without the other pipelines. Up to eight labels get different colours.
    RETURNS (LabelColours): CSS colours by label.
    """
    colours = LabelColours()
    for labels in pipelines:
        new = sorted(set(labels) - colours.keys(), key=lambda label: (_RANK.get(label.upper(), len(_RANK)), label))
        if len(labels) > MOST_LABELS:
            colours.update({label: colours[label] for label in new})
        else:
            _assign(new, colours)
    return colours


def _assign(labels: Collection[str], colours: LabelColours) -> None:
    """Add colours for labels. A label gets its own colour unless an earlier label has that colour."""
    n_uses = Counter(map(TINTS.index, colours.values()))
    others = []
    for label in labels:
        i = _own_index(label)
        if n_uses[i]:
            others.append(label)
        else:
            n_uses[i] += 1
            colours[label] = TINTS[i]
    for label in others:
        own = _own_index(label)
        i = min(range(len(TINTS)), key=lambda i: (n_uses[i], (i - own) % len(TINTS)))
        n_uses[i] += 1
        colours[label] = TINTS[i]


def _own_index(label: str) -> int:
    name = label.upper()
    return _ROW.get(name, crc32(name.encode("utf8", "surrogatepass")) % len(TINTS))
