"""Test runtime faults in loaded pipelines: many threads, deleted files, too little memory and hostile texts."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import spacy
import torch
from checkpoints import save_bert
from fork_server import fast_python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.training import Example

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import BertNerError

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("few_exceptions")]

TEXTS = [f"{'Kevin Durant lives in New York . ' * n}Mr. O'Neill plays for the Nets ." for n in range(16)]


def make(tagger, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8, **model}})
    return nlp


def entities(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize("is_loaded", [True, False])
def test_sixteen_threads_use_one_pipeline(tagger, is_loaded):
    expected = [entities(doc) for doc in make(tagger).pipe(TEXTS)]
    assert len({tuple(found) for found in expected}) > 10
    nlp = make(tagger)
    if is_loaded:
        nlp("")
    together = Barrier(len(TEXTS))

    def read(i):
        together.wait()
        return [entities(nlp(TEXTS[(i + k) % 16])) for k in range(8)]

    # Switch threads every few instructions, so that they access shared objects in many intermediate states.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(TEXTS)) as pool:
            found = list(pool.map(read, range(16)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [[expected[(i + k) % 16] for k in range(8)] for i in range(16)]


def test_threads_load_one_after_the_other(tagger):
    """Test parallel loading. Transformers temporarily replaces torch functions while it loads a model."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: make(tagger)("Kevin"), range(16)))
    assert torch.nn.init.normal_.__module__ == "torch.nn.init"


def test_a_pipeline_is_loaded_once(tagger, monkeypatch):
    opened, real = [], Checkpoint.from_pretrained

    def count(*args, **options):
        opened.append(1)
        return real(*args, **options)

    monkeypatch.setattr(Checkpoint, "from_pretrained", count)
    nlp = make(tagger)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(nlp, TEXTS))
    assert opened == [1]


def test_threads_read_streams_of_their_own(tagger):
    expected = [entities(doc) for doc in make(tagger).pipe(TEXTS)]
    nlp = make(tagger)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: [entities(doc) for doc in nlp.pipe(TEXTS)], range(8)))
    assert found == [expected] * 8


def test_a_pipeline_outlives_its_files(tagger, tmp_path):
    make(tagger).to_disk(tmp_path / "first")
    nlp = spacy.load(tmp_path / "first")
    expected = entities(nlp(TEXTS[3]))
    shutil.rmtree(tmp_path / "first")
    assert entities(nlp(TEXTS[3])) == expected
    nlp.to_disk(tmp_path / "second")
    assert entities(spacy.load(tmp_path / "second")(TEXTS[3])) == expected


def with_room_for(nlp, n_windows, error, monkeypatch):
    """Give the encoder memory for only `n_windows` windows at once, and return the list of batch sizes."""
    nlp("")
    checkpoint = nlp.get_pipe("bert_ner").model.shims[0].checkpoint
    sizes, real = [], checkpoint.forward

    def forward(ids, mask):
        sizes.append(len(ids))
        if len(ids) > n_windows:
            raise error
        return real(ids, mask)

    monkeypatch.setattr(checkpoint, "forward", forward)
    return sizes


PADDED = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "packed_weights": False}


def test_a_gpu_without_room_for_a_batch_gets_its_halves(tagger, monkeypatch):
    texts = ["Kevin Durant lives in New York ."] * 7
    nlp = make(tagger, runtime=PADDED)
    expected = [entities(doc) for doc in nlp.pipe(texts)]
    sizes = with_room_for(nlp, 2, torch.cuda.OutOfMemoryError("CUDA out of memory"), monkeypatch)
    assert [entities(doc) for doc in nlp.pipe(texts)] == expected
    assert sizes == [7, 3, 1, 2, 4, 2, 2]


def test_what_does_not_fit_alone_is_an_error(tagger, monkeypatch):
    nlp = make(tagger, runtime=PADDED)
    with_room_for(nlp, 0, torch.cuda.OutOfMemoryError("CUDA out of memory"), monkeypatch)
    with pytest.raises(BertNerError, match=r"fit in memory .CUDA out of memory.\. .*max_batch_tokens 512"):
        nlp("Kevin")


def test_training_without_room_is_an_error(tagger, monkeypatch):
    nlp = make(tagger)
    sizes = with_room_for(nlp, 1, torch.cuda.OutOfMemoryError("CUDA out of memory"), monkeypatch)
    examples = [Example.from_dict(nlp.make_doc("Kevin plays"), {"entities": [(0, 5, "per")]})] * 2
    with pytest.raises(BertNerError, match=r"does not fit in memory .*accumulate_gradient 4"):
        nlp.update(examples)
    assert sizes == [2]


def no_room(*arguments, **options):
    raise torch.cuda.OutOfMemoryError("CUDA out of memory")


def test_a_gpu_without_room_for_what_goes_in_is_told(tagger, monkeypatch):
    nlp = make(tagger, runtime=PADDED)
    nlp("")
    monkeypatch.setattr(nlp.get_pipe("bert_ner").model.shims[0].checkpoint, "pad", no_room)
    with pytest.raises(BertNerError, match=r"fit in memory .CUDA out of memory.\. "):
        nlp("Kevin")


@pytest.mark.parametrize("place", ["torch.autograd.backward", "spacy_bert_ner.models.shim.apply_optimizer"])
def test_training_without_room_on_the_way_back_is_told(tagger, monkeypatch, place):
    nlp = make(tagger)
    examples = [Example.from_dict(nlp.make_doc("Kevin plays"), {"entities": [(0, 5, "per")]})]
    before = nlp.update(examples)
    with monkeypatch.context() as patched:
        patched.setattr(place, no_room)
        with pytest.raises(BertNerError, match=r"fit in memory .CUDA out of memory.*accumulate_gradient 4"):
            nlp.update(examples)
    assert 0 < nlp.update(examples)["bert_ner"] < before["bert_ner"]


