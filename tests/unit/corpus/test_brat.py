"""Test the brat standoff format: pairs of a text file and an annotation file."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus import span_alignment as fitting
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.errors import CorpusError

TEXT = "Ada Lovelace\nmet Berliners.\n"
ANN = """\
T1\tper 0 12\tAda Lovelace
T2\tloc 17 26\tBerliners
R1\tknows Arg1:T1 Arg2:T2\t
E1\tmet:T2 who:T1
A1\tNegation E1
N1\tReference T1 Wikidata:Q7259\tAda Lovelace
*\tEquiv T1 T2
#1\tAnnotatorNotes T1\tT3\tper 99 98
"""
WORDS = ["Ada", "Lovelace", "\n", "met", "Berliners", ".", "\n"]
TAGS = ["B-per", "I-per", "O", "O", "B-loc", "O", "O"]


@pytest.fixture(autouse=True, scope="module")
def one_tokenizer() -> Iterator[None]:
    """Share one tokenizer between all tests for a language because creating one is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "tokenizer", cache(fitting.tokenizer))
        yield


def pair(folder: Path, text: str | None = TEXT, ann: str | None = ANN, name: str = "a") -> Path:
    """Write the text file and the annotation file of a pair, or only one of them, byte by byte."""
    folder.mkdir(parents=True, exist_ok=True)
    for end, content in ((".txt", text), (".ann", ann)):
        if content is not None:
            (folder / name).with_suffix(end).write_bytes(content.encode("utf-8"))
    return folder


def tagged(path: Path, **options: object) -> list[tuple[list[str], list[str | None]]]:
    return [(sentence.words, sentence.tags) for sentence in read_corpus(path, **options).sentences]


def fails(path: Path, message: str, **options: object) -> None:
    with pytest.raises(CorpusError) as caught:
        read_corpus(path, **options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["", "a.txt", "a.ann"])
def test_a_pair_is_told_by_its_folder_and_by_either_file(tmp_path, name):
    corpus = read_corpus(pair(tmp_path) / name)
    assert (corpus.format, corpus.tag_scheme) == ("brat", "IOB2")
    assert tagged(tmp_path / name) == [(WORDS, TAGS)]
    assert tagged(tmp_path / name, format="brat") == [(WORDS, TAGS)]


def test_a_folder_is_read_in_order_at_any_depth_and_without_hidden_files(tmp_path):
    pair(tmp_path, "Bob", "T1\tper 0 3\tBob\n", "b")
    pair(tmp_path / "sub", "Ada", "", "a")
    pair(tmp_path, "Cleo", None, "readme")
    pair(tmp_path, None, "\x00", "._b")
    stream = CorpusStream(tmp_path)
    assert [(s.words, s.tags, s.document) for s in stream] == [(["Bob"], ["B-per"], "b"), (["Ada"], ["O"], "sub/a")]
    assert stream.spans is not None
    assert stream.spans.n_left_out == 1
    assert [s.document for s in CorpusStream(tmp_path, limit=1)] == ["b"]


@pytest.mark.parametrize(
    ("text", "ann", "tags"),
    [
        ("New\r\nYork", "T1\tgeo 0 9\tNew  York\r\n", ["B-geo", "I-geo", "I-geo"]),
        ("New\nYork", "T1\tgeo 0 3;4 8\tNew York\n", ["B-geo", "I-geo", "I-geo"]),
        # One fragment lies inside another.
        ("New York is", "T1\tgeo 0 8;1 2;9 11\tNew York e is\n", ["B-geo", "I-geo", "I-geo"]),
        ("New\x85York", "T1\tgeo 0 8\tNew\x85York\n", ["B-geo", "I-geo", "I-geo"]),
        ("🦄 York", "T1\tgeo 2 6\tYork\n", ["O", "B-geo"]),
        ("New York", "T1\tgeo 0 8\n", ["B-geo", "I-geo"]),
        ("New York", "\n", ["O", "O"]),
        ("Ada  \nBob", "T1\tper 0 6\tAda\n", ["B-per", "O", "O"]),
    ],
)
def test_offsets_count_characters_of_the_text_as_it_stands(tmp_path, text, ann, tags):
    assert [tags for _, tags in tagged(pair(tmp_path, text, ann))] == [tags]


@pytest.mark.parametrize(
    ("misaligned", "tags"),
    [
        ("expand", ["B-per", "I-per", "I-per", "I-per"]),
        ("contract", ["O", "O", "B-per", "I-per"]),
        ("missing", [None] * 4),
    ],
)
def test_a_span_in_pieces_counts_as_misaligned(tmp_path, misaligned, tags):
    folder = pair(tmp_path, "Ada and Bob Lovelace", "T1\tper 0 3;8 20\tAda Bob Lovelace\n")
    assert tagged(folder, misaligned=misaligned) == [(["Ada", "and", "Bob", "Lovelace"], tags)]
    stream = CorpusStream(folder, misaligned=misaligned)
    assert stream.spans is not None
    assert (stream.spans.n_misaligned, stream.spans.n_lost) == (1, 0)
    fails(folder, "1 of 1 spans do not start and end at token boundaries")


