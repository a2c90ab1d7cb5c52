"""Test ONNX graphs from other exporters: other inputs, outputs, types and file locations."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import spacy
import srsly
import torch
from graphs import Edited, trace_once
from onnx import TensorProto

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import CheckpointError, ConfigError
from spacy_bert_ner.export.to_onnx import convert
from spacy_bert_ner.models.token_classifier import get_checkpoint
from spacy_bert_ner.runtimes.onnx_checkpoint import OnnxCheckpoint
from spacy_bert_ner.runtimes.onnx_signature import GraphInput, Signature, match_signature

pytestmark = pytest.mark.onnx

ONNX = {"@misc": "spacy_bert_ner.OnnxRuntime.v1"}
TEXTS = ["Kevin Durant lives in New York .", "", "Mr. O'Neill lives in Brooklyn . " * 12, "the", " \n"]
INT32, FLOAT, FLOAT16, DOUBLE, BOOL = (
    getattr(TensorProto, name) for name in ("INT32", "FLOAT", "FLOAT16", "DOUBLE", "BOOL")
)


@pytest.fixture(scope="module")
def traced(tagger):
    """Return the tagger as a graph that `convert` has created."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        trace_once(monkeypatch)
        return convert(Checkpoint.from_pretrained(tagger), "fp32")


@pytest.fixture
def graph(traced):
    return Edited(traced)


@pytest.fixture
def folder(tagger, tmp_path):
    """Return a folder with the tagger's config and tokenizer, and without weights."""
    return shutil.copytree(tagger, tmp_path / "export", ignore=shutil.ignore_patterns("*.safetensors"))


def make(folder, **runtime):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, "runtime": {**ONNX, **runtime}}})
    return nlp


def on_torch(folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8}})
    return nlp


def logits(nlp):
    """Return the logits for the tokens in all texts, with several windows and batches and with padding."""
    nlp.get_pipe("bert_ner").model.attrs["max_batch_tokens"] = 256
    rows = nlp.get_pipe("bert_ner").model.predict([nlp.make_doc(text) for text in TEXTS])
    return np.concatenate([row.dataXd for row in rows])


def entities(nlp, **options):
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in nlp.pipe(TEXTS, **options)]


def refusal(folder, **runtime):
    with pytest.raises(CheckpointError) as error:
        make(folder, **runtime)("the")
    return str(error.value)


@pytest.fixture(scope="module")
def of_torch(tagger):
    """Return the logits and entities predicted by the checkpoint from which the graph was created."""
    nlp = on_torch(tagger)
    found = entities(nlp)
    assert found[0]
    return logits(nlp), found


# --- Inputs ---

