"""Test that the functions do what the commands do, return results, print nothing, and raise errors."""

import inspect as python_inspect
import json
import shutil

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_bert_ner import api
from spacy_bert_ner.cli import app
from spacy_bert_ner.cli.annotate import annotate_cli
from spacy_bert_ner.cli.calibrate import calibrate_cli
from spacy_bert_ner.cli.convert import convert_cli
from spacy_bert_ner.cli.evaluate import evaluate_cli
from spacy_bert_ner.cli.export import export_cli
from spacy_bert_ner.cli.inspect import inspect_cli
from spacy_bert_ner.errors import BertNerError, CalibrationError, CorpusError

pytestmark = pytest.mark.usefixtures("silent_on_small_dev")

NAMES = ["Kevin", "Mary", "Ann", "John", "Tom"]
ROWS = [
    f"{a} B-per\n{b} I-per\n{verb} O\nin O\nBrooklyn B-geo\n" for a in NAMES for b in NAMES for verb in ("was", "is")
]
COMMANDS = {
    "annotate": annotate_cli,
    "calibrate": calibrate_cli,
    "convert": convert_cli,
    "evaluate": evaluate_cli,
    "export": export_cli,
    "inspect": inspect_cli,
}
ONLY_COMMANDS = {"code", "strict", "package"}
"""Options that are only on the command line, as docs/python.md says."""
OTHER_NAMES = {"json_path": "json"}


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "names.conll"
    path.write_text("\n".join(ROWS))
    return path


