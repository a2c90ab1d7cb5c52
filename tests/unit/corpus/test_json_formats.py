"""Test annotated text in several JSON formats: spaCy 2, ner-annotator, Dataturks, CLUENER, GLiNER and SpERT."""

import json
from pathlib import Path

import pytest
from corpora import fails, found, lines, messages

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.readers import json_stream
from spacy_bert_ner.errors import CorpusError

TEXT = "Ada met Bob in New York."


def whole(folder: Path, value: object, indent: int | None = None, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    return path


# spaCy 2 and ner-annotator

PAIRS = [
    [TEXT, {"entities": [[0, 3, "per"], [15, 23, "loc"]], "links": {}, "cats": {"news": 1.0}}],
    ["Nobody came.", {"entities": []}],
    ["It was Bob.", {"entities": [[7, 10, "per"]]}],
]
IN_PAIRS = [[("Ada", "per"), ("New York", "loc")], [], [("Bob", "per")]]


@pytest.mark.parametrize("chunk", [1, 1 << 16])
@pytest.mark.parametrize("layout", ["array", "indented", "lines", "indented lines", "one"])
def test_pairs_of_spacy_2_are_read(tmp_path, monkeypatch, layout, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    expected, first_lines = IN_PAIRS, [1, 1, 1]
    if layout in ("array", "indented"):
        path = whole(tmp_path, PAIRS, 1 if layout == "indented" else None)
        first_lines = [2, 23, 29] if layout == "indented" else first_lines
    elif layout == "lines":
        path, first_lines = lines(tmp_path, *PAIRS), [1, 2, 3]
    elif layout == "indented lines":
        path, first_lines = tmp_path / "a.json", [1, 22, 28]
        path.write_text("\n".join(json.dumps(pair, indent=1) for pair in PAIRS))
    else:
        path, expected, first_lines = whole(tmp_path, PAIRS[0]), IN_PAIRS[:1], [1]
    assert found(path) == expected
    corpus = read_corpus(path)
    assert (corpus.format, [sentence.lines[0] for sentence in corpus.sentences]) == ("spacy-2", first_lines)


@pytest.mark.parametrize("chunk", [1, 1 << 16])
@pytest.mark.parametrize("indent", [None, 1])
def test_what_ner_annotator_writes_is_read_and_skipped_texts_are_counted(tmp_path, monkeypatch, indent, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    value = {"classes": ["per", "a [b]"], "annotations": [None, *PAIRS, None], "more": {"annotations": [1]}}
    path = whole(tmp_path, value, indent)
    assert found(path) == IN_PAIRS
    assert read_corpus(path).format == "spacy-2"
    assert messages(path) == [
        (
            "2 texts were skipped because they were not annotated or their annotation was "
            "rejected. No action is required if this is intended."
        )
    ]


@pytest.mark.parametrize(
    ("bad", "rest"),
    [
        (["a"], ", line 1: ['a'] is not a pair with a text and its entities. Allowed: "),
        (["a", {"cats": {}}], ", line 1: ['a', {'cats': {}}] is not a pair with a text and its entities."),
        ([5, {"entities": []}], ", line 1: [5, {'entities': []}] is not a pair"),
        ({"text": "a"}, ", line 1: {'text': 'a'} is not a pair"),
        (["a", {"entities": [[0, 1]]}], ", line 1: [0, 1] is not a valid span."),
        (
            ["a", {"entities": [[0, 9, "per"]]}],
            ", line 1: the span 'per' from 0 to 9 is invalid in a text with 1 characters.",
        ),
        (["a\0b", {"entities": []}], ", line 1: the text contains a NUL character (U+0000) at offset 1,"),
    ],
)
def test_a_bad_pair_is_refused(tmp_path, bad, rest):
    fails(whole(tmp_path, [PAIRS[0], bad]), rest)
    fails(whole(tmp_path, {"classes": [], "annotations": [PAIRS[0], bad]}), rest)
    assert found(whole(tmp_path, [PAIRS[0], bad]), skip_invalid=1) == IN_PAIRS[:1]


@pytest.mark.parametrize("cut", [1, 2, 10])
def test_a_file_of_ner_annotator_that_is_cut_is_refused(tmp_path, cut):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"classes": [], "annotations": PAIRS})[:-cut])
    fails(path, ", line 1: the record is not valid JSON (")