INPUTS = {
    "BERT, by optimum": lambda graph: graph.take_types(),
    "int32": lambda graph: (
        graph.take("input_ids", "ids", INT32).take("attention_mask", "mask", INT32).take_types("segment_ids", INT32)
    ),
    "TensorFlow": lambda graph: (
        graph.take("input_ids", "input_ids:0", INT32)
        .take("attention_mask", "input_mask:0", INT32)
        .take_types("segment_ids:0", INT32)
    ),
    "TensorFlow Hub": lambda graph: (
        graph.take("input_ids", "serving_default_input_word_ids:0", INT32)
        .take("attention_mask", "serving_default_input_mask:0", INT32)
        .take_types("serving_default_input_type_ids:0", INT32)
    ),
    "all four": lambda graph: graph.take_types().take_positions(),
    "positions in int32": lambda graph: graph.take_positions("position_ids", INT32),
    "a mask of float": lambda graph: graph.take("attention_mask", "attention_mask", FLOAT),
    "a mask of float16": lambda graph: graph.take("attention_mask", "attention_mask", FLOAT16),
    "a mask of bool": lambda graph: graph.take("attention_mask", "attention_mask", BOOL),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_other_inputs_are_fed(kind, graph, folder, of_torch):
    INPUTS[kind](graph).save(folder / "model.onnx")
    nlp = make(folder)
    np.testing.assert_allclose(logits(nlp), of_torch[0], atol=1e-3)
    assert entities(nlp) == of_torch[1]


def test_what_is_fed():
    """Test RoBERTa and related models, which start positions after the padding position."""
    inputs = (
        GraphInput("mask", "attention_mask", np.bool_),
        GraphInput("segments", "token_type_ids", np.int32),
        GraphInput("positions", "position_ids", np.int64),
        GraphInput("ids", "input_ids", np.int32),
    )
    ids, mask = np.array([[5, 6, 7], [5, 8, 1]]), np.array([[1, 1, 1], [1, 1, 0]])
    feeds = Signature(inputs, "logits").feeds(ids, mask, first_position=2)
    assert {name: (array.dtype.name, array.tolist()) for name, array in feeds.items()} == {
        "mask": ("bool", [[True, True, True], [True, True, False]]),
        "segments": ("int32", [[0, 0, 0], [0, 0, 0]]),
        "positions": ("int64", [[2, 3, 4], [2, 3, 4]]),
        "ids": ("int32", [[5, 6, 7], [5, 8, 1]]),
    }


@pytest.mark.parametrize(("name", "first"), [("bert", 0), ("roberta", 2), ("modernbert", 0)])
def test_where_positions_begin(name, first, checkpoints):
    assert OnnxCheckpoint.load_tokenizer_only(checkpoints[name])._first_position == first


BAD_INPUTS = {
    "unknown": (lambda graph: graph.take_types("bbox"), "'bbox' is unknown"),
    "no mask": (lambda graph: graph.take("attention_mask", "token_type_ids"), "attention_mask is missing"),
    "twice": (
        lambda graph: graph.take_types("segment_ids").take_types("type_ids"),
        "both have the role token_type",
    ),
    "type": (lambda graph: graph.take("input_ids", "input_ids", FLOAT), "'input_ids' has the type float"),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_inputs_that_have_no_meaning_are_refused(kind, graph, folder):
    change, problem = BAD_INPUTS[kind]
    change(graph).save(folder / "model.onnx")
    message = refusal(folder)
    assert f"The ONNX graph of '{folder}' cannot be run: its inputs are " in message
    assert problem in message
    names = "input_ids (ids, token_ids, input_word_ids) and attention_mask (mask, attn_mask, input_mask)"
    assert f"Required inputs: {names}. Optional inputs: token_type_ids (" in message


@pytest.mark.parametrize(("shape", "problem"), [([1, 128], "a fixed size"), (["a", "b", "c"], "3 dimensions")])
def test_inputs_of_another_shape_are_refused(shape, problem, graph, folder):
    for node in graph.graph.input:
        node.CopyFrom(onnx.helper.make_tensor_value_info(node.name, TensorProto.INT64, shape))
    takes = [Node(node.name, "tensor(int64)", shape) for node in graph.graph.input]
    with pytest.raises(ValueError, match=f"its inputs are input_ids .* int64.*, but 'input_ids' has {problem}"):
        match_signature(takes, [], 5)


# --- Outputs ---


class Node:
    """A description of an input or output in the form that onnxruntime uses."""

    def __init__(self, name, type, shape):
        self.name, self.type, self.shape = name, type, shape


OUTPUTS = {
    "float16": (lambda graph: graph.give("logits", FLOAT16), 0.01),
    "float64": (lambda graph: graph.give("logits", DOUBLE), 1e-3),
    "another name and no width": (lambda graph: graph.hide_width().give("Identity:0"), 1e-3),
    "hidden states, tags and logits": (
        lambda graph: (
            graph.give_more("tags", TensorProto.INT64, ["batch", "length"], "ArgMax", axis=-1, keepdims=0)
            .give_more("hidden", FLOAT, ["batch", "length", 10], "Concat", axis=-1)
            .give("Identity")
        ),
        1e-3,
    ),
    "two as wide, one of them logits": (
        lambda graph: graph.give_more("other", FLOAT, ["batch", "length", 5], "Neg").give("logits:0"),
        1e-3,
    ),
    "two without a width, one of them logits": (
        lambda graph: graph.hide_width().give_more("other", FLOAT, ["batch", "length", "n"], "Neg").give("logits"),
        1e-3,
    ),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_other_outputs_are_read(kind, graph, folder, of_torch):
    change, tolerance = OUTPUTS[kind]
    change(graph).save(folder / "model.onnx")
    nlp = make(folder)
    found = logits(nlp)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, of_torch[0], atol=tolerance)
    assert entities(nlp) == of_torch[1]


BAD_OUTPUTS = {
    "two as wide": lambda graph: graph.give_more("a", FLOAT, ["batch", "length", 5], "Neg").give("b"),
    "none as wide": lambda graph: graph.give_more("hidden", FLOAT, ["b", "n", 10], "Concat", axis=-1).give("a", INT32),
    "logits of another type": lambda graph: graph.give_more("a", FLOAT, ["b", "n", 5], "Neg").give("logits", INT32),
}


@pytest.mark.parametrize("kind", BAD_OUTPUTS)
def test_outputs_that_have_no_logits_are_refused(kind, graph, folder):
    BAD_OUTPUTS[kind](graph).save(folder / "model.onnx")
    message = refusal(folder)
    assert " cannot be run: its outputs are " in message
    assert "One output must contain the logits for 5 tags, the number of tags in config.json" in message


def test_a_width_that_shows_only_when_it_runs_is_refused(graph, folder):
    graph.hide_width().save(folder / "model.onnx")
    config = srsly.read_json(folder / "config.json")
    config["id2label"] = {"0": "O", "1": "B-per", "2": "I-per"}
    config["label2id"] = {tag: int(i) for i, tag in config["id2label"].items()}
    srsly.write_json(folder / "config.json", config)
    message = refusal(folder)
    assert (
        "its output 'logits' has the shape [1, 3, 5], but the shape must be [1, 3, 3]: windows, subwords and the 3 tags"
        in message
    )


def test_probabilities_are_refused(graph, folder):
    graph.give_probabilities().save(folder / "model.onnx")
    assert "its output 'logits' contains probabilities, as after a softmax. It must contain the logits" in refusal(
        folder
    )


def test_a_graph_that_fails_when_it_runs_says_so(graph, folder):
    """Test embeddings that have fewer rows than `config.json` declares."""
    graph.save(folder / "model.onnx")
    config = srsly.read_json(folder / "config.json")
    srsly.write_json(folder / "config.json", {**config, "max_position_embeddings": 512})
    nlp = make(folder)
    with pytest.raises(CheckpointError, match=r"^The ONNX graph of .* cannot be run: .*(.|\n)*optimum-cli export onnx"):
        nlp("Kevin Durant lives in New York " * 30)


def test_a_graph_that_does_not_end_is_refused(graph, folder, monkeypatch):
    monkeypatch.setattr("spacy_bert_ner.runtimes.onnx_checkpoint.TRIAL_SECONDS", 0.1)
    graph.loop(2**62).save(folder / "model.onnx")
    assert "it takes more than 0.1 seconds to process one subword, so it may contain an infinite loop" in refusal(
        folder
    )


def test_a_loop_that_ends_is_run(graph, folder, of_torch):
    graph.loop(10).save(folder / "model.onnx")
    np.testing.assert_allclose(logits(make(folder)), of_torch[0], atol=1e-3)


# --- int4 and int8 ---


def quantized(content, kind, folder):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if kind == "uint8":
        (folder / "exact.onnx").write_bytes(content)
        quantize_dynamic(folder / "exact.onnx", folder / "small.onnx", weight_type=QuantType.QUInt8)
        return (folder / "small.onnx").read_bytes()
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load_from_string(content), block_size=16, is_symmetric=True)
    quantizer.process()
    return quantizer.model.model.SerializeToString()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "op"), [("uint8", ":MatMulInteger"), ("q4", "com.microsoft:MatMulNBits")])