def test_an_encoding_can_be_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"S\xe3o")
    (tmp_path / "a.ann").write_bytes(b"T1\tgeo 0 3\tS\xe3o\n")
    assert tagged(tmp_path, encoding="latin-1") == [(["São"], ["B-geo"])]
    fails(tmp_path, f"{tmp_path / 'a.txt'}, line 1: byte 0xE3 is not valid utf-8.")


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        (
            "T1\tper 0 3\tBob",
            "the text of a span is declared as 'Bob', but the text at its offsets is 'Ada'. Offsets must count",
        ),
        ("T1\tper 0 99\tAda", "the span 'per' from 0 to 99 is invalid in a text with 28 characters."),
        ("T1\tper 3 3\t", "the span 'per' from 3 to 3 is invalid in"),
        ("T1\tper 0 3;8 99\tAda", "the span 'per' from 8 to 99 is invalid in"),
        ("T1\tper 0 " + "9" * 5000 + "\tAda", "the span 'per' has invalid offsets: 0 to '999"),
        ("T2\tper 0 3\tAda", "the ID T2 is already used. Each span must have a unique ID."),
        (
            "T1\tper 0\tAda",
            r"'T1\tper 0\tAda' is not a valid brat annotation. Allowed for a span: an ID, a tab, the label",
        ),
        ("T1\tper -1 3\tAda", r"'T1\tper -1 3\tAda' is not a valid brat annotation."),
        ("T1 per 0 3 Ada", "'T1 per 0 3 Ada' is not a valid brat annotation."),
        ("T1\t 0 3\tAda", r"'T1\t 0 3\tAda' is not a valid brat annotation."),
        (
            "T1\tFirst name 0 3\tAda",
            (
                "the label 'First name' contains a space. Allowed: a brat label without white space, such as "
                "'First_name'."
            ),
        ),
        ("T1\tFirst name 0 3;4 5\tAda", "the label 'First name' contains a space."),
        ("T1\tper 1 0 3\tAda", "the label 'per 1' contains a space."),
    ],
)
def test_a_bad_line_is_refused(tmp_path, row, rest):
    pair(tmp_path, TEXT, f"T2\tper 0 3\tAda\n{row}\n")
    fails(tmp_path, f"{tmp_path / 'a.ann'}, line 2: {rest}")
    with pytest.raises(CorpusError):
        convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_named(tmp_path):
    pair(tmp_path, None, ANN)
    missing = f"{tmp_path / 'a.txt'} is missing. brat requires texts in .txt files"
    fails(tmp_path, f"{tmp_path}: {missing}")
    fails(tmp_path / "a.ann", f"{tmp_path / 'a.ann'}: {missing}", format="brat")
    pair(tmp_path / "plain", TEXT, None)
    fails(tmp_path / "plain", f"{tmp_path / 'plain'}: {tmp_path / 'plain' / '*.ann'} is missing.", format="brat")
    fails(tmp_path / "plain", f"{tmp_path / 'plain'}: the folder has no known format.")
    fails(tmp_path / "b.txt", f"{tmp_path / 'b.txt'} does not exist.", format="brat")
    (tmp_path / "c.conll").write_text("a O\n")
    fails(tmp_path / "c.conll", f"{tmp_path / 'c.conll'}: {tmp_path / 'c.txt'} is missing.", format="brat")


def test_a_binary_file_in_a_pair_is_refused(tmp_path):
    fails(pair(tmp_path, "a\x00", ""), f"{tmp_path / 'a.txt'}, line 1: the file contains a NUL byte")


def test_columns_beside_annotations_of_another_kind_stay_columns(tmp_path):
    pair(tmp_path, "Ada B-per\nleft O\n", "some notes\n")
    assert read_corpus(tmp_path / "a.txt").format == "conll"


def test_texts_and_entities_come_back_to_the_character(tmp_path):
    done = convert(pair(tmp_path / "news.v1"), tmp_path / "out")
    assert list(done.counts) == [tmp_path / "out" / "news.v1.spacy"]
    (doc,) = DocBin().from_disk(tmp_path / "out" / "news.v1.spacy").get_docs(spacy.blank("en").vocab)
    assert (doc.text, doc.user_data["document"]) == (TEXT, "a")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ada Lovelace", "per"), ("Berliners", "loc")]


NLP = spacy.blank("en")
PIECES = st.sampled_from(
    [*"aB.,'- \t\n\x85\xa0\u2028", "  ", "🦄", "e\u0301", "\u0301", "\u200d", "don't", "U.K.", "\r\n"]
)


@pytest.mark.fuzz
@given(data=st.data(), text=st.lists(PIECES, min_size=1, max_size=20).map("".join))
def test_any_text_comes_back_as_brat_writes_it(tmp_path_factory, data, text):
    folder = tmp_path_factory.mktemp("trip")
    doc = NLP.tokenizer(text)
    edges = sorted(data.draw(st.sets(st.integers(0, len(doc)), max_size=6)))
    ents = [doc[start:end] for start, end in zip(edges[::2], edges[1::2], strict=False)]
    ents = [ent for ent in ents if ent.text.strip() == ent.text]
    rows = (
        f"T{i}\tper {ent.start_char} {ent.end_char}\t" + ent.text.replace("\n", " ") + "\n"
        for i, ent in enumerate(ents)
    )
    pair(folder, text, "".join(rows))
    convert(folder / "a.ann", folder)
    (found,) = DocBin().from_disk(folder / "a.spacy").get_docs(NLP.vocab)
    assert found.text == text
    assert [(e.start_char, e.end_char) for e in found.ents] == [(e.start_char, e.end_char) for e in ents]


def test_the_output_of_a_folder_without_a_name_is_named_after_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(pair(tmp_path / "news"))
    assert list(convert(Path(), tmp_path / "out").counts) == [tmp_path / "out" / "news.spacy"]
