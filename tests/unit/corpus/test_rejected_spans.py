"""Test that spans rejected in Prodigy are read, survive conversion in both directions, and are used in training."""

from contextlib import nullcontext

import numpy as np
import pytest
import spacy
from corpora import fails, found, lines, messages
from spacy.tokens import DocBin
from spacy.training import Corpus
from support import initialized

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.sentence import Sentence
from spacy_bert_ner.corpus.spacy_reader import make_corpus_reader_v1
from spacy_bert_ner.types import INCORRECT_SPANS, Entity

TEXT = "Ada met Bob in New York."
WORDS = ["Ada", "met", "Bob", "in", "New", "York", "."]
UNKNOWN = [None] * 7
REJECTED = (
    "1 spans were not saved as entities because the annotator rejected them. To train on them as incorrect spans: "
    "[components.bert_ner] "
    "incorrect_spans_key"
)
PARTIAL = (
    "texts have yes-or-no answers about their spans, according to Prodigy's _view_id. Tokens outside "
    "these spans are treated as unknown. No action is required."
)


def span(start, end, label="per", **more):
    return {"start": start, "end": end, "label": label, **more}


def task(answer, *spans, view="ner", **more):
    """Return a record in the format that Prodigy's `ner.teach` writes."""
    return {"text": TEXT, "spans": [*spans], "answer": answer, "_view_id": view, **more}


def only(path, **options):
    (sentence,) = read_corpus(path, **options).sentences
    return sentence


def test_a_rejected_task_of_yes_or_no_says_that_its_span_is_no_entity(tmp_path):
    path = lines(tmp_path, task("reject", span(15, 23)))
    sentence = only(path)
    assert (sentence.words, sentence.tags, sentence.incorrect) == (WORDS, UNKNOWN, (Entity("per", 4, 6),))
    first, second = messages(path)
    assert first.startswith(REJECTED)
    assert second == f"1 {PARTIAL}"


def test_an_accepted_task_of_yes_or_no_says_nothing_of_the_rest(tmp_path):
    path = lines(tmp_path, task("accept", span(15, 23, "geo")))
    assert only(path).tags == [None, None, None, None, "B-geo", "I-geo", None]
    assert messages(path) == [f"1 {PARTIAL}"]


def test_a_span_has_its_own_answer(tmp_path):
    spans = span(0, 3, answer="accept"), span(8, 11), span(15, 23, answer="ignore")
    sentence = only(lines(tmp_path, task("reject", *spans)))
    assert sentence.tags == ["B-per", *[None] * 6]
    assert sentence.incorrect == (Entity("per", 2, 3),)


@pytest.mark.parametrize("view", ["ner_manual", "spans_manual", "blocks", None])
def test_a_rejected_task_of_another_interface_is_skipped(tmp_path, view):
    path = lines(tmp_path, task("reject", span(0, 3), view=view), task("accept", span(8, 11), view=view))
    assert only(path).tags == ["O", "O", "B-per", "O", "O", "O", "O"]
    assert messages(path) == [
        (
            "1 texts were skipped because they were not annotated or their annotation was "
            "rejected. No action is required if this is intended."
        )
    ]


def test_what_was_ignored_or_has_no_span_tells_nothing(tmp_path):
    path = lines(tmp_path, task("ignore", span(0, 3)), task("reject"), task("accept"), task("accept", span(0, 3)))
    assert found(path) == [[], [("Ada", "per")]]
    assert [sentence.tags[-1] for sentence in CorpusStream(path)] == ["O", None]
    assert messages(path)[0] == (
        "2 texts were skipped because they were not annotated or their annotation was "
        "rejected. No action is required if this is intended."
    )


def test_a_rejected_span_of_an_accepted_text(tmp_path):
    path = lines(tmp_path, task("accept", span(0, 3), span(15, 23, answer="reject"), view="ner_manual"))
    sentence = only(path)
    assert (sentence.tags, sentence.incorrect) == (["B-per", *["O"] * 6], (Entity("per", 4, 6),))


@pytest.mark.parametrize(
    ("rejected", "incorrect"),
    [
        ([span(8, 11), span(8, 11)], (Entity("per", 2, 3),)),  # duplicates are dropped
        ([span(4, 11), span(8, 14)], (Entity("per", 1, 3), Entity("per", 2, 4))),  # rejected spans can overlap
        ([span(8, 12)], ()),  # includes white space, which no entity does
        ([span(8, 10)], ()),  # covers part of a token
        ([span(7, 8)], ()),
    ],
)
def test_rejected_spans_in_tokens(tmp_path, rejected, incorrect):
    path = lines(tmp_path, task("reject", *rejected))
    assert only(path).incorrect == incorrect
    misfit = (
        "1 rejected spans were skipped because they cannot be entities: they start or end inside a token or with "
        "white space. No action is required."
    )
    assert (misfit in messages(path)) == (not incorrect)


