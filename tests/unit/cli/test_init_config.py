"""Test the command `init config`: what it prints, what it passes on, and what it refuses."""

import pytest
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_bert_ner.cli import spacy_app as app

ROWS = "Kevin;B-per\nplays;O\nin;O\nNew;B-geo\nYork;I-geo\n\nNobody;O\ncame;O\n"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.conll"
    path.write_text(ROWS.replace(";", " "), encoding="utf8")
    return path


def init(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "init", "config", *map(str, arguments)])
    return done.exit_code, done.output


def test_it_writes_a_config_and_prints_ten_lines(data, encoder, tmp_path):
    out = tmp_path / "c.cfg"
    code, output = init(out, "--train", data, "--dev", data, "--encoder", encoder, "--lang", "de", "--gpu")
    assert code == 0, output
    lines = output.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "ℹ Training data",
        "ℹ Dev data",
        "ℹ Encoder",
        "ℹ Learning rate",
        "ℹ Layers",
        "ℹ Steps",
        "ℹ Windows",
        "ℹ Case",
        "✔ Written",
        "ℹ Next",
    ]
    assert lines[-1] == f"ℹ Next: python -m spacy bert-ner train {out} --output training --gpu-id 0"
    config = load_config(out)
    assert (config["nlp"]["lang"], config["system"]["gpu_allocator"]) == ("de", "pytorch")
    assert config["paths"]["train"] == config["paths"]["dev"] == str(data)


def test_options_for_reading_are_passed_on_and_written(data, encoder, tmp_path):
    options = ["--column", 2, "--tag-scheme", "IOB2", "--labels", "loc", "--label-map", "geo=loc", "--skip-invalid", 3]
    code, output = init(tmp_path / "c.cfg", "--train", data, "--dev", data, "--encoder", encoder, *options)
    assert code == 0, output
    assert "1 entity (loc 1)" in output
    for part in ("train", "dev"):
        reader = load_config(tmp_path / "c.cfg", interpolate=False)["corpora"][part]
        expected = {"column": 2, "tag_scheme": "IOB2", "labels": ["loc"], "label_map": {"geo": "loc"}}
        assert {key: reader[key] for key in expected} == expected
        assert (reader["skip_invalid"], reader["format"], reader["misaligned"]) == (3, "auto", "error")


@pytest.mark.parametrize("missing", ["--train", "--dev", "--encoder"])
def test_each_of_three_options_is_required(data, encoder, tmp_path, missing):
    options = {"--train": data, "--dev": data, "--encoder": encoder}
    del options[missing]
    code, output = init(tmp_path / "c.cfg", *(part for pair in options.items() for part in pair))
    assert code == 2
    assert f"Missing option '{missing}'" in output
    assert not (tmp_path / "c.cfg").exists()


def test_a_refusal_says_what_to_do(data, encoder, tmp_path):
    out = tmp_path / "c.cfg"
    code, output = init(out, "--train", tmp_path / "none.conll", "--dev", data, "--encoder", encoder)
    assert code == 1
    assert output.startswith(f"✘ No config was written\n{tmp_path / 'none.conll'} does not exist. Check the spelling")
    out.write_text("mine")
    code, output = init(out, "--train", data, "--dev", data, "--encoder", encoder)
    assert code == 1
    assert output == (
        f"✘ No config was written\n{out} already exists. Nothing was overwritten. Specify another file, or overwrite "
        "this one: --force\n"
    )
    assert init(out, "--train", data, "--dev", data, "--encoder", encoder, "--force")[0] == 0
