"""What goes wrong around a loaded pipeline: many threads, files that are gone, and texts that nobody meant."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
        return [entities(nlp(TEXTS[(i + k) % 16])) for k in range(16)]

    # Threads take turns every few instructions, so that what they share is met in all its states.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(TEXTS)) as pool:
            found = list(pool.map(read, range(16)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [[expected[(i + k) % 16] for k in range(16)] for i in range(16)]


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


def test_loading_writes_nothing(tagger, tmp_path):
    """So that a folder may be read-only; whoever runs the tests may be allowed to write anyway."""
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
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / "pipeline")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    first, second = run.stdout.splitlines()
    assert first == "7"
    assert second.startswith("open")
    assert "/seen" in second


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me", "Co", "Cn"]), max_size=40),
    st.lists(
        st.sampled_from(
            [
                "Kevin",
                " Durant",
                "\u202e",  # from right to left
                "\u200d",  # joins emoji
                "\U0001f469\u200d\U0001f469\u200d\U0001f467",
                "e\u0301\u0301\u0301\u0301",
                "\ufeff",
                "\x00",
                "\r\n",
                "\u2028",
                "\ufdfa",  # one character that normalizes to eighteen
                "\u0130",  # lower-cased, it is two
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


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(HOSTILE, min_size=50, max_size=50))
def test_ten_thousand_hostile_texts(loaded_once, texts):
    """200 lists of 50 texts. Each comes back as it was, with entities that lie on visible tokens, the same as alone."""
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
