"""Test that a broken pipeline folder causes one clear error before any part is used, and that existing files are kept.

The first tests keep the checksums that `to_disk` writes. The later tests use empty checksums, as if the files had been
assembled manually. In that case, the loaders must detect the faults.
"""

import gc
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from safetensors.numpy import load_file, save_file

from spacy_bert_ner.errors import BertNerError, CheckpointError
from spacy_bert_ner.util.checksums import SUMS

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("few_exceptions")]

TEXT = "Kevin Durant lives in New York ."


@pytest.fixture(scope="module")
def saved(tagger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "pipeline"
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp("")
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """Return the component's folder in a copy of the pipeline."""
    return shutil.copytree(saved, tmp_path / "pipeline") / "bert_ner"


def load(folder):
    return spacy.load(folder.parent)


def write(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def flip(place):
    def damage(folder, name):
        content = bytearray((folder / name).read_bytes())
        content[int(place * (len(content) - 1))] ^= 1
        write(folder, name, bytes(content))

    return damage


def remove(folder, name):
    (folder / name).unlink()


def cut(folder, name):
    write(folder, name, (folder / name).read_bytes()[:-10])


def empty(folder, name):
    write(folder, name, b"")


def make_folder(folder, name):
    remove(folder, name)
    (folder / name).mkdir()


FILES = ["cfg", "model/config.json", "model/model.safetensors", "model/tokenizer.json", "model/tokenizer_config.json"]
DAMAGES = {
    "the first byte": (flip(0), "has a different checksum"),
    "a byte in the middle": (flip(0.5), "has a different checksum"),
    "the last byte": (flip(1), "has a different checksum"),
    "cut off": (cut, "has a different checksum"),
    "empty": (empty, "has a different checksum"),
    "removed": (remove, "is missing"),
    "a folder": (make_folder, "is missing"),
}


def test_what_is_saved_loads_without_a_warning(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files >= {*FILES, SUMS}  # transformers 4 writes more files
    assert set(json.loads((folder / SUMS).read_text())) == files - {SUMS}
    load(folder)(TEXT)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_as_it_was_saved_is_named(folder, name, damage):
    do, message = DAMAGES[damage]
    do(folder, name)
    with pytest.raises(CheckpointError, match=rf"bert_ner differ from those that were saved: {name} {message}\. Copy"):
        load(folder)


def test_weights_of_another_pipeline_are_named(folder, saved, tmp_path):
    weights = load_file(folder / "model" / "model.safetensors")
    save_file({key: value + 1 for key, value in weights.items()}, folder / "model" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"saved: model/model.safetensors has a different checksum\. Copy"):
        load(folder)


@pytest.mark.parametrize("name", ["model/pytorch_model.bin", "model/added_tokens.json", "more"])
def test_a_file_that_was_added_is_named(folder, name):
    write(folder, name, "{}")
    with pytest.raises(CheckpointError, match=rf"saved: {name} was added\. Copy"):
        load(folder)


def test_files_of_desktops_do_not_matter(folder):
    write(folder, "model/.DS_Store", "")
    load(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"cfg": 1}', '{"cfg": "0"}', b"\xff\xfe", "[" * 100_000, "null"])
@pytest.mark.usefixtures("no_collection")
def test_sums_that_cannot_be_read(folder, content):
    write(folder, SUMS, content)
    with pytest.raises(CheckpointError, match=r"sha256.json cannot be read: .* Copy the pipeline again"):
        load(folder)


def test_sums_never_lead_out_of_the_folder(folder):
    sums = json.loads((folder / SUMS).read_text()) | {"../meta.json": "0" * 64}
    write(folder, SUMS, json.dumps(sums))
    with pytest.raises(CheckpointError, match=r"saved: \.\./meta.json is missing"):
        load(folder)


@pytest.mark.parametrize("other", [None, "cfg", "model/tokenizer.json", "model/tokenizer_config.json"])
def test_without_sums_a_copy_may_lack_files_and_is_refused(folder, other):
    """Test a copy with missing files.

    Transformers loads without some of these files, or substitutes defaults for them.
    """
    remove(folder, SUMS)
    if other:
        remove(folder, other)
    with pytest.raises(CheckpointError, match=r"bert_ner has no sha256.json, .*Copy the pipeline .*write {} to"):
        load(folder)


def test_with_sums_of_nothing_there_is_a_warning(folder):
    write(folder, SUMS, "{}")
    with pytest.warns(UserWarning, match=r"sha256.json in .*bert_ner lists no files, .* save the pipeline again: nlp"):
        nlp = load(folder)
    nlp.to_disk(folder.parent)
    load(folder)


def test_what_is_excluded_is_not_looked_at_and_stays(folder):
    empty(folder, "model/model.safetensors")
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("bert_ner")
    pipe.from_disk(folder, exclude=["model", "vocab"])
    before = (folder / "model" / "config.json").read_bytes()
    pipe.cfg["temperature"] = 2.0
    pipe.to_disk(folder, exclude=["model", "vocab"])
    assert json.loads((folder / "cfg").read_text())["temperature"] == 2.0
    assert (folder / "model" / "config.json").read_bytes() == before


def change(name, **changes):
    def do(folder):
        content = json.loads((folder / name).read_text())
        write(folder, name, json.dumps(content | changes))

    return do


def put(name, content):
    return lambda folder: write(folder, name, content)


def with_header(header):
    """Return a function that replaces the header of the weights file."""

    def do(folder):
        content = header if isinstance(header, bytes) else json.dumps(header).encode()
        write(folder, "model/model.safetensors", struct.pack("<Q", len(content)) + content + bytes(64))

    return do


def weights(alter):
    def do(folder):
        path = folder / "model" / "model.safetensors"
        save_file(alter(load_file(path)), path, metadata={"format": "pt"})

    return do


def only_pickles(folder):
    (folder / "model" / "model.safetensors").rename(folder / "model" / "pytorch_model.bin")


def sharded(file):
    def do(folder):
        remove(folder, "model/model.safetensors")
        write(folder, "model/model.safetensors.index.json", json.dumps({"metadata": {}, "weight_map": {"a": file}}))

    return do


CONFIG, TOKENIZER = "model/config.json", "model/tokenizer.json"
NO_VALUES = "cfg cannot be read: it is not a dictionary of valid learned values"
CANNOT = r"cannot be loaded: "
LARGE = r"config.json of the checkpoint .* describes a model that is far too large for its weights: "
BROKEN = {
    "weights, cut off": (lambda folder: cut(folder, "model/model.safetensors"), CANNOT),
    "weights, empty": (put("model/model.safetensors", b""), CANNOT),
    "weights, missing": (lambda folder: remove(folder, "model/model.safetensors"), CANNOT),
    "weights, no header": (put("model/model.safetensors", b"x" * 64), CANNOT),
    "weights, a header of exabytes": (put("model/model.safetensors", b"\xff" * 8 + b"{}"), CANNOT),
    "weights, a header that is a list": (with_header([1, 2]), CANNOT),
    "weights, offsets outside": (
        with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 1 << 40]}}),
        CANNOT,
    ),
    "weights, offsets that overlap": (
        with_header({k: {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]} for k in "ab"}),
        CANNOT,
    ),
    "weights, of another shape": (
        weights(lambda w: {k: v[..., :1] for k, v in w.items()}),
        "does not match the shapes",
    ),
    "weights, one missing": (
        weights(lambda w: {k: v for k, v in w.items() if "layer.0.output.dense.weight" not in k}),
        "lacks some weights of its encoder",
    ),
    "weights, no head": (weights(lambda w: {k: v for k, v in w.items() if "classifier" not in k}), "is an encoder"),
    "weights, pickled": (only_pickles, r"are in pytorch_model\.bin, which can run code"),
    "weights, elsewhere": (
        sharded("../../../secret.safetensors"),
        r"refers to '\.\./\.\./\.\./secret\.safetensors', which is not a safetensors file in the checkpoint's folder",
    ),
    "weights, at an absolute path": (
        sharded("/etc/secret.safetensors"),
        r"refers to '/etc/secret\.safetensors', which is not a safetensors file in the checkpoint's folder",
    ),
    "weights, elsewhere on Windows": (
        sharded("..\\secret.safetensors"),
        r"refers to '\.\.\\secret\.safetensors', which is not a safetensors file in the checkpoint's folder",
    ),
    "weights, pickled, in an index": (
        sharded("pytorch_model.bin"),
        r"refers to 'pytorch_model\.bin', which is not a safetensors file in the checkpoint's folder",
    ),
    "weights, named by the config": (
        change(CONFIG, transformers_weights="../other.safetensors"),
        r"config.json of the checkpoint .* refers to '\.\./other\.safetensors', which is not a safetensors file in ",
    ),
    "weights, pickled, named by the config": (
        change(CONFIG, transformers_weights="adapter_model.bin"),
        r"config.json of the checkpoint .* refers to 'adapter_model\.bin', which is not a safetensors file in ",
    ),
    "weights, and an adapter": (put("model/adapter_config.json", "{}"), "contains an adapter"),
    "config, empty": (put(CONFIG, ""), CANNOT),
    "config, a list": (put(CONFIG, "[]"), CANNOT),
    "config, not JSON": (put(CONFIG, "{"), CANNOT),
    "config, of an unknown kind": (change(CONFIG, model_type="no-such-model"), CANNOT),
    "config, with code": (
        change(CONFIG, auto_map={"AutoModel": "code.Model"}),
        "requires custom code, which is never run: config.json",
    ),
    "tokenizer config, with code": (
        change("model/tokenizer_config.json", auto_map={"AutoTokenizer": ["code.Tokenizer", None]}),
        "requires custom code, which is never run: tokenizer_config.json",
    ),
    "config, 10^12 weights": (change(CONFIG, vocab_size=10**11), LARGE + "[0-9,]{15,} weights"),
    "config, 10^9 layers": (change(CONFIG, num_hidden_layers=10**9), LARGE + "num_hidden_layers = 1000000000"),
    "config, a width of 10^12": (change(CONFIG, intermediate_size=10**12), LARGE),
    "config, a negative width": (change(CONFIG, intermediate_size=-1), CANNOT),
    "config, a width in words": (change(CONFIG, hidden_size="wide"), CANNOT),
    "config, architectures that are no names": (change(CONFIG, architectures=[True]), CANNOT),
    "labels, more than the head has": (change(CONFIG, id2label={i: f"B-{i}" for i in range(99)}), "does not match the"),
    "labels, fewer than the head has": (change(CONFIG, id2label={0: "O", 1: "B-per"}), "does not match the shapes"),
    "labels, with a gap": (change(CONFIG, id2label={0: "O", 2: "B-per"}), "has id2label = "),
    "labels, of no scheme": (
        change(CONFIG, id2label=dict(enumerate(["O", "B-per", "geo", "per", "org"]))),
        "do not form a tag scheme",
    ),
    "tokenizer, empty": (put(TOKENIZER, ""), "has no tokenizer that can be loaded"),
    "tokenizer, not JSON": (put(TOKENIZER, "{"), "has no tokenizer that can be loaded"),
    "tokenizer, no model": (put(TOKENIZER, "{}"), "has no tokenizer that can be loaded"),
    "cfg, not JSON": (put("cfg", "{"), "cfg cannot be read: "),
    "cfg, a list": (put("cfg", "[]"), NO_VALUES),
    "cfg, a temperature in words": (put("cfg", '{"temperature": "hot"}'), NO_VALUES),
    "cfg, a temperature of 0": (put("cfg", '{"temperature": 0}'), NO_VALUES),
    "cfg, labels that are numbers": (put("cfg", '{"added_labels": [1]}'), NO_VALUES),
    "cfg, a label that is no text": (put("cfg", '{"added_labels": ["\\ud800"]}'), "is not a valid label"),
    "labels, no text": (
        change(CONFIG, id2label=dict(enumerate(["O", "B-\ud800", "I-\ud800", "B-x", "I-x"]))),
        "is not a valid label",
    ),
    "cfg, a weight in words": (put("cfg", '{"balanced_weights": {"O": "x"}}'), NO_VALUES),
    "cfg, missing": (lambda folder: remove(folder, "cfg"), "cfg cannot be read: "),
}


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
@pytest.mark.parametrize("kind", BROKEN)
def test_without_sums_each_file_tells_what_is_wrong_with_it(folder, kind):
    do, message = BROKEN[kind]
    write(folder, SUMS, "{}")
    do(folder)
    with pytest.raises(BertNerError, match=message):
        load(folder)


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
def test_weights_that_are_no_numbers_are_told_when_they_are_used(folder):
    write(folder, SUMS, "{}")
    weights(lambda w: {k: np.full_like(v, np.nan) for k, v in w.items()})(folder)
    with pytest.raises(BertNerError, match="returned NaN or infinite values"):
        load(folder)(TEXT)


