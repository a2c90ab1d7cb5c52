"""Test offsets that do not count characters, and offsets that are all shifted by the same amount."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream, offset_diagnosis, span_report, stream
from spacy_bert_ner.corpus import span_alignment as fitting
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.sentence import entities
from spacy_bert_ner.errors import CorpusError
from spacy_bert_ner.inspection.report import inspect_files

NLP = spacy.blank("en")
EMOJI = "😀 Ada met Bob in Rome."
NAMES = [("Ada", "PER"), ("Bob", "PER"), ("Rome", "LOC")]
Spans = list[tuple[int, int, str]]


@pytest.fixture(autouse=True, scope="module")
def one_tokenizer() -> Iterator[None]:
    """Share one tokenizer between all tests for a language because creating one is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "tokenizer", cache(fitting.tokenizer))
        yield


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf8(text: str) -> int:
    return len(text.encode())


def spans(text: str, count: Callable[[str], int], names: list[tuple[str, str]] = NAMES) -> Spans:
    """Return spans for the names in a text, with offsets in the unit that `count` measures."""
    starts = [(text.index(name), name, label) for name, label in names]
    return [(count(text[:at]), count(text[:at] + name), label) for at, name, label in starts]


def doccano(folder: Path, *records: tuple[str, Spans]) -> Path:
    """Write records in doccano format, which does not declare the text of spans."""
    rows = (json.dumps({"id": i, "text": text, "label": found}) for i, (text, found) in enumerate(records, start=1))
    (folder / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder / "a.jsonl"


def told(folder: Path, *records: tuple[str, Spans], names: list[tuple[str, str]] = NAMES) -> Path:
    """Write records in Label Studio format, which declares the text of spans."""
    tasks = []
    for i, (text, found) in enumerate(records, start=1):
        values = [
            {"start": start, "end": end, "text": name, "labels": [label]}
            for (start, end, label), (name, _) in zip(found, names, strict=False)
        ]
        result = [{"type": "labels", "value": value} for value in values]
        tasks.append({"id": i, "data": {"text": text}, "annotations": [{"result": result}]})
    (folder / "a.json").write_text(json.dumps(tasks), encoding="utf-8")
    return folder / "a.json"


def brat(folder: Path, text: bytes, *rows: str) -> Path:
    (folder / "a.txt").write_bytes(text)
    (folder / "a.ann").write_text("".join(f"T{i}\t{row}\n" for i, row in enumerate(rows, start=1)), encoding="utf-8")
    return folder / "a.ann"


def found(path: Path, **options: object) -> tuple[str, list[list[tuple[str, str]]], list[str]]:
    """Return the detected offset unit, the entities in each text, and the user messages."""
    corpus = CorpusStream(path, **options)
    named = [
        [("".join(s.pieces()[e.start : e.end]).strip(), e.label) for e in entities([tag or "O" for tag in s.tags])]
        for s in corpus
    ]
    return corpus.offsets, named, corpus.messages()


def fails(path: Path, **options: object) -> str:
    with pytest.raises(CorpusError) as caught:
        CorpusStream(path, **options)
    return str(caught.value)


# Units


@pytest.mark.parametrize("write", [doccano, told])
@pytest.mark.parametrize(
    ("text", "count", "unit", "title", "n_plain"),
    [
        (EMOJI, utf16, "utf-16", "UTF-16 units", {doccano: 0, told: 0}),
        ("Ü. Ada met Bob in Rome.", utf8, "bytes", "UTF-8 bytes", {doccano: 0, told: 0}),
        # For this text, characters and UTF-16 units are the same.
        ("€. Ada met Bob in Rome.", utf8, "bytes", "UTF-8 bytes", {doccano: 0, told: 0}),
        (
            "Ada\r\nmet Bob in\r\nRome.",
            lambda text: len(text.replace("\r\n", "\n")),
            "crlf",
            r"a line end \r\n as one character",
            {doccano: 1, told: 1},
        ),
        (
            "Ada\nmet Bob in\r\nRome.",
            lambda text: len(text.replace("\r\n", "\n").replace("\n", "\r\n")),
            "lf",
            r"a line end \n as two characters",
            {doccano: 1, told: 1},
        ),
        (
            "\ufeffDr. Ada met Bob in Rome.",
            lambda text: len(text) - 1,
            "no-mark",
            "the text without its byte-order mark",
            {doccano: 0, told: 0},
        ),
    ],
    ids=["utf-16", "bytes", "bytes-of-three", "crlf", "lf", "no-mark"],
)
def test_the_unit_that_all_spans_fit_is_taken_and_told(tmp_path, write, text, count, unit, title, n_plain):
    path = write(tmp_path, (text, spans(text, count)))
    message = (
        f"The offsets count {title} and were converted to characters. With this unit, all 3 spans fit the text; "
        f"without conversion, only {n_plain[write]} do. To turn off conversion: --offsets characters"
    )
    assert found(path) == (unit, [NAMES], [message])
    assert "--offsets" not in "".join(found(path, offsets="auto", misaligned="error")[2][1:])
    assert fails(path, offsets="characters")


def test_a_mark_before_a_text_of_brat_may_count(tmp_path):
    path = brat(tmp_path, b"\xef\xbb\xbfAda met Bob.", "PER 1 4\tAda", "PER 9 12\tBob")
    assert found(path)[:2] == ("mark", [[("Ada", "PER"), ("Bob", "PER")]])
    path = brat(tmp_path, b"\xef\xbb\xbfAda met Bob.", "PER 0 3\tAda", "PER 8 11\tBob")
    assert found(path) == ("characters", [[("Ada", "PER"), ("Bob", "PER")]], [])


@pytest.mark.parametrize(("unit", "count"), [("characters", len), ("utf-16", utf16), ("bytes", utf8)])
def test_a_unit_can_be_named(tmp_path, unit, count):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, count)))
    assert found(path, offsets=unit) == (unit, [NAMES], [])
    (tmp_path / "told").mkdir()
    path = told(tmp_path / "told", (EMOJI, spans(EMOJI, count)))
    assert found(path, offsets=unit) == (unit, [NAMES], [])


