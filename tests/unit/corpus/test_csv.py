"""Test CSV as written by programs and people: delimiters, column names, sentence numbers, lists and workbooks."""

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.readers.list_cell import read_list
from spacy_bert_ner.errors import CorpusError

TWO = [(["Ada", "left"], ["B-per", "O"]), (["Bo", "came"], ["B-per", "O"])]

WORDS = ["Ada", '"', "'", ",", ";", "|", "#", "[", "1", "nan", "é", "\x85"]


def write(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def found(path: Path, **options: object) -> list[tuple[list[str], list[str]]]:
    return [(sentence.words, sentence.tags) for sentence in read_corpus(path, **options).sentences]


def refused(path: Path, **options: object) -> str:
    with pytest.raises(CorpusError) as e:
        read_corpus(path, **options)
    return str(e.value)


# One row per token


@pytest.mark.parametrize(
    "content",
    [
        "Sentence #;Word;POS;Tag\nSentence: 1;Ada;N;B-per\n;left;V;O\nSentence: 2;Bo;N;B-per\n;came;V;O\n",
        "Sentence #\tWord\tTag\n1\tAda\tB-per\n\tleft\tO\n2\tBo\tB-per\n\tcame\tO\n",
        "Sentence #|Word|Tag\n1|Ada|B-per\n|left|O\n2|Bo|B-per\n|came|O\n",
        "sep=;\r\nSentence #;Word;Tag\r\n1;Ada;B-per\r\n;left;O\r\n2;Bo;B-per\r\n;came;O\r\n",
        ",Sentence #,Word,POS,Tag\n0,1,Ada,N,B-per\n1,,left,V,O\n2,2,Bo,N,B-per\n3,,came,V,O\n",
        "sentence_id,words,labels\n1,Ada,B-per\n1,left,O\n2,Bo,B-per\n2,came,O\n",
        "sentence_idx,word,tag\n1.0,Ada,B-per\n1.0,left,O\n2.0,Bo,B-per\n2.0,came,O\n",
        "Sentence #,Word,Tag\n1.0,Ada,B-per\n1,left,O\n2,Bo,B-per\n2.0,came,O\n",
        "Sentence #,Word,Tag\nSentence: 1,Ada,B-per\nNaN,left,O\nSentence: 2,Bo,B-per\nnan,came,O\n",
        "Sentence #,Word,Tag\n1,Ada,B-per\nNone,left,O\n2,Bo,B-per\n<NA>,came,O\n",
        "SENT_ID,Token,POS,NER_Tag\n1,Ada,N,B-per\n1,left,V,O\n2,Bo,N,B-per\n2,came,V,O\n",
        "token,entity,sentence\nAda,B-per,a\nleft,O,a\nBo,B-per,b\ncame,O,b\n",
        "word,tag\nAda,B-per\nleft,O\n\nBo,B-per\ncame,O\n",
        "word;tag\nAda;B-per\nleft;O\n;\nBo;B-per\ncame;O\n;\n",
    ],
    ids=[
        *("semicolons", "tabs", "bars", "sep", "pandas-index", "lower-case", "floats", "mixed-numbers", "nan", "none"),
        *("upper-case", "other-order", "no-sentence-column", "empty-cells"),
    ],
)
def test_a_row_a_token_is_read_as_it_comes(tmp_path, content):
    path = write(tmp_path, content)
    corpus = read_corpus(path)
    assert (corpus.format, found(path)) == ("gmb-tokens", TWO)
    assert read_corpus(path, format="gmb-tokens") == corpus
    assert found(write(tmp_path, "\ufeff" + content.replace("\r\n", "\n").replace("\n", "\r\n"))) == TWO


@pytest.mark.parametrize(
    ("name", "role"),
    [(name, 0) for name in ("Sentence #", "sentence", "Sentence_ID", "sentence number", "Sentence No.", "sent_idx")]
    + [(name, 1) for name in ("Word", "WORDS", "token", " Tokens ")]
    + [
        (name, 2)
        for name in ("Tag", "tags", "NER", "ner_tag", "ner-tags", "Label", "labels", "entity", "IOB tag", "bio")
    ],
)
def test_columns_have_many_names(tmp_path, name, role):
    header = ["Sentence #", "Word", "Tag"]
    header[role] = name
    path = write(tmp_path, ",".join(header) + "\n1,Ada,B-per\n,left,O\n2,Bo,B-per\n,came,O\n")
    assert found(path) == TWO


@pytest.mark.parametrize("name", ["pos", "prev-word", "wordnet", "tagger", "label_id", "lemma", "sentence_text", "id"])
def test_other_columns_are_none_of_these(tmp_path, name):
    path = write(tmp_path, f"{name},Sentence #,Word,Tag\nx,1,Ada,B-per\nx,,left,O\nx,2,Bo,B-per\nx,,came,O\n")
    assert found(path) == TWO


def test_two_columns_that_may_be_one_are_refused_by_name(tmp_path):
    path = write(tmp_path, "sentence_id,word,tag,ner\n1,Ada,N,B-per\n")
    expected = (
        f"{path}, line 1: each of the columns tag, ner could be Tag. Allowed: one such "
        "column. Rename the correct column to Tag, or "
    )
    assert refused(path) == f"{expected}remove the other columns."
    path = write(tmp_path, "sentence_id,word,token,Tag\n1,Ada,Ada,B-per\n")
    assert "each of the columns word, token could be Word" in refused(path)


def test_the_usual_name_decides_among_several(tmp_path):
    path = write(tmp_path, "Sentence #,sentence,Word,token,label,Tag\n1,x,Ada,ada,N,B-per\n,x,left,leave,V,O\n")
    assert found(path) == [(["Ada", "left"], ["B-per", "O"])]


def test_the_columns_that_were_taken_are_told_unless_they_have_the_usual_names(tmp_path):
    stream = CorpusStream(write(tmp_path, "sent_id,token,ner\n1,Ada,B-per\n"))
    assert stream.describe() == (
        "format gmb-tokens, tags in column ner, words in column token, sentences by column sent_id, scheme IOB2, "
        "encoding utf-8"
    )
    stream = CorpusStream(write(tmp_path, "Ada,B-per\n"))
    assert "tags in column 2, words in column 1, sentences by blank rows" in stream.describe()
    stream = CorpusStream(write(tmp_path, "Sentence #,Word,Tag\n1,Ada,B-per\n"))
    assert stream.describe() == "format gmb-tokens, scheme IOB2, encoding utf-8"


def test_errors_name_the_columns_of_the_file(tmp_path):
    path = write(tmp_path, "sent_id,token,ner\n1,Ada,B-per\n1,,O\n")
    assert refused(path).startswith(f"{path}, line 3, column token: the word is empty")
    path = write(tmp_path, "sent_id,token,ner\n1,Ada,B-per\n1,left,per\n")
    assert refused(path).startswith(f"{path}, line 3, column ner: the tag 'per' does not fit")
    path = write(tmp_path, "Ada,B-per\nleft, O\n")
    assert refused(path, format="gmb-tokens").startswith(f"{path}, line 2, column 2: ' O' is an invalid tag")


@pytest.mark.parametrize(
    ("cell", "word"),
    [('"', '"'), ('""""', '"'), ('"Ada"', "Ada"), ("''", "''"), ('"a', '"a'), ('5"', '5"'), ("a,b", "a,b")],
)
def test_between_tabs_a_quotation_mark_is_a_word_and_a_quoted_cell_is_read(tmp_path, cell, word):
    path = write(tmp_path, f"Sentence #\tWord\tTag\n1\t{cell}\tO\n\tleft\tO\n\t{cell}\tO\n")
    assert found(path) == [([word, "left", word], ["O", "O", "O"])]


def test_columns_between_tabs_without_sentence_numbers_are_conll(tmp_path):
    assert read_corpus(write(tmp_path, "word\ttag\nAda\tB-per\nleft\tO\n")).format == "conll"
    assert read_corpus(write(tmp_path, "Ada\tB-per\nleft\tO\n")).format == "conll"


def test_words_that_quotation_marks_have_swallowed_are_refused(tmp_path):
    """Test two words that are quotation marks. CSV readers join them and all text between them into one field."""
    path = write(tmp_path, 'Sentence #,Word,Tag\n1,Ada,B-per\n,",O\n,left,O\n,",O\n')
    assert refused(path).startswith(
        f"{path}, line 3: the word ',O\\n,left,O\\n,' contains a line break, because a quotation"
    )


# Without a header


@pytest.mark.parametrize(
    "content",
    [
        "Ada,B-per\nleft,O\n\nBo,B-per\ncame,O\n",
        "Ada;N;B-per\nleft;V;O\n;;\nBo;N;B-per\ncame;V;O\n",
        "Sentence: 1,Ada,N,B-per\n,left,V,O\nSentence: 2,Bo,N,B-per\n,came,V,O\n",
        "1.0,Ada,B-per\n1.0,left,O\n2.0,Bo,B-per\n2.0,came,O\n",
        "1,Ada,B-per\n2,left,O\n\n1,Bo,B-per\n2,came,O\n",
    ],
    ids=["two-columns", "three-columns", "sentence-numbers", "filled-numbers", "counted-words"],
)
def test_without_a_header_the_columns_are_told_from_the_rows(tmp_path, content):
    path = write(tmp_path, content)
    assert (read_corpus(path).format, found(path)) == ("gmb-tokens", TWO)


@pytest.mark.parametrize(
    "content", ["Ada,per\nleft,O\n", "Ada,left\nB-per,O\n", "Ada B-per,O\nx\n", "O\n", "Ada|left\n"]
)
def test_other_rows_are_no_csv_without_a_header(tmp_path, content):
    assert "the format cannot be detected" in refused(write(tmp_path, content))


def test_a_number_may_be_a_word(tmp_path):
    path = write(tmp_path, "2008,CD,B-tim\nwas,V,O\n")
    assert found(path) == [(["2008", "was"], ["B-tim", "O"])]


def test_rows_without_any_end_of_a_sentence_are_told(tmp_path):
    row = "word,O\n"
    assert CorpusStream(write(tmp_path, row * 50)).messages() == []
    stream = CorpusStream(write(tmp_path, row * 51))
    assert [len(sentence.words) for sentence in stream] == [51]
    assert stream.messages() == [
        "All 51 rows were read as one sentence, because the file has neither blank rows nor a column with sentence "
        "numbers. If the rows contain several sentences, separate them with blank rows or add a column with "
        "sentence numbers."
    ]
    assert CorpusStream(write(tmp_path, row * 51 + "\n" + row)).messages() == []


def test_a_thousand_rows_without_any_end_of_a_sentence_are_refused(tmp_path):
    path = write(tmp_path, "word,O\n" * 1001)
    expected = (
        f"{path}, line 1: no sentence ends within 1000 rows. The file must have a "
        "column with sentence numbers, such as "
    )
    assert refused(path) == f"{expected}'Sentence #', or a blank row after each sentence. Add one of them."
    assert refused(path, skip_invalid=5) == refused(path)
    assert [len(words) for words, _ in found(write(tmp_path, "a,O\n\n" + "word,O\n" * 1001))] == [1, 1001]


def test_bad_rows_without_a_header_are_left_out_with_their_sentence(tmp_path):
    path = write(tmp_path, "Ada,B-per\n\nBo,B-per\nleft\n\n" + "Cem,B-per\n\n" * 48)
    assert refused(path).startswith(f"{path}, line 4: the header has 2 fields, but this row has 1")
    assert [words for words, _ in found(path, skip_invalid=1)] == [["Ada"], *[["Cem"]] * 48]
    path = write(tmp_path, "Ada,B-per\n\nBo\n")
    assert "the format cannot be detected" in refused(path)
    assert found(path, format="gmb-tokens", skip_invalid=1) == [(["Ada"], ["B-per"])]


# One row per sentence


@pytest.mark.parametrize(
    "content",
    [
        "Text;Labels\nAda left;B-per O\nBo came;B-per O\n",
        "text\tlabels\nAda left\tB-per O\nBo came\tB-per O\n",
        "sentence,tags\nAda left,B-per O\nBo came,B-per O\n",
        "id,words,ner_tags\n1,Ada left,B-per O\n2,Bo came,B-per O\n",
        "text,labels\nAda left,\"['B-per', 'O']\"\nBo came,\"['B-per', 'O']\"\n",
        'text,labels\nAda left,"[""B-per"", ""O""]"\nBo came,"[""B-per"", ""O""]"\n',
        "tokens,ner_tags\n\"['Ada', 'left']\",\"['B-per', 'O']\"\n['Bo' 'came'],['B-per' 'O']\n[],[]\n",
        "sent_id,tokens,ner_tags\n1,\"['Ada', 'left']\",\"['B-per', 'O']\"\n2,\"['Bo', 'came']\",\"['B-per', 'O']\"\n",
        "text,tokens,ner\nAda left!,\"['Ada', 'left']\",\"['B-per', 'O']\"\n,\"['Bo', 'came']\",\"['B-per', 'O']\"\n",
    ],
    ids=["capitals", "tabs", "sentence-tags", "words-ner_tags", "python", "json", "numpy", "numbered", "raw-text"],
)
def test_a_row_a_sentence_is_read_as_it_comes(tmp_path, content):
    path = write(tmp_path, content)
    corpus = read_corpus(path)
    assert (corpus.format, found(path)) == ("gmb-sentences", TWO)
    assert read_corpus(path, format="gmb-sentences") == corpus


def test_what_is_unknown_in_a_list_stays_so(tmp_path):
    path = write(tmp_path, 'text,labels\nAda left,"[\'B-per\', None]"\nBo came,"[null, ""O""]"\n')
    assert [tags for _, tags in found(path)] == [["B-per", None], [None, "O"]]


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nWhat a film,positive\n",
        "text,label\nGreat film,very positive\n",
        "text,label\nGreat,positive\n",
        'id,text,label\n1,Ada left.,"[{""start"": 0, ""end"": 3, ""labels"": [""per""]}]"\n',
        "File,Line,Begin Offset,End Offset,Type\na.txt,0,0,3,PER\n",
    ],
    ids=["class", "classes", "one-word", "label-studio", "comprehend"],
)
def test_other_texts_with_labels_are_none(tmp_path, content):
    message = refused(write(tmp_path, content))
    assert "the format cannot be detected" in message or "Comprehend" in message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("[3 0]", "the tag 3 is a number without a name. Allowed: strings, such as ['B-per', 'O']"),
        ("['B-per' ... 'O']", "\"['B-per' ... 'O']\" is not a valid list of tags. Allowed: a complete list of strings"),
        ('"[""B-per"", {}]"', "['B-per', {}] is not a valid list of tags"),
        ("\"['B-per']\"", "the number of words (2) differs from the number of labels (1)"),
    ],
)
def test_a_list_that_is_none_of_tags_is_refused(tmp_path, labels, message):
    path = write(tmp_path, f"text,labels\nAda left,{labels}\nBo,O\n")
    assert f"{path}, line 2: {message}" in refused(path)
    assert found(path, skip_invalid=1) == [(["Bo"], ["O"])]


