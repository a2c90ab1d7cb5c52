"""Test the conversion of complete public corpora, if available, against the counts that their authors report."""

from collections import Counter
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from support import ROOT

from spacy_bert_ner.corpus.convert import convert

pytestmark = pytest.mark.corpora

DATA = ROOT.parent / "shared" / "data"
GMB = {"geo": 37644, "tim": 20333, "org": 20143, "per": 16990, "gpe": 15870, "art": 402, "eve": 308, "nat": 201}

CORPORA = {
    "gmb/ner_dataset.csv.zip": ("gmb-tokens", 47_959, GMB),
    # Derczynski et al. 2017, https://aclanthology.org/W17-4418, reports 1,975, 836 and 1,079 entities.
    "wnut17/train.conll": (
        "conll",
        3_394,
        {"person": 660, "location": 548, "group": 264, "corporation": 221, "product": 142, "creative-work": 140},
    ),
    "wnut17/dev.conll": (
        "conll",
        1_009,
        {"person": 470, "product": 114, "creative-work": 105, "location": 74, "group": 39, "corporation": 34},
    ),
    "wnut17/test.conll": (
        "conll",
        1_287,
        {"person": 429, "group": 165, "location": 150, "creative-work": 142, "product": 127, "corporation": 66},
    ),
}


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_converts_with_its_counts(tmp_path: Path, name: str) -> None:
    format, n_sentences, entities = CORPORA[name]
    if not (DATA / name).exists():
        pytest.skip(f"there is no corpus at {DATA / name}")
    done = convert(DATA / name, tmp_path)
    assert (done.format, done.tag_scheme, done.n_repaired) == (format, "IOB2", 0)
    [(path, n)] = done.counts.items()
    assert n == n_sentences
    docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    assert Counter(ent.label_ for doc in docs for ent in doc.ents) == entities
