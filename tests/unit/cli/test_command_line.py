"""Test what all commands have in common: help, version, exit codes, plain output, GPUs, progress bars and extras."""

import os
import pty
import re
import subprocess
import sys
from importlib.metadata import version
from io import StringIO

import pytest
import spacy
from fork_server import fast_python
from spacy.tokens import Doc, DocBin
from support import ROOT
from typer.main import get_command
from typer.testing import CliRunner
from wasabi import Printer

import spacy_bert_ner.cli as cli
from spacy_bert_ner.cli import _output
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.util import gpu

COMMANDS = get_command(cli.app).commands
IN_ORDER_OF_WORK = [
    *("inspect", "convert", "init", "train", "calibrate", "evaluate", "card", "export", "push"),
    *("annotate", "serve", "visualize"),
]
COMMANDS |= {f"init {name}": command for name, command in COMMANDS.pop("init").commands.items()}


def run(command, *arguments, **settings):
    arguments = [*str(command).split(" "), *map(str, arguments)]
    done = CliRunner(env={"COLUMNS": "80"}).invoke(cli.app, arguments, **settings)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.fixture
def data(tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, ["Mia", "slept"], ents=["B-per", "O"]) for _ in range(3)]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    return tmp_path / "test.spacy"


@pytest.fixture
def ruler(tmp_path):
    """Return the folder of a pipeline that finds one of the entities in `data`."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Mia"}])
    nlp.to_disk(tmp_path / "ruler")
    return tmp_path / "ruler"


# Help and version


def test_the_version_names_the_packages_that_matter():
    others = ", ".join(f"{name} {version(name.lower())}" for name in ("spaCy", "torch", "transformers"))
    assert run("--version") == (0, f"spacy-bert-ner {version('spacy-bert-ner')}\n{others}\n")


def test_the_commands_are_listed_in_the_order_of_work_with_a_line_each():
    code, output = run("-h")
    assert code == 0
    assert run("--help") == (0, output)
    lines = output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == IN_ORDER_OF_WORK
    assert all(len(line) <= 80 and line.endswith(".") and not line.endswith("...") for line in lines)
    assert "Show the versions and exit." in output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_short_option_for_help(command):
    code, output = run(command, "-h")
    assert code == 0
    assert run(command, "--help") == (0, output)


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("inspect", "FILES..."),
        ("convert", "INPUT OUTPUT_DIR"),
        ("init config", "OUT --train DATA --dev DATA --encoder NAME"),
        ("train", "(CONFIG|--recipe NAME)"),
        ("calibrate", "PIPELINE DATA"),
        ("evaluate", "PIPELINE... DATA"),
        ("card", "PIPELINE METRICS"),
        ("export", "PIPELINE OUTPUT (--dev DATA|--to FORMAT)"),
        ("push", "SOURCE OWNER/NAME"),
        ("annotate", "PIPELINE INPUTS... --output FOLDER"),
        ("serve", "PIPELINE"),
        ("visualize", "PIPELINES..."),
    ],
)
def test_the_usage_line_shows_what_is_required(command, usage):
    _, output = run(command, "-h")
    first = " ".join(output.partition("\n\n")[0].split())
    assert first.endswith(f"{command} {usage} [OPTIONS]")
    for param in COMMANDS[command].params:
        if param.required:
            name = param.opts[0] if param.opts[0].startswith("--") else param.metavar
            assert name in usage
    # The list of arguments uses the same names.
    arguments = output.partition("Arguments:\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"^  ([A-Z_.]+)", arguments, re.MULTILINE)) <= set(re.findall(r"[A-Z_.]+", usage))


# Exit codes

REFUSED = {
    "inspect": ["none.csv"],
    "convert": ["none.csv", "out"],
    "init config": ["out.cfg", "--train", "none.csv", "--dev", "none.csv", "--encoder", "none"],
    "train": ["{config}", "--training.max_steps", "1"],
    "calibrate": ["none", "none.spacy"],
    "evaluate": ["none", "none.spacy"],
    "card": ["none", "none.json"],
    "export": ["none", "out", "--dev", "none.spacy"],
    "push": ["none", "me/x"],
    "annotate": ["none", "none.txt", "--output", "out"],
    "serve": ["none"],
    "visualize": ["none"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_refuses_ends_with_1_and_a_message(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["spacy_bert_ner.cli.serve"], "find_spec", lambda name: None)  # no Ray
    (tmp_path / "config.cfg").write_text('[nlp]\nlang = "en"\npipeline = []\n\n[components]\n')
    code, output = run(command, *(part.format(config="config.cfg") for part in REFUSED[command]))
    assert code == 1, output
    assert "✘ " in output
    assert "Traceback" not in output


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("arguments", [[], ["--no-such-option"]])
def test_a_command_that_cannot_be_read_ends_with_2_and_its_usage(command, arguments):
    code, output = run(command, *arguments)
    assert code == 2
    assert output.startswith("Usage: ")
    assert "Error: " in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "{config}", "--none", "1"],
            "Invalid value for --none: no such option. Allowed: the options in --help",
        ),
        (["train", "{config}", "--address", "auto"], "--address requires --workers"),
        (["card", "a", "b", "--corpus", "c", "--guidelines", "d"], "cannot be combined with --guidelines"),
        (["export", "a", "b"], "Invalid value for --dev: the option is required"),
        (["export", "a", "b", "--to", "hf", "--dev", "c"], "are only allowed with --to pipeline"),
        (["evaluate", "a"], "Invalid value for PIPELINE... DATA: expected at least one pipeline"),
        (["annotate", "a", "b", "--output", "c", "--limit", "-1"], "Invalid value for '--limit'"),
    ],
)
def test_options_that_do_not_fit_end_with_2(arguments, message, tmp_path):
    (tmp_path / "c.cfg").touch()
    code, output = run(*(part.format(config=tmp_path / "c.cfg") for part in arguments))
    assert (code, message in " ".join(output.split())) == (2, True), output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "a", "b", "--to", "pdf"], "--to pdf is unknown. Allowed: pipeline, hf, onnx"),
        (["annotate", "a", "b", "--output", "c", "--engine", "spark"], "--engine spark is unknown"),
        (["convert", "a", "b", "--to", "pdf"], "--to = 'pdf' is invalid. Allowed: spacy, conll, jsonl, parquet"),
        (["evaluate", "a", "b", "--precision", "2"], "--precision 2.0 is invalid"),
    ],
)
def test_a_value_that_is_unknown_ends_with_1(arguments, message):
    code, output = run(*arguments)
    assert (code, message in " ".join(output.split())) == (1, True), output


@pytest.mark.parametrize("command", ["convert", "evaluate", "visualize"])
def test_an_interrupted_command_ends_with_130(command, ruler, data, monkeypatch):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("spacy_bert_ner.cli.convert.convert", interrupt)
    monkeypatch.setattr("spacy_bert_ner.evaluation.report.evaluate", interrupt)
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.subprocess.call", interrupt)
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.find_spec", lambda name: True)
    rest = {"convert": [data, "out"], "evaluate": [ruler, data], "visualize": [ruler]}[command]
    assert run(command, *rest)[0] == 130


def test_a_page_that_cannot_be_served_ends_with_1(ruler, monkeypatch):
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.find_spec", lambda name: True)
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.subprocess.call", lambda command: -11)
    assert run("visualize", ruler)[0] == 1


# Plain output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_no_escape_codes(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["spacy_bert_ner.cli.serve"], "find_spec", lambda name: None)
    (tmp_path / "config.cfg").write_text('[nlp]\nlang = "en"\npipeline = []\n\n[components]\n')
    # `color=True` lets Typer write colours although the output is not a terminal.
    _, output = run(command, *(part.format(config="config.cfg") for part in REFUSED[command]), color=True)
    assert "✘ " in output
    assert "\x1b" not in output


def test_headings_tables_and_results_have_no_escape_codes_in_a_pipe(ruler, data):
    code, output = run("evaluate", ruler, data, color=True)
    assert code == 0
    assert "\x1b" not in output
    assert re.search(rf"^=+ {re.escape(str(ruler))} =+$", output, re.MULTILINE)
    assert re.search(r"^per +1\.0000 +1\.0000 +1\.0000 ", output, re.MULTILINE)


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("no_color", "has_colour"), [(None, True), ("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_no_color_is_set(no_color, has_colour, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with _output.plain_output():
        _output.print_message("good", "done")
        _output.print_message("error", "failed", err=True)
        Printer().divider("of spaCy")
        sys.stdout.writelines(["\x1b[38;5;2mgreen\x1b[0m\n"])
    assert (sys.stdout, sys.stderr) == (out, err)
    assert ("\x1b" in out.getvalue(), "\x1b" in err.getvalue()) == (has_colour, has_colour)
    plain = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
    assert plain.startswith("✔ done\n")
    assert plain.endswith("green\n")


@pytest.mark.process
@pytest.mark.parametrize("no_color", ["", "1"])
def test_the_bytes_that_a_command_writes(no_color, ruler, data):
    command = [fast_python(), "-m", "spacy", "bert-ner", "evaluate", str(ruler), str(data)]
    environment = os.environ | {"NO_COLOR": no_color}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"\x1b" not in done.stdout + done.stderr
    # On a terminal, the heading is bold.
    own, its = pty.openpty()
    with subprocess.Popen(command, stdout=its, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(its)
        written = b""
        while process.poll() is None or not written.endswith(b"none\r\n"):
            try:
                written += os.read(own, 4096)
            except OSError:  # the other end is closed
                break
    os.close(own)
    assert b"Mistakes: none" in written
    assert (b"\x1b[1m" in written) is (no_color == "")


# GPUs


@pytest.mark.parametrize(
    "arguments",
    [
        ["calibrate", "{ruler}", "{data}", "--gpu-id", "0"],
        ["evaluate", "{ruler}", "{data}", "--gpu-id", "0"],
        ["annotate", "{ruler}", "{data}", "--output", "{out}", "--gpu-id", "0"],
        ["train", "{config}", "--gpu-id", "0"],
    ],
)
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ValueError("Cannot use GPU, CuPy is not installed"),
            "--gpu-id 0 requires CuPy, which is not installed. Install it for CUDA 12: pip install "
            "'spacy-bert-ner[cuda12x]'. Or use the CPU: --gpu-id -1",
        ),
        (
            RuntimeError("cudaErrorInvalidDevice: invalid device ordinal"),
            "--gpu-id 0 cannot be used: cudaErrorInvalidDevice: invalid device ordinal. Allowed: the ID of a GPU on "
            "this machine, such as 0, or -1 for the CPU. List the GPUs with nvidia-smi, or use the CPU: --gpu-id -1",
        ),
    ],
)
def test_a_gpu_that_cannot_be_used_is_refused(arguments, error, message, ruler, data, tmp_path, monkeypatch):
    def refuse(gpu_id):
        raise error

    monkeypatch.setattr("spacy.cli._util.require_gpu", refuse)
    (tmp_path / "c.cfg").touch()
    names = {"ruler": ruler, "data": data, "out": tmp_path / "out", "config": tmp_path / "c.cfg"}
    code, output = run(*(part.format(**names) for part in arguments))
    assert (code, message in " ".join(output.split())) == (1, True), output
    assert not (tmp_path / "out").exists()


def test_the_cpu_needs_nothing(monkeypatch):
    monkeypatch.setattr("spacy.cli._util.require_gpu", lambda gpu_id: pytest.fail("a GPU was asked for"))
    gpu.select_gpu(-1)


def test_a_gpu_is_selected_by_its_id(monkeypatch):
    selected = []
    monkeypatch.setattr("spacy.cli._util.require_gpu", selected.append)
    gpu.select_gpu(3)
    assert selected == [3]


# Progress


def test_a_bar_is_shown_for_each_pipeline_that_is_scored(ruler, data, monkeypatch):
    shown = []

    def bar(items, activity, total, **settings):
        shown.append((activity, total, settings["unit"], settings["delay"], settings["disable"]))
        return items

    monkeypatch.setattr(_output, "tqdm", bar)
    assert run("evaluate", ruler, data)[0] == 0
    assert shown == [(str(ruler), 3, " texts", 2, None)]


def test_a_bar_is_shown_for_calibrating_and_exporting(ruler, data, monkeypatch):
    """Test what the commands pass on. The tests of calibration and export check that it is called."""
    passed = {}

    def calibrate(folder, data, progress):
        passed["calibrate"] = progress
        return {}

    def export(folder, output, data, *, runtime, tolerance, progress):
        passed["export"] = progress
        raise BertNerError("it would be exported now")

    monkeypatch.setattr("spacy_bert_ner.pipeline.calibration.calibrate_pipeline", calibrate)
    monkeypatch.setattr("spacy_bert_ner.export.exporter.export_pipeline", export)
    assert run("calibrate", ruler, data)[0] == 0
    assert run("export", ruler, "out", "--dev", data)[0] == 1
    units = []
    monkeypatch.setattr(_output, "tqdm", lambda items, *_, unit, **__: units.append(unit) or items)
    assert [list(passed[name]("ab", "", 2)) for name in ("calibrate", "export")] == [["a", "b"], ["a", "b"]]
    assert units == [" texts", " runtimes"]


# Extras


def test_every_extra_in_a_message_exists_and_every_command_has_one():
    tomllib = pytest.importorskip("tomllib")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"annotate", "serve", "visualize", "export", "all", "cuda12x"} <= extras.keys()
    assert {"arrow", "onnx", "onnx-export", "page", "project", "report", "scale", "spacy-transformers"} <= extras.keys()
    texts = [
        path.read_text()
        for folder in ("spacy_bert_ner", "docs", "configs")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in {".py", ".md", ".cfg"}
    ]
    named = {name for text in texts for name in re.findall(r"spacy-bert-ner\[([\w-]+)\]", text)}
    assert {"annotate", "serve", "visualize", "export", "cuda12x"} <= named <= extras.keys()
