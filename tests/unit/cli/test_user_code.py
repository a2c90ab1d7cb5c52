"""Test `--code` with every command: it imports a Python file that registers functions for pipelines and configs."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.tokens import DocBin
from typer.main import get_command
from typer.testing import CliRunner

import spacy_bert_ner.cli as cli
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.util.pipelines import load
from spacy_bert_ner.util.user_code import import_code, import_source

COMMANDS = sorted({*get_command(cli.app).commands} - {"init"} | {"init config"})


def write_code(path, name):
    """Write a file that registers a tokenizer which only splits at commas, and save a pipeline that uses it."""
    path.write_text(
        "import spacy\n"
        "from spacy.tokens import Doc\n"
        "from spacy.tokenizer import Tokenizer\n"
        f"@spacy.registry.tokenizers('{name}')\n"
        "def make():\n"
        "    class Commas(Tokenizer):\n"
        "        def __call__(self, text):\n"
        "            words = text.split(',')\n"
        "            return Doc(self.vocab, words, [False] * len(words))\n"
        "    return lambda nlp: Commas(nlp.vocab)\n"
    )
    folder = path.with_name("pipeline")
    spacy.blank("en").to_disk(folder)
    config = (folder / "config.cfg").read_text()
    (folder / "config.cfg").write_text(config.replace("spacy.Tokenizer.v1", name))
    return folder


def run(*arguments):
    done = CliRunner().invoke(cli.app, list(map(str, arguments)))
    return done.exit_code, done.output


def test_there_are_commands():
    assert {"annotate", "calibrate", "card", "convert", "evaluate", "export"} <= set(COMMANDS)
    assert {"inspect", "push", "serve", "train", "visualize"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_imports_the_file_first(command, tmp_path):
    code, output = run(*command.split(), "--code", tmp_path / "none.py")
    assert code == 1
    assert f"--code {tmp_path / 'none.py'} does not exist. Specify a Python file with registered functions" in output


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("functions.txt", "", r"functions\.txt is not a Python file\. Allowed: a file whose name ends in \.py"),
        ("functions.py", "import none_of_tests", r"cannot be imported: ModuleNotFoundError: No module named 'none_of_"),
        ("functions.py", "x = (", r"functions\.py cannot be imported: SyntaxError"),
    ],
)
def test_what_cannot_be_imported_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(BertNerError, match=message):
        import_code(tmp_path / name)
    with pytest.raises(BertNerError, match="does not exist"):
        import_code(tmp_path)


def test_a_pipeline_whose_functions_are_in_the_file_is_annotated(tmp_path):
    pytest.importorskip("pyarrow")
    folder = write_code(tmp_path / "functions.py", "tests_annotated.v1")
    (tmp_path / "in.txt").write_text("a b,c\n")
    line = ("annotate", folder, tmp_path / "in.txt", "--output")
    code, output = run(*line, tmp_path / "without")
    assert (code, "tests_annotated.v1" in output) == (1, True)
    code, output = run(*line, tmp_path / "out", "--code", tmp_path / "functions.py")
    assert code == 0, output
    assert "1 documents, 2 words" in " ".join(output.split())


def test_annotating_does_not_go_on_with_another_file(tmp_path):
    pytest.importorskip("pyarrow")
    folder = write_code(tmp_path / "functions.py", "tests_resumed.v1")
    (tmp_path / "in.txt").write_text("a b,c\n")
    line = ("annotate", folder, tmp_path / "in.txt", "--output", tmp_path / "out", "--code", tmp_path / "functions.py")
    assert run(*line)[0] == 0
    assert len(json.loads((tmp_path / "out" / "manifest.json").read_text())["code"]) == 64
    assert run(*line, "--resume")[0] == 0
    with (tmp_path / "functions.py").open("a") as file:
        file.write("# changed\n")
    code, output = run(*line, "--resume")
    assert code == 1
    assert "belongs to another job. These entries in its manifest.json differ: code." in " ".join(output.split())


def test_an_actor_imports_the_content_before_it_opens_the_pipeline(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from spacy_bert_ner.annotate.ray_engine import Actor, RayOptions, packed
    from spacy_bert_ner.annotate.sharding import Columns
    from spacy_bert_ner.annotate.worker import AnnotationJob

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda one: one))
    monkeypatch.setattr("torch.set_num_threads", lambda n: None)
    folder = write_code(tmp_path / "functions.py", "tests_actor.v1")
    work = AnnotationJob(str(tmp_path / "out"), None, Columns(), "jsonl", True, None)
    with pytest.raises(BertNerError, match=r"tests_actor\.v1"):
        Actor(packed(str(folder)), work, RayOptions())
    work = AnnotationJob(
        *[getattr(work, name) for name in list(work.__dict__)[:-1]], (tmp_path / "functions.py").read_bytes()
    )
    actor = Actor(packed(str(folder)), work, RayOptions())
    assert [token.text for token in actor.worker.nlp("a b,c")] == ["a b", "c"]


def test_content_that_cannot_be_imported_is_an_error():
    with pytest.raises(BertNerError, match="cannot be imported: ZeroDivisionError"):
        import_source(b"1 / 0")


def test_a_worker_of_a_training_imports_the_file_of_its_order(tmp_path, monkeypatch):
    from spacy_bert_ner.training import ray_launcher as on_ray
    from spacy_bert_ner.training.run import TrainingJob

    folder = write_code(tmp_path / "functions.py", "tests_trained.v1")
    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr(on_ray, "train", lambda job, stop: opened.append(load(folder)))
    job = TrainingJob(tmp_path / "config.cfg", None, code=(tmp_path / "functions.py").relative_to(tmp_path))
    on_ray._work({"job": job, "stop_file": str(tmp_path / "stop"), "cwd": str(tmp_path)})
    assert len(opened) == 1


def test_the_page_imports_the_file(tmp_path, monkeypatch):
    testing = pytest.importorskip("streamlit.testing.v1")
    folder = write_code(tmp_path / "functions.py", "tests_page.v1")
    called = []
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.subprocess.call", lambda command: called.append(command) or 0)
    assert run("visualize", folder, "--code", tmp_path / "functions.py")[0] == 0
    options = called[0][called[0].index("--") + 1 :]
    assert options == ["--code", str(tmp_path / "functions.py"), str(folder)]
    app = Path(cli.__file__).parents[1] / "demo" / "app.py"
    monkeypatch.setattr(sys, "argv", [str(app), *options])
    page = testing.AppTest.from_file(str(app), default_timeout=60).run()
    assert not page.exception
    assert not page.error


def test_a_server_is_given_the_file_by_its_whole_path(tmp_path, monkeypatch):
    """Test the server without Ray, which is slow to import."""
    folder = write_code(tmp_path / "functions.py", "tests_served.v1")
    monkeypatch.chdir(tmp_path)
    built = []

    def read_token(variable):
        load(folder)  # this requires the registered functions
        raise BertNerError("it would be served now")

    fake = SimpleNamespace(build=lambda args, options: built.append(args))
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(serve=None))
    monkeypatch.setitem(sys.modules, "spacy_bert_ner.serving.app", fake)
    monkeypatch.setattr("spacy_bert_ner.serving.server.read_token", read_token)
    monkeypatch.setattr(sys.modules["spacy_bert_ner.cli.serve"], "find_spec", lambda name: True)
    code, output = run("serve", folder, "--code", "functions.py")
    assert (code, "it would be served now" in output) == (1, True)
    assert built == [{"pipeline": str(folder), "code": str(tmp_path / "functions.py")}]


def test_data_of_a_language_of_ones_own_is_converted(tmp_path):
    (tmp_path / "functions.py").write_text(
        "import spacy\n"
        "from spacy.language import Language\n"
        "@spacy.registry.languages('xtests')\n"
        "class Own(Language):\n"
        "    lang = 'xtests'\n"
    )
    (tmp_path / "a.conll").write_text("Mia\tB-per\nslept\tO\n")
    line = ("convert", tmp_path / "a.conll", tmp_path / "corpus", "--lang", "xtests")
    assert run(*line)[0] == 1
    code, output = run(*line, "--code", tmp_path / "functions.py")
    assert code == 0, output
    assert len(DocBin().from_disk(tmp_path / "corpus" / "a.spacy")) == 1
