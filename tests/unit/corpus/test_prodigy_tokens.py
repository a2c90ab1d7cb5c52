"""Test JSONL records that contain their tokens, as in Prodigy, and that mark parts as unknown."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spacy_bert_ner.corpus import CorpusStream, read_corpus, stream
from spacy_bert_ner.corpus.sentence import Sentence
from spacy_bert_ner.corpus.span_alignment import tokenizer
from spacy_bert_ner.errors import CorpusError

TEXT = "New York-based Ada"


@pytest.fixture(autouse=True, scope="module")
def one_tokenizer() -> Iterator[None]:
    """Share one tokenizer between all tests for a language because creating one is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "tokenizer", cache(tokenizer))
        yield


def token(start: object, end: object, text: str | None = None) -> dict[str, object]:
    return {"start": start, "end": end} if text is None else {"text": text, "start": start, "end": end}


def jsonl(folder: Path, text: str = TEXT, **more: object) -> Path:
    """Write a file with a minimal record, followed by the given record."""
    path = folder / "texts.jsonl"
    rows = [{"text": "a", "spans": []}, {"text": text, "spans": [], **more}]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def second(path: Path, **options: Any) -> Sentence:
    return read_corpus(path, **options).sentences[1]


TOKENS = [token(0, 8, "New York"), token(8, 9), token(9, 14, "based"), token(15, 18, "Ada")]


def test_the_tokens_of_a_record_are_its_words(tmp_path):
    path = jsonl(tmp_path, tokens=TOKENS, spans=[{"start": 0, "end": 8, "label": "geo"}])
    assert second(path).words == ["New York", "-", "based", "Ada"]
    assert second(path).spaces == [False, False, True, False]
    assert second(path).tags == ["B-geo", "O", "O", "O"]


def test_prodigys_layout_needs_no_spans(tmp_path):
    row = {"text": TEXT, "tokens": TOKENS, "answer": "accept", "_view_id": "ner_manual", "meta": {"id": 3}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (one,) = read_corpus(tmp_path / "a.jsonl").sentences
    assert (one.words, one.tags, one.document) == (["New York", "-", "based", "Ada"], ["O"] * 4, "a.jsonl 3")


@pytest.mark.parametrize("more", [{}, {"tokens": None, "unknown": None}])
def test_without_tokens_the_text_is_tokenized(tmp_path, more):
    assert second(jsonl(tmp_path, **more)).words == ["New", "York", "-", "based", "Ada"]


def test_doccanos_records_have_no_tokens(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT, "label": [], "tokens": ["x"]}))
    assert read_corpus(tmp_path / "a.jsonl").sentences[0].words == ["New", "York", "-", "based", "Ada"]


def test_white_space_in_a_token_is_no_edge_of_a_span(tmp_path):
    tokens = [token(0, 4, "Ada\x85"), token(4, 5, "!")]
    path = jsonl(tmp_path, "Ada\x85!", tokens=tokens, spans=[{"start": 0, "end": 4, "label": "per"}])
    corpus = CorpusStream(path)
    assert [sentence.tags for sentence in corpus][1] == ["B-per", "O"]
    assert corpus.messages() == []


def test_spans_are_fitted_to_these_tokens(tmp_path):
    path = jsonl(tmp_path, tokens=TOKENS, spans=[{"start": 4, "end": 14, "label": "geo"}])
    with pytest.raises(CorpusError, match="1 of 1 spans do not start and end at token boundaries"):
        read_corpus(path)
    assert second(path, misaligned="expand").tags == ["B-geo", "I-geo", "I-geo", "O"]
    assert second(path, misaligned="contract").tags == ["O", "B-geo", "I-geo", "O"]
    assert second(path, misaligned="missing").tags == [None, None, None, "O"]


@pytest.mark.parametrize(
    ("text", "words", "spaces"),
    [
        ("Ada  met", ["Ada", " ", "met"], [True, False, False]),
        ("Ada\nmet", ["Ada", "\n", "met"], [False, False, False]),
        ("Ada \nmet", ["Ada", "\n", "met"], [True, False, False]),
        (" Ada met ", [" ", "Ada", "met"], [False, True, True]),
        ("Ada met\u3000 ", ["Ada", "met", "\u3000 "], [True, False, False]),
    ],
)
def test_white_space_between_tokens_stays(tmp_path, text, words, spaces):
    places = [(text.index(word), text.index(word) + 3) for word in ("Ada", "met")]
    one = second(jsonl(tmp_path, text, tokens=[token(*place) for place in places]))
    assert (one.words, one.spaces) == (words, spaces)
    assert "".join(word + " " * space for word, space in zip(words, spaces, strict=True)) == text