def test_pieces_of_a_span_are_converted_too(tmp_path):
    path = brat(tmp_path, "😀 Ada and Bob Lovelace".encode(), "PER 3 6;15 23\tAda Lovelace")
    assert found(path, misaligned="contract")[:2] == ("utf-16", [[("Lovelace", "PER")]])


def test_an_offset_inside_a_character_or_outside_is_refused_in_the_unit_that_was_named(tmp_path):
    path = doccano(tmp_path, (EMOJI, [(1, 6, "PER")]))
    assert fails(path, offsets="utf-16").startswith(
        f"{path}, line 1, id 1: the span 'PER' from 1 to 6 is invalid in a text with 23 UTF-16 units. "
        "Allowed: whole numbers of "
        "UTF-16 units with 0 <= start < end <= 23."
    )
    path = doccano(tmp_path, (EMOJI, [(20, 40, "PER")]))
    assert " is invalid in a text with 25 UTF-8 bytes." in fails(path, offsets="bytes")
    path = told(tmp_path, (EMOJI, spans(EMOJI, len)))
    assert fails(path, offsets="utf-16").startswith(
        f"{path}, line 1, id 1: the text of a span is declared as 'Ada', but the text at its offsets is ' Ad'. "
        "Offsets must count UTF-16 units"
    )


def test_one_span_whose_text_is_not_told_may_fit_by_chance(tmp_path):
    text = "😀 Adam"
    path = doccano(tmp_path, (text, [(3, 7, "PER")]))
    assert fails(path) == (
        f"{path}, line 1, id 1: the span 'PER' from 3 to 7 is invalid in a text with 6 characters. Allowed: "
        "whole numbers of "
        "characters with 0 <= start < end <= 6. Fix the span, or specify the unit of the offsets: --offsets utf-16 or "
        "--offsets bytes"
    )
    assert found(told(tmp_path, (text, [(3, 7, "PER")]), names=[("Adam", "PER")]))[0] == "utf-16"


def test_a_unit_that_not_all_spans_fit_is_not_taken(tmp_path):
    odd = ("Berliners", [(0, 6, "LOC")])
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, utf16)[:2]), odd)
    assert fails(path).startswith("3 of 3 spans do not start and end at token boundaries")
    assert found(path, misaligned="missing")[0] == "characters"