def test_a_component_keeps_its_weights_when_others_cannot_be_read(folder):
    nlp = load(folder)
    before = nlp(TEXT).to_json()
    flip(0.5)(folder, "model/model.safetensors")
    with pytest.raises(CheckpointError):
        nlp.get_pipe("bert_ner").from_disk(folder)
    assert nlp(TEXT).to_json() == before


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
@pytest.mark.parametrize(
    ("do", "warnings"),
    [
        (change(CONFIG, num_hidden_layers=0), 1),
        # Transformers assigns subwords that the tokenizer does not know IDs beyond the encoder's vocabulary.
        (change("model/tokenizer_config.json", pad_token="[FILL]"), 0),
    ],
    ids=["no layers", "padding that the encoder does not know"],
)
@pytest.mark.filterwarnings("always:The checkpoint .* does not use")
def test_odd_checkpoints_predict(folder, recwarn, do, warnings):
    write(folder, SUMS, "{}")
    do(folder)
    nlp = load(folder)
    assert len([w for w in recwarn if "does not use: bert.encoder.layer.0." in str(w.message)]) == warnings
    assert len(list(nlp.pipe([TEXT, "Kevin", TEXT * 20]))) == 3


def repacked(alter):
    """Return a function that changes the model in a serialized component."""

    def do(data):
        content = srsly.msgpack_loads(data)
        model = srsly.msgpack_loads(content["model"])
        alter(model)
        return srsly.msgpack_dumps(content | {"model": srsly.msgpack_dumps(model)})

    return do


