import zipfile

import pytest
import spacy
from benchmark_scripts import load
from spacy.tokens import Doc

pytestmark = pytest.mark.benchmark

ninth = load("ninth_label")
VOCAB = spacy.blank("en").vocab
WORDS = "In 2003 some 1.5 million of 40 men fled"
TAGS = ["O", "B-tim", "O", "O", "O", "O", "O", "O", "O"]


def sentence(ents=TAGS) -> Doc:
    return Doc(VOCAB, words=WORDS.split(), ents=ents)


def ents(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def numbered() -> Doc:
    return ninth.with_numbers(sentence(), ["IN", "CD", "DT", "CD", "CD", "IN", "CD", "NNS", "VBD"])


def test_runs_of_numbers_outside_of_entities_get_the_new_label():
    assert ents(numbered()) == [("2003", "tim"), ("1.5 million", "num"), ("40", "num")]


def test_one_label_or_the_others():
    assert ents(ninth.only(numbered(), new=True)) == [("1.5 million", "num"), ("40", "num")]
    assert ents(ninth.only(numbered(), new=False)) == [("2003", "tim")]
    assert {token.ent_iob_ for token in ninth.only(numbered(), new=True)} == {"B", "I", "O"}


def test_what_the_pipeline_finds_is_kept_beside_the_new_label():
    """Test that the predicted entity "40 men" is dropped because it overlaps the gold entity "40"."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "tim", "pattern": "2003"}, {"label": "per", "pattern": "40 men"}])
    doc = ninth.only(numbered(), new=True)
    assert ents(ninth.kept(nlp, doc)) == [("2003", "tim"), ("1.5 million", "num"), ("40", "num")]


def test_scores_of_the_eight_and_of_the_new_one():
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "tim", "pattern": "2003"}, {"label": "num", "pattern": "40"}])
    scores = ninth.score(nlp, [numbered()])
    assert scores == {"eight": 1.0, "num": pytest.approx(2 / 3), "labels": {"tim": 1.0}}


def test_parts_of_speech_come_by_sentence(tmp_path):
    rows = "Sentence #,Word,POS,Tag\nSentence: 1,In,IN,O\n,2003,CD,B-tim\nSentence: 2,40,CD,O\n"
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as archive:
        archive.writestr("corpus.csv", rows.encode("latin-1"))
    assert list(ninth.read_parts_of_speech(tmp_path / "corpus.zip")) == [["IN", "CD"], ["CD"]]


@pytest.mark.parametrize("rehearsed", [False, True])
def test_a_trained_pipeline_gets_the_label(tagger, rehearsed):
    nlp = spacy.blank("en")
    nlp.config["training"]["optimizer"] = {"@optimizers": "Adam.v1", "learn_rate": "${training.max_steps}"}
    pipe = nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    before = nlp(WORDS), pipe.labels
    ninth.learn(nlp, [ninth.only(numbered(), new=True)], [sentence()] if rehearsed else [], seed=0)
    assert set(pipe.labels) == {*before[1], "num"}