def test_another_unit_that_all_spans_fit_is_told_too(tmp_path):
    text = "😀\nAdah met Bobby"
    names = [("Adah", "PER"), ("Bobby", "PER")]
    path = doccano(tmp_path, (text, spans(text, utf16, names)))
    unit, named, messages = found(path)
    assert (unit, named) == ("utf-16", [names])
    assert messages[0].endswith(
        r". All spans also fit if the offsets count a line end \n as two characters, so check some of the spans"
    )
    assert found(told(tmp_path, (text, spans(text, utf16, names)), names=names))[2][0].endswith("--offsets characters")


def test_most_spans_that_fit_another_unit_are_not_hidden_by_an_option(tmp_path):
    odd = ("Berliners in Berliners", [(0, 6, "LOC"), (13, 19, "LOC")])
    path = doccano(tmp_path, *[("Ada left.", [(0, 3, "PER")])] * 20, odd, (EMOJI, spans(EMOJI, utf16)))
    assert fails(path, misaligned="expand") == (
        "The positions of 3 spans depend on the unit of the offsets. 3 of these spans do not fit the text without "
        "conversion, but 3 of those fit if the offsets count UTF-16 units:\n"
        f"- {path}, line 22, id 22: 'da ' (PER, 3-6) in '😀 A[da ]met Bob in Rome.'\n"
        f"- {path}, line 22, id 22: 'ob ' (PER, 11-14) in '😀 Ada met B[ob ]in Rome.'\n"
        f"- {path}, line 22, id 22: 'ome.' (LOC, 18-22) in '😀 Ada met Bob in R[ome.]'\n"
        "If the offsets count this unit, specify --offsets utf-16. If they count characters, specify "
        "--offsets characters"
    )
    assert found(path, misaligned="expand", offsets="utf-16")[1][-2:] == [
        [("Berliners", "LOC"), ("Berliners", "LOC")],
        NAMES,
    ]
    assert found(path, misaligned="missing", offsets="characters")[1][-1] == []


def test_a_unit_that_cannot_be_named_is_told_too(tmp_path):
    text = "Hi\r\nAda met Bob in Rome."
    crlf = spans(text, lambda text: len(text.replace("\r\n", "\n")))
    message = fails(doccano(tmp_path, ("Berliners", [(0, 6, "LOC")]), (text, crlf)), misaligned="contract")
    assert r"3 of those fit if the offsets count a line end \r\n as one character:" in message
    assert message.endswith(
        "offsets are only converted if all spans fit. If the offsets do count characters, specify --offsets characters"
    )


def test_the_trial_passes_over_what_cannot_be_read_or_is_not_annotated(tmp_path):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, utf16)), (EMOJI, spans(EMOJI, utf16)))
    lines = [*path.read_text(encoding="utf-8").splitlines(), '{"id": 9}', '{"id": 10, "text": "", "label": []}']
    path.write_text("\n".join(lines), encoding="utf-8")
    unit, named, messages = found(path, skip_invalid=1)
    assert (unit, named) == ("utf-16", [NAMES, NAMES])
    assert messages[0].startswith(
        "The offsets count UTF-16 units and were converted to characters. With this unit, all 6 spans fit the text; "
        "without conversion, only 0 do."
    )
    assert messages[1].startswith("1 sentences were skipped because they cannot be read")
    assert fails(path).startswith(f"{path}, line 3, id 9: the record requires text or data, but its keys are: id.")


def test_a_text_that_fits_in_no_unit_is_left_out_and_says_nothing_of_it(tmp_path):
    outside = ("Ada left.", [(0, 99, "PER")])
    path = doccano(tmp_path, outside, (EMOJI, spans(EMOJI, utf16)), (EMOJI, spans(EMOJI, utf16)))
    unit, named, messages = found(path, skip_invalid=1)
    assert (unit, named) == ("utf-16", [NAMES, NAMES])
    assert messages[0].startswith(
        "The offsets count UTF-16 units and were converted to characters. With this unit, all 6 spans fit the text; "
        "without conversion, only 0 do."
    )
    assert "the span 'PER' from 0 to 99 is invalid in a text with 9 UTF-16 units." in messages[1]
    assert "the span 'PER' from 0 to 99 is invalid in a text with 9 characters." in fails(path)


