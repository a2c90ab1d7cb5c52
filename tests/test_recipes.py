"""Every config in `configs/` trains as it is, but for its encoder, its corpus and the number of its steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import load_config

ROOT = Path(__file__).parent.parent
STEPS = {
    ("training", "max_steps"): 2,
    ("training", "eval_frequency"): 2,
    ("training", "patience"): 2,
    ("training", "optimizer", "learn_rate", "warmup_steps"): 2,
}
"""Where the recipe with twice the steps differs from the other, and how many times as much it has."""


def flat(section: dict[str, Any], *keys: str) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from flat(value, *keys, key)
        else:
            yield (*keys, key), value


def test_two_recipes_differ_in_their_steps_alone() -> None:
    fast, best = (dict(flat(load_config(ROOT / "configs" / f"bert_ner{name}.cfg"))) for name in ("", "_best"))
    assert best == {key: value * STEPS[key] if key in STEPS else value for key, value in fast.items()}


OF_ONE = sorted(set(ROOT.glob("configs/*.cfg")) - {ROOT / "configs" / "shared_transformer.cfg"})
"""Those of `bert_ner` alone; `test_shared_transformer.py` trains the other."""


@pytest.mark.parametrize("config", OF_ONE, ids=lambda path: path.name)
def test_it_trains(config: Path, tmp_path: Path, encoder_512: Path, examples: list[Example]) -> None:
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[example.reference for example in examples]).to_disk(corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of spaCy and torch, about training on so little
        train(
            config,
            tmp_path / "training",
            overrides={
                "paths.train": str(corpus),
                "paths.dev": str(corpus),
                "components.bert_ner.model.name": str(encoder_512),
                "training.max_steps": 4,
                "training.eval_frequency": 2,
            },
        )
    nlp = spacy.load(tmp_path / "training" / "model-best")
    assert nlp.get_pipe("bert_ner").labels == ("geo", "org", "per")
    doc = nlp(examples[0].text)
    assert len(doc.spans["bert_ner"].attrs["scores"]) == len(doc.ents)