def test_a_cpu_without_room_goes_on_with_single_docs(tagger, monkeypatch):
    """Test that Docs in a failed batch are retried separately, and that only Docs that fail again are reported."""
    nlp = make(tagger, runtime=PADDED)
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.")
    with_room_for(nlp, 1, error, monkeypatch)
    assert [doc.text for doc in nlp.pipe(["Kevin", "Durant", "plays"])] == ["Kevin", "Durant", "plays"]
    failed = []
    nlp.set_error_handler(lambda name, pipe, docs, e: failed.append(str(e)))
    found = [doc.text for doc in nlp.pipe(["Kevin", "Durant plays for the Nets " * 30, "plays"])]
    assert found == ["Kevin", "plays"]
    assert len(failed) == 1
    assert failed[0].startswith("A batch does not fit in memory (DefaultCPUAllocator")


def test_other_errors_of_torch_stay_what_they_are(tagger, monkeypatch):
    nlp = make(tagger, runtime=PADDED)
    with_room_for(nlp, 0, RuntimeError("shapes differ"), monkeypatch)
    with pytest.raises(RuntimeError, match="^shapes differ$"):
        nlp("Kevin")


@pytest.mark.process
def test_loading_writes_nothing(tagger, tmp_path):
    """Test that loading writes no files in the pipeline folder, so that the folder can be read-only.

    The test does not use file permissions because they do not restrict root.
    """
    make(tagger).to_disk(tmp_path / "pipeline")
    program = """
import os, sys
folder = os.path.realpath(sys.argv[1])
def watch(event, arguments):
    writes = event in {"os." + name for name in "mkdir rename remove rmdir chmod link symlink utime truncate".split()}
    if event == "open" and isinstance(arguments[2], int):
        writes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    if writes and str(arguments[0]).startswith(folder):
        print(event, arguments)
sys.addaudithook(watch)
import spacy
print(len(spacy.load(folder)("Kevin Durant lives in New York .")))
open(folder + "/seen", "w").close()
"""
    command = [fast_python(), "-W", "ignore", "-c", program, str(tmp_path / "pipeline")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    first, second = run.stdout.splitlines()
    assert first == "7"
    assert second.startswith("open")
    assert "/seen" in second


N_LISTS = settings.default.max_examples // 5
"""Number of lists of texts: 200 in the `nightly` profile, and 4 in `dev`."""

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me", "Co", "Cn"]), max_size=40),
    st.lists(
        st.sampled_from(
            [
                "Kevin",
                " Durant",
                "\u202e",  # right-to-left override
                "\u200d",  # joins emoji
                "\U0001f469\u200d\U0001f469\u200d\U0001f467",
                "e\u0301\u0301\u0301\u0301",
                "\ufeff",
                "\x00",
                "\r\n",
                "\u2028",
                "\ufdfa",  # one character that normalizes to eighteen characters
                "\u0130",  # one character that becomes two in lower case
                "\u1e9e",
                "\uac00\u1100\u1161",
                "#" * 70,
                "a" * 200,
                "\t" * 9,
            ]
        ),
        max_size=12,
    ).map("".join),
)


@pytest.mark.fuzz
@settings(max_examples=N_LISTS, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(HOSTILE, min_size=50, max_size=50))
def test_ten_thousand_hostile_texts(loaded_once, texts):
    """Test that texts are unchanged, that entities start and end on visible tokens, and that batching has no effect.

    The number of texts applies to the `nightly` profile.
    """
    docs = list(loaded_once.pipe(texts))
    assert [doc.text for doc in docs] == texts
    for doc in docs:
        for ent in doc.ents:
            assert not doc[ent.start].is_space
            assert not doc[ent.end - 1].is_space
        assert len(doc.spans["bert_ner"]) == len(doc.ents)
        assert all(0 <= score <= 1 for score in doc.spans["bert_ner"].attrs["scores"])
    alone = loaded_once(texts[0])
    assert entities(alone) == entities(docs[0])


@pytest.fixture(scope="module")
def loaded_once(tagger):
    nlp = make(tagger)
    nlp("")
    return nlp


WITHOUT_ROOM = """
import resource, sys
import spacy
from spacy_bert_ner.errors import BertNerError

nlp = spacy.load(sys.argv[1])
texts = ["Kevin Durant lives in New York . " * 3] * 3000
expected = [(ent.start, ent.end, ent.label_) for ent in nlp(texts[0]).ents]
docs = [nlp.make_doc(text) for text in texts]
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
# 300 MB more than it has; a layer of the batch of all texts takes 1.3 GB.
resource.setrlimit(resource.RLIMIT_AS, (size + 300_000_000,) * 2)
try:
    nlp.get_pipe("bert_ner").predict(docs)
except BertNerError as e:
    print(e)
docs = list(nlp.pipe(texts[:1000], batch_size=1000))
print(len(docs), all([(ent.start, ent.end, ent.label_) for ent in doc.ents] == expected for doc in docs))
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited, and measured, as on Linux")
def test_a_process_without_memory_says_so_and_goes_on(tmp_path):
    """Test with a real memory limit that the operating system enforces."""
    save_bert(tmp_path / "checkpoint", intermediate_size=4096)
    make(tmp_path / "checkpoint", max_batch_tokens=200_000).to_disk(tmp_path / "pipeline")
    command = [fast_python(), "-c", WITHOUT_ROOM, str(tmp_path / "pipeline")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    message, found = done.stdout.splitlines()
    assert message.startswith("A batch does not fit in memory (")
    assert "max_batch_tokens 512" in message
    assert found == "1000 True"