def test_only_the_texts_that_are_read_are_tried(tmp_path):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, utf16)), ("Berliners", [(0, 6, "LOC")]))
    assert found(path, limit=1)[:2] == ("utf-16", [NAMES])
    assert found(path, limit=2, misaligned="missing", offsets="utf-16")[1] == [NAMES, []]


def test_a_format_whose_offsets_are_none_has_no_unit(tmp_path):
    (tmp_path / "a.conll").write_text("Ada B-per\nleft O\n")
    assert fails(tmp_path / "a.conll", offsets="utf-16").startswith("--offsets utf-16 applies only to these formats: ")
    assert fails(doccano(tmp_path, ("a", [])), offsets="utf-8").startswith(
        "[convert] --offsets = 'utf-8' is invalid. Allowed: auto, characters, utf-16, bytes."
    )


def test_texts_that_fit_are_read_no_more_than_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "try_offsets", None)  # calling it would raise an error
    assert found(doccano(tmp_path, (EMOJI, spans(EMOJI, len))))[:2] == ("characters", [NAMES])


def test_the_trial_ends_where_nothing_is_left_to_find(tmp_path, monkeypatch):
    n_tried = 0

    def counted(*args: object) -> object:
        nonlocal n_tried
        n_tried += 1
        return _try_passage(*args)

    _try_passage = offset_diagnosis._try_passage
    monkeypatch.setattr(offset_diagnosis, "_try_passage", counted)
    text = "Grüße\nan Ada"
    path = doccano(tmp_path, ("Berliners", [(0, 6, "LOC")]), *[(text, [(9, 12, "PER")])] * 50)
    assert found(path, misaligned="expand")[0] == "characters"
    assert n_tried == 3


# Files without declared span texts


def test_spans_behind_characters_that_count_as_two_are_told_of(tmp_path):
    path = doccano(tmp_path, ("Ada left.", [(0, 3, "PER")]), (EMOJI, spans(EMOJI, len)), ("😀😀 a b", [(5, 6, "x")]))
    unit, named, messages = found(path)
    assert (unit, named) == ("characters", [[("Ada", "PER")], NAMES, [("b", "x")]])
    assert messages == [
        "4 spans follow a character beyond U+FFFF, such as an emoji, which JavaScript counts as two "
        "characters. The file contains the offsets of these spans but not their text, so the unit cannot be verified. "
        "Each such character was counted as one. If each were counted as two, 1 of the spans would fit the tokens too. "
        "If the file counts them as two: --offsets utf-16. If it counts them as one, hide this warning: "
        "--offsets characters. The first of these spans is "
        f"{path}, line 2, id 2: 'Ada' (PER, 2-5) in '😀 [Ada] met Bob in Rome.'"
    ]


def test_nothing_is_told_where_nothing_is_in_doubt(tmp_path):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, len)))
    assert found(path, offsets="characters")[2] == []
    assert found(told(tmp_path, (EMOJI, spans(EMOJI, len))))[2] == []
    assert found(doccano(tmp_path, ("Ada 😀", [(0, 3, "PER")])))[2] == []
    assert found(doccano(tmp_path, ("Äda", [(0, 3, "PER")])))[2] == []
    tokens = [{"text": "😀", "start": 0, "end": 1}, {"text": "Ada", "start": 2, "end": 5}]
    record = {"text": "😀 Ada", "spans": [{"start": 2, "end": 5, "label": "PER"}], "tokens": tokens}
    (tmp_path / "b.jsonl").write_text(json.dumps(record))
    assert found(tmp_path / "b.jsonl")[2] == []


def test_inspect_tells_both(tmp_path):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, utf16)))
    findings = {finding.code: finding for finding in inspect_files([path]).findings}
    assert (findings["offset_units"].level, findings["offset_units"].count) == ("warning", 3)
    assert (
        findings["offset_units"]
        .details[0]
        .startswith("The offsets count UTF-16 units and were converted to characters. With this unit, all 3 spans fit")
    )
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, len)))
    findings = {finding.code: finding for finding in inspect_files([path], examples=1).findings}
    assert findings["ambiguous_offsets"].count == 3
    assert findings["ambiguous_offsets"].details == [
        f"{path}, line 1, id 1: 'Ada' (PER, 2-5) in '😀 [Ada] met Bob in Rome.'"
    ]
    findings = {finding.code: finding for finding in inspect_files([path], offsets="characters").findings}
    assert findings.keys() & {"offset_units", "ambiguous_offsets"} == set()