def attr(key, value):
    return repacked(lambda model: model["attrs"][0].update({key: srsly.msgpack_dumps(value)}))


def file(name, content):
    def alter(model):
        shim = srsly.msgpack_loads(model["shims"][0][0])
        shim["files"][name] = content
        model["shims"][0][0] = srsly.msgpack_dumps(shim)

    return repacked(alter)


def part(key, value):
    return lambda data: srsly.msgpack_dumps(srsly.msgpack_loads(data) | {key: value})


OTHER_BYTES = (
    r"^The bytes for 'bert_ner' cannot be read: .+ Allowed: the unchanged output of to_bytes\(\) from the same"
)
BYTES = {
    "none": (lambda data: b"", OTHER_BYTES),
    "cut off": (lambda data: data[:-10], OTHER_BYTES),
    "more": (lambda data: data + b"more", OTHER_BYTES),
    "no MessagePack": (lambda data: b"\xc1" * 10, OTHER_BYTES),
    "a number": (lambda data: b"\x01", OTHER_BYTES),
    "nested deeply": (lambda data: b"\x91" * 100_000, OTHER_BYTES),
    "no model": (part("model", b"\x80"), OTHER_BYTES),
    "a vocabulary that is true": (part("vocab", True), OTHER_BYTES),
    "cfg, not JSON": (part("cfg", "{"), OTHER_BYTES),
    "cfg, a temperature in words": (part("cfg", '{"temperature": "hot"}'), NO_VALUES),
    "a window in words": (attr("window", "wide"), "window = 'wide' is invalid"),
    "a window of a million": (attr("window", 10**6), r"max_batch_tokens = 2048 is less than the window"),
    "an overlap of all": (attr("overlap", 64), "overlap = 64 is too large, because a window"),
    "a setting that there is not": (attr("depth", 1), OTHER_BYTES),
    "no config": (file("config.json", b"{"), "cannot be loaded: "),
    "weights, cut off": (file("model.safetensors", b"\0" * 9), "cannot be loaded: "),
}


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_that_are_no_component_are_refused_and_it_stays_as_it_was(folder, kind):
    do, message = BYTES[kind]
    nlp = load(folder)
    pipe = nlp.get_pipe("bert_ner")
    before, cfg, settings = nlp(TEXT).to_json(), dict(pipe.cfg), dict(pipe.model.attrs)
    with pytest.raises(BertNerError, match=message):
        pipe.from_bytes(do(pipe.to_bytes()))
    assert (nlp(TEXT).to_json(), pipe.cfg, dict(pipe.model.attrs)) == (before, cfg, settings)
    assert gc.isenabled()  # srsly does not enable it again after an error


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
def test_a_component_keeps_what_it_learned_when_a_folder_cannot_be_read(folder):
    nlp = load(folder)
    write(folder, SUMS, "{}")
    write(folder, "cfg", '{"temperature": 2.0}')
    write(folder, "model/config.json", "{")
    with pytest.raises(CheckpointError):
        nlp.get_pipe("bert_ner").from_disk(folder, exclude=["vocab"])
    assert nlp.get_pipe("bert_ner").cfg["temperature"] == 1.0


