"""Provide shared test data and helpers that cannot be fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoints import make_config, make_tokenizer
from spacy.language import Language
from spacy.training import Example
from transformers import BertModel

from spacy_bert_ner.reporting import charts as plotting
from spacy_bert_ner.reporting.charts import Chart

ROOT = Path(__file__).parents[2]

RAY = [
    pytest.mark.ray,
    # Ray warns about settings that it sets itself.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*"),
    pytest.mark.filterwarnings(r"ignore::FutureWarning:ray\..*"),
    pytest.mark.filterwarnings(r"ignore::ResourceWarning"),
]
"""Marks for tests that start Ray."""

TRAIN_DATA = [
    ("Kevin Durant plays for the Brooklyn Nets.", [(0, 12, "per"), (27, 40, "org")]),
    ("The U.N. held hour-long talks in São Paulo.", [(4, 8, "org"), (33, 42, "geo")]),
    ("Mr. O'Neill lives in New York.", [(0, 11, "per"), (21, 29, "geo")]),
    ("Nobody came.", []),
]


def save_encoder(folder: Path, **changes: object) -> Path:
    torch.manual_seed(0)
    BertModel(make_config(**changes)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def initialized(make_nlp: Callable[..., Language], examples: list[Example], **settings: object) -> Language:
    nlp = make_nlp(**settings)
    nlp.initialize(lambda: examples)
    return nlp


def found(nlp: Language, examples: list[Example]) -> list[list[tuple[str, str]]]:
    """Return the predicted entities for the texts of examples."""
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(eg.text for eg in examples)]


def gold(examples: list[Example]) -> list[list[tuple[str, str]]]:
    """Return the gold entities of examples."""
    return [[(ent.text, ent.label_) for ent in eg.reference.ents] for eg in examples]


def sketch(chart: Chart) -> str:
    """Replace `to_svg`: draw the chart, which tests the data, but skip the slow rendering."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # most tests do not need matplotlib

    with plotting._draw_figure(chart, FigureCanvasSVG):
        return f'<svg role="img" aria-label="{chart.label}"></svg>'