# Shifted offsets

LONG = "Well, Adah met Bobby in Rome, Italy, with Cleo and Dinah - all."
PEOPLE = [("Adah", "PER"), ("Bobby", "PER"), ("Rome", "LOC"), ("Italy", "LOC"), ("Cleo", "PER"), ("Dinah", "PER")]


def off(start: int, end: int) -> Spans:
    """Return spans for all names with shifted start and end offsets."""
    return [(a + start, b + end, label) for a, b, label in spans(LONG, len, PEOPLE)]


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (-1, "start and end 1 character too early:\n{listed}\nFix the offsets in the file: add 1 to {rest}"),
        (1, "start and end 1 character too late:\n{listed}\nFix the offsets in the file: subtract 1 from {rest}"),
        (-3, "start and end 3 characters too early:\n{listed}\nFix the offsets in the file: add 3 to {rest}"),
        (
            2,
            "start and end 2 characters too late:\n{listed}\nFix the offsets in the file: subtract 2 from {rest}",
        ),
    ],
)
@pytest.mark.parametrize("misaligned", ["error", "expand", "contract", "missing"])
@pytest.mark.parametrize("offsets", ["auto", "characters"])
def test_a_shift_of_most_spans_is_refused_whatever_becomes_of_misaligned_ones(
    tmp_path, shift, message, misaligned, offsets
):
    path = doccano(tmp_path, (LONG, off(shift, shift)))
    shown = fails(path, misaligned=misaligned, overlap="longest", offsets=offsets)
    head, *listed, _ = shown.split("\n")
    assert head.startswith("6 of 6 spans do not fit the text, and 6 of these ")
    rest = "every offset, including those of spans that fit."
    assert shown.endswith(message.format(listed="\n".join(listed), rest=rest))
    assert listed[0].startswith(f"- {path}, line 1, id 1: ")
    assert (len(listed), listed[5]) == (6, "- … and 1 more")


def test_inclusive_ends_are_refused(tmp_path):
    path = doccano(tmp_path, (LONG, off(0, -1)))
    assert fails(path, misaligned="expand").startswith(
        "6 of 6 spans do not fit the text, and 6 of these end 1 character too early, as if the ends were inclusive:\n"
        f"- {path}, line 1, id 1: 'Ada' (PER, 6-9) in 'Well, [Ada]h met Bobby in Rome, Ital'"
    )
    shown = fails(told(tmp_path, (LONG, off(0, -1)), names=PEOPLE), misaligned="expand")
    first, second, *_, last = shown.split("\n")
    assert first.startswith(
        f"{tmp_path / 'a.json'}, line 1, id 1: the text of a span is declared as 'Adah', but the text at its"
    )
    assert second.startswith("6 of 6 spans do not fit the text, and 6 of these end 1 character too early")
    assert last == "Fix the ends in the file: add 1 to each end."


def test_a_shift_is_named_where_the_file_says_what_its_spans_cover(tmp_path):
    shown = fails(told(tmp_path, (LONG, off(1, 1)), names=PEOPLE))
    assert shown.startswith(
        f"{tmp_path / 'a.json'}, line 1, id 1: the text of a span is declared as 'Adah', but the text at its"
    )
    assert "\n6 of 6 spans do not fit the text, and 6 of these start and end 1 character too late:\n" in shown
    # `--skip-invalid` does not apply to shifted offsets.
    shown = fails(told(tmp_path, *[(LONG, off(1, 1))] * 2, ("Adah", []), names=PEOPLE), skip_invalid=2)
    assert "12 of 12 spans do not fit the text, and 12 of these start and end 1 character too late:" in shown


def test_a_shift_by_which_spans_leave_the_text_is_found(tmp_path):
    text = "Ada, Bobby, Cleo"
    shifted = [(a + 1, b + 1, label) for a, b, label in spans(text, len, [("Ada", "x"), ("Bobby", "x"), ("Cleo", "x")])]
    shown = fails(doccano(tmp_path, (text, shifted)))
    assert shown.startswith(
        f"{tmp_path / 'a.jsonl'}, line 1, id 1: the span 'x' from 13 to 17 is invalid in a text with 16"
    )
    assert "\n3 of 3 spans do not fit the text, and 3 of these start and end 1 character too late:\n" in shown


