"""Test selecting a file in a folder: the split specified in `split.json`, or the only file."""

import json
from pathlib import Path

import pytest
from spacy.cli import app
from support import ROOT
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.splitting.part_file import (
    CALIBRATED_ON,
    COMPARED_ON,
    EVALUATED,
    TRAINED_ON,
    part_file,
    refuse_split,
    spacy_files,
)
from spacy_bert_ner.errors import CorpusError


def make(folder: Path, *names: str, **parts: object) -> Path:
    """Create a folder with empty files. If splits are passed, also write a `split.json` that maps them to files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    if parts:
        record = {"parts": {part: {"file": file} for part, file in parts.items()}}
        (folder / "split.json").write_text(json.dumps(record))
    return folder


THREE = ("dev.spacy", "test.spacy", "train.spacy")
NAMED = {"train": "train.spacy", "dev": "dev.spacy", "test": "test.spacy"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [(EVALUATED, "test"), (TRAINED_ON, "train"), (CALIBRATED_ON, "dev"), (COMPARED_ON, "dev")],
)
def test_the_part_that_split_json_names_is_taken(tmp_path, part, expected):
    sentences = "\n\n".join(f"word{i} O" for i in range(10))
    (tmp_path / "a.conll").write_text(sentences)
    convert(tmp_path / "a.conll", tmp_path / "corpus", split="60/20/20")
    assert part_file(tmp_path / "corpus", part) == tmp_path / "corpus" / f"{expected}.spacy"


def test_a_file_and_what_is_not_there_stay_as_they_are(tmp_path):
    make(tmp_path, *THREE, **NAMED)
    for path in (tmp_path / "train.spacy", tmp_path / "none.spacy"):
        assert part_file(path, EVALUATED) == path


@pytest.mark.parametrize("name", ["mine.spacy", "deep/er/mine.spacy"])
def test_the_only_file_is_taken(tmp_path, name):
    make(tmp_path, name, ".hidden.spacy", ".hidden/a.spacy", "notes.txt")
    assert part_file(tmp_path, EVALUATED) == tmp_path / name


def test_several_files_are_refused_by_name(tmp_path):
    folder = make(tmp_path / "my data", *THREE, "more/a.spacy")
    with pytest.raises(CorpusError) as caught:
        part_file(folder, EVALUATED)
    listed = ", ".join(f"{folder}/{name}" for name in ("dev.spacy", "more/a.spacy", "test.spacy", "train.spacy"))
    assert str(caught.value) == (
        f"{folder} contains these .spacy files: {listed}. The folder contains no split.json that identifies "
        "the test split. "
        "Allowed: one file. Specify which file to use: python -m spacy bert-ner evaluate PIPELINE "
        f"'{folder}/test.spacy'"
    )


def test_of_many_files_the_first_are_named(tmp_path):
    make(tmp_path, *(f"{i:02}.spacy" for i in range(12)))
    with pytest.raises(CorpusError, match=r"06.spacy, \S+07.spacy and 4 more\. .*evaluate PIPELINE \S+00.spacy$"):
        part_file(tmp_path, EVALUATED)


def test_a_split_without_the_part_is_refused(tmp_path):
    """Test that even a single file is rejected if it is a different split."""
    make(tmp_path, "dev.spacy", "train.spacy", train="train.spacy", dev="dev.spacy")
    message = r"Its split.json does not contain the split test\. It contains only these splits: train, dev\. .*"
    message += r"evaluate PIPELINE \S+/dev.spacy$"
    with pytest.raises(CorpusError, match=message):
        part_file(tmp_path, EVALUATED)
    (tmp_path / "dev.spacy").unlink()
    with pytest.raises(
        CorpusError, match=r"contains these .spacy files: \S+/train.spacy\. Its split.json does not contain"
    ):
        part_file(tmp_path, EVALUATED)


def test_a_part_that_is_gone_is_refused(tmp_path):
    make(tmp_path, "train.spacy", "sub/test.spacy", **NAMED)
    message = (
        "Its split.json specifies test.spacy as the test split, but the folder does "
        r"not contain this file\. Allowed: one file"
    )
    with pytest.raises(CorpusError, match=message):
        part_file(tmp_path, EVALUATED)


@pytest.mark.parametrize("parts", [{}, {"train": "train.jsonl", "test": "test.jsonl"}])
def test_a_folder_without_spacy_files_is_refused(tmp_path, parts):
    make(tmp_path, "train.jsonl", "test.jsonl", **parts)
    with pytest.raises(CorpusError, match=r"contains no .spacy file\. .*calibrate PIPELINE OUTPUT_DIR/dev.spacy$"):
        part_file(tmp_path, CALIBRATED_ON)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"parts": 3}',
        b'{"parts": {"test": {}}}',
        b'{"parts": {"test": "train.spacy"}}',
        b'{"parts": {"test": {"file": ["train.spacy"]}}}',
        b'{"parts": {"test": {"file": "../test.spacy"}}}',
        b'{"parts": {"test": {"file": "/test.spacy"}}}',
        b"[" * 100_000,
    ],
)
def test_a_split_json_that_is_not_ours_tells_nothing(tmp_path, content):
    folder = make(tmp_path / "corpus", "train.spacy")
    make(tmp_path, "test.spacy")
    (folder / "split.json").write_bytes(content)
    assert part_file(folder, EVALUATED) == folder / "train.spacy"
    make(folder, "test.spacy")
    with pytest.raises(CorpusError, match=r"The folder contains no split.json that identifies the test split"):
        part_file(folder, EVALUATED)


@pytest.mark.parametrize("place", ["", "deep/er"])
def test_parts_of_one_split_are_no_corpus(tmp_path, place):
    folder = make(tmp_path / place, *THREE, **NAMED)
    with pytest.raises(CorpusError) as caught:
        refuse_split(tmp_path)
    train, dev, test = (folder / f"{name}.spacy" for name in ("train", "dev", "test"))
    assert str(caught.value) == (
        f"{tmp_path} contains several splits of one corpus, which would be read as one split: {train}, {dev}, "
        f"{test}. "
        f"Allowed: one file per split. Specify the files: --paths.train {train} --paths.dev {dev}"
    )


def test_other_folders_are_a_corpus(tmp_path):
    refuse_split(make(tmp_path / "several", *THREE))
    refuse_split(make(tmp_path / "one part", "train.spacy", "more.spacy", **NAMED))
    refuse_split(make(tmp_path / "others", "a/train.spacy", "b/dev.spacy", **NAMED))
    refuse_split(tmp_path / "none")
    assert spacy_files(tmp_path / "others") == [tmp_path / "others/a/train.spacy", tmp_path / "others/b/dev.spacy"]


@pytest.mark.parametrize("key", ["train", "dev"])
def test_training_on_all_parts_of_a_split_is_refused(tmp_path, key):
    """Test the recipe, which uses spaCy's own reader. The check must not depend on the reader."""
    corpus = make(tmp_path / "corpus", *THREE, **NAMED)
    paths = {"train": corpus / "train.spacy", "dev": corpus / "dev.spacy"} | {key: corpus}
    options = [part for name, path in paths.items() for part in (f"--paths.{name}", str(path))]
    line = ["bert-ner", "train", str(ROOT / "configs" / "bert_ner.cfg"), "--output", str(tmp_path / "out"), *options]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 1, done.output
    assert "corpus contains several splits of one corpus, which would be read as one split: " in " ".join(
        done.output.split()
    )
    assert not (tmp_path / "out").exists()