@pytest.mark.parametrize(
    ("tokens", "rest"),
    [
        ("New York", '\'New York\' in tokens. Allowed: {"text": "Ada", "start": 0, "end": 3}, with whole'),
        (["New", "York"], "'New' in tokens. Allowed: "),
        ([token(0, 19)], "{'start': 0, 'end': 19} in tokens. Allowed: .* in a text of 18."),
        ([token(0, 0)], "{'start': 0, 'end': 0} in tokens"),
        ([token(-1, 3)], "{'start': -1, 'end': 3} in tokens"),
        ([token(True, 3)], "{'start': True, 'end': 3} in tokens"),
        (
            [token(0, 8, "New  York")],
            "the token from 0 to 8 is declared as 'New  York', but the text there is 'New York'.",
        ),
        (
            [token(0, 8), token(4, 14)],
            "the token from 4 to 14, 'York-based', starts before the end, 8, of the",
        ),
        ([token(0, 14), token(0, 3)], "the token from 0 to 3, 'New', starts before the end, 14, of the previous token"),
        ([token(0, 3), token(8, 18)], "' York', from 3 to 8, is in no token. Allowed: only white space between"),
        ([token(0, 14)], "' Ada', from 14 to 18, is in no token."),
        ([token(4, 18)], "'New ', from 0 to 4, is in no token."),
        ([], "'New York-based Ada', from 0 to 18, is in no token."),
    ],
)
def test_tokens_that_are_not_those_of_the_text_are_refused(tmp_path, tokens, rest):
    path = jsonl(tmp_path, tokens=tokens)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    head, _, tail = rest.partition(".*")
    message = str(caught.value)
    assert message.startswith(f"{path}, line 2: {head}")
    assert tail in message
    assert message.endswith("remove its tokens to use the tokenizer of --lang.")


def test_unknown_parts_have_no_tag(tmp_path):
    path = jsonl(tmp_path, unknown=[[4, 9], [15, 16]], spans=[{"start": 0, "end": 3, "label": "x"}])
    assert second(path).words == ["New", "York", "-", "based", "Ada"]
    assert second(path).tags == ["B-x", None, None, "O", None]  # a token that is partly unknown has no tag, either


@pytest.mark.parametrize(
    ("unknown", "rest"),
    [
        (
            "all",
            (
                "'all' in unknown. Allowed: [start, end] such as [0, 3], whole numbers of characters in a text of "
                "18, start < end."
            ),
        ),
        ([0, 3], "0 in unknown"),
        ([[0, 3, 4]], "[0, 3, 4] in unknown"),
        ([[3, 3]], "[3, 3] in unknown"),
        ([[0, 19]], "[0, 19] in unknown"),
        ([[0, 3.0]], "[0, 3.0] in unknown"),
        (
            [[15, 18], [0, 3]],
            "'New', from 0 to 3, is unknown, but a span includes tokens of it. Allowed: either unknown or in a span.",
        ),
    ],
)
def test_unknown_parts_are_checked(tmp_path, unknown, rest):
    path = jsonl(tmp_path, unknown=unknown, spans=[{"start": 0, "end": 8, "label": "geo"}])
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert str(caught.value).startswith(f"{path}, line 2: {rest}")


@pytest.mark.parametrize("label", ["", " ", " per", "per ", "a\tb", "a\nb", "a\rb", "per\n", "a\0b", "a\x7fb"])
def test_a_label_that_no_column_can_hold_is_refused(tmp_path, label):
    path = jsonl(tmp_path, spans=[{"start": 0, "end": 3, "label": label}])
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert str(caught.value).startswith(
        f"{path}, line 2: {label!r} is not a valid label for the span 0-3. Allowed: a non-empty string"
    )


def test_a_label_may_hold_blanks(tmp_path):
    path = jsonl(tmp_path, spans=[{"start": 0, "end": 3, "label": "work of art"}])
    assert second(path).tags[0] == "B-work of art"
