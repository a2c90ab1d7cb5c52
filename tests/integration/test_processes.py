"""Test `nlp.pipe(..., n_process=2)` and other forks.

Each test runs a script in a separate process, so that a hang causes a failure.
"""

import json
import os
import signal
import subprocess
from types import SimpleNamespace

import pytest
import torch
from checkpoints import make_config, make_tokenizer
from fork_server import fast_python
from transformers import BertForTokenClassification

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.export.to_onnx import convert
from spacy_bert_ner.models.token_classifier import build_token_classifier_v1, get_checkpoint
from spacy_bert_ner.nn.packed_linear import has_packed_int8_linear
from spacy_bert_ner.runtimes.onnx_checkpoint import OnnxCheckpoint
from spacy_bert_ner.util import multiprocess as forks

pytestmark = pytest.mark.process

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

HEAD = """
import json, multiprocessing, os, signal, sys, warnings
import spacy, torch
from spacy_bert_ner.checkpoints.checkpoint import Checkpoint

def tokenize(self, texts, tokenize=Checkpoint.tokenize):
    if any("Bad" in text for text in texts):
        raise RuntimeError("cannot tokenize this")
    if any("Kill" in text for text in texts) and multiprocessing.parent_process():
        os.kill(os.getpid(), signal.SIGKILL)
    return tokenize(self, texts)

def ignore(name, proc, docs, error):
    assert [doc.text for doc in docs] == ["Bad"]

Checkpoint.tokenize = tokenize

def entities(docs):
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]

if __name__ == "__main__":  # a spawned process imports this file
    method, name, runtime = sys.argv[1:]
    multiprocessing.set_start_method(method)
    torch.set_num_threads(4)
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": name, "overlap": 8, "runtime": json.loads(runtime)}})
    texts = ["Kevin Durant lives in New York. " * n for n in (1, 9, 2, 6)] * 3
"""

LOADED = """
    expected = entities(nlp.pipe(texts, batch_size=2))
    nlp.set_error_handler(ignore)
    docs = list(nlp.pipe([*texts, "a", "Bad", "b", "c"], batch_size=2, n_process=2))
    assert entities(docs[:-3]) == expected
    assert [doc.text for doc in docs[-3:]] == ["a", "b", "c"]
    assert any(expected) and torch.get_num_threads() == 4
"""

NOT_LOADED = """
    torch.ones(1000, 1000) @ torch.ones(1000, 1000)  # wakes torch's threads
    found = entities(nlp.pipe(texts, batch_size=2, n_process=2))
    assert nlp.get_pipe("bert_ner").tags == ()
    assert found == entities(nlp.pipe(texts, batch_size=2)) and any(found)
"""

KILLED = """
    nlp("")
    # A hundred of them are more than a pipe holds, so that some wait for a process that is no more.
    texts = [f"{i} Kevin Durant {'x' * 1000}" for i in range(900)]
    texts[450] = "Kill"
    found = []
    with warnings.catch_warnings(record=True) as caught:
        try:
            for doc in nlp.pipe(texts, batch_size=100, n_process=2):
                found.append(doc)
        except EOFError:
            assert multiprocessing.active_children() == []
        else:
            raise AssertionError("nobody was killed")
    assert ["worker processes" in str(warning.message) for warning in caught] == [True]
    # Those before the batch of the killed process.
    assert [doc.text for doc in found] == texts[:400]
    assert entities(found) == entities(nlp.pipe(texts[:400]))
"""

ORPHANS = """
    nlp("")
    reads, writes = os.pipe()
    warnings.simplefilter("ignore")  # since 3.12 Python warns of forks beside threads
    parent = os.fork()
    if not parent:
        os.close(reads)
        docs = nlp.pipe((f"{i} Kevin Durant" for i in range(10**9)), batch_size=10, n_process=2)
        for _ in zip(range(50), docs):  # both have had a batch by then
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writes)
    assert os.waitpid(parent, 0)[1] == signal.SIGKILL
    assert os.read(reads, 1) == b""  # which comes when nobody is left who could write
"""


def run(tmp_path, script, method, name, runtime=None):
    """Run a script. After two minutes, kill it and the processes that it has started."""
    (tmp_path / "script.py").write_text(HEAD + script)
    environment = {key: value for key, value in os.environ.items() if key != "TOKENIZERS_PARALLELISM"}
    process = subprocess.Popen(
        [fast_python(), str(tmp_path / "script.py"), method, str(name), json.dumps(runtime)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=environment,
    )
    try:
        output, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"The processes hang. They printed: {output}")
    # The tokenizers library must not print warnings about forks, either.
    assert (process.returncode, output) == (0, ""), output