@pytest.fixture
def pipeline(tagger, tmp_path):
    """Return a saved pipeline, and gold data for which every third sentence has other entities."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.to_disk(tmp_path / "pipeline")
    docs = []
    for i, text in enumerate(["Kevin Durant lives in New York .", "the United Nets in Brooklyn"] * 6):
        doc = nlp(text)
        docs.append(doc if i % 3 else Doc(nlp.vocab, [t.text for t in doc], ents=["B-geo"] + ["O"] * (len(doc) - 1)))
    DocBin(docs=docs).to_disk(tmp_path / "data.spacy")
    return tmp_path / "pipeline", tmp_path / "data.spacy"


def run(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def options(function):
    """Return the names of the options with their defaults, those of empty sequences as None."""
    found = {p.name: p.default for p in python_inspect.signature(function).parameters.values()}
    return {name: default or None for name, default in found.items() if default is not python_inspect.Parameter.empty}


@pytest.mark.parametrize("name", api.__all__)
def test_options_have_the_names_and_defaults_of_the_command(name):
    wanted = {OTHER_NAMES.get(key, key): default for key, default in options(COMMANDS[name]).items()}
    got = options(getattr(api, name))
    for key in ONLY_COMMANDS | {"progress"}:
        wanted.pop(key, None)
        got.pop(key, None)
    got.pop("output" if name == "annotate" else "", None)
    assert got == wanted


@pytest.mark.parametrize("name", api.__all__)
def test_every_argument_is_described(name):
    function = getattr(api, name)
    described = function.__doc__.replace(",\n        ", ", ")
    assert [key for key in python_inspect.signature(function).parameters if key not in described] == []
    assert "RETURNS (" in described
    assert "RAISES OSError: " in described


def test_convert(corpus, tmp_path, capsys):
    done = api.convert(str(corpus), tmp_path / "function", split="50/25/25", duplicates="keep", labels=["per"])
    assert capsys.readouterr().out == ""
    counts = {path.name: n for path, n in done.counts.items()}
    assert counts == {"train.spacy": 25, "dev.spacy": 12, "test.spacy": 13}
    reading = ("--split", "50/25/25", "--duplicates", "keep", "--labels", "per")
    run("convert", corpus, tmp_path / "command", *reading)
    for name in ("train.spacy", "dev.spacy", "test.spacy"):
        assert (tmp_path / "function" / name).read_bytes() == (tmp_path / "command" / name).read_bytes()


def test_inspect(corpus, tmp_path, capsys):
    report = api.inspect(corpus, json=str(tmp_path / "function.json"), label_map={"geo": None})
    assert capsys.readouterr().out == ""
    assert "one_label" in [finding.code for finding in report.findings]
    run("inspect", corpus, "--json", tmp_path / "command.json", "--label-map", "geo=")
    assert (tmp_path / "function.json").read_text() == (tmp_path / "command.json").read_text()


def test_evaluate(pipeline, tmp_path, capsys, sketched):
    metrics = api.evaluate(*pipeline, report=str(tmp_path / "function"))
    assert capsys.readouterr().out == ""
    assert 0 < metrics["pipelines"][str(pipeline[0])]["scores"]["micro"]["f"] < 1
    run("evaluate", *pipeline, "--report", tmp_path / "command")
    of_function, of_command = (
        json.loads((tmp_path / way / "metrics.json").read_text()) for way in ("function", "command")
    )
    assert of_function == json.loads(json.dumps(metrics))
    for measured in (of_function, of_command):
        measured["pipelines"][str(pipeline[0])].pop("words_per_second")
    assert of_function == of_command
    assert list(api.evaluate([pipeline[0]], pipeline[1])["pipelines"]) == [str(pipeline[0])]


@pytest.mark.filterwarnings("ignore:The temperature for .* was fitted on")
def test_calibrate(pipeline, tmp_path, capsys):
    copy = shutil.copytree(pipeline[0], tmp_path / "copy")
    report = api.calibrate(*map(str, pipeline))
    assert capsys.readouterr().out == ""
    of_function = (pipeline[0] / "bert_ner" / "cfg").read_text()
    assert json.loads(of_function)["temperature"] == pytest.approx(report["bert_ner"]["temperature"])
    assert report["bert_ner"]["temperature"] != 1.0
    run("calibrate", copy, pipeline[1])
    assert (copy / "bert_ner" / "cfg").read_text() == of_function


def test_calibrate_raises_where_the_command_warns(pipeline):
    DocBin(docs=[spacy.load(pipeline[0])("Kevin Durant lives in New York .")]).to_disk(pipeline[1])
    with pytest.raises(CalibrationError, match="correct"):
        api.calibrate(*pipeline)
    assert "Not calibrated" in run("calibrate", *pipeline)


def test_export(pipeline, tmp_path, capsys):
    assert api.export(pipeline[0], str(tmp_path / "function"), to="hf") is None
    assert capsys.readouterr().out == ""
    run("export", pipeline[0], tmp_path / "command", "--to", "hf")
    names = sorted(path.name for path in (tmp_path / "function").iterdir())
    assert "model.safetensors" in names
    assert names == sorted(path.name for path in (tmp_path / "command").iterdir())
    weights = [(tmp_path / way / "model.safetensors").read_bytes() for way in ("function", "command")]
    assert weights[0] == weights[1]


def test_export_measures_the_new_pipeline(pipeline, tmp_path, capsys):
    report = api.export(pipeline[0], tmp_path / "new", dev=pipeline[1], runtime="torch-bf16", tolerance=1)
    assert capsys.readouterr().out == ""
    assert report.runtime == "torch-bf16"
    assert report.before.f1 > 0
    run("export", pipeline[0], tmp_path / "command", "--dev", pipeline[1], "--runtime", "torch-bf16", "--tolerance", 1)
    of_command = json.loads((tmp_path / "command" / "export.json").read_text())
    of_function = json.loads((tmp_path / "new" / "export.json").read_text())
    assert of_command["before"]["f1"] == of_function["before"]["f1"] == pytest.approx(report.before.f1)


def test_annotate(pipeline, tmp_path, capfd):
    (tmp_path / "texts.csv").write_text("text,topic\nKevin lives in Brooklyn,sport\nNobody came,none\n")
    totals = api.annotate(
        pipeline[0], tmp_path / "texts.csv", tmp_path / "function", format="jsonl", columns="topic", text=False
    )
    assert capfd.readouterr() == ("", "")
    assert (totals.documents, totals.errors) == (2, 0)
    arguments = (tmp_path / "texts.csv", "--output", tmp_path / "command", "--format", "jsonl", "--columns", "topic")
    run("annotate", pipeline[0], *arguments, "--no-text")
    (of_function,), (of_command,) = ((tmp_path / way).glob("*.jsonl") for way in ("function", "command"))
    assert of_function.read_text() == of_command.read_text()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: api.export("p", "out"), "The argument dev is missing. .*: dev="),
        (lambda: api.export("p", "out", to="zip"), "to='zip' is invalid. Allowed: pipeline, hf, onnx. "),
        (lambda: api.export("p", "out", to="hf", dev="d"), "not with to='hf'. Omit dev, or omit to"),
        (lambda: api.evaluate([], "data.spacy"), "No pipelines were passed. "),
        (lambda: api.evaluate("p", "data.spacy", displacy_limit=0), r"evaluate\(displacy_limit=0\) is invalid"),
        (lambda: api.evaluate("p", "data.spacy", seed=-1), r"evaluate\(seed=-1\) is invalid. Allowed: .* at least 0"),
        (lambda: api.annotate("p", "in", "out", shard_size=0), r"annotate\(shard_size=0\) is invalid. .* at least 1"),
        (lambda: api.annotate("p", "in", "out", engine="spark"), "spark"),
        (lambda: api.inspect("none.conll", examples=-1), r"inspect\(examples=-1\) is invalid"),
        (lambda: api.inspect([]), "inspect"),
        (lambda: api.convert("in", "out", seed="42"), r"convert\(seed='42'\) is invalid"),
    ],
)
def test_other_arguments_are_refused(call, message):
    with pytest.raises(BertNerError, match=message):
        call()


def test_errors_are_raised(tmp_path):
    with pytest.raises(CorpusError, match=r"none\.conll does not exist"):
        api.convert("none.conll", tmp_path)
    with pytest.raises(CorpusError, match="labels = 'per' is invalid. Allowed: null for all labels, or a list"):
        api.convert("none.conll", tmp_path, labels="per")
    with pytest.raises((ValueError, OSError)):
        api.calibrate(tmp_path / "none", tmp_path / "none.spacy")