@pytest.mark.filterwarnings("ignore:sha256.json in .* lists no files")
@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff", b'[1, "a"]'], ids=["none", "empty", "cut", "bytes", "number"]
)
def test_a_vocabulary_that_cannot_be_read_is_named(folder, content):
    nlp = load(folder)
    nlp.get_pipe("bert_ner").to_disk(folder)
    write(folder, SUMS, "{}")
    remove(folder, "vocab/strings.json")
    if content is not None:
        write(folder, "vocab/strings.json", content)
    with pytest.raises(CheckpointError, match="vocab cannot be read"):
        nlp.get_pipe("bert_ner").from_disk(folder)


@pytest.mark.process
def test_loading_and_running_opens_no_socket(saved):
    """Test that loading does not even resolve a host name. All network access goes through the replaced functions."""
    program = """
import socket, sys
def refuse(*args, **options):
    raise AssertionError(f"asked for the network: {args}")
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
import spacy
print(len(spacy.load(sys.argv[1])("Kevin Durant lives in New York .")))
"""
    environment = {"PATH": "", "HF_HUB_OFFLINE": "0"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(saved)], capture_output=True, text=True, timeout=120, env=environment
    )
    assert run.stdout == "7\n", run.stderr


def test_saving_that_fails_leaves_the_old_pipeline(folder, monkeypatch):
    nlp = load(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def fail(path):
        Path(path, "half").write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr("spacy_bert_ner.pipeline.serialization.write_sums", fail)
    with pytest.raises(OSError, match="No space left"):
        nlp.get_pipe("bert_ner").to_disk(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
