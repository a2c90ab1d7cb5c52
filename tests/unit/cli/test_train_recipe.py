"""Test which config file `train` takes: CONFIG or `--recipe`."""

import pytest
from support import ROOT
from typer.testing import CliRunner

import spacy_bert_ner.training.run as run
from spacy_bert_ner.cli import spacy_app as app

RECIPES = "article, bert_ner, bert_ner_best, shared_transformer"


@pytest.fixture
def jobs(monkeypatch):
    """Return a list of the training jobs that the command starts, instead of running them."""
    started = []
    monkeypatch.setattr(run, "train", lambda job, stop: started.append(job))
    return started


def train(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "train", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("setting", [["--training.max_steps", "3"], ["--training.max_steps=3"]])
def test_a_recipe_is_taken_by_name(jobs, setting, tmp_path):
    code, output = train("--recipe", "article", *setting, "--output", tmp_path, "--paths.train", "a.spacy")
    assert (code, output) == (0, "")
    (job,) = jobs
    assert job.config.read_bytes() == (ROOT / "configs" / "article.cfg").read_bytes()
    assert job.overrides == {"training.max_steps": 3, "paths.train": "a.spacy"}
    assert job.output == tmp_path


@pytest.mark.parametrize("config", [ROOT / "configs" / "article.cfg", "-"])
def test_a_config_is_taken_as_before(jobs, config):
    assert train(config, "--training.max_steps", 3, "--nlp.lang", "de") == (0, "")
    assert [(str(job.config), job.overrides) for job in jobs] == [
        (str(config), {"training.max_steps": 3, "nlp.lang": "de"})
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--recipe", "bert"],
            f"--recipe bert is unknown. Allowed: {RECIPES}. To train with a config file, omit --recipe: python -m "
            "spacy bert-ner train CONFIG",
        ),
        (
            ["mine.cfg", "--recipe", "bert_ner"],
            "CONFIG mine.cfg and --recipe bert_ner were both specified. Allowed: one of them. Omit --recipe to train "
            "with the config file.",
        ),
        (
            [],
            "Neither CONFIG nor --recipe was specified. Allowed: a config file, - for standard input, or the name of a "
            f"recipe: {RECIPES}. For example: --recipe bert_ner",
        ),
        (
            ["--paths.train", "a.spacy"],
            "Neither CONFIG nor --recipe was specified. Allowed: a config file, - for standard input, or the name of a "
            f"recipe: {RECIPES}. For example: --recipe bert_ner",
        ),
        (
            ["none.cfg"],
            "CONFIG none.cfg does not exist. Allowed: a config file, - for standard input, or the name of a recipe: "
            f"{RECIPES}. For example: --recipe bert_ner",
        ),
    ],
    ids=["unknown", "both", "neither", "settings alone", "missing"],
)
def test_anything_else_is_refused(jobs, arguments, message):
    code, output = train(*arguments)
    assert code == 2
    assert output.endswith(f"Invalid value: {message}")
    assert jobs == []