@pytest.mark.parametrize("tags", ["[PER] O", "[PER] [PER]"])
def test_labels_may_begin_with_a_bracket(tmp_path, tags):
    assert found(write(tmp_path, f"text,labels\nAda left,{tags}\nx,O\n"))[0][0] == ["Ada", "left"]


def test_a_text_of_brackets_is_no_list(tmp_path):
    path = write(tmp_path, "text,labels\n\"[ 'x' ]\",\"['O', 'O', 'O']\"\n[ 1 ],O O O\n")
    assert [words for words, _ in found(path)] == [["[", "'x'", "]"], ["[", "1", "]"]]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("O", None),
        ("[PER]", None),
        ("[]", []),
        ("[ ]", []),
        ('["a", null, 1]', ["a", None, 1]),
        ("['a', None, -1]", ["a", None, -1]),
        ("['a' 'b'\n 'c']", ["a", "b", "c"]),
        ("['a', \"it's\", '\\'', '\\u00e9', '\\\\']", ["a", "it's", "'", "é", "\\"]),
        ("[nan 'a']", [None, "a"]),
        ("['a', 'b',]", ["a", "b"]),
        ("['[', ']']", ["[", "]"]),
    ],
)
def test_a_list_is_read_as_programs_write_it(cell, expected):
    assert read_list(cell) == expected


