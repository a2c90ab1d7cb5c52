"""Test the parts of the demo page (texts, tables and tokens), and the command that serves it."""

import json
import sys
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from spacy.cli import app
from spacy.language import Language
from spacy.tokens import Span
from transformers import AutoModelForTokenClassification, AutoTokenizer
from typer.testing import CliRunner

import spacy_bert_ner.cli
from spacy_bert_ner.demo.text_parts import (
    Part,
    check_text,
    decode,
    filter_entities,
    split_text,
    table_rows,
    to_csv,
    to_jsonl,
)
from spacy_bert_ner.demo.token_table import token_rows
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.reporting.entity_html import EntitySpan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("short", ["short"]),
        ("0123456\n89 abc", ["0123456\n", "89 abc"]),
        ("01234. 789 abc", ["01234. ", "789 abc"]),
        ("012345 789abc", ["012345 ", "789abc"]),
        ("0 2345678 abc", ["0 23456789"[:9] + " ", "abc"]),
        ("0123456789abc", ["0123456789", "abc"]),
    ],
)
def test_long_texts_are_cut_where_it_hurts_least(text, expected):
    found = list(split_text(text, max_length=10))
    assert [part.text for part in found] == expected
    assert all(text[part.start :].startswith(part.text) for part in found)
    assert "".join(part.text for part in found) == text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Zoë".encode(), "Zoë"),
        ("Zoë".encode("utf-8-sig"), "Zoë"),
        ("Zoë".encode("utf-16"), "Zoë"),
        (b"", ""),
    ],
)
def test_files_of_text_are_read(content, text):
    assert decode(content, "a.txt") == text


@pytest.mark.parametrize("content", ["Zoë".encode("latin-1"), b"ab\x00c", b"\xff\xfea", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_refused(content):
    with pytest.raises(
        BertNerError, match=r"a.txt is not a UTF-8 text file: the byte at offset \d is invalid. Allowed: text files"
    ):
        decode(content, "a.txt")


def test_what_cannot_be_annotated_is_refused():
    assert check_text("Kevin") == "Kevin"
    with pytest.raises(BertNerError, match="There is no text. Enter some"):
        check_text(" \n")
    assert check_text("x" * 1_000_000)
    with pytest.raises(BertNerError, match=r"1,000,001 characters. Allowed: at most 1,000,000"):
        check_text("x" * 1_000_001)


KEVIN, YORK, NETS = EntitySpan(0, 5, "per", 0.9), EntitySpan(6, 14, "geo", 0.5), EntitySpan(0, 4, "org", None)


def test_entities_are_chosen_by_score_and_label():
    assert filter_entities([KEVIN, YORK], 0.5, ["per", "geo"]) == [KEVIN, YORK]
    assert filter_entities([KEVIN, YORK], 0.51, ["per", "geo"]) == [KEVIN]
    assert filter_entities([KEVIN, YORK], 0.0, ["geo"]) == [YORK]
    assert filter_entities([NETS], 1.0, ["org"]) == [NETS]  # the entity has no score


def test_tables_are_in_characters_of_the_whole_text():
    table = table_rows([Part(0, "Kevin New York "), Part(15, "Nets, won")], [[KEVIN], [NETS]])
    assert table == [
        {"text": "Kevin", "label": "per", "score": 0.9, "start": 0, "end": 5},
        {"text": "Nets", "label": "org", "score": None, "start": 15, "end": 19},
    ]
    assert to_csv(table) == "text,label,score,start,end\nKevin,per,0.9,0,5\nNets,org,,15,19\n"
    assert [json.loads(line) for line in to_jsonl(table).splitlines()] == table
    assert to_csv([]) == "text,label,score,start,end\n"


def test_tokens_show_their_subwords_and_the_probabilities_of_plain_transformers(make_nlp, tagger):
    nlp = make_nlp(name=tagger, config={"decoding": "greedy"})
    text = "Kevin  Durant lives"
    pipe = nlp.get_pipe("bert_ner")
    pipe.cfg["temperature"] = 2.0
    found = token_rows(nlp(text), pipe)
    assert [row["token"] for row in found] == ["Kevin", "Durant", "lives"]
    tokenizer, model = AutoTokenizer.from_pretrained(tagger), AutoModelForTokenClassification.from_pretrained(tagger)
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        shares = (model.eval()(**inputs).logits[0] / 2).softmax(-1).numpy()
    names, words = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0].tolist()), inputs.word_ids()
    for i, row in enumerate(found):
        own = [k for k, word in enumerate(words) if word == i]
        assert row["subwords"].split() == [names[k] for k in own]
        best = np.argsort(-shares[own[0]])[:3]
        told = [row[f"tag {rank}"].split() for rank in (1, 2, 3)]
        assert [tag for tag, _ in told] == [model.config.id2label[int(k)] for k in best]
        assert [float(share) for _, share in told] == pytest.approx(shares[own[0]][best].tolist(), abs=0.001)


