"""Test that every config in `configs/` trains and works with spaCy's commands.

Only the encoder, the corpus and the number of steps are changed.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from click.testing import Result
from spacy.cli import app
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import load_config
from support import ROOT, TRAIN_DATA
from typer.testing import CliRunner

pytestmark = pytest.mark.training

STEPS = {
    ("training", "max_steps"): 2,
    ("training", "eval_frequency"): 2,
    ("training", "patience"): 2,
}
"""Settings that differ in the recipe with twice the steps, and the factors by which they differ."""


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
"""Recipes for `bert_ner` alone. `test_shared_transformer.py` tests the other recipe."""

each_recipe = pytest.mark.parametrize("config", OF_ONE, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("corpus") / "corpus.spacy"
    docs = [Example.from_dict(nlp.make_doc(text), {"entities": entities}).reference for text, entities in TRAIN_DATA]
    DocBin(docs=docs).to_disk(path)
    return path


def own(corpus: Path, encoder: Path) -> dict[str, Any]:
    """Return the settings that users must add to a recipe."""
    paths = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    return {**paths, "components.bert_ner.model.name": str(encoder)}


def trained(config: Path, folder: Path, overrides: dict[str, Any]) -> Language:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spaCy and torch warn about the small amount of training data
        train(config, folder, overrides=overrides)
    return spacy.load(folder / "model-best")


def spacys_command(*arguments: object) -> Result:
    """Run a spaCy command in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(app, [*map(str, arguments)])


@each_recipe
def test_it_trains(config: Path, tmp_path: Path, corpus: Path, encoder_512: Path, examples: list[Example]) -> None:
    steps = {"training.max_steps": 4, "training.eval_frequency": 2}
    nlp = trained(config, tmp_path, own(corpus, encoder_512) | steps)
    assert nlp.get_pipe("bert_ner").labels == ("geo", "org", "per")
    doc = nlp(examples[0].text)
    assert len(doc.spans["bert_ner"].attrs["scores"]) == len(doc.ents)


@each_recipe
def test_it_trains_by_epochs_and_goes_on_in_a_loop(
    config: Path, tmp_path: Path, corpus: Path, encoder_512: Path, examples: list[Example]
) -> None:
    """Test that the learning rate never stays at 0 and that the weights change up to the last step."""
    size = {"training.batcher.size": 2}  # two batches per epoch
    epochs = {"training.max_steps": 0, "training.max_epochs": 5, "training.eval_frequency": 3, **size}
    log = {"training.logger.@loggers": "spacy_bert_ner.CsvLogger.v1", "training.logger.path": str(tmp_path / "log.csv")}
    nlp = trained(config, tmp_path, own(corpus, encoder_512) | epochs | log)
    with (tmp_path / "log.csv").open(newline="") as file:
        rates = {int(row["step"]): float(row["learn_rate"]) for row in csv.DictReader(file)}
    falling = {0: 0.0, 3: 0.001 * 7 / 9, 6: 0.001 * 4 / 9, 9: 0.001 / 9}  # the rate for a width below 256
    constant = dict.fromkeys(falling, 0.005)
    assert rates == pytest.approx(constant if config.name == "article.cfg" else falling)

    pipe: Any = nlp.get_pipe("bert_ner")
    head = pipe.model.shims[0].checkpoint.model.classifier.weight
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Component 'bert_ner' does not know the number of training steps")
        optimizer = nlp.resume_training()
        for _ in range(3):
            before = head.detach().clone()
            nlp.update(examples, sgd=optimizer)
            assert pipe.learn_rate == (0.005 if config.name == "article.cfg" else 0.001)
            assert not torch.equal(head, before)
        nlp.update(examples)  # with an optimizer that spaCy creates from the config


@each_recipe
@pytest.mark.parametrize("command", [["config"], ["model", "bert_ner"], ["data"]], ids=lambda command: command[0])
def test_spacys_debug_commands_take_it(config: Path, command: list[str], corpus: Path, encoder_512: Path) -> None:
    name, *component = command
    overrides = [part for key, value in own(corpus, encoder_512).items() for part in (f"--{key}", value)]
    done = spacys_command("debug", name, config, *component, *overrides)
    assert "validation error" not in done.output
    if name == "data":  # fails because there are few examples
        assert "Corpus is loadable" in done.output
        assert done.exit_code == 1
        assert "Low number of examples to train a new pipeline (4)" in done.output
    else:
        assert done.exit_code == 0, done.output
        assert ("Config is valid" if name == "config" else "model looks good") in done.output


@each_recipe
def test_fill_config_finds_nothing_to_fill(config: Path, tmp_path: Path) -> None:
    done = spacys_command("init", "fill-config", config, tmp_path / "filled.cfg")
    assert done.exit_code == 0, done.output
    filled, shipped = (load_config(path, interpolate=False) for path in (tmp_path / "filled.cfg", config))
    assert dict(flat(filled)) == dict(flat(shipped))


def test_no_recipe_needs_another_section_for_its_optimizer() -> None:
    """Test that optimizer sections do not refer to other sections.

    `nlp.update` and `nlp.resume_training` resolve the optimizer section separately.
    """
    for config in ROOT.glob("configs/*.cfg"):
        assert "$" not in str(load_config(config, interpolate=False)["training"]["optimizer"]), config.name
