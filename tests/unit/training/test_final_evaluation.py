"""Test that `bert-ner train` evaluates the last step, and that it reports the number of steps in advance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy
from training_runs import rows, write_config, write_corpus

from spacy_bert_ner.training.distributed import ProcessGroup
from spacy_bert_ner.training.progress import StopSignal
from spacy_bert_ner.training.resumable_pipeline import EvaluationSteps, ResumablePipeline
from spacy_bert_ner.training.run import TrainingJob, train
from spacy_bert_ner.util.rng import IsolatedRng

pytestmark = pytest.mark.training

SCHEDULE = {"@schedules": "spacy_bert_ner.WarmupLinear.v1", "initial_rate": 0.003, "warmup": 2}
OPTIMIZER = {"@optimizers": "spacy_bert_ner.AdamW.v1", "learn_rate": SCHEDULE}


def test_steps_that_are_evaluated() -> None:
    batches = iter([(0, ["a"])] * 8)
    pipeline = ResumablePipeline(None, ProcessGroup())  # type: ignore[arg-type]
    steps: Any = EvaluationSteps(3, 0, pipeline)
    evaluated = [pipeline.step for _ in pipeline.batches(batches, IsolatedRng()) if not (pipeline.step % steps)]
    assert evaluated == [0, 3, 6, 7]
    at_most: Any = EvaluationSteps(3, 5, ResumablePipeline(None, ProcessGroup()))  # type: ignore[arg-type]
    assert [step for step in range(6) if not (step % at_most)] == [0, 3, 5]


@pytest.mark.parametrize(
    ("length", "steps", "told"),
    [
        ({"max_steps": 3, "eval_frequency": 50}, ["0", "3"], "Steps: 3, or 0.5 epochs of 6 batches (22 examples)"),
        (
            {"max_steps": 0, "max_epochs": 2, "eval_frequency": 50},
            ["0", "11"],
            "Steps: 12, or 2.0 epochs of 6 batches (22 examples)",
        ),
    ],
    ids=["steps", "epochs"],
)
def test_the_last_step_is_evaluated(
    length: dict[str, Any],
    steps: list[str],
    told: str,
    tmp_path: Path,
    encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, encoder, optimizer=OPTIMIZER, **length)
    train(TrainingJob(config, tmp_path / "out", shows_progress=False), StopSignal())
    found = rows(tmp_path / "log.csv")
    assert [row["step"] for row in found] == steps
    last, total = int(steps[-1]), 3 if length["max_steps"] else 12
    assert float(found[-1]["learn_rate"]) == pytest.approx(0.003 * (total - last) / (total - 2))
    printed = capsys.readouterr().out
    assert printed.index(told) < printed.index("RATE")
    assert printed.count("Steps: ") == 1
    assert ("max_steps = 3 ends training after 0.5 epochs" in printed) == bool(length["max_steps"])
    assert "evaluates only the first step" not in printed


def test_a_sourced_component_has_the_steps_too(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Test a sourced component. spaCy does not initialize it, so the component cannot plan the training itself."""
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, encoder, optimizer=OPTIMIZER, max_steps=4, eval_frequency=2)
    train(TrainingJob(config, tmp_path / "first", shows_progress=False), StopSignal())
    told = spacy.util.load_config(config)
    told["components"] = {"bert_ner": {"source": str(tmp_path / "first" / "model-best")}}
    told["training"]["max_steps"] = 5
    told.to_disk(config)
    write_corpus(tmp_path / "train.spacy", 8)
    train(TrainingJob(config, tmp_path / "second", shows_progress=False), StopSignal())
    rates = [float(row["learn_rate"]) for row in rows(tmp_path / "log.csv")]
    assert rates == pytest.approx([0, 0.003, 0.001, 0])  # for steps 0, 2, 4 and 5
    assert "Steps: 5, or 2.5 epochs of 2 batches (8 examples)" in capsys.readouterr().out