def test_tags_of_tokens_are_as_likely_as_the_legal_sequences_that_have_them(make_nlp, tagger):
    nlp = make_nlp(name=tagger, tag_scheme="IOB2")
    text = "Kevin Durant lives"
    found = token_rows(nlp(text), nlp.get_pipe("bert_ner"))
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(tagger), AutoTokenizer.from_pretrained(tagger)
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = model.eval()(**inputs).logits[0].numpy()
    words = inputs.word_ids()
    odds = np.exp(logits[[words.index(i) for i in range(3)]].astype(float))
    tags = [model.config.id2label[i] for i in range(len(model.config.id2label))]
    shares = np.zeros_like(odds)
    for path in product(range(len(tags)), repeat=3):
        names = ["O", *(tags[i] for i in path)]
        if all(then[:2] != "I-" or before[2:] == then[2:] for before, then in pairwise(names)):
            shares[range(3), path] += odds[range(3), path].prod()
    shares /= shares.sum(axis=1, keepdims=True)
    for row, own in zip(found, shares, strict=True):
        told = [row[f"tag {rank}"].split() for rank in (1, 2, 3)]
        best = np.argsort(-own)[:3]
        assert [tag for tag, _ in told] == [tags[i] for i in best]
        assert [float(share) for _, share in told] == pytest.approx(own[best].tolist(), abs=0.001)


def test_tokens_of_other_pipelines_show_their_tags():
    doc = spacy.blank("en")("Kevin Durant left")
    doc.set_ents([Span(doc, 0, 2, label="per")])
    assert token_rows(doc, None) == [
        {"token": "Kevin", "tag": "B-per"},
        {"token": "Durant", "tag": "I-per"},
        {"token": "left", "tag": "O"},
    ]


def test_an_empty_doc_has_no_tokens(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    assert token_rows(nlp(""), nlp.get_pipe("bert_ner")) == []
    assert token_rows(nlp("  "), nlp.get_pipe("bert_ner")) == []


def run(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "visualize", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def test_without_streamlit_the_command_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "streamlit", None)
    code, output = run(tmp_path)
    assert code == 1
    assert "pip install 'spacy-bert-ner[visualize]'" in output


@pytest.mark.parametrize("name", ["nowhere/model", "no_such_package", "a.b"])
def test_a_pipeline_that_is_not_there_is_named_before_anything_is_served(name):
    pytest.importorskip("streamlit")
    code, output = run(name)
    assert code == 1
    assert f"spaCy cannot load {name} as a pipeline" in output


def open_page(monkeypatch, *pipelines):
    testing = pytest.importorskip("streamlit.testing.v1")
    app = Path(spacy_bert_ner.__file__).parent / "demo" / "app.py"
    monkeypatch.setattr(sys, "argv", [str(app), *map(str, pipelines)])
    return testing.AppTest.from_file(str(app), default_timeout=60).run()


@Language.component("tests_fail")
def fails(doc):
    raise RuntimeError("a secret of the code")


def test_a_pipeline_that_fails_is_told_and_not_its_code(monkeypatch, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_fail")
    nlp.to_disk(tmp_path / "fails")
    page = open_page(monkeypatch, tmp_path / "fails")
    assert [one.value for one in page.error] == [
        f"The pipeline {tmp_path / 'fails'} failed on a text. Check the component that raised this error: "
        "RuntimeError: a secret of the code"
    ]
    assert not page.exception


def test_a_pipeline_that_cannot_be_opened_is_told(monkeypatch, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "old")
    config = (tmp_path / "old" / "config.cfg").read_text()
    (tmp_path / "old" / "config.cfg").write_text(config.replace('"sentencizer"\n', '"nobody"\n'))
    page = open_page(monkeypatch, tmp_path / "old")
    assert "old as a pipeline. ValueError: [E002]" in page.error[0].value
    assert not page.exception


def test_parts_are_no_longer_than_the_pipeline_takes(monkeypatch, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "short")
    monkeypatch.setitem(Language.__init__.__kwdefaults__, "max_length", 20)
    page = open_page(monkeypatch, tmp_path / "short")
    assert [one.value for one in page.info] == ["No entities were found in this text."]
    assert not page.error


def test_the_command_serves_here_alone_and_tells_nobody(monkeypatch, tmp_path):
    pytest.importorskip("streamlit")
    called = []
    monkeypatch.setattr("spacy_bert_ner.cli.visualize.subprocess.call", lambda command: called.append(command) or 0)
    code, output = run(tmp_path, "--port", 8600)
    assert (code, "http://localhost:8600" in output) == (0, True)
    (command,) = called
    settings = dict(zip(command[5:-2:2], command[6:-2:2], strict=True))
    assert settings["--server.address"] == "localhost"
    assert settings["--browser.gatherUsageStats"] == "false"
    assert "--theme.primaryColor" not in settings  # it would turn off dark mode
    assert command[-2:] == ["--", str(tmp_path)]
