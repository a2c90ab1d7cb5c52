"""Test the column that `convert --to conll` writes between the word and the tag."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.conllu_misc import read_document, read_misc, write_document, write_misc
from spacy_bert_ner.corpus.sentence import Sentence
from spacy_bert_ner.errors import CorpusError


def columns(folder: Path, *rows: str) -> Path:
    path = folder / "a.conll"
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def only(path: Path) -> Sentence:
    (one,) = read_corpus(path, spacing="single").sentences
    return one


@pytest.mark.parametrize(
    ("word", "space", "written"),
    [
        ("Kevin", True, ("Kevin", "_")),
        ("Kevin", False, ("Kevin", "SpaceAfter=No")),
        ("a b", True, ("_", "Form=a\\sb")),
        ("\t\r\n|\\\0 ", False, ("_", "Form=\\t\\r\\n\\p\\\\\\0\\s|SpaceAfter=No")),
        ("|\\", True, ("|\\", "_")),
        ("_", True, ("_", "Form=_")),
        ("#", True, ("_", "Form=#")),
        ("#x", True, ("_", "Form=#x")),
        ("x#", True, ("x#", "_")),
        ("-DOCSTART-", True, ("_", "Form=-DOCSTART-")),
        ("\xa0", True, ("_", "Form=\xa0")),
        ("\ufeffa", True, ("_", "Form=\ufeffa")),
        ("SpaceAfter=No", False, ("SpaceAfter=No", "SpaceAfter=No")),
    ],
)
def test_a_word_that_no_column_can_hold_stands_in_misc(word, space, written):
    assert write_misc(word, space) == written
    assert read_misc(written[1]) == (None if written[0] == word != "_" else word, space)


@given(st.text(min_size=1), st.booleans())
def test_what_is_written_is_read(word, space):
    column, misc = write_misc(word, space)
    found = read_misc(misc)
    assert found is not None
    assert (column if found.word is None else found.word, found.space) == (word, space)
    assert read_document(write_document(word)) == word
    assert not set("".join([column, misc, *write_document(word)])) & set(" \t\r\n\0")


@pytest.mark.parametrize(
    "text",
    [
        *["", "NNP", "-X-", "__", "SpaceAfter=Yes", "Form=", "Form=a|", "|SpaceAfter=No", "SpaceAfter=No|Form=a"],
        *["Form=a\\x", "Form=a\\", "_|SpaceAfter=No", "Form=a|b"],
    ],
)
def test_anything_else_is_no_misc(text):
    assert read_misc(text) is None


@pytest.mark.parametrize("row", [["-DOCSTART-"], ["-DOCSTART-", "-X-", "O"], ["-DOCSTART-", "Document=a\\b", "O"]])
def test_other_documents_have_no_name(row):
    assert read_document(row) is None


TOLD = "-DOCSTART-\tDocument=news\\s1\tO"


def test_a_file_that_tells_its_layout_has_spaces_documents_and_unknown_tags(tmp_path):
    path = columns(
        tmp_path, TOLD, "", "New\t_\tB-geo", "_\tForm=a\\sb|SpaceAfter=No\t_", "", TOLD.replace("news", "x"), "_\t_\tO"
    )
    first, second = CorpusStream(path)
    assert first == (["New", "a b"], ["B-geo", None], [3, 4], [True, False], "news 1", ())
    assert second == (["_"], ["O"], [7], [True], "x 1", ())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_may_end_in_either_way(tmp_path, end):
    path = tmp_path / "a.conll"
    path.write_bytes(end.join([TOLD, "", "a\tSpaceAfter=No\tB-x", "", ""]).encode())
    assert only(path) == (["a"], ["B-x"], [3], [False], "news 1", ())


@pytest.mark.parametrize(
    "rows",
    [
        ["Kevin\tNNP\tB-per", "_\tSYM\tO"],
        ["Kevin NNP B-per", "_ SYM O"],
        ["Kevin\t_\tB-per", "_\t_\tO"],
        ["-DOCSTART-\t-X-\tO", "", "Kevin\t_\tB-per", "_\t_\tO"],
        ["Kevin\t_\t_\tB-per", "_\tx=No\t_\tO"],
    ],
    ids=["tags-of-words", "blanks", "empty-column", "document", "four-columns"],
)
def test_files_of_others_are_read_as_they_stand(tmp_path, rows):
    one = only(columns(tmp_path, *rows))
    document = "a.conll 1" if rows[0].startswith("-DOCSTART-") else ""
    assert (one.words, one.tags, one.spaces, one.document) == (["Kevin", "_"], ["B-per", "O"], None, document)


def test_without_a_document_misc_is_known_by_its_keys(tmp_path):
    one = only(columns(tmp_path, "New\t_\tB-geo", "York\tSpaceAfter=No\tI-geo", "_\tForm=\\s\tO"))
    assert (one.words, one.spaces) == (["New", "York", " "], [True, False, True])


def test_without_a_document_an_unknown_tag_is_refused(tmp_path):
    path = columns(tmp_path, "New\t_\tB-geo", "York\tSpaceAfter=No\t_")
    with pytest.raises(
        CorpusError, match="line 2, the last column: the tag '_' does not fit the scheme of the earlier tags"
    ):
        read_corpus(path)


@pytest.mark.parametrize("row", ["New\tNNP\tB-geo", "New\tB-geo", "New\t_\t_\tB-geo", "_\tForm=\\x\tO"])
def test_a_row_of_another_layout_is_refused(tmp_path, row):
    path = columns(tmp_path, TOLD, "", "a\t_\tO", row)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    expected = (
        f"{path}, line 4: the row {row!r} is invalid in a file with document names in "
        "its -DOCSTART- rows. Allowed: word, MISC"
    )
    assert str(caught.value).startswith(expected)