# Inclusive end offsets


def test_ends_of_dataturks_are_inclusive(tmp_path):
    ada = {"label": ["per"], "points": [{"start": 0, "end": 2, "text": "Ada"}]}
    york = {"label": "loc", "points": [{"start": 15, "end": 22, "text": "New York"}]}
    both = {"label": ["per", "org"], "points": [{"start": 8, "end": 10, "text": "Bob"}]}
    path = lines(
        tmp_path,
        {"content": TEXT, "annotation": [ada, york, both], "extras": None},
        {"content": "Nobody came.", "annotation": None, "extras": None},
        {"content": "Nobody left.", "annotation": []},
    )
    assert found(path) == [[]]
    assert read_corpus(path).format == "dataturks"
    assert messages(path) == [
        (
            "1 texts were skipped because they were not annotated or their annotation was "
            "rejected. No action is required if this is intended."
        ),
        (
            "1 texts were skipped because they have spans with several labels. Allowed: one label per "
            "span. Remove the extra labels to include these texts."
        ),
    ]
    whole_text = lines(tmp_path, {"content": TEXT, "annotation": [ada, york]})
    assert found(whole_text) == [[("Ada", "per"), ("New York", "loc")]]


@pytest.mark.parametrize(
    ("annotation", "rest"),
    [
        (
            [{"label": ["per"], "points": [{"start": 0, "end": 4, "text": "Ada"}]}],
            "the text of a span is declared as 'Ada'",
        ),
        (
            [{"label": ["per"], "points": [{"start": 0, "end": 24}]}],
            "the span 'per' from 0 to 25 is invalid in a text with 24",
        ),
        ([{"label": [], "points": []}], "a span has the invalid labels []. Allowed: a list with exactly one"),
        ([{"label": ["per"]}], "{'label': ['per']} is not a valid Dataturks annotation."),
        (["per"], "'per' is not a valid Dataturks annotation."),
        ({}, "{} is not a list of spans or annotations."),
    ],
)
def test_bad_annotations_of_dataturks_are_refused(tmp_path, annotation, rest):
    good = {"content": "a", "annotation": []}
    path = lines(tmp_path, good, {"content": TEXT, "annotation": annotation})
    fails(path, f", line 2: {rest}")


def test_ends_of_cluener_are_inclusive(tmp_path):
    path = lines(
        tmp_path,
        {"text": "Ada met Ada Bob.", "label": {"per": {"Ada": [[0, 2], [8, 10]], "Bob": [[12, 14]]}}},
        {"text": "Nobody came.", "label": {}},
    )
    assert found(path) == [[("Ada", "per"), ("Ada", "per"), ("Bob", "per")], []]
    assert read_corpus(path).format == "cluener"


@pytest.mark.parametrize(
    ("label", "rest"),
    [
        (
            {"per": {"Bob": [[0, 2]]}},
            "the text of a span is declared as 'Bob', but the text at its offsets is 'Ada'.",
        ),
        ({"per": {"Ada": [0, 2]}}, "the key label contains the invalid value 0."),
        ({"per": ["Ada"]}, "the key label contains the invalid value ['Ada']."),
        ("per", "the key label contains the invalid value 'per'."),
        ({"per": {"Ada": [["0", 2]]}}, "the span 'per' has invalid offsets: '0' to 3."),
    ],
)
def test_bad_places_of_cluener_are_refused(tmp_path, label, rest):
    fails(lines(tmp_path, {"text": "a", "label": {"x": {}}}, {"text": TEXT, "label": label}), f", line 2: {rest}")


# Word spans

WORDS = ["Ada", "met", "Bob", "in", "New", "York", "."]


