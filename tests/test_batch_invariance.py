"""A text gets the same entities and scores whatever the texts before it are."""

import random

import numpy as np
import pytest
import spacy
from architectures import make_config, make_model
from checkpoints import TAGS, VOCAB, make_tokenizer

from spacy_bert_ner.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("few_exceptions")

SENTENCE = "Kevin Durant lives in New York . plays for the Brooklyn Nets U.N. Zürich"
WORDS = SENTENCE.split()
DRAW = random.Random(0)
TEXTS = [" ".join(DRAW.choices(WORDS, k=DRAW.randint(1, 25))) for _ in range(60)]


class Folders(dict):
    """Model type → folder with a token classifier of it; made when it is first asked for."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __missing__(self, model_type):
        self[model_type] = save(self.folder / model_type, model_type)
        return self[model_type]


def save(folder, model_type, **settings):
    id2label = dict(enumerate(TAGS))
    labels = {"id2label": id2label, "label2id": {tag: i for i, tag in id2label.items()}}
    make_model(make_config(model_type, vocab_size=len(VOCAB), **labels, **settings)).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return Folders(tmp_path_factory.mktemp("folders"))


def make_nlp(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    return nlp


def checkpoint_of(nlp):
    nlp("Kevin")
    return nlp.get_pipe("bert_ner").model.shims[0].checkpoint


def found(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents], doc.spans["bert_ner"].attrs["scores"]


def assert_same(docs, expected):
    assert [found(doc)[0] for doc in docs] == [entities for entities, _ in expected]
    for doc, (_, scores) in zip(docs, expected, strict=True):
        np.testing.assert_allclose(found(doc)[1], scores, atol=1e-5)


def test_bigbird_does_not_remember_short_texts(folders):
    """With blocks of four subwords, transformers takes windows of more than 28 for long ones."""
    nlp = make_nlp(folders["big_bird"])
    long, short = " ".join(WORDS * 3), "Kevin Durant"
    first = found(nlp(long))
    nlp(short)
    assert_same([nlp(long)], [first])


def test_training_bigbird_draws_no_random_blocks(folders):
    """Its sparse attention seeds numpy's generator, for everybody."""
    nlp = make_nlp(folders["big_bird"])
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    nlp.get_pipe("bert_ner").model.begin_update([nlp.make_doc(" ".join(WORDS * 3))])
    assert np.random.random() == expected


def test_yoso_does_not_hash_at_random(tmp_path):
    nlp = make_nlp(save(tmp_path / "yoso", "yoso", use_expectation=False))
    first = [found(nlp(text)) for text in TEXTS[:9]]
    assert_same([nlp(text) for text in TEXTS[:9]], first)
    checkpoint_of(nlp).save(tmp_path / "saved")
    assert Checkpoint.open(tmp_path / "saved").model.config.use_expectation is False


def test_a_nystromformer_of_fixed_length_is_refused(tmp_path):
    folder = save(tmp_path / "nystromformer", "nystromformer", num_landmarks=8, segment_means_seq_len=32)
    reason = r"num_landmarks = 8 and segment_means_seq_len = 32, .* Set in its config.json: \"num_landmarks\": 32"
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint.open(folder)


@pytest.mark.parametrize(
    ("model_type", "reason"), [("bros", "bounding box of each word"), ("mra", "replaces it by zeros")]
)
def test_an_architecture_that_cannot_read_plain_text_is_refused(tmp_path, model_type, reason):
    folder = save(tmp_path / model_type, model_type)
    with pytest.raises(CheckpointError, match=f"architecture '{model_type}', .*{reason}.* Allowed: a text encoder"):
        Checkpoint.open(folder)
