"""Test formats with character offsets: JSONL for spaCy, Prodigy and doccano, and Label Studio exports."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin
from support import ROOT
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream, read_corpus, stream
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.readers import json_records, json_stream, text_source
from spacy_bert_ner.corpus.span_report import SpanAlignmentReport
from spacy_bert_ner.errors import CorpusError

TEXT = "Ada  Lovelace met Berliners."  # two spaces, of which the second is a token
NLP = spacy.blank("en")
WORDS = ["Ada", " ", "Lovelace", "met", "Berliners", "."]


def span(start: object, end: object, label: object = "per", **more: object) -> dict[str, object]:
    return {"start": start, "end": end, "label": label, **more}


def jsonl(folder: Path, *rows: object, name: str = "texts.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def array(folder: Path, *rows: object, indent: int | None = None, name: str = "tasks.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    return path


def task(text: str, *regions: object, **more: object) -> dict[str, object]:
    return {"id": 7, "data": {"text": text}, "annotations": [annotation(*regions)], **more}


def annotation(*regions: object, **more: object) -> dict[str, object]:
    result = [{"value": region, "from_name": "label", "to_name": "text", "type": "labels"} for region in regions]
    return {"id": 1, "result": result, **more}


def region(start: object, end: object, labels: object, **more: object) -> dict[str, object]:
    return {"start": start, "end": end, "labels": labels, **more}


def fails(path: Path, rest: str, *, prefix: str | None = None, **options: object) -> None:
    with pytest.raises(CorpusError) as caught:
        read_corpus(path, **options)
    assert str(caught.value).startswith(f"{path if prefix is None else prefix}{rest}")


def tagged(path: Path, **options: object) -> list[tuple[list[str], list[str | None]]]:
    return [(sentence.words, sentence.tags) for sentence in read_corpus(path, **options).sentences]


def report(path: Path, **options: object) -> SpanAlignmentReport:
    stream = CorpusStream(path, **options)
    for _ in range(2):  # messages count only one reading
        list(stream)
    assert stream.spans is not None
    return stream.spans


# Formats

ADA = (["Ada", "left", "."], ["B-per", "O", "O"])
NOBODY = (["Nobody", "came", "."], ["O", "O", "O"])


@pytest.mark.parametrize(
    ("rows", "format"),
    [
        ([{"text": "Ada left.", "spans": [span(0, 3)]}, {"text": "Nobody came.", "spans": []}], "jsonl"),
        ([{"text": "Ada left.", "entities": [[0, 3, "per"]]}, {"text": "Nobody came.", "entities": []}], "jsonl"),
        (
            [
                {"text": "Ada left.", "spans": [span(0, 3, token_start=0, token_end=0)], "answer": "accept"},
                {"text": "Nobody came.", "answer": "accept"},
            ],
            "jsonl",
        ),
        ([{"text": "Ada left.", "label": [[0, 3, "per"]]}, {"text": "Nobody came.", "label": []}], "doccano"),
        ([{"text": "Ada left.", "labels": [[0, 3, "per"]]}, {"text": "Nobody came.", "labels": []}], "doccano"),
        ([{"data": "Ada left.", "label": [[0, 3, "per"]]}, {"data": "Nobody came.", "label": []}], "doccano"),
        (
            [
                {"data": "Ada left.", "entities": [{"id": 1, "label": "per", "start_offset": 0, "end_offset": 3}]},
                {"data": "Nobody came.", "entities": []},
            ],
            "doccano",
        ),
        ([task("Ada left.", region(0, 3, ["per"], text="Ada")), task("Nobody came.", id=8)], "label-studio"),
        (
            [
                {"text": "Ada left.", "id": 1, "label": [region(0, 3, ["per"], text="Ada")], "annotation_id": 4},
                {"text": "Nobody came.", "id": 2, "annotation_id": 5},
            ],
            "label-studio",
        ),
    ],
    ids=["spacy", "old-spacy", "prodigy", "doccano", "labels", "data", "relations", "label-studio", "json-min"],
)
@pytest.mark.parametrize("layout", ["lines", "array", "indented", "one-a-chunk"])
def test_each_format_is_told_from_its_keys(tmp_path, monkeypatch, rows, format, layout):
    if layout == "one-a-chunk":
        monkeypatch.setattr(json_stream, "_CHUNK", 1)
    indent = 2 if layout == "indented" else None
    path = jsonl(tmp_path, *rows) if layout == "lines" else array(tmp_path, *rows, indent=indent)
    corpus = read_corpus(path)
    assert (corpus.format, corpus.tag_scheme, corpus.n_repaired) == (format, "IOB2", 0)
    assert tagged(path) == [ADA, NOBODY]
    assert tagged(path, format=format, limit=1) == [ADA]


def test_a_record_knows_its_line(tmp_path):
    rows = [{"text": "Ada left.", "spans": []}, {"text": "a b", "spans": []}]
    lines = [(s.words[0], s.lines) for s in read_corpus(jsonl(tmp_path, "", *rows, "", *rows)).sentences]
    assert lines == [("Ada", [2] * 3), ("a", [3] * 2), ("Ada", [5] * 3), ("a", [6] * 2)]
    lines = [(s.words[0], s.lines) for s in read_corpus(array(tmp_path, *rows, indent=1)).sentences]
    assert lines == [("Ada", [2] * 3), ("a", [6] * 2)]


def test_the_document_is_named_by_meta_or_id(tmp_path):
    record = {"text": "a", "spans": []}
    names = [
        {"meta": {"document": "d", "id": "i"}, "id": "own"},
        {"meta": {"id": "i"}, "id": "own"},
        {"id": "own"},
        {"id": 3},
        {"meta": "news"},
        {"id": "a\ud83d"},
        {},
    ]
    path = jsonl(tmp_path, *({**record, **name} for name in names))
    documents = [sentence.document for sentence in read_corpus(path).sentences]
    assert documents == ["d", "i", "own", "texts.jsonl 3", "", "a?", ""]


def test_rejected_and_empty_texts_are_left_out(tmp_path):
    rows = [
        {"text": "Ada left.", "spans": [span(0, 3)], "answer": "accept"},
        {"text": "Bob left.", "spans": [span(0, 3)], "answer": "reject"},
        {"text": "Cleo left.", "answer": "ignore"},
        {"text": "", "spans": []},
    ]
    path = jsonl(tmp_path, *rows)
    assert tagged(path) == [ADA]
    assert report(path).n_left_out == 2


def test_label_studio_takes_the_first_annotation_that_was_not_cancelled(tmp_path):
    annotations = [
        annotation(region(0, 3, ["no"]), was_cancelled=True),
        annotation(region(0, 3, ["per"])),
        annotation(region(4, 8, ["no"])),
        annotation(),
    ]
    path = array(
        tmp_path,
        {"data": {"text": "Ada left."}, "annotations": annotations},
        {"data": {"text": "Bob left."}, "annotations": annotations[:1]},
        {"data": {"text": "Cleo left."}, "annotations": []},
    )
    assert tagged(path) == [ADA]
    assert (report(path).n_unused, report(path).n_left_out) == (2, 2)


def test_json_min_has_a_record_for_each_annotation(tmp_path):
    record = {"text": "Ada left.", "id": 1, "label": [region(0, 3, ["per"])], "annotation_id": 4}
    path = array(tmp_path, record, {**record, "label": []}, {**record, "id": 2})
    assert tagged(path) == [ADA, ADA]
    assert report(path).n_unused == 1


def test_json_min_with_two_texts_of_one_id_is_refused(tmp_path):
    record = {"text": "Ada left.", "id": 1, "label": [], "annotation_id": 4}
    path = array(tmp_path, record, {**record, "text": "Bob left."})
    with pytest.raises(CorpusError, match="the ID 1 is already used"):
        read_corpus(path)


def test_label_studio_has_results_that_are_no_spans_and_line_breaks_written_out(tmp_path):
    result = [
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "choices", "value": {"choices": ["news"]}},
        {"type": "choices", "value": {"start": 0, "end": 3, "choices": ["news"]}},
        {"type": "labels", "value": region(0, 8, ["geo"], text="New\\nYork")},
    ]
    path = array(tmp_path, {"data": {"text": "New\nYork is"}, "annotations": [{"result": result}]})
    assert tagged(path) == [(["New", "\n", "York", "is"], ["B-geo", "I-geo", "I-geo", "O"])]


# Spans and tokens


def one(folder: Path, *spans: object) -> Path:
    return jsonl(folder, {"text": TEXT, "spans": list(spans)})


B, I, L = "B-per", "I-per", "B-loc"  # noqa: E741


@pytest.mark.parametrize(
    ("spans", "misaligned", "tags"),
    [
        ([span(0, 13)], "error", [B, I, I, "O", "O", "O"]),
        ([span(27, 28)], "error", ["O", "O", "O", "O", "O", B]),
        ([span(0, 28)], "error", [B, I, I, I, I, I]),
        ([span(18, 24)], "expand", ["O", "O", "O", "O", B, "O"]),
        ([span(18, 24)], "contract", ["O", "O", "O", "O", "O", "O"]),
        ([span(18, 24)], "missing", ["O", "O", "O", "O", None, "O"]),
        ([span(14, 24)], "expand", ["O", "O", "O", B, I, "O"]),
        ([span(14, 24)], "contract", ["O", "O", "O", B, "O", "O"]),
        ([span(14, 24)], "missing", ["O", "O", "O", None, None, "O"]),
        ([span(13, 17)], "expand", ["O", "O", "O", B, "O", "O"]),  # includes the space before the word
        ([span(13, 17)], "contract", ["O", "O", "O", B, "O", "O"]),
        ([span(13, 14)], "expand", ["O"] * 6),  # only a space between tokens
        ([span(13, 14)], "missing", ["O"] * 6),
        ([span(18, 24), span(24, 27)], "expand", ["O", "O", "O", "O", B, "O"]),  # both spans become the same entity
        ([span(18, 24), span(24, 27, "loc")], "missing", ["O", "O", "O", "O", None, "O"]),
    ],
)
def test_spans_become_tags_by_the_policy_for_misaligned_ones(tmp_path, spans, misaligned, tags):
    assert tagged(one(tmp_path, *spans), misaligned=misaligned) == [(WORDS, tags)]


def test_misaligned_spans_are_counted_and_listed(tmp_path):
    path = one(tmp_path, span(0, 3), span(18, 24))
    spans = report(path, misaligned="contract")
    assert (spans.n_spans, spans.n_misaligned, spans.n_lost, spans.n_overlapping) == (2, 1, 1, 0)
    assert spans.misaligned == [f"{path}, line 1: 'Berlin' (per, 18-24) in 'Ada  Lovelace met [Berlin]ers.'"]
    assert report(path, misaligned="expand").n_lost == 0
    assert report(path, misaligned="missing").n_lost == 0


def test_white_space_at_the_edges_of_spans_is_left_out_and_counted(tmp_path):
    path = one(tmp_path, span(13, 18, "act"), span(13, 14), span(0, 3), span(0, 5))
    stream = CorpusStream(path)
    assert [sentence.tags for sentence in stream] == [["B-per", "O", "O", "B-act", "O", "O"]]
    spans = stream.spans
    assert (spans.n_spans, spans.n_trimmed, spans.n_blank, spans.n_misaligned) == (3, 2, 1, 0)
    assert stream.messages() == [
        "2 of 3 spans started or ended with white space, which was trimmed. Another 1 spans contained only "
        "white space and "
        f"were skipped:\n- {path}, line 1: ' met ' (act, 13-18) in 'Ada  Lovelace[ met ]Berliners.'\n- "
        f"{path}, line 1: ' ' "
        f"(per, 13-14) in 'Ada  Lovelace[ ]met Berliners.'\n- {path}, line 1: 'Ada  ' (per, 0-5) in '[Ada  ]Lovelace "
        "met Berliners.'"
    ]


def test_misaligned_spans_are_an_error_that_lists_the_first_five(tmp_path):
    path = jsonl(tmp_path, *({"text": f"{i} Berliners", "spans": [span(0, 1), span(2, 8)]} for i in range(7)))
    fails(path, "7 of 14 spans do not start and end at token boundaries:\n- ", prefix="")
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    message = str(caught.value)
    assert [f"line {i}: 'Berlin'" in message for i in range(1, 8)] == [True] * 5 + [False] * 2
    assert "--misaligned expand" in message


@pytest.mark.parametrize(
    ("spans", "overlap", "tags"),
    [
        ([span(0, 3, "loc"), span(0, 13)], "longest", [B, I, I, "O", "O", "O"]),
        ([span(0, 3, "loc"), span(0, 13)], "first", [L, "O", "O", "O", "O", "O"]),
        ([span(0, 13), span(5, 27, "loc")], "longest", ["O", "O", L, "I-loc", "I-loc", "O"]),
        ([span(5, 27, "loc"), span(0, 13)], "first", [B, I, I, "O", "O", "O"]),
        ([span(0, 3), span(0, 3, "loc")], "longest", [B] + ["O"] * 5),
        ([span(0, 3, "loc"), span(0, 3)], "longest", [L] + ["O"] * 5),
    ],
)
def test_overlapping_spans_are_an_error_or_one_is_kept(tmp_path, spans, overlap, tags):
    path = one(tmp_path, *spans)
    assert tagged(path, overlap=overlap) == [(WORDS, tags)]
    assert report(path, overlap=overlap).n_overlapping == 1
    fails(path, "1 of 2 spans share tokens with another span:\n- ", prefix="")


def test_a_chain_of_overlaps_keeps_what_shares_no_token(tmp_path):
    path = one(tmp_path, span(0, 13), span(5, 17, "mid"), span(14, 27))
    assert tagged(path, overlap="first") == [(WORDS, [B, I, I, B, I, "O"])]
    assert report(path, overlap="first").overlapping == [
        f"{path}, line 1: 'Lovelace met' (mid, 5-17) in 'Ada  [Lovelace met] Berliners.'"
        " and 'Ada  Lovelace' (per, 0-13)"
    ]


def test_a_span_that_is_there_twice_counts_once(tmp_path):
    path = one(tmp_path, span(0, 3), span(0, 3))
    assert tagged(path) == [(WORDS, [B] + ["O"] * 5)]
    assert report(path).n_spans == 1


def test_neighbours_share_nothing(tmp_path):
    path = jsonl(tmp_path, {"text": "Ada Bob", "spans": [span(4, 7), span(0, 3)]})
    assert tagged(path) == [(["Ada", "Bob"], [B, B])]


def test_the_tokenizer_is_that_of_the_language(tmp_path):
    path = jsonl(tmp_path, {"text": "l'Italia", "spans": [span(2, 8, "loc")]})
    assert tagged(path, lang="it") == [(["l'", "Italia"], ["O", "B-loc"])]
    fails(path, "1 of 1 spans do not start", prefix="", lang="en")


# Invalid input

ONE = {"text": "Ada left.", "spans": []}
OUTSIDE = "Allowed: whole numbers of characters with 0 <= start < end <= 9."


@pytest.mark.parametrize(
    ("bad", "rest"),
    [
        (span(0, 10), "the span 'per' from 0 to 10 is invalid in a text with 9 characters. " + OUTSIDE),
        (span(3, 3), "the span 'per' from 3 to 3 is invalid in"),
        (span(4, 3), "the span 'per' from 4 to 3 is invalid in"),
        (span(-3, 3), "the span 'per' from -3 to 3 is invalid in"),
        (span("0", 3), "the span 'per' has invalid offsets: '0' to 3. Allowed"),
        (span(0, 3.0), "the span 'per' has invalid offsets: 0 to 3.0. Allowed"),
        (span(False, 3), "the span 'per' has invalid offsets: False to 3. Allowed"),
        ({"start": 0, "label": "per"}, "the span 'per' has invalid offsets: 0 to None. Allowed"),
        (span(0, 3, ""), "the span 0-3 has the invalid label ''. Allowed: a non-empty string"),
        (span(0, 3, " "), "the span 0-3 has the invalid label ' '"),
        (span(0, 3, None), "the span 0-3 has the invalid label None"),
        (span(0, 3, 5), "the span 0-3 has the invalid label 5"),
        (span(0, 3, "\ud83d"), "a string contains the unpaired surrogate U+D83D at character 0"),
        (span(0, 3, text="Bob"), "the text of a span is declared as 'Bob', but the text at its offsets is 'Ada'"),
        (
            [0, 3],
            '[0, 3] is not a valid span. Allowed: a span such as {"start": 0, "end": 3, "label": "per"} or '
            '[0, 3, "per"].',
        ),
        ("Ada", "'Ada' is not a valid span."),
        (
            {"start": 0, "end": 3, "type": "per"},
            "{'start': 0, 'end': 3, 'type': 'per'} is not a valid span. Allowed: a span such as {",
        ),
    ],
)
def test_a_bad_span_is_refused_with_its_line(tmp_path, bad, rest):
    fails(jsonl(tmp_path, ONE, {"text": "Ada left.", "spans": [bad]}), f", line 2: {rest}")


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        ({"text": 5, "spans": []}, "the text is 5, but it must be a string."),
        ({"text": "a\ud83d", "spans": []}, "a string contains the unpaired surrogate U+D83D at character 1"),
        ({"text": "a", "spans": {}}, "{} is not a list of spans"),
        ({"text": "a"}, "the record requires spans or entities, but its keys are: text."),
        ({"spans": []}, "the record requires text, but its keys are: spans."),
        ({"text": "a", "spans": [], "answer": "yes"}, "the answer 'yes' is invalid. Allowed: accept, reject, ignore."),
        ({"text": "a", "spans": [], "answer": []}, "the answer [] is invalid. Allowed"),
        ([1], "[1] is not a JSON object."),
        (
            '{"text": "a", spans: []}',
            (
                "the record is not valid JSON (Expecting property name enclosed in double "
                "quotes at character 15 of the record)."
            ),
        ),
        (
            '{"text": "a", "spans": []',
            "the record is not valid JSON (Expecting ',' delimiter at character 26 of the record).",
        ),
        (
            '{"text": "a\x01", "spans": []}',
            "the record is not valid JSON (Invalid control character at character 12 of the record).",
        ),
        ('{"n": ' + "9" * 5000 + "}", "the record is not valid JSON (Exceeds the limit"),
        ('{"n": ' + "[" * 200_000, "the record is not valid JSON (it is nested too deeply"),
    ],
)
@pytest.mark.usefixtures("no_collection")
def test_a_bad_record_is_refused_with_its_line(tmp_path, row, rest):
    fails(jsonl(tmp_path, ONE, row), f", line 2: {rest}")


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        ("[\n{one},\n{one}\n", ", line 4: the record is not valid JSON (Expecting ',' or ']', found ''"),
        ("[\n{one}\n{one}]", ", line 3: the record is not valid JSON (Expecting ',' or ']', found '{"),
        ("[{one},\n,{one}]", ", line 2: the record is not valid JSON (Expecting value at character 1 of the record"),
        ("[{one}]\n\n]", ", line 3: the record is not valid JSON (text after the end of the array"),
        ("[{one},\n[]]", ", line 2: [] is not a JSON object"),
        (
            '[{one},\n{"text": \n oops}]',
            ", line 3: the record is not valid JSON (Expecting value at character 12 of the record",
        ),
        (
            '[{one},\n{"text": "a',
            ", line 2: the record is not valid JSON (Unterminated string starting at character 10 of the record",
        ),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 16])
def test_a_bad_array_is_refused_with_its_line(tmp_path, monkeypatch, content, rest, chunk):
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    path = tmp_path / "texts.json"
    path.write_text(content.replace("{one}", json.dumps(ONE)))
    fails(path, rest, format="jsonl")


@pytest.mark.parametrize(
    ("bad", "rest"),
    [
        (task("Ada left.", region(0, 3, [])), "a span has the invalid labels []."),
        (task("Ada left.", {"start": 0, "end": 3, "text": "Ada"}), "a span has the invalid labels None."),
        (
            task("Ada left.", {"start": 0, "end": 3, "hypertextlabels": ["per"]}),
            "the result has hypertextlabels, which is not supported.",
        ),
        (task("Ada left.", region(0, 3, "per")), "a span has the invalid labels 'per'."),
        (
            task("Ada left.", region("/p[1]", "/p[1]", ["per"])),
            "the span 'per' has invalid offsets: '/p[1]' to '/p[1]'. Allowed",
        ),
        ({"data": {"body": 5}, "annotations": []}, "the record requires data.text, but its keys are: body."),
        ({"data": "a", "annotations": []}, "the record requires data.text, but its keys are: 'a'."),
        ({"data": {"text": "a"}, "annotations": [{}]}, "None is not a list of spans or annotations."),
        ({"data": {"text": "a"}, "annotations": {}}, "{} is not a list of spans or annotations."),
        ({"data": {"text": "a"}, "annotations": [[]]}, "[[]] is not a list of spans or annotations."),
    ],
)
def test_a_bad_task_is_refused(tmp_path, bad, rest):
    fails(array(tmp_path, bad), f", line 1{', id 7' if 'id' in bad else ''}: {rest}")


def test_a_span_of_other_text_is_refused_with_the_id_of_its_task(tmp_path):
    path = array(tmp_path, task("🦄 Ada left.", region(4, 7, ["per"], text="Ada"), id="a7"))
    fails(path, ", line 1, id 'a7': the text of a span is declared as 'Ada', but the text at its offsets is 'a l'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"misaligned": "drop"}, "--misaligned = 'drop' is invalid. Allowed: error, expand, contract, missing."),
        ({"overlap": "last"}, "--overlap = 'last' is invalid. Allowed: error, longest, first."),
        (
            {"tag_scheme": "BILUO"},
            "--tag-scheme = 'BILUO' is invalid. Allowed: IOB2 or no value, because jsonl has no tags",
        ),
        ({"lang": "qq"}, r"--lang qq cannot be used \("),
        ({"encoding": "ascii"}, "line 1: byte 0xC3 is not valid ascii"),
    ],
)
def test_options_that_are_not_allowed_are_refused(tmp_path, options, message):
    path = jsonl(tmp_path, '{"text": "São", "spans": []}')
    with pytest.raises(CorpusError, match=message):
        convert(path, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_changes_the_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "tokenizer", lambda lang: lambda text: NLP.tokenizer(text.strip()))
    path = jsonl(tmp_path, ONE, {"text": " a", "spans": []})
    fails(path, ", line 2: the --lang ja tokenizer changes this text.", lang="ja")


def test_a_nul_in_a_text_is_refused_with_its_place(tmp_path):
    path = jsonl(tmp_path, ONE, {"id": "a", "text": "Ada\0 left", "spans": [span(0, 3)]})
    fails(path, ", line 2, id 'a': the text contains a NUL character (U+0000) at offset 3, which is not allowed.")
    assert [words for words, _ in tagged(path, skip_invalid=1)] == [["Ada", "left", "."]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([span("0", 3)], "the span 'per' has invalid offsets: '0' to 3. Allowed"),
        ([span(0, 3, "")], "the span 0-3 has the invalid label ''."),
        ([[0, 3]], "[0, 3] is not a valid span."),
        ([span(0, 99)], "the span 'per' from 0 to 99 is invalid in a text with 9 characters."),
        ([span(0, 3, text="Bob")], "the text of a span is declared as 'Bob'"),
        ({}, "{} is not a list of spans"),
    ],
)
def test_each_error_about_a_span_names_the_id_of_its_record(tmp_path, bad, message):
    path = jsonl(tmp_path, ONE, {"id": "letter 1", "text": "Ada left.", "spans": bad})
    fails(path, f", line 2, id 'letter 1': {message}")


def test_a_text_without_annotated_ones_is_empty(tmp_path):
    fails(jsonl(tmp_path, {"text": "a", "answer": "reject"}), " contains no annotated sentences.")


def test_a_line_of_ten_million_characters_is_refused(tmp_path):
    path = jsonl(tmp_path, {"text": "word " * 200 + f"{'x' * 999} " * 9_999, "spans": []})
    fails(path, ", line 1: the text has 10000000 characters. The maximum is 1000000", format="jsonl")
    fails(path, ', line 1: the format cannot be detected from \'{"text": "word word')


def test_a_record_of_ten_million_characters_with_a_short_text_is_read(tmp_path):
    assert tagged(jsonl(tmp_path, {"text": "Ada left.", "spans": [span(0, 3)], "x": "y" * 10_000_000})) == [ADA]
    assert tagged(array(tmp_path, {"text": "Ada left.", "spans": [span(0, 3)], "x": "y" * 10_000_000})) == [ADA]


@pytest.mark.parametrize("write", [jsonl, array])
def test_a_record_that_is_too_long_is_refused(tmp_path, monkeypatch, write):
    monkeypatch.setattr(json_stream, "MAX_RECORD", 200_000)
    path = write(tmp_path, {"text": "a", "spans": [], "x": "y" * 900_000})
    fails(path, ", line 1: the record exceeds the limit of 200000 characters.")


def test_memory_does_not_grow_with_the_array(tmp_path):
    def peak(n: int) -> int:
        path = array(tmp_path, *[task("Ada left for Paris. " * 20, region(0, 3, ["per"]))] * n)

        def lines() -> Iterator[object]:
            return json_records.read_records(json_records.TextSource(path), lambda line, record: line)

        next(lines())  # one-time setup
        tracemalloc.start()
        try:
            assert sum(1 for _ in lines()) == n
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4000) < 1.2 * peak(400)


def test_a_row_that_the_head_would_cut_is_not_in_it(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("a b\n\nc d\ne f")
    monkeypatch.setattr(text_source, "_HEAD", 7)
    assert text_source.TextSource(tmp_path / "a").head(10) == [(1, "a b")]
    monkeypatch.setattr(text_source, "_HEAD", 2)
    assert text_source.TextSource(tmp_path / "a").head(10) == [(1, "a ")]
    monkeypatch.setattr(text_source, "_HEAD", 12)
    assert text_source.TextSource(tmp_path / "a").head(10) == [(1, "a b"), (3, "c d"), (4, "e f")]


# End to end

PIECES = st.sampled_from(
    [
        *"aB.,'\"-/ \t\n\r\x85\xa0\u2028",
        "  ",
        "🦄",
        "👩‍🚀",
        "e\u0301",
        "\u0301",
        "\u200d",
        "don't",
        "U.K.",
        "São",
        "\ufeff",
    ]
)


@pytest.mark.fuzz
@given(data=st.data(), pieces=st.lists(st.lists(PIECES, min_size=1, max_size=20), min_size=1, max_size=3))
def test_texts_and_entities_come_back_to_the_character(tmp_path_factory, data, pieces):
    folder = tmp_path_factory.mktemp("trip")
    rows, tasks, expected = [], [], []
    for text in map("".join, pieces):
        doc = NLP.tokenizer(text)
        edges = sorted(data.draw(st.sets(st.integers(0, len(doc)), max_size=6)))
        ents = [doc[start:end] for start, end in zip(edges[::2], edges[1::2], strict=False)]
        ents = [ent for ent in ents if ent.text.strip() == ent.text]
        rows.append({"text": text, "spans": [span(ent.start_char, ent.end_char, "a-b c") for ent in ents]})
        regions = [region(ent.start_char, ent.end_char, ["a-b c"], text=ent.text) for ent in ents]
        tasks.append(task(text, *regions, id=len(tasks)))
        expected.append((text, [(ent.start_char, ent.end_char, "a-b c") for ent in ents]))
    convert(jsonl(folder, *rows), folder)
    convert(array(folder, *tasks), folder)
    for name in ("texts.spacy", "tasks.spacy"):
        docs = DocBin().from_disk(folder / name).get_docs(NLP.vocab)
        found = [(doc.text, [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]) for doc in docs]
        assert found == expected


def test_unknown_tokens_are_missing_in_the_doc(tmp_path):
    convert(one(tmp_path, span(18, 24), span(0, 3)), tmp_path, misaligned="missing")
    (doc,) = DocBin().from_disk(tmp_path / "texts.spacy").get_docs(spacy.blank("en").vocab)
    assert [token.ent_iob_ for token in doc] == ["B", "O", "O", "O", "", "O"]


def test_the_guide_shows_what_is_read(tmp_path):
    guide = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    _, _, section = guide.partition("## Text with offsets")
    blocks = (block.partition("```")[0] for block in section.split("```")[1:15:2])
    spacy_s, doccano, label_studio, brat, pairs, inclusive, words = blocks
    found = []
    for name, block in (("a.jsonl", spacy_s), ("b.jsonl", doccano), ("c.json", label_studio)):
        (tmp_path / name).write_text(block.removeprefix("json\n"))
        corpus = read_corpus(tmp_path / name)
        found.append((corpus.format, [s.tags for s in corpus.sentences], corpus.sentences[0].document))
    (tmp_path / "x.txt").write_text("Ada met Bob.")
    (tmp_path / "x.ann").write_text(brat.lstrip("\n"))
    corpus = read_corpus(tmp_path)
    found.append((corpus.format, [s.tags for s in corpus.sentences], corpus.sentences[0].document))
    first, both = ["B-per", "O", "O", "O"], ["B-per", "O", "B-per", "O"]
    assert found == [
        ("jsonl", [first, first], "letter 1"),
        ("doccano", [both, ["B-per", "O"]], "b.jsonl 1"),
        ("label-studio", [first], "c.json 1"),
        ("brat", [both], "x"),
    ]
    lines = [line for block in (pairs, inclusive, words) for line in block.removeprefix("json\n").splitlines()]
    found = []
    for line in lines:
        (tmp_path / "a.json").write_text(line)
        corpus = read_corpus(tmp_path / "a.json")
        found.append((corpus.format, [s.tags for s in corpus.sentences]))
    assert found == [
        ("spacy-2", [first, ["O", "O"]]),
        ("spacy-2", [first]),
        ("dataturks", [["B-per", "O"]]),
        ("cluener", [["B-per", "O"]]),
        ("gliner", [["B-per", "I-per", "O"]]),
        ("spert", [["B-per", "I-per", "O"]]),
    ]


@pytest.mark.parametrize(
    ("text", "place", "expanded", "contracted"),
    [("Berliners", (0, 3), ["Berliners"], []), ("New York-based", (4, 12), ["York-based"], ["York-"])],
)
def test_the_guide_tells_what_becomes_of_misaligned_spans(tmp_path, text, place, expanded, contracted):
    path = jsonl(tmp_path, {"text": text, "spans": [span(*place)]})
    for misaligned, entities in (("expand", expanded), ("contract", contracted), ("missing", [])):
        convert(path, tmp_path, misaligned=misaligned)
        (doc,) = DocBin().from_disk(tmp_path / "texts.spacy").get_docs(NLP.vocab)
        assert [ent.text for ent in doc.ents] == entities
        touched = [token for token in doc if token.idx >= place[0]]
        assert all((token.ent_iob_ == "") == (misaligned == "missing") for token in touched)


def printed(output: str) -> str:
    return " ".join(output.split())


def test_the_command_says_what_became_of_the_spans(tmp_path):
    spans = [span(0, 13), span(0, 3), span(18, 24)]
    rows = [{"text": TEXT, "spans": spans, "answer": "accept"}, {"text": "a", "answer": "reject"}]
    path = str(jsonl(tmp_path, *rows))
    options = ["--misaligned", "expand", "--overlap", "longest", "--lang", "xx"]
    result = CliRunner().invoke(app, ["convert", path, str(tmp_path / "out"), *options])
    assert result.exit_code == 0
    output = printed(result.output)
    assert "format jsonl, offsets count characters, encoding utf-8" in output
    assert (
        "1 of 3 spans do not start and end at token boundaries and were expanded to whole tokens. Of these, 0 were lost"
        in output
    )
    assert "1 of 3 spans were dropped because they share tokens with another span (--overlap longest)" in output
    assert (
        "1 texts were skipped because they were not annotated or their annotation was "
        "rejected. No action is required if this is intended."
    ) in output
    assert "texts.spacy: 1 texts" in output


def test_the_command_writes_nothing_where_spans_are_misaligned(tmp_path):
    result = CliRunner().invoke(app, ["convert", str(one(tmp_path, span(18, 24))), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "1 of 1 spans do not start and end at token boundaries" in printed(result.output)
    assert not (tmp_path / "out").exists()