def test_spans_that_are_off_in_different_ways_or_seldom_are_no_shift(tmp_path):
    mixed = [*off(1, 1)[:2], *off(-1, 0)[2:4], *off(0, 1)[4:]]
    path = doccano(tmp_path, (LONG, mixed))
    assert found(path, misaligned="expand", overlap="longest")[0] == "characters"
    path = doccano(tmp_path, (LONG, [*off(1, 1)[:3], *off(0, 0)[3:]]))  # half of the spans are shifted
    assert found(path, misaligned="missing")[0] == "characters"
    path = doccano(tmp_path, (LONG, off(1, 1)[:2]))  # only two spans
    assert found(path, misaligned="missing")[0] == "characters"


def test_full_stops_in_tokens_are_no_inclusive_ends(tmp_path):
    def split(text: str) -> Doc:
        words = text.split(" ")
        return Doc(NLP.vocab, words=words, spaces=[True] * (len(words) - 1) + [False])

    text = "Ada, Bobby, Cleo."
    path = doccano(tmp_path, (text, spans(text, len, [("Ada", "x"), ("Bobby", "x"), ("Cleo", "x")])))
    corpus = CorpusStream(path, tokenize=split, misaligned="expand")
    assert [sentence.tags for sentence in corpus] == [["B-x", "B-x", "B-x"]]


# Messages


def test_one_error_lists_misaligned_and_overlapping_spans(tmp_path):
    path = doccano(tmp_path, ("Berliners", [(0, 6, "LOC")]), ("New York", [(0, 8, "LOC"), (4, 8, "PER")]))
    shown = fails(path)
    assert shown.startswith(f"1 of 3 spans do not start and end at token boundaries:\n- {path}, line 1, id 1: 'Berlin'")
    assert f"\n1 of 3 spans share tokens with another span:\n- {path}, line 2, id 2: 'York' (PER, 4-8)" in shown
    assert fails(path, misaligned="expand").startswith("1 of 3 spans share tokens with another span:")
    assert "share tokens" not in fails(path, overlap="first")


def test_long_lists_are_cut_and_kept_whole(tmp_path):
    rows = [("Berliners", [(0, 6, "LOC")]), ("New York", [(0, 8, "LOC"), (4, 8, "PER")])]
    rows += [("Ada", [(0, 3, "PER")])] * 20
    path = doccano(tmp_path, *rows * 7)
    assert fails(path, overlap="first").split("\n")[5:7] == [
        f"- {path}, line 89, id 89: 'Berlin' (LOC, 0-6) in '[Berlin]ers'",
        "- … and 2 more",
    ]
    corpus = CorpusStream(path, misaligned="missing", overlap="first")
    assert corpus.spans is not None
    assert [len(corpus.spans.misaligned), len(corpus.spans.overlapping)] == [7, 7]
    assert corpus.spans.misaligned[6] == f"{path}, line 133, id 133: 'Berlin' (LOC, 0-6) in '[Berlin]ers'"


def test_no_list_grows_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(span_report, "N_KEPT", 4)
    path = doccano(tmp_path, ("Berliners " * 6, [(10 * i, 10 * i + 6, "LOC") for i in range(6)]))
    corpus = CorpusStream(path, misaligned="missing")
    assert corpus.spans is not None
    assert (corpus.spans.n_misaligned, len(corpus.spans.misaligned)) == (6, 4)


def test_the_command_converts_tells_and_writes_the_option_down(tmp_path):
    path = doccano(tmp_path, (EMOJI, spans(EMOJI, utf16)), (EMOJI, spans(EMOJI, utf16)))
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert result.exit_code == 0
    assert (
        "The offsets count UTF-16 units and were converted to characters. With this unit, all 6 spans fit the text; "
        "without conversion, only 0 do."
    ) in " ".join(result.output.split())
    convert(path, tmp_path / "out", offsets="utf-16", split="50/50", duplicates="keep")
    assert "--offsets utf-16" in json.loads((tmp_path / "out" / "split.json").read_text())["again"]


def test_the_command_writes_nothing_where_spans_are_shifted(tmp_path):
    path = doccano(tmp_path, (LONG, off(1, 1)))
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), "--misaligned", "expand"])
    assert result.exit_code == 1
    assert "start and end 1 character too late" in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
