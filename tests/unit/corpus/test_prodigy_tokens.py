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
        (
            "New York",
            'the key tokens contains the invalid value \'New York\'. Allowed: a list of tokens such as {"text": "Ada"',
        ),
        (["New", "York"], "the key tokens contains the invalid value 'New'. Allowed: "),
        (
            [token(0, 19)],
            "the key tokens contains the invalid value {'start': 0, 'end': 19}. Allowed: .* from 0 to 18.",
        ),
        ([token(0, 0)], "the key tokens contains the invalid value {'start': 0, 'end': 0}"),
        ([token(-1, 3)], "the key tokens contains the invalid value {'start': -1, 'end': 3}"),
        ([token(True, 3)], "the key tokens contains the invalid value {'start': True, 'end': 3}"),
        (
            [token(0, 8, "New  York")],
            "the token at offsets 0 to 8 is declared as 'New  York', but the text at these offsets is 'New York'.",
        ),
        (
            [token(0, 8), token(4, 14)],
            "the token 'York-based' at offsets 4 to 14 starts before the previous token ends at 8.",
        ),
        ([token(0, 14), token(0, 3)], "the token 'New' at offsets 0 to 3 starts before the previous token ends at 14."),
        (
            [token(0, 3), token(8, 18)],
            "the text ' York' at offsets 3 to 8 is not part of any token. Only white space is allowed between",
        ),
        ([token(0, 14)], "the text ' Ada' at offsets 14 to 18 is not part of any token."),
        ([token(4, 18)], "the text 'New ' at offsets 0 to 4 is not part of any token."),
        ([], "the text 'New York-based Ada' at offsets 0 to 18 is not part of any token."),
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
    assert message.endswith("remove its tokens to use the --lang tokenizer.")


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
                "the key unknown contains the invalid value 'all'. Allowed: a list of [start, end] pairs, such as "
                "[0, 3]. The offsets must be whole numbers of characters with 0 <= start < end <= 18."
            ),
        ),
        ([0, 3], "the key unknown contains the invalid value 0"),
        ([[0, 3, 4]], "the key unknown contains the invalid value [0, 3, 4]"),
        ([[3, 3]], "the key unknown contains the invalid value [3, 3]"),
        ([[0, 19]], "the key unknown contains the invalid value [0, 19]"),
        ([[0, 3.0]], "the key unknown contains the invalid value [0, 3.0]"),
        (
            [[15, 18], [0, 3]],
            "the text 'New' at offsets 0 to 3 is marked as unknown, but a span includes some of its tokens.",
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
        f"{path}, line 2: the span 0-3 has the invalid label {label!r}. Allowed: a non-empty string"
    )


def test_a_label_may_hold_blanks(tmp_path):
    path = jsonl(tmp_path, spans=[{"start": 0, "end": 3, "label": "work of art"}])
    assert second(path).tags[0] == "B-work of art"
