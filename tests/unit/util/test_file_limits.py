"""Test files and counts that would take endless time or memory to read. They are rejected in advance."""

import json
import os
import shutil

import pytest
import spacy
import torch
from safetensors.torch import load_file, save_file

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import BertNerError, CheckpointError
from spacy_bert_ner.util.file_limits import MOST_BYTES, check_counts, check_files, irregular_files
from spacy_bert_ner.util.pipelines import load

pytestmark = pytest.mark.faults


@pytest.fixture
def checkpoint(tagger, tmp_path):
    return shutil.copytree(tagger, tmp_path / "checkpoint")


@pytest.fixture
def pipeline(checkpoint, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(checkpoint)}})
    nlp("")
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json", "more"])
def test_what_is_no_file_in_a_checkpoint_is_refused(checkpoint, file, make):
    make(checkpoint / file)
    with pytest.raises(CheckpointError, match=rf"^{file} in .*checkpoint is a device, a pipe or a socket"):
        Checkpoint.from_pretrained(checkpoint)


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("file", ["bert_ner/model/model.safetensors", "bert_ner/sha256.json", "bert_ner/more"])
def test_what_is_no_file_in_a_component_is_refused(pipeline, file, make):
    make(pipeline / file)
    name = file.partition("/")[2]
    with pytest.raises(CheckpointError, match=rf"^{name} in .*bert_ner is a device"):
        spacy.load(pipeline)


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("file", ["config.cfg", "meta.json", "tokenizer", "vocab/strings.json", "bert_ner/cfg"])
def test_what_is_no_file_in_a_pipeline_is_refused(pipeline, file, make):
    make(pipeline / file)
    with pytest.raises(BertNerError, match=rf"^{file} in .*pipeline is a device"):
        load(pipeline)


def test_links_to_files_are_files(checkpoint):
    (checkpoint / "tokenizer.json").rename(checkpoint / "blob")
    (checkpoint / "tokenizer.json").symlink_to("blob")
    (checkpoint / "nowhere").symlink_to("none")
    assert irregular_files(checkpoint) == []
    Checkpoint.from_pretrained(checkpoint)


@pytest.mark.parametrize(("file", "kind"), [("config.json", "config.json"), ("vocab.json", "tokenizer.json")])
def test_json_that_is_too_large_is_not_read(checkpoint, file, kind):
    with (checkpoint / file).open("w") as opened:
        opened.truncate(MOST_BYTES[kind] + 1)  # the file is sparse
    with pytest.raises(CheckpointError, match=rf"^{file} of the checkpoint 'name' has [0-9,]+1 bytes. Allowed: "):
        check_files("name", checkpoint)


TAGS = {i: f"B-{i}" for i in range(4097)}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_labels": 10**9}, "has 1000000000 tags in num_labels. Allowed: at most 4096"),
        ({"id2label": TAGS}, "has 4097 tags in id2label"),
        ({"text_config": {"num_labels": 5000}}, "has 5000 tags in num_labels"),
        (
            {"num_hidden_layers": 200_000},
            "far too large for its weights: num_hidden_layers = 200000, but at most 1,000",
        ),
        ({"encoder_layers": 10**9}, "encoder_layers = 1000000000"),
        ({"n_layer": 10**9}, "n_layer = 1000000000"),
        ({"block_sizes": [4, 10**9]}, "block_sizes = 1000000000"),
        ({"num_local_experts": 10**9}, "num_local_experts = 1000000000"),
        ({"text_config": {"num_hidden_groups": 10**9}}, "num_hidden_groups = 1000000000"),
    ],
)
def test_counts_that_no_checkpoint_has_are_refused(config, message):
    with pytest.raises(CheckpointError, match=rf"^config.json of the checkpoint 'name' .*{message}"):
        check_counts("name", config)


def test_a_thousand_labels_are_allowed(checkpoint):
    check_counts("name", {"id2label": dict(list(TAGS.items())[:4001]), "num_labels": 4001, "num_hidden_layers": 1000})
    check_counts("name", {"layer_norm_eps": 1, "rope_theta": 10**9, "max_position_embeddings": 10**6, "a": [[10**9]]})


def test_empty_tensors_are_no_layers(checkpoint):
    weights = load_file(checkpoint / "model.safetensors")
    save_file(
        weights | {f"x{i}": torch.zeros(0) for i in range(900)}, checkpoint / "model.safetensors", {"format": "pt"}
    )
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 900}))
    n = len(weights)
    with pytest.raises(CheckpointError, match=rf"num_hidden_layers = 900, but the weights consist of only {n} tensors"):
        Checkpoint.from_pretrained(checkpoint)


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
def test_labels_without_end_in_cfg_are_refused(pipeline):
    cfg = json.loads((pipeline / "bert_ner" / "cfg").read_text())
    (pipeline / "bert_ner" / "cfg").write_text(json.dumps(cfg | {"added_labels": [f"x{i}" for i in range(10**5)]}))
    (pipeline / "bert_ner" / "sha256.json").write_text("{}")
    with pytest.raises(CheckpointError, match="cfg cannot be read: it is not a dictionary of valid learned values"):
        spacy.load(pipeline)


def put_in_config(pipeline, text):
    path = pipeline / "config.cfg"
    path.write_text(path.read_text() + text)


STEPS = [f"x{i} = {f'${{grows.x{i - 1}}}' * 10}" for i in range(1, 30)]
GROWING = "\n".join(["", "[grows]", "x0 = lol", *STEPS, ""])


def test_variables_that_grow_without_end_are_refused(pipeline):
    put_in_config(pipeline, GROWING)
    with pytest.raises(BertNerError, match=r"config.cfg .* more than 10,000,000 characters .*variables"):
        load(pipeline)


def test_variables_as_they_are_used_are_allowed(pipeline):
    put_in_config(pipeline, '\n[more]\na = "b"\nc = ${more.a}\nd = ${more.c}\n')
    assert load(pipeline).config.interpolate()["more"] == {"a": "b", "c": "b", "d": "b"}


def test_a_config_that_is_too_large_is_not_read(pipeline):
    with (pipeline / "config.cfg").open("a") as opened:
        opened.truncate(10_000_001)
    with pytest.raises(BertNerError, match=r"config.cfg .* more than 10,000,000 characters"):
        load(pipeline)