def test_weights_in_few_bits_run(kind, op, graph, folder, tmp_path, of_torch):
    """Test that quantized graphs have the same logits as in onnxruntime itself."""
    content = quantized(bytes(graph.take_types()), kind, tmp_path)
    (folder / "onnx").mkdir()
    (folder / "onnx" / f"model_{kind}.onnx").write_bytes(content)
    assert op in {f"{node.domain}:{node.op_type}" for node in onnx.load_from_string(content).graph.node}
    nlp = make(folder)
    assert np.abs(logits(nlp) - of_torch[0]).max() > 0.01
    ids, mask = np.array([[2, 60, 61, 3], [2, 60, 3, 0]]), np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (expected,) = onnxruntime.InferenceSession(content).run(["logits"], feeds)
    checkpoint = get_checkpoint(nlp.get_pipe("bert_ner").model)
    found = checkpoint.forward(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)


# --- File locations ---


@pytest.mark.parametrize("file", ["onnx/model.onnx", "onnx/model_quantized.onnx", "model_q4.onnx"])
def test_the_only_graph_of_a_folder_is_run(file, graph, folder, of_torch):
    graph.save(folder / file)
    assert entities(make(folder)) == of_torch[1]


def test_one_of_several_is_named(graph, folder, of_torch):
    graph.save(folder / "onnx" / "model_q4.onnx")
    (folder / "onnx" / "model.onnx").write_bytes(b"another")
    (folder / "model.onnx").write_bytes(b"another")
    for runtime in (ONNX, None):
        nlp = spacy.blank("en")
        nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "runtime": runtime}})
        with pytest.raises(CheckpointError) as error:
            nlp("the")
        found = '"model.onnx", "onnx/model.onnx", "onnx/model_q4.onnx"'
        assert str(error.value) == (
            f"'{folder}' contains several ONNX graphs: {found}. Allowed: one of them. Select one: "
            '[components.<name>.model.runtime] @misc = "spacy_bert_ner.OnnxRuntime.v1" and file = "model.onnx"'
        )
    assert entities(make(folder, file="onnx/model_q4.onnx")) == of_torch[1]


