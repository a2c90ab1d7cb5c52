import pytest
import spacy
from checkpoints import save_tagger
from spacy.tokens import Doc
from test_benchmark_train import load

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
    monkeypatch.setattr(windows, "BASE", (32, 8))
    monkeypatch.setattr(windows, "WINDOWS", [(32, 8), (20, 4)])
    docs = [sentence("Kevin plays", "B-per", "O")] * 60
    rows = windows.measure(str(folder), docs, 50, rounds=2)
    assert [(row["window"], row["overlap"], len(row["seconds"])) for row in rows] == [
        (None, None, 2),
        (32, 8, 2),
        (20, 4, 2),
    ]
    assert rows[1]["ratio"] == 1
    assert all(0 <= row["ents_f"] <= 1 for row in rows)
