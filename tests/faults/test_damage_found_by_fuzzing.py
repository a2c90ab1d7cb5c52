"""Test faults that fuzzing has found, each with a handmade file."""

import gc
import json
import struct
import zipfile

import pytest
import srsly
from support import initialized

from spacy_bert_ner.corpus.stream import CorpusStream
from spacy_bert_ner.errors import BertNerError, CheckpointError, CorpusError

pytestmark = pytest.mark.usefixtures("few_exceptions")


def refused(path, match, **options):
    with pytest.raises(CorpusError, match=match):
        list(CorpusStream(path, **options))


def test_a_number_of_more_digits_than_python_reads(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_text("9" * 5000 + "\ta" + "\t_" * 7 + "\tNER=O\n")
    refused(path, "line 1", format="conllu")


def test_a_codec_that_gives_halves_of_surrogate_pairs(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"a O\n+2AA- O\n")
    refused(path, r"line 2: a string contains the unpaired surrogate U\+D800", format="conll", encoding="utf-7")


def test_a_codec_with_a_nul_in_its_name(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"a O\n")
    refused(
        path,
        "is not a supported text encoding. Specify an encoding that Python supports",
        format="conll",
        encoding="utf\x00",
    )


def test_an_archive_with_a_place_before_the_file_begins(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.conll", "a O\n")
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\5\6")
    data[end + 16 : end + 20] = struct.pack("<I", 10_000_000)  # the declared offset of the central directory
    path.write_bytes(data)
    refused(path, "cannot be read|damaged")


@pytest.mark.usefixtures("no_collection")
def test_what_datasets_notes_is_nested_too_deeply(tmp_path):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"tokens": [["a"]], "ner_tags": [[0]]}).replace_schema_metadata({"huggingface": "[" * 100_000})
    path = tmp_path / "a.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "dataset_info.json").write_text("[" * 100_000)
    refused(path, "the tag 0 is a number without a name")


def test_a_dataset_whose_file_has_a_name_that_is_too_long(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "x" * 5000}]}))
    (tmp_path / "dataset_info.json").write_text("{}")
    refused(tmp_path, "xxxx", format="huggingface")


def test_numbers_by_which_arrow_would_read_beyond_the_file(tmp_path):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"tokens": [["word"]], "ner_tags": [["O"]]})
    path = tmp_path / "a.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    data = path.read_bytes()
    place = data.rindex(struct.pack("<ii", 0, 4))  # the start and end offsets of the word
    path.write_bytes(data[:place] + struct.pack("<ii", 0, 2**30) + data[place + 8 :])
    refused(path, "a.arrow")


def test_garbage_is_collected_after_a_docbin_that_is_none(tmp_path, nlp):
    """Test garbage collection after a DocBin that cannot be read.

    srsly disables garbage collection while reading and does not enable it again after an error.
    """
    path = tmp_path / "a.spacy"
    path.write_bytes(b"\x93\x01\x02")
    refused(path, "a.spacy", format="spacy")
    assert gc.isenabled()
    with pytest.raises(CheckpointError):
        nlp.get_pipe("bert_ner").from_bytes(b"\x93\x01\x02")
    assert gc.isenabled()


def test_a_component_stays_as_it_was_where_bytes_cannot_be_read(make_nlp, examples):
    pipe = initialized(make_nlp, examples).get_pipe("bert_ner")
    other = initialized(make_nlp, examples, window=32).get_pipe("bert_ner")
    other.cfg["temperature"] = 2.0
    parts = srsly.msgpack_loads(other.to_bytes())
    model = srsly.msgpack_loads(parts["model"])
    model["shims"] = [b"\xc1"]
    broken = srsly.msgpack_dumps({**parts, "model": srsly.msgpack_dumps(model)})
    before = pipe.to_bytes()
    with pytest.raises(CheckpointError, match="The bytes for 'bert_ner' cannot be read"):
        pipe.from_bytes(broken)
    assert pipe.cfg["temperature"] == 1.0
    assert pipe.model.attrs["window"] is None
    assert pipe.to_bytes() == before


@pytest.mark.parametrize("cfg", [[], {"temperature": "hot"}, {"added_labels": {}}])
def test_bytes_of_another_cfg_are_refused(nlp, cfg):
    pipe = nlp.get_pipe("bert_ner")
    parts = srsly.msgpack_loads(pipe.to_bytes())
    with pytest.raises(CheckpointError, match="it is not a dictionary of valid learned values"):
        pipe.from_bytes(srsly.msgpack_dumps({**parts, "cfg": srsly.json_dumps(cfg).encode()}))
    assert pipe.cfg["temperature"] == 1.0


def test_a_message_with_half_of_a_surrogate_pair_can_be_printed():
    assert str(BertNerError("a\ud800b")) == "a\\ud800b"