def test_what_is_both_accepted_and_rejected_is_refused(tmp_path):
    path = lines(tmp_path, task("accept", span(0, 3), span(0, 3, answer="reject"), id=7))
    fails(path, ", line 1, id 7: the span 'Ada' (per) is both accepted and rejected. Allowed: only one of the two.")
    fails(lines(tmp_path, task("reject", span(20, 30))), ", line 1: the span 'per' from 20 to 30")
    fails(lines(tmp_path, {"text": "Ada", "spans": [], "incorrect_spans": 3}), ", line 1: ")


SENTENCES = [
    Sentence(WORDS, UNKNOWN, [1] * 7, [True, True, True, True, True, False, False], "a", (Entity("per", 4, 6),)),
    Sentence(["Ada", "left"], ["B-per", "O"], [2] * 2, [True, False], "", (Entity("geo", 0, 1), Entity("x", 0, 2))),
    Sentence(["Bob"], ["B-per"], [3], [False]),
]


@pytest.fixture
def records(tmp_path):
    """Return a file that contains the sentences."""
    return lines(
        tmp_path,
        task("reject", span(15, 23), id="a"),
        {"text": "Ada left", "spans": [span(0, 3)], "incorrect_spans": [span(0, 3, "geo"), span(0, 8, "x")]},
        {"text": "Bob", "spans": [span(0, 3)]},
    )


def test_both_formats_that_hold_them_give_them_back(records, tmp_path):
    assert list(CorpusStream(records)) == SENTENCES
    for to in ("spacy", "jsonl"):
        done = convert(records, tmp_path / to, to=to)
        (file,) = done.counts
        back = [sentence._replace(lines=own.lines) for sentence, own in zip(CorpusStream(file), SENTENCES, strict=True)]
        assert back == SENTENCES
        assert "left out" not in "".join(done.messages)
    assert list(
        CorpusStream(next(iter(convert(tmp_path / "spacy" / "a.spacy", tmp_path / "two", to="jsonl").counts)))
    ) == [sentence._replace(lines=[i] * len(sentence.words)) for i, sentence in enumerate(SENTENCES, start=1)]


@pytest.mark.parametrize("to", ["conll", "parquet"])
def test_other_formats_say_that_they_are_left_out(records, tmp_path, to):
    done = convert(records, tmp_path / "out", to=to)
    assert (
        f"3 incorrect spans were omitted because --to {to} cannot store them. To keep them, specify another format "
        "with --to: spacy, jsonl" in done.messages
    )
    (file,) = done.counts
    assert [sentence.tags for sentence in CorpusStream(file)] == [sentence.tags for sentence in SENTENCES]


def test_the_file_is_that_of_spacy(records, tmp_path):
    convert(records, tmp_path / "out", split="67/33")
    docs = [
        doc
        for part in ("train", "dev")
        for doc in DocBin().from_disk(tmp_path / "out" / f"{part}.spacy").get_docs(spacy.blank("en").vocab)
    ]
    spans = {doc.text: [(s.text, s.label_) for s in doc.spans.get(INCORRECT_SPANS, ())] for doc in docs}
    assert spans == {TEXT: [("New York", "per")], "Ada left": [("Ada", "geo"), ("Ada left", "x")], "Bob": []}


@pytest.mark.parametrize("kind", ["jsonl", "spacy"])
@pytest.mark.parametrize("join", [0, 20])
def test_the_readers_hand_them_on(tmp_path, kind, join):
    rows = [task("reject", span(15, 23), meta={"id": "a"}), task("reject", span(0, 3), meta={"id": "a"})]
    path = lines(tmp_path, *rows)
    if kind == "spacy":
        (path,) = convert(path, tmp_path / "out").counts
    with pytest.warns(UserWarning, match="rejected them|yes-or-no") if kind == "jsonl" else nullcontext():
        references = [eg.reference for eg in make_corpus_reader_v1(path, join=join)(spacy.blank("en"))]
    spans = [[(s.start, s.end, s.label_) for s in doc.spans[INCORRECT_SPANS]] for doc in references]
    assert spans == ([[(4, 6, "per"), (7, 8, "per")]] if join else [[(4, 6, "per")], [(0, 1, "per")]])
    assert not any(token.ent_iob for doc in references for token in doc)
    if kind == "spacy":
        assert [len(eg.reference.spans[INCORRECT_SPANS]) for eg in Corpus(path)(spacy.blank("en"))] == [1, 1]


def test_rejected_tasks_are_learned(make_nlp, examples, tmp_path):
    (path,) = convert(lines(tmp_path, task("reject", span(15, 23))), tmp_path / "out").counts
    with pytest.warns(UserWarning, match="no training Doc has spans"):
        nlp = initialized(make_nlp, examples, config={"incorrect_spans_key": INCORRECT_SPANS})
    (eg,) = Corpus(path)(nlp)
    pipe = nlp.get_pipe("bert_ner")
    loss, gradient = pipe.get_loss([eg], pipe.model.predict([eg.predicted]))
    assert loss.weight == 1
    assert loss > 0
    assert np.abs(gradient[0].dataXd).sum() > 0
