"""Test that a process killed while writing leaves either all of the old files or all of the new files."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from fork_server import fast_python
from killing import BEGIN
from spacy.tokens import DocBin

from spacy_bert_ner.export.exporter import export_pipeline

pytestmark = pytest.mark.process

TEXT = "Kevin Durant lives in New York ."

PATCHES = """
from spacy_bert_ner.checkpoints import checkpoint
from spacy_bert_ner.export import exporter as export
from spacy_bert_ner.pipeline import serialization as saving
from spacy_bert_ner.util import atomic_io as files

def half_deleted(folder, **options):
    next(path for path in Path(folder).rglob("*") if path.is_file()).unlink()
    kill()
"""

SAVE = """
import spacy
nlp = spacy.load(sys.argv[1])
nlp.get_pipe("bert_ner").cfg["temperature"] = 2.0
{kill}
nlp.get_pipe("bert_ner").to_disk(Path(sys.argv[1], "bert_ner"))
"""

EXPORT = """
{kill}
export.export_pipeline(*map(Path, sys.argv[1:]), runtime="torch-bf16", tolerance=1.0)
"""

CONVERT = """
import runpy
{kill}
sys.argv = ["spacy", "bert-ner", "convert", *sys.argv[1:]]
runpy.run_module("spacy", run_name="__main__")
"""


def killed(program: str, kill: str, *arguments: Path) -> None:
    """Run a program that kills itself at the given moment."""
    code = BEGIN + PATCHES + program.format(kill=kill)
    run = subprocess.run([fast_python(), "-W", "ignore", "-c", code, *map(str, arguments)], timeout=120)
    assert run.returncode == -signal.SIGKILL


@pytest.fixture
def pipeline(tagger, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp("")
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture
def dev(pipeline, tmp_path):
    """Return gold data that contains the pipeline's own predictions."""
    doc = spacy.load(pipeline)(TEXT)
    assert doc.ents
    DocBin(docs=[doc]).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "dev.spacy"


SAVING = {
    "before anything is written": ("type(nlp.get_pipe('bert_ner'))._load_to_save = kill", 1.0),
    "with half of the weights": ("checkpoint.Checkpoint.save = half_weights", 1.0),
    "before the tokenizer": ("checkpoint.Checkpoint.save_tokenizer = kill", 1.0),
    "before the sums": ("saving.write_sums = kill", 1.0),
    "with the sums": ("saving.write_sums = after(saving.write_sums)", 1.0),
    "while files are flushed": ("files._flush = at_call(5, files._flush)", 1.0),
    "before names are exchanged": ("files._exchange = kill", 1.0),
    "after names are exchanged": ("files._exchange = after(files._exchange)", 2.0),
    "with half of the old files deleted": ("files.shutil.rmtree = half_deleted", 2.0),
}


@pytest.mark.skipif(sys.platform != "linux", reason="others cannot exchange names in one step")
@pytest.mark.parametrize("moment", SAVING)
def test_saving(pipeline, moment):
    kill, temperature = SAVING[moment]
    killed(SAVE, kill, pipeline)
    nlp = spacy.load(pipeline)
    assert nlp.get_pipe("bert_ner").cfg["temperature"] == temperature
    assert len(nlp(TEXT)) == 7
    nlp.to_disk(pipeline)
    assert [path.name for path in pipeline.iterdir() if path.name.startswith(".")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("limit", [0, 300, 20_000])
def test_saving_where_there_is_no_room(pipeline, limit):
    """Test a file size limit that, like a full disk, blocks all files, some files, or only the weights."""
    before = {path: path.read_bytes() for path in pipeline.rglob("*") if path.is_file()}
    no_room = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    code = BEGIN + SAVE.format(kill=no_room)
    command = [fast_python(), "-W", "ignore", "-c", code, str(pipeline)]
    run = subprocess.run(command, timeout=120, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1
    assert "File too large" in run.stderr
    assert {path: path.read_bytes() for path in pipeline.rglob("*") if path.is_file()} == before
    assert [path.name for path in pipeline.iterdir() if path.name.startswith(".")] == []


EXPORTING = {
    "before it is measured": "export._evaluate = kill",
    "before the pipeline is written": "saving.SerializablePipe.to_disk = kill",
    "before the report": "export._write_report = kill",
    "while files are flushed": "files._flush = at_call(8, files._flush)",
}


@pytest.mark.parametrize("moment", EXPORTING)
@pytest.mark.parametrize("is_there", [False, True])
def test_exporting(pipeline, dev, tmp_path, moment, is_there):
    output = tmp_path / "out"
    if is_there:
        export_pipeline(pipeline, output, dev, runtime="torch-bf16", tolerance=1.0)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    killed(EXPORT, EXPORTING[moment], pipeline, output, dev)
    assert output.exists() == is_there
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
    export_pipeline(pipeline, output, dev, runtime="torch-bf16", tolerance=1.0)
    spacy.load(output)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


CONVERTING = {
    "before a file is flushed": "files._flush = kill",
    "before it gets its name": "Path.replace = kill",
}


@pytest.mark.parametrize("moment", CONVERTING)
def test_converting(tmp_path, moment):
    source, output = tmp_path / "train.jsonl", tmp_path / "corpus"
    source.write_text(json.dumps({"text": TEXT, "entities": [{"start": 0, "end": 12, "label": "per"}]}) + "\n")
    output.mkdir()
    (output / "train.spacy").write_bytes(b"old")
    killed(CONVERT, CONVERTING[moment], source, output)
    assert (output / "train.spacy").read_bytes() == b"old"
    subprocess.run([fast_python(), "-m", "spacy", "bert-ner", "convert", str(source), str(output)], check=True)
    assert [path.name for path in output.iterdir()] == ["train.spacy"]
    docs = list(DocBin().from_disk(output / "train.spacy").get_docs(spacy.blank("en").vocab))
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == [("Kevin Durant", "per")]