def test_a_graph_that_is_named_and_not_there(graph, folder):
    graph.save(folder / "onnx" / "model.onnx")
    message = refusal(folder, file="onnx/model_q4.onnx")
    assert (
        f"file = 'onnx/model_q4.onnx' does not exist in the folder '{folder}'. Allowed: \"onnx/model.onnx\". "
        in message
    )
    (folder / "onnx" / "model.onnx").unlink()
    assert "Allowed: none, because no file matches *.onnx or onnx/*.onnx" in refusal(folder, file="model.onnx")


@pytest.mark.parametrize(
    "file", ["../model.onnx", "/model.onnx", "onnx", "C:\\model.onnx", "a\n.onnx", 3, "x/../m.onnx"]
)
def test_what_can_be_no_graph(file, folder):
    with pytest.raises(ConfigError) as error:
        make(folder, file=file)
    place = f"[components.<name>.model.runtime] file = {file!r} is invalid. Allowed: a path in the checkpoint's folder"
    assert str(error.value).startswith(place)


def test_beside_safetensors_the_runtime_decides(graph, tagger, folder, of_torch):
    shutil.copy(tagger / "model.safetensors", folder)
    graph.take_types().save(folder / "onnx" / "model.onnx")
    (folder / "model.onnx").write_bytes(b"another")
    nlp = on_torch(folder)
    assert entities(nlp) == of_torch[1]
    assert get_checkpoint(nlp.get_pipe("bert_ner").model).can_train
    nlp = make(folder, file="onnx/model.onnx")
    assert entities(nlp) == of_torch[1]
    assert not get_checkpoint(nlp.get_pipe("bert_ner").model).can_train


