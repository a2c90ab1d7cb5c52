"""Every config in `configs/` trains as it is, but for its encoder, its corpus and the number of its steps."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training import Example

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("config", sorted(ROOT.glob("configs/*.cfg")), ids=lambda path: path.name)
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
