"""Test the PubTator format: title, abstract, and a row for each entity."""

from pathlib import Path

import pytest
from support import ROOT

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.readers.pubtator import is_pubtator
from spacy_bert_ner.errors import CorpusError

GOUT = ("100|t|Gout in Rome.", "100|a|Gout was bad.", "100\t0\t4\tGout\tDisease\tD006073")


def pubtator(folder: Path, *rows: str) -> Path:
    (folder / "a.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "a.txt"


def fails(path: Path, **options: object) -> str:
    with pytest.raises(CorpusError) as caught:
        read_corpus(path, **options)
    return str(caught.value)


def test_each_document_is_read_with_title_and_abstract(tmp_path):
    rows = (*GOUT, "100\t14\t18\tGout\tDisease\tD006073", "100\tCID\tD1\tD2", "", "", "101|t|Flu.", "101|a|")
    corpus = read_corpus(pubtator(tmp_path, *rows, "101\t0\t3\tFlu\tDisease"))
    assert (corpus.format, corpus.tag_scheme) == ("pubtator", "IOB2")
    assert [("".join(s.pieces()), s.tags, s.document, s.lines[0]) for s in corpus.sentences] == [
        (
            "Gout in Rome.\nGout was bad.",
            ["B-Disease", "O", "O", "O", "O", "B-Disease", "O", "O", "O"],
            "100",
            1,
        ),
        ("Flu.", ["B-Disease", "O"], "101", 8),
    ]


def test_documents_need_no_blank_line_between_them_and_no_abstract(tmp_path):
    rows = ("1|t|Flu.", "2|t|Gout.", "2\t0\t4\tGout\tDisease\tD1", "3|t||a|", "3|a|b|c")
    corpus = read_corpus(pubtator(tmp_path, *rows))
    assert ["".join(s.pieces()) for s in corpus.sentences] == ["Flu.", "Gout.", "|a|\nb|c"]
    assert corpus.sentences[1].tags == ["B-Disease", "O"]


@pytest.mark.parametrize(
    ("rows", "is_told"),
    [
        (("1|t|Flu.",), True),
        (("1|t|Flu.", "1|a|"), True),
        (("1|t|Flu.", "1\t0\t3\tFlu\tDisease"), True),
        (("1|t|Flu.", "2|t|Gout."), True),
        (("1|t|b O", "c O"), False),
        (("1|a|Flu.", "1|t|"), False),
    ],
)
def test_it_is_told_from_the_first_two_rows(tmp_path, rows, is_told):
    path = pubtator(tmp_path, *rows)
    assert is_pubtator(path.read_text().splitlines()) == is_told
    assert not is_told or CorpusStream(path).format == "pubtator"


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (
            "101\t0\t4\tGout\tDisease\tD1",
            (r"'101\t0\t4\tGout\tDisease\tD1' is not a valid row in the " "PubTator document '100'."),
        ),
        (
            "100\t0\t4\tGout",
            r"'100\t0\t4\tGout' is not a valid row in the PubTator document '100'. Allowed after the title and",
        ),
        ("100\t-1\t4\tGout\tDisease", "'100\\t-1\\t4\\tGout\\tDisease' is not a valid row in the PubTator document"),
        ("100\tx", "'100\\tx' is not a valid row"),
        ("100|a|again", "'100|a|again' is not a valid row"),
        ("Gout", "'Gout' is not a valid row"),
        ("100\t0\t4\tGout\t\tD1", "the span 0-4 has the invalid label ''."),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, row, rest):
    path = pubtator(tmp_path, *GOUT, row, "", "101|t|Flu.")
    assert fails(path).startswith(f"{path}, line 4: {rest}")
    assert ["".join(s.pieces()) for s in CorpusStream(path, skip_invalid=1)] == ["Flu."]
    with pytest.raises(CorpusError):
        convert(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_document_without_a_title_is_refused(tmp_path):
    path = pubtator(tmp_path, *GOUT, "", "101|a|Flu.", "101\t0\t3\tFlu\tDisease", "", "102|t|Gout.")
    assert fails(path).startswith(f"{path}, line 5: '101|a|Flu.' is not the title row of a PubTator document.")
    assert [s.document for s in CorpusStream(path, skip_invalid=1)] == ["100", "102"]


def test_an_entity_of_other_text_is_refused_with_line_and_document(tmp_path):
    path = pubtator(tmp_path, *GOUT, "100\t8\t13\tRome\tPlace")
    assert fails(path).startswith(
        f"{path}, line 4, id '100': the text of a span is declared as 'Rome', but the text at its offsets is 'Rome.'."
    )


def test_offsets_may_count_another_unit(tmp_path):
    path = pubtator(tmp_path, "1|t|TNF-α in Köln", "1|a|flu", "1\t10\t15\tKöln\tPlace", "1\t16\t19\tflu\tDisease")
    corpus = CorpusStream(path)
    assert (corpus.offsets, [tag for s in corpus for tag in s.tags if tag != "O"]) == (
        "bytes",
        ["B-Place", "B-Disease"],
    )


def test_the_guide_shows_what_is_read(tmp_path):
    guide = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    block = guide.partition("**`pubtator`**")[2].split("```")[1]
    (sentence,) = read_corpus(pubtator(tmp_path, *block.strip("\n").split("\n"))).sentences
    assert ("".join(sentence.pieces()), sentence.tags[:2]) == ("Gout in Rome.\nIt was bad.", ["B-Disease", "O"])
