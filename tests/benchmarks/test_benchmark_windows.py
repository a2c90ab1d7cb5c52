import pytest
import spacy
from benchmark_scripts import load
from checkpoints import save_tagger
from spacy.tokens import Doc

pytestmark = pytest.mark.benchmark

windows = load("windows")
VOCAB = spacy.blank("en").vocab


def sentence(words: str, *tags: str) -> Doc:
    return Doc(VOCAB, words=words.split(), ents=list(tags) or None)


def test_sentences_are_joined_in_order_until_there_are_enough_words() -> None:
    docs = [sentence("a b c", "O", "B-per", "I-per"), sentence("d"), sentence("e f"), sentence("g")]
    joined = windows.join(docs, 4)
    assert [[t.text for t in doc] for doc in joined] == [["a", "b", "c", "d"], ["e", "f", "g"]]
    assert [(ent.start, ent.end, ent.label_) for ent in joined[0].ents] == [(1, 3, "per")]


def test_each_way_reads_all_documents(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tagger(tmp_path, "O", "B-per", "I-per", max_position_embeddings=64)
    monkeypatch.setattr(windows, "BASE", (32, 8, "tokens"))
    monkeypatch.setattr(windows, "WINDOWS", [(32, 8, "tokens"), (20, 4, "sentences")])
    seen = []
    read = windows.read

    def spy(nlp, golds):
        model = nlp.get_pipe("bert_ner").model.attrs
        seen.append((model["window"], model["overlap"], model["cut_at"], [len(doc) for doc in golds]))
        return read(nlp, golds)[0], float(len(seen))

    monkeypatch.setattr(windows, "read", spy)
    docs = [sentence("Kevin plays", "B-per", "O")] * 55
    rows = windows.measure(str(folder), docs, 50, rounds=2)
    assert (
        seen
        == [
            (None, 16, "sentences", [2] * 55),
            (32, 8, "tokens", [50, 50, 10]),
            (20, 4, "sentences", [50, 50, 10]),
        ]
        * 2
    )
    assert [(row["window"], row["overlap"], row["cut_at"], row["seconds"]) for row in rows] == [
        (None, None, None, [1.0, 4.0]),
        (32, 8, "tokens", [2.0, 5.0]),
        (20, 4, "sentences", [3.0, 6.0]),
    ]
    assert rows[2]["ratio"] == (3 / 2 + 6 / 5) / 2


def test_scores_are_those_of_the_words_of_the_corpus(tmp_path) -> None:
    """Test that a pipeline scores 1.0 against its own predictions, on text with the corpus spacing."""
    folder = save_tagger(tmp_path, "O", "B-per", "I-per", initializer_range=0.5)
    nlp = windows.make_pipeline(str(folder), None, 8)
    docs = list(nlp.pipe(["Kevin Durant lives in New York .", "Mr. O'Neill lives in Brooklyn ."]))
    assert any(doc.ents for doc in docs)
    assert windows.read(nlp, docs)[0]["ents_f"] == 1.0
    assert windows.read(nlp, [sentence("Kevin Durant lives", "O", "O", "O")])[0]["ents_p"] in (None, 0.0)
