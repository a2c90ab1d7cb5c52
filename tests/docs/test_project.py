"""Test `project.yml` with another corpus and language, and test the wheel that accompanies a package."""

import hashlib
import json
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
import spacy
from spacy.cli._util import parse_config_overrides
from spacy.tokens import Doc, DocBin, Span
from spacy.util import load_config, load_model_from_config
from support import ROOT
from typer.testing import CliRunner
from weasel.util.config import load_project_config

import spacy_bert_ner
from spacy_bert_ner.cli import app
from spacy_bert_ner.evaluation.model_card import find_guidelines
from spacy_bert_ner.evaluation.report import evaluate

NAMES, PLACES = (
    ("Mia", "Jonas", "Lena", "Paul", "Emma"),
    ("Köln", "Bonn", "Wien", "Bern", "Ulm", "Kiel", "Mainz", "Trier", "Gera", "Jena"),
)
OWN = {"vars.corpus": "data/own names.conll", "vars.lang": "de", "vars.package": "own"}


@pytest.fixture(scope="module")
def project():
    return load_project_config(ROOT, overrides=OWN)


def scripts(project):
    """Return the script lines for each command in the `all` workflow."""
    commands = {command["name"]: command for command in project["commands"]}
    return {name: commands[name]["script"] for name in project["workflows"]["all"]}


def test_nothing_of_the_sample_is_left_where_the_corpus_is_another(project):
    commands = [command for command in project["commands"] if command["name"] in project["workflows"]["all"]]
    assert len(commands) == 8
    assert "sample" not in json.dumps(commands)
    (convert,) = scripts(project)["convert"]
    assert '"data/own names.conll" corpus --split 80/10/10' in convert
    assert '--corpus "data/own names.conll"' in scripts(project)["card"][0]


def test_the_language_reaches_conversion_training_and_package(project):
    lines = scripts(project)
    assert lines["convert"][0].endswith("--lang de")
    assert "--nlp.lang de " in lines["train"][0]
    assert "packages/de_own-0.1.0/dist/de_own-0.1.0-py3-none-any.whl" in lines["package"][2]
    assert lines["package"][1] == "python scripts/component_wheel.py packages/de_own-0.1.0/dist"
    assert " de_own " in lines["annotate"][1]


def test_the_lines_convert_and_train_in_german(project, encoder_512, tmp_path, monkeypatch):
    """Run the line of `convert`, and begin what the line of `train` does: load the config with its overrides."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    rows = [f"{name} B-per\nwohnt O\nz.B. O\nin O\n{place} B-geo\n" for name in NAMES for place in PLACES]
    (tmp_path / "data" / "own names.conll").write_text("\n".join(rows), encoding="utf8")
    (convert,) = scripts(project)["convert"]
    done = CliRunner().invoke(app, shlex.split(convert)[4:])
    assert done.exit_code == 0, done.output
    split = json.loads((tmp_path / "corpus" / "split.json").read_text(encoding="utf8"))
    assert "--lang de" in split["again"]

    config, *options = shlex.split(scripts(project)["train"][0])[4:]
    settings = dict(zip(options[::2], options[1::2], strict=True))
    assert settings.pop("--output") == "training"
    assert settings.pop("--gpu-id") == "-1"
    settings["--components.bert_ner.model.name"] = str(encoder_512)
    overrides = parse_config_overrides([word for pair in settings.items() for word in pair], env_var=None)
    nlp = load_model_from_config(load_config(ROOT / config, overrides=overrides, interpolate=True), auto_fill=True)
    assert nlp.lang == nlp.meta["lang"] == "de"
    assert [t.text for t in nlp.make_doc("Er wohnt z.B. in Köln.")] == ["Er", "wohnt", "z.B.", "in", "Köln", "."]
    n_docs = len(list(DocBin().from_disk(nlp.config["paths"]["train"]).get_docs(nlp.vocab)))
    assert n_docs == 40


def test_commands_of_ours_get_no_option_that_there_is_not(project):
    for lines in scripts(project).values():
        for line in lines:
            if found := re.match(r"python -m spacy bert-ner (\w+) (.*)", line):
                known = CliRunner().invoke(app, [found[1], "--help"], env={"COLUMNS": "200"}).output
                assert [option for option in re.findall(r"--[a-z-]+", found[2]) if option not in known] == [], line


@pytest.mark.parametrize("name", ["names.csv", "names.csv.zip", "names", "na.mes"])
def test_guidelines_lie_beside_the_corpus(tmp_path, name):
    corpus = tmp_path / name
    assert find_guidelines(corpus) is None
    if "." in name and name != "na.mes":
        corpus.write_text("")
    else:
        corpus.mkdir()
    beside = tmp_path / ("na.mes.labels.json" if name == "na.mes" else "names.labels.json")
    beside.write_text("{}")
    assert find_guidelines(corpus) == beside


def test_the_sample_has_guidelines():
    assert find_guidelines(ROOT / "assets" / "sample_ner.csv") == ROOT / "assets" / "sample_ner.labels.json"


@pytest.fixture
def paths(tmp_path):
    """Return the paths of a pipeline without `bert_ner`, its test data, and its metrics file."""
    nlp = spacy.blank("de", meta={"name": "names"})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Mia"}])
    nlp.to_disk(tmp_path / "ruler")
    doc = Doc(nlp.vocab, words=["Mia", "ging"])
    doc.ents = [Span(doc, 0, 1, "PER")]
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    return tmp_path / "ruler", tmp_path / "test.spacy", tmp_path / "metrics.json"


def card(paths, *options):
    """Return the model card, or the command's error message if no card is written."""
    pipeline, _, metrics = paths
    done = CliRunner().invoke(app, ["card", str(pipeline), str(metrics), *map(str, options)], env={"COLUMNS": "200"})
    return (pipeline / "README.md").read_text() if done.exit_code == 0 else " ".join(done.output.split())


