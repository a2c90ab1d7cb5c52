"""Test the project and all commands in README and docs, in a copy with a tiny encoder and without network access."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import srsly
from fork_server import fast_python
from pages import free_port, served
from support import ROOT

import spacy_bert_ner

pytestmark = pytest.mark.docs

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
SHELL = [line for language, block in BLOCKS if language == "bash" for line in block.splitlines()]
PYTHON = [block for language, block in BLOCKS if language == "python"]
PAGES = [
    (page, *block)
    for page in ("component.md", "evaluation.md")
    for block in re.findall(
        r"^```(bash|python)\n(.*?)^```", (ROOT / "docs" / page).read_text(), flags=re.DOTALL | re.MULTILINE
    )
]


class Sandbox:
    """A copy of the project files, with a separate folder for installed packages."""

    def __init__(self, folder: Path, encoder: Path) -> None:
        self.folder = folder
        for name in ("configs", "scripts"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "project.yml", folder)
        (folder / "packages").mkdir()
        shutil.copytree(encoder, folder / "assets" / "encoder")
        shutil.copytree(encoder, folder / "assets" / "tiny")
        rows = (ROOT / "assets" / "sample_ner.csv").read_text(encoding="utf8").splitlines(keepends=True)
        shutil.copy(ROOT / "assets" / "sample_ner.labels.json", folder / "assets")
        (folder / "assets" / "sample_ner.csv").write_text("".join(rows[:101]), encoding="utf8")
        self.environment = os.environ | {
            "PIP_TARGET": str(folder / "site"),
            "PIP_NO_INDEX": "1",
            "PYTHONPATH": str(folder / "site"),
            "HF_HUB_OFFLINE": "1",
            "SPACY_CONFIG_OVERRIDES": "--training.max_steps 4 --training.eval_frequency 2",
        }

    def run(self, *arguments: str, is_cold: bool = False, **changes: str) -> str:
        """Run Python in the sandbox and return its output.

        is_cold: whether to start a new Python process, as users do. Otherwise, the process is forked from the fork
            server.
        """
        environment = self.environment | changes
        done = subprocess.run(
            [sys.executable if is_cold else fast_python(), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, encoder_512: Path) -> Sandbox:
    sandbox = Sandbox(tmp_path_factory.mktemp("project"), encoder_512)
    sandbox.first_run = sandbox.run("-m", "spacy", "project", "run", "all", ".", "--vars.encoder", "assets/tiny")
    return sandbox


def test_the_project_leaves_its_results_in_fixed_places(sandbox):
    for name in (
        "corpus/train.spacy",
        "corpus/dev.spacy",
        "corpus/test.spacy",
        "corpus/split.json",
        "training/model-best/bert_ner/model/model.safetensors",
        "training/scores.json",
        "training/log.csv",
        "training/report/report.html",
        "training/report/plots/training.png",
        "training/model-best/README.md",
        "packages/en_bert_ner_sample-0.1.0/dist/en_bert_ner_sample-0.1.0-py3-none-any.whl",
        "site/en_bert_ner_sample",
    ):
        assert (sandbox.folder / name).exists(), name


def test_the_project_prints_scores_and_entities(sandbox):
    assert "assets/tiny is not the default encoder" in sandbox.first_run
    assert re.search(r"entity F1 +\d\.\d{4}", sandbox.first_run)
    assert "en_bert_ner_sample: Kevin Durant plays for the Brooklyn Nets." in sandbox.first_run


def test_the_scores_are_those_of_the_component(sandbox):
    scores = srsly.read_json(sandbox.folder / "training" / "scores.json")["bert_ner"]
    assert {"ents_p", "ents_r", "ents_f", "ents_per_type", "iob_acc", "iob_doc_acc"} <= scores.keys()
    assert 0 <= scores["iob_acc"] <= 1


def test_the_package_asks_for_the_component(sandbox):
    meta = srsly.read_json(sandbox.folder / "packages" / "en_bert_ner_sample-0.1.0" / "meta.json")
    assert any(requirement.startswith("spacy-bert-ner>=") for requirement in meta["requirements"])


def test_the_package_has_the_card_with_the_numbers_of_the_report(sandbox):
    card = (sandbox.folder / "packages" / "en_bert_ner_sample-0.1.0" / "README.md").read_text()
    assert card == (sandbox.folder / "training" / "model-best" / "README.md").read_text()
    report = srsly.read_json(sandbox.folder / "training" / "report" / "metrics.json")
    (told,) = report["pipelines"].values()
    micro = told["scores"]["micro"]
    assert re.search(rf"^\| \*\*all\*\* .* \| {micro['gold']} \|$", card, re.MULTILINE)
    assert "| per | People and characters; a title right before the name belongs to it. |" in card
    assert report["training"]["loss"]
    assert "# en_bert_ner_sample 0.1.0" in card


def test_a_second_run_does_no_work_twice(sandbox):
    weights = sandbox.folder / "training/model-best/bert_ner/model/model.safetensors"
    made = weights.stat().st_mtime_ns
    again = sandbox.run("-m", "spacy", "project", "run", "all", ".", "--vars.encoder", "assets/tiny")
    for command in ("convert", "train", "evaluate", "report", "package"):
        assert f"Skipping '{command}': nothing changed" in again
    assert "en_bert_ner_sample: Kevin Durant" in again
    assert weights.stat().st_mtime_ns == made


def test_the_package_loads_without_a_network(sandbox):
    code = (
        "import socket, spacy\n"
        "def refuse(*a, **k): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "nlp = spacy.load('en_bert_ner_sample')\n"
        "print(nlp.get_pipe('bert_ner').labels, len(nlp('Kevin Durant plays.')))"
    )
    assert "'geo', 'gpe'" in sandbox.run("-c", code, is_cold=True, HF_HUB_OFFLINE="0")


def test_the_readme_has_commands():
    assert len(SHELL) >= 8
    assert len(PYTHON) >= 3


@pytest.mark.parametrize("command", SHELL)
def test_every_command_of_the_readme_runs(sandbox, command):
    program, *arguments = shlex.split(command)
    if program == "make":
        # These commands install an environment, so `.ci/run` runs them outside the tests.
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert f"part {command}" in (ROOT / ".ci" / "run").read_text().splitlines()
        return
    if program == "pip":
        # Install this checkout in the sandbox without dependencies, which are installed already.
        install, package = arguments
        source = package.replace(".", str(ROOT), 1)
        sandbox.run("-m", "pip", install, "--no-deps", "--no-build-isolation", source)
        return
    assert program == "python"
    if arguments[-2:] == ["run", "all"]:
        # In the README, `all` starts by downloading the encoder. This test already has an encoder.
        arguments += [".", "--vars.encoder", "assets/tiny"]
    sandbox.run(*arguments)


@pytest.mark.parametrize("block", PYTHON)
def test_every_python_example_of_the_readme_runs(sandbox, block):
    sandbox.run("-W", "error::DeprecationWarning:spacy_bert_ner", "-c", block)


@pytest.mark.parametrize(("page", "language", "block"), PAGES)
def test_every_example_of_the_pages_runs(sandbox, page, language, block):
    sandbox.run(*(shlex.split(block)[1:] if language == "bash" else ("-c", block)))


def test_the_project_serves_the_page(sandbox):
    port = free_port()
    command = ["-m", "spacy", "project", "run", "visualize", ".", "--vars.port", str(port)]
    log = sandbox.folder / "visualize.log"
    with served(command, port, log, cwd=sandbox.folder, env=sandbox.environment) as url:
        assert urllib.request.urlopen(url, timeout=60).read().startswith(b"<!")
    assert f"http://localhost:{port} (press Ctrl+C to stop)" in log.read_text()


def test_the_notebook_runs(sandbox):
    out = sandbox.run("scripts/run_notebook.py", str(ROOT / "docs" / "tour.ipynb"), "--check")
    assert re.search(r"tour.ipynb: \d+ cells ran", out)


# These tests run last because they replace the corpus and the pipeline.


def test_the_article_recipe_trains(sandbox):
    sandbox.run(
        *("-m", "spacy", "train", "configs/article.cfg", "--output", "training/article"),
        *("--paths.train", "corpus/train.spacy", "--paths.dev", "corpus/dev.spacy"),
        *("--components.bert_ner.model.name", "assets/tiny"),
    )
    assert (sandbox.folder / "training/article/model-best").exists()


def test_a_corpus_of_ones_own_goes_all_the_way_to_the_package(sandbox):
    """Test a corpus with another format, other labels and another language. Only `vars` is changed."""
    corpus = sandbox.folder / "assets" / "eigene namen.conll"
    rows = [f"Anna{i}\tB-PER\nwohnt\tO\nin\tO\nUlm{i}\tB-ORT\n.\tO\n" for i in range(100)]
    corpus.write_text("\n".join(rows), encoding="utf8")
    changed = {"corpus": "assets/eigene namen.conll", "lang": "de", "package": "eigene", "encoder": "assets/tiny"}
    options = [part for name, value in changed.items() for part in (f"--vars.{name}", value)]
    out = sandbox.run("-m", "spacy", "project", "run", "all", ".", *options)
    assert "de_eigene: Kevin Durant plays for the Brooklyn Nets." in out
    assert "dev has 20 entities. With fewer than 50" in out
    package = sandbox.folder / "packages" / "de_eigene-0.1.0"
    assert sorted(path.name for path in (package / "dist").iterdir()) == [
        "de_eigene-0.1.0-py3-none-any.whl",
        f"spacy_bert_ner-{spacy_bert_ner.__version__}-py3-none-any.whl",
    ]
    meta = srsly.read_json(package / "meta.json")
    assert (meta["lang"], meta["labels"]["bert_ner"]) == ("de", ["ORT", "PER"])
    card = (package / "README.md").read_text()
    assert "# de_eigene 0.1.0" in card
    assert re.search(r"^\| PER \| not specified \| Anna", card, re.MULTILINE)
    assert "pip install ./spacy_bert_ner-*.whl ./de_eigene-*.whl" in card
    # Add label guidelines in a file next to the corpus. The package includes them, and nothing is trained again.
    (sandbox.folder / "assets" / "eigene namen.labels.json").write_text('{"PER": "Menschen"}')
    again = sandbox.run("-m", "spacy", "project", "run", "all", ".", *options)
    assert "Skipping 'train': nothing changed" in again
    assert re.search(r"^\| PER \| Menschen \| Anna", (package / "README.md").read_text(), re.MULTILINE)


def save_gmb(folder: Path) -> None:
    rows = [
        f"{'Sentence: ' + str(n) if i == 0 else ''},{word},X,{tag}"
        for n in range(1, 41)
        for i, (word, tag) in enumerate([("Zoë", "B-per"), ("left", "O"), (f"{n}", "B-tim")])
    ]
    folder.mkdir(exist_ok=True)
    (folder / "ner_dataset.csv.zip").write_bytes("\n".join(["Sentence #,Word,POS,Tag", *rows]).encode("latin-1"))


def test_the_workflow_of_the_article_prints_each_epoch_and_the_tags_of_a_sentence(sandbox):
    save_gmb(sandbox.folder / "assets" / "gmb")
    out = sandbox.run("-m", "spacy", "project", "run", "article", ".", "--vars.encoder", "assets/tiny")
    for name in ("article", "ours"):
        assert (sandbox.folder / "training" / name / "log.csv").read_text().startswith("epoch,step,seconds,words,score")
    assert out.count("training loss") == 2
    # There are four evaluations, one every two steps. spaCy takes one step more than specified. After its numbers, each
    # row has the loss and accuracy on training data, then on dev data, and the token accuracy and F1.
    row = r"^ +[12] +[35] +\d\.\d{4} +[01]\.\d{4} +\d\.\d{4} +[01]\.\d{4} +[01]\.\d{4} +[01]\.\d{4}$"
    assert len(re.findall(row, out, flags=re.MULTILINE)) == 4
    assert re.search(r"test accuracy, mean of sentences +[01]\.\d{4} +[01]\.\d{4}", out)
    assert re.search(r"^Brooklyn +\S+ +\S+", out, flags=re.MULTILINE)


@pytest.mark.parametrize("corpus", ["gmb", "wnut17"])
def test_the_workflows_of_public_corpora_run(sandbox, corpus):
    folder = sandbox.folder / "assets" / corpus
    if corpus == "gmb":
        save_gmb(folder)
    else:
        folder.mkdir()
        for part in ("train", "dev", "test"):
            (folder / f"{part}.conll").write_text("Zoë\tB-person\nleft\tO\n\nNobody\tO\n\n" * 5, encoding="utf8")
    sandbox.run("-m", "spacy", "project", "run", corpus, ".", "--vars.encoder", "assets/tiny")
    assert (sandbox.folder / "training" / corpus / "scores.json").exists()
