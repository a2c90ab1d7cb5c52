"""Test that the configs which `init config` writes work with spaCy's commands, and train."""

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
from support import ROOT, TRAIN_DATA
from typer.testing import CliRunner

from spacy_bert_ner.advice.init_config import write_config
from spacy_bert_ner.cli import spacy_app

pytestmark = pytest.mark.training

DIFFERENT = {
    "components.bert_ner.model.frozen_layers": (0, 1),
    "components.bert_ner.model.mark_case": (False, True),
    "components.bert_ner.model.name": ("dslim/bert-base-NER", "assets/encoder"),
    "components.bert_ner.model.precision": ("fp32", "auto"),
    "components.bert_ner.model.reset_layers": (0, "auto"),
    "components.bert_ner.objective": ("tokens", "sequences"),
    "training.optimizer.@optimizers": ("Adam.v1", "spacy_bert_ner.AdamW.v1"),
}
"""Settings that differ between `spacy init config -p bert_ner` and the recipe, as docs/training.md says."""


def flat(section: dict[str, Any], *keys: str) -> Iterator[tuple[str, object]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from flat(value, *keys, key)
        else:
            yield ".".join((*keys, key)), value


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the same corpus as a `.spacy` file and as a column file."""
    folder, nlp = tmp_path_factory.mktemp("data"), spacy.blank("en")
    docs = [Example.from_dict(nlp.make_doc(text), {"entities": spans}).reference for text, spans in TRAIN_DATA]
    DocBin(docs=docs).to_disk(folder / "data.spacy")
    rows = ["\n".join(f"{t.text} {t.ent_iob_}{'-' if t.ent_type else ''}{t.ent_type_}" for t in doc) for doc in docs]
    (folder / "data.conll").write_text("\n\n".join(rows) + "\n", encoding="utf8")
    return {path.suffix[1:]: path for path in folder.iterdir()}


@pytest.mark.parametrize("format", ["spacy", "conll"])
def test_the_config_is_valid_whole_and_trains(
    format: str, data: dict[str, Path], encoder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "config.cfg"
    write_config(path, data[format], data[format], str(encoder))

    done = CliRunner().invoke(spacy_app, ["debug", "config", str(path)])
    assert done.exit_code == 0, done.output
    assert "Config is valid" in done.output

    done = CliRunner().invoke(spacy_app, ["init", "fill-config", str(path), str(tmp_path / "filled.cfg")])
    assert done.exit_code == 0, done.output
    filled, written = (load_config(file, interpolate=False) for file in (tmp_path / "filled.cfg", path))
    assert dict(flat(filled)) == dict(flat(written))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spaCy and torch warn about the small amount of training data
        train(path, tmp_path / "out", overrides={"training.max_steps": 4, "training.eval_frequency": 2})
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp.get_pipe("bert_ner").labels == ("geo", "org", "per")


def test_spacys_init_config_gives_the_defaults_of_the_component(tmp_path: Path) -> None:
    done = CliRunner().invoke(spacy_app, ["init", "config", str(tmp_path / "c.cfg"), "--pipeline", "bert_ner"])
    assert done.exit_code == 0, done.output
    paths = (tmp_path / "c.cfg", ROOT / "configs" / "bert_ner.cfg")
    spacys, recipe = (dict(flat(load_config(path, interpolate=False))) for path in paths)
    compared = [key for key in recipe if key.startswith("components.") or key == "training.optimizer.@optimizers"]
    differences = {key: (spacys[key], recipe[key]) for key in compared if spacys[key] != recipe[key]}
    assert differences == DIFFERENT
    assert spacys["training.optimizer.learn_rate"] == 0.001
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf8")
    for key in DIFFERENT:
        assert f"`{key.rpartition('.')[2].removeprefix('@').removesuffix('s')}" in page