def test_the_card_takes_the_guidelines_of_its_corpus(paths, tmp_path):
    pipeline, data, metrics = paths
    metrics.write_text(json.dumps(evaluate([pipeline], data)))
    assert "| PER | not specified |  |" in card(paths, "--corpus", tmp_path / "own.conll")
    (tmp_path / "own.labels.json").write_text('{"PER": "people"}')
    text = card(paths, "--corpus", tmp_path / "own.conll")
    assert "| PER | people |  |" in text
    assert "# de_names" in text
    assert "spacy_bert_ner" not in text  # this pipeline does not need it
    (tmp_path / "own.labels.json").write_text('{"per": "people"}')
    assert "own.labels.json has guidelines for per, which the pipeline does not predict" in card(
        paths, "--corpus", tmp_path / "own.conll"
    )
    assert "cannot be combined with --guidelines" in card(paths, "--corpus", tmp_path, "--guidelines", tmp_path)


def test_the_card_of_a_bert_ner_says_how_to_install_both_wheels(paths, tagger, tmp_path):
    _, data, metrics = paths
    nlp = spacy.blank("de", meta={"name": "names"})
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path / "bert")
    metrics.write_text(json.dumps(evaluate([tmp_path / "bert"], data)))
    assert "pip install ./spacy_bert_ner-*.whl ./de_names-*.whl\n" in card((tmp_path / "bert", data, metrics))


@pytest.fixture
def wheel(tmp_path, monkeypatch, capsys):
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "spacy_bert_ner-0.0.1-py3-none-any.whl").write_bytes(b"old")
    (tmp_path / "dist" / "de_own-0.1.0-py3-none-any.whl").write_bytes(b"mine")
    monkeypatch.setattr(sys, "argv", ["component_wheel.py", str(tmp_path / "dist")])
    runpy.run_path(str(ROOT / "scripts" / "component_wheel.py"), run_name="__main__")
    name = f"spacy_bert_ner-{spacy_bert_ner.__version__}-py3-none-any.whl"
    assert capsys.readouterr().out == f"Wrote {tmp_path / 'dist' / name}\n"
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == ["de_own-0.1.0-py3-none-any.whl", name]
    return tmp_path / "dist" / name


def test_the_wheel_has_the_package_and_what_pip_reads(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    package = Path(spacy_bert_ner.__file__).parent
    own = {f"spacy_bert_ner/{path.relative_to(package).as_posix()}" for path in package.rglob("*.*")}
    own |= {f"spacy_bert_ner/recipes/{path.name}" for path in ROOT.glob("configs/*.cfg")}
    assert {name for name in own if "__pycache__" not in name} == {name for name in files if "dist-info" not in name}
    info = f"spacy_bert_ner-{spacy_bert_ner.__version__}.dist-info"
    assert b"Name: spacy-bert-ner\n" in files[f"{info}/METADATA"]
    assert b"[spacy_factories]\n" in files[f"{info}/entry_points.txt"]
    assert f"{info}/direct_url.json" not in files
    rows = [row.rsplit(",", 2) for row in files.pop(f"{info}/RECORD").decode().splitlines()]
    assert rows.pop() == [f"{info}/RECORD", "", ""]
    assert [name for name, _, _ in rows] == list(files)
    for name, told, size in rows:
        digest = urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        assert (told, size) == (f"sha256={digest}", str(len(files[name])))


@pytest.mark.process
def test_pip_installs_the_wheel(wheel, tmp_path):
    options = ["--no-index", "--no-deps", "--quiet", "--target", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    assert (tmp_path / "site" / "spacy_bert_ner" / "reporting" / "page.css").exists()