def test_pickled_weights_beside_a_graph_are_left_alone(graph, folder, of_torch):
    graph.save(folder / "onnx" / "model.onnx")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n.")
    assert entities(make(folder)) == of_torch[1]
    with pytest.raises(CheckpointError, match="are in pytorch_model.bin, which can run code"):
        on_torch(folder)("the")


def test_without_a_runtime_a_graph_alone_says_what_to_set(graph, folder):
    graph.save(folder / "onnx" / "model.onnx")
    with pytest.raises(ConfigError, match=r"is an ONNX graph, which torch cannot run. Allowed: .*OnnxRuntime.v1"):
        on_torch(folder)("the")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no/such/folder"])
def test_a_graph_on_the_hub_is_refused_before_anything_is_asked(name):
    message = refusal(name)
    assert f"there is no folder '{name}'" in message
    assert f"hf download {name} --local-dir {name.rpartition('/')[2]}. Then specify that folder" in message


# --- Weights in a second file ---


def with_external_data(graph, path):
    path.parent.mkdir(exist_ok=True)
    options = {"save_as_external_data": True, "location": f"{path.name}_data", "size_threshold": 256}
    onnx.save(onnx.load_from_string(bytes(graph)), path, **options)
    return path


def test_weights_in_a_second_file_are_refused(graph, folder):
    with_external_data(graph, folder / "onnx" / "model.onnx")
    message = refusal(folder)
    assert "are in a second file, model.onnx_data. Allowed: a graph in a single file of at most 2 GB. " in message


def test_the_line_that_joins_them_works(graph, folder, of_torch):
    path = with_external_data(graph, folder / "onnx" / "model.onnx")
    code = refusal(folder).partition('python -c "')[2].partition('". Then delete')[0]
    exec(code)
    (folder / "onnx" / "model.onnx_data").unlink()
    assert path.stat().st_size > 10_000
    assert entities(make(folder)) == of_torch[1]


def test_weights_are_not_read_from_where_the_process_was_started(graph, folder, monkeypatch):
    path = with_external_data(graph, folder.parent / "elsewhere" / "model.onnx")
    shutil.copy(path, folder)
    monkeypatch.chdir(path.parent)
    assert "model.onnx_data" in refusal(folder)


# --- Contents of a pipeline ---


@pytest.mark.parametrize("way", ["disk", "bytes", "processes"])
def test_a_pipeline_holds_its_graph(way, graph, folder, tmp_path, of_torch):
    """Test that a pipeline loads without the original file, whatever its name was."""
    graph.take("input_ids", "ids", INT32).take_types().save(folder / "onnx" / "model_q4.onnx")
    (folder / "model.onnx").write_bytes(b"another")
    nlp = make(folder, file="onnx/model_q4.onnx")
    assert entities(nlp) == of_torch[1]
    if way == "processes":
        assert entities(nlp, n_process=2, batch_size=2) == of_torch[1]
        return
    if way == "disk":
        nlp.to_disk(tmp_path / "saved")
    data = nlp.to_bytes()
    shutil.rmtree(folder)
    if way == "disk":
        saved = tmp_path / "saved" / "bert_ner" / "model"
        assert [path.name for path in saved.rglob("*.onnx")] == ["model.onnx"]
        nlp = spacy.load(tmp_path / "saved")
    else:
        nlp = make(folder, file="onnx/model_q4.onnx").from_bytes(data)
    assert entities(nlp) == of_torch[1]


def test_a_config_without_tags_says_what_to_add(graph, folder):
    graph.save(folder / "model.onnx")
    config = srsly.read_json(folder / "config.json")
    for key in ("id2label", "label2id", "architectures"):
        del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    message = refusal(folder)
    assert f"config.json for the ONNX graph '{folder}' does not specify which tags" in message
    assert "It contains these tags: LABEL_0, LABEL_1." in message
    assert '"id2label": {"0": "O", "1": "B-per", "2": "I-per"}' in message
