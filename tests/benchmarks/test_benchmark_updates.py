from collections.abc import Callable
from pathlib import Path

import pytest
from benchmark_scripts import load
from spacy.tokens import DocBin
from spacy.training import Example

pytestmark = pytest.mark.benchmark

updates = load("updates")


def test_ways_take_turns_over_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test three ways with two updates each, after a warm-up of two updates."""
    calls: list[tuple[str, int]] = []

    def make_update(encoder: str, corpus: Path, model: dict[str, str]) -> Callable[[int], float]:
        def update(number: int) -> float:
            calls.append((model["name"], number))
            return {"a": 1.0, "b": 2.0, "c": 3.0}[model["name"]] + number

        return update

    monkeypatch.setattr(updates, "make_update", make_update)
    monkeypatch.setattr(updates, "BASE", "a")
    monkeypatch.setattr(updates, "WAYS", {name: {"name": name} for name in "abc"})
    rows = updates.measure("encoder", Path("corpus"), 2)
    assert ["".join(way for way, n in calls if n == number) for number in range(4)] == ["abc", "bca", "cab", "abc"]
    assert [row["seconds"] for row in rows] == [[3.0, 4.0], [4.0, 5.0], [5.0, 6.0]]
    assert [row["ratios"] for row in rows] == [[1.0, 1.0], [4 / 3, 5 / 4], [5 / 3, 6 / 4]]


def test_an_update_is_one_of_the_recipe_with_a_setting_changed(
    tmp_path: Path, encoder_512: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "train.spacy"
    DocBin(docs=[example.reference for example in examples]).to_disk(corpus)
    seen: list[tuple[str, int, int]] = []

    class Spy(updates.BertNer):
        def update(self, batch: list[Example], *, drop: float, sgd: object) -> None:
            model = self.model.attrs
            seen.append((model["precision"], model["frozen_layers"], len(batch)))
            super().update(batch, drop=drop, sgd=sgd)

    monkeypatch.setattr(updates, "BertNer", Spy)
    monkeypatch.setattr("spacy_bert_ner.pipeline.bert_ner.BertNer", Spy)
    monkeypatch.setattr(updates, "BATCH", 3)
    update = updates.make_update(str(encoder_512), corpus, {"precision": "fp32"})
    assert all(update(number) > 0 for number in range(3))
    assert seen == [("fp32", 1, 3), ("fp32", 1, 1), ("fp32", 1, 3)]