@pytest.mark.parametrize("cell", ["['a' ... 'b']", "['a''b']", "['a", "['a'] x", "['a\nb']", "['a', b]", "[" * 9999])
def test_a_list_that_is_none_is_refused(cell):
    with pytest.raises(ValueError, match=re.escape(cell)):
        read_list(cell)


# Nothing is dropped


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.sampled_from(["Ada", '"', "'", ",", ";", "|", "#", "[", "1", "nan", "é", "\x85"]), min_size=1, max_size=5
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(",;\t|"),
    st.booleans(),
)
def test_what_csv_writes_is_read(tmp_path, sentences, delimiter, is_filled):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["sentence_id", "word", "tag"])
    for i, words in enumerate(sentences):
        writer.writerows([i if is_filled or not j else "", word, "O"] for j, word in enumerate(words))
    path = write(tmp_path, text.getvalue())
    assert [words for words, _ in found(path)] == sentences
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(
        [["text", "labels"], *([str(w), str(["O"] * len(w))] for w in sentences)]
    )
    path = write(tmp_path, text.getvalue())
    assert [words for words, _ in found(path)] == sentences


# Workbooks


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"], "an Excel workbook"),
        (["mimetype", "content.xml", "styles.xml"], "an OpenDocument file"),
    ],
)
def test_a_workbook_is_refused_with_what_to_save(tmp_path, names, kind):
    path = tmp_path / "corpus.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    expected = (
        f"{path} is {kind}, which is not supported. Save the sheet as CSV UTF-8 in Excel or LibreOffice, and pass the "
        "CSV file."
    )
    assert refused(path) == expected
    assert refused(path, format="gmb-tokens") == expected


def test_an_old_workbook_is_refused_with_what_to_save(tmp_path):
    path = write(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "corpus.xls")
    assert "an Excel 97-2003 workbook, which is not supported. Save the sheet as CSV UTF-8" in refused(path)