def wide_model():
    torch.manual_seed(0)
    config = make_config(
        id2label={0: "O", 1: "B-per", 2: "I-per"}, hidden_size=512, intermediate_size=512, initializer_range=0.5
    )
    return BertForTokenClassification(config)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return a checkpoint with tensors so large that torch uses several threads."""
    folder = tmp_path_factory.mktemp("wide")
    wide_model().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def half_precision(tmp_path_factory):
    """Return a checkpoint in float16 that torch converts with several threads."""
    folder = tmp_path_factory.mktemp("half")
    wide_model().half().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@needs_fork
def test_forked_processes_give_the_same_entities_after_torch_has_run(tmp_path, tagger):
    run(tmp_path, LOADED, "fork", tagger)


TORCH = "spacy_bert_ner.TorchRuntime.v1"
RUNTIMES = {
    "torch": {"@misc": TORCH},
    "torch, with padding": {"@misc": TORCH, "packed_weights": False},
    "torch, bf16": {"@misc": TORCH, "precision": "bf16"},
    "torch, int8": {"@misc": TORCH, "precision": "int8"},
    "onnxruntime": {"@misc": "spacy_bert_ner.OnnxRuntime.v1", "threads": 4},
}


@needs_fork
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_runtime_goes_on_in_forked_processes(tmp_path, wide, runtime):
    """Test with four threads in the parent process, and with matrices so large that all threads are used."""
    if runtime == "torch, int8" and not has_packed_int8_linear():
        pytest.skip("this CPU has no VNNI instructions")
    folder = wide
    if runtime == "onnxruntime":
        pytest.importorskip("onnxruntime")
        checkpoint, folder = Checkpoint.from_pretrained(wide), tmp_path / "graph"
        OnnxCheckpoint.of(checkpoint, convert(checkpoint, "fp32")).save(folder)
    run(tmp_path, LOADED, "fork", folder, RUNTIMES[runtime])


@needs_fork
def test_each_forked_process_opens_a_checkpoint_that_is_not_loaded(tmp_path, half_precision):
    run(tmp_path, NOT_LOADED, "fork", half_precision)


@pytest.mark.parametrize("script", [LOADED, NOT_LOADED], ids=["loaded", "not loaded"])
def test_spawned_processes_give_the_same_entities(tmp_path, tagger, script):
    run(tmp_path, script, "spawn", tagger)


@pytest.mark.parametrize(
    "method",
    [pytest.param("fork", marks=needs_fork), "spawn"],
)
def test_a_process_that_is_killed_ends_the_others(tmp_path, tagger, method):
    """Test a worker that the system kills, for example for lack of memory.

    An error follows the results of the other workers, and no process waits forever.
    """
    run(tmp_path, KILLED, method, tagger)


@needs_fork
def test_a_parent_that_is_killed_leaves_no_process_behind(tmp_path, tagger):
    run(tmp_path, ORPHANS, "fork", tagger)


def test_a_forked_process_runs_in_one_thread_unless_it_asks_for_more(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    forks.limit_threads_after_fork()
    assert asked == []
    monkeypatch.setattr(forks, "_prepared_pid", os.getpid() - 1)  # the ID of the parent process
    forks.limit_threads_after_fork()
    forks.limit_threads_after_fork()
    assert asked == [1]


@pytest.mark.parametrize("setting", [None, "true"])
def test_a_fork_leaves_the_environment_as_it_was(monkeypatch, setting):
    if setting:
        monkeypatch.setenv("TOKENIZERS_PARALLELISM", setting)
    else:
        monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    forks._before_fork()
    assert os.environ["TOKENIZERS_PARALLELISM"] == (setting or "false")
    forks._after_fork_in_parent()
    assert os.environ.get("TOKENIZERS_PARALLELISM") == setting


FORK = """
import os, spacy_bert_ner.util.multiprocess
child = os.fork()
if not child:
    os._exit(os.environ.get("TOKENIZERS_PARALLELISM") != "false")
assert os.waitpid(child, 0)[1] == 0
assert "TOKENIZERS_PARALLELISM" not in os.environ
"""


@needs_fork
def test_only_the_forked_process_is_told_not_to_use_threads_for_tokenizers():
    environment = {key: value for key, value in os.environ.items() if key != "TOKENIZERS_PARALLELISM"}
    done = subprocess.run([fast_python(), "-c", FORK], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_weights_on_a_gpu_do_not_run_in_a_forked_process(monkeypatch, tagger):
    model = build_token_classifier_v1(str(tagger), overlap=8)
    checkpoint = get_checkpoint(model)
    monkeypatch.setattr(
        checkpoint, "model", SimpleNamespace(device=torch.device("cuda", 0), config=checkpoint.model.config)
    )
    model.shims[0].prepare()  # in the process that moved the weights to the GPU
    monkeypatch.setattr(checkpoint, "owner_pid", os.getpid() - 1)
    with pytest.raises(BertNerError, match=r'a forked process cannot use.*n_process=1.*set_start_method\("spawn"\)'):
        model.predict([])


def test_weights_on_a_cpu_run_in_a_forked_process(monkeypatch, tagger):
    model = build_token_classifier_v1(str(tagger), overlap=8)
    monkeypatch.setattr(get_checkpoint(model), "owner_pid", os.getpid() - 1)
    assert model.predict([]) == []


def test_who_moves_the_weights_is_who_put_them_there(monkeypatch, tagger):
    checkpoint = get_checkpoint(build_token_classifier_v1(str(tagger), overlap=8))
    monkeypatch.setattr(checkpoint, "owner_pid", os.getpid() - 1)
    checkpoint.to("cpu")
    assert checkpoint.owner_pid == os.getpid()