def test_ends_of_gliner_are_inclusive_and_those_of_spert_are_not(tmp_path):
    gliner = lines(tmp_path, {"tokenized_text": WORDS, "ner": [[0, 0, "per"], [4, 5, "loc"], [6, 6, "end"]]})
    spans = [("per", 0, 1), ("loc", 4, 6), ("end", 6, 7)]
    entities = [{"type": label, "start": start, "end": end} for label, start, end in spans]
    relations = [{"type": "in", "head": 0, "tail": 1}]
    spert = whole(tmp_path, [{"tokens": WORDS, "entities": entities, "relations": relations, "orig_id": 5}])
    expected = [[("Ada", "per"), ("New York", "loc"), (".", "end")]]
    assert found(gliner) == found(spert) == expected
    assert [read_corpus(path).format for path in (gliner, spert)] == ["gliner", "spert"]


def test_words_without_text_get_the_spaces_of_print(tmp_path):
    path = lines(tmp_path, {"tokenized_text": WORDS, "ner": []})
    texts = ["".join(read_corpus(path, spacing=spacing).sentences[0].pieces()) for spacing in ("natural", "single")]
    assert texts == ["Ada met Bob in New York.", "Ada met Bob in New York ."]


def test_spans_that_share_words_are_handled_as_those_of_text(tmp_path):
    path = lines(tmp_path, {"tokenized_text": WORDS, "ner": [[4, 5, "loc"], [4, 4, "adj"]]})
    fails_with = "1 of 2 spans share tokens with another span:\n"
    with pytest.raises(CorpusError, match=fails_with):
        CorpusStream(path)
    assert found(path, overlap="longest") == [[("New York", "loc")]]


@pytest.mark.parametrize(
    ("record", "rest"),
    [
        (
            {"ner": [[0, 7, "per"]]},
            (
                "the span 'per' from word 0 to 7 is invalid in a sentence with 7 words. "
                "Allowed: whole numbers with 0 <= start"
            ),
        ),
        ({"ner": [[2, 1, "per"]]}, "the span 'per' from word 2 to 1 is invalid in a sentence with 7 words."),
        ({"ner": [[-1, 0, "per"]]}, "the span 'per' from word -1 to 0 is invalid in a sentence with 7 words."),
        ({"ner": [[False, 0, "per"]]}, "the span 'per' from word False to 0 is invalid in a sentence with 7 words."),
        ({"ner": [[0, "per"]]}, "[0, 'per'] is not a valid word span. Allowed: a span such as [0, 0, \"per\"]."),
        ({"ner": [[0, 0, 5]]}, "the span 0-3 has the invalid label 5."),
        ({"ner": {}}, "{} is not a list of spans or annotations."),
        ({"tokenized_text": "a b"}, "tokenized_text = 'a b' is invalid. Allowed: a list of strings, one per word."),
        ({"tokenized_text": ["a", ""]}, "the word is empty."),
        ({"tokenized_text": ["a\ud800"]}, "a string contains the unpaired surrogate U+D800"),
    ],
)
def test_bad_spans_of_words_are_refused(tmp_path, record, rest):
    path = lines(tmp_path, {"tokenized_text": ["a"], "ner": []}, {"tokenized_text": WORDS, "ner": [], **record})
    with pytest.raises(CorpusError) as caught:
        CorpusStream(path)
    assert str(caught.value).startswith(f"{path}, line 2")
    assert rest in str(caught.value)


def test_the_end_of_spert_may_be_the_number_of_words_and_no_more(tmp_path):
    def record(end: int) -> dict[str, object]:
        return {"tokens": WORDS, "entities": [{"type": "x", "start": 6, "end": end}]}

    fails(lines(tmp_path, record(8)), ", line 1: the span 'x' from word 6 to 8 is invalid in a sentence with 7 words.")
    fails(lines(tmp_path, record(6)), ", line 1: the span 'x' from word 6 to 6 is invalid in a sentence with 7 words.")
    assert found(lines(tmp_path, record(7))) == [[(".", "x")]]
