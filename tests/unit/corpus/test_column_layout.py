"""Test column files as found in practice: what each column contains, and files that are not column files."""

from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.sentence import Sentence, entities
from spacy_bert_ner.errors import CorpusError


def write(folder: Path, text: str, name: str = "train.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def found(sentence: Sentence) -> list[tuple[str, str]]:
    return [("".join(sentence.pieces()[e.start : e.end]).strip(), e.label) for e in entities(sentence.tags)]


def read(path: Path, **options: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the text and the entities of each sentence."""
    return [("".join(sentence.pieces()), found(sentence)) for sentence in CorpusStream(path, **options)]


def messages(path: Path, **options: Any) -> list[str]:
    stream = CorpusStream(path, **options)
    list(stream)
    return stream.messages()


GERMEVAL = """\
#\thttp://example.org/1\t[2010-07-04]\t
1\tAda\tB-PER\tO
2\tlehrt\tO\tO
3\t.\tO\tO

#\thttp://example.org/2\t[2010-07-05]\t
1\tHochschule\tB-ORG\tO
2\tBonn\tI-ORG\tB-LOC
"""


def test_the_first_of_two_columns_of_tags_is_taken_and_the_other_is_reported(tmp_path):
    path = write(tmp_path, GERMEVAL)
    assert read(path) == [("Ada lehrt.", [("Ada", "PER")]), ("Hochschule Bonn", [("Hochschule Bonn", "ORG")])]
    assert messages(path) == [
        (
            "Column 4 also contains tags, such as B-LOC, but the tags in column 3 were "
            "used. To use column 4 instead: --column 4"
        )
    ]
    assert read(path, column=4)[1] == ("Hochschule Bonn", [("Bonn", "LOC")])
    assert messages(path, column=4) == []


def test_chunks_are_no_entities(tmp_path):
    path = write(tmp_path, "EU B-NP B-ORG x\nrejects B-VP O y\nlamb B-NP O y\n")
    assert (read(path), CorpusStream(path).column) == ([("EU rejects lamb", [("EU", "ORG")])], 3)
    rows = "Ada B-XX B-PER\nleft I-XX O\n. I-XX O\n\n" * 100
    assert read(write(tmp_path, rows))[0] == ("Ada left.", [("Ada", "PER")])


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_counts_the_words_is_not_taken_for_them(tmp_path, first):
    rows = [["Ada", "left", "Rome"], ["Bob", "came"]]
    tags = {"Ada": "B-PER", "Rome": "B-LOC", "Bob": "B-PER"}
    text = "\n".join("".join(f"{i}\t{w}\t{tags.get(w, 'O')}\n" for i, w in enumerate(row, first)) for row in rows)
    assert read(write(tmp_path, text)) == [
        ("Ada left Rome", [("Ada", "PER"), ("Rome", "LOC")]),
        ("Bob came", [("Bob", "PER")]),
    ]
    assert [s.words for s in CorpusStream(write(tmp_path, text), word_column=1)][1] == [str(first), str(first + 1)]


def test_two_rows_are_counted_if_they_begin_with_1(tmp_path):
    rows = [
        ["1", "Ada", "a", "N", "N", "_", "0", "r", "_", "B-PER"],
        ["2", "left", "l", "V", "V", "_", "1", "x", "_", "O"],
    ]
    path = write(tmp_path, "".join("\t".join(row) + "\n" for row in rows), "a.conllu")
    assert read(path) == [("Ada left", [("Ada", "PER")])]
    assert read(write(tmp_path, "3 CD O\n4 CD B-N\n")) == [("3 4", [("4", "N")])]


def test_numbers_that_do_not_count_are_words(tmp_path):
    assert read(write(tmp_path, "7 CD O\n9 CD O\nAda NNP B-PER\n")) == [("7 9 Ada", [("Ada", "PER")])]


def test_a_column_of_numbers_alone_is_refused_as_words(tmp_path):
    text = "".join(f"{i % 7 * 3}\tword{i}\t{'B-PER' if i % 5 else 'O'}\n" for i in range(60))
    path = write(tmp_path, text)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert str(caught.value) == (
        f"{path}: column 1 does not seem to contain words, because its values are numbers or all the same: "
        "'0', '3', '6'. Specify the word column: --word-column 2. If column 1 is correct: --word-column 1"
    )
    assert CorpusStream(path, word_column=2).n_sentences == 1
    assert CorpusStream(path, word_column=1).n_sentences == 1


def test_words_of_the_text_are_read_where_words_are_counted_as_in_conllu(tmp_path):
    text = (
        "1-2\tvámonos\t-\n1\tvamos\tO\n2\tnos\tB-PER\n3\ta\tO\n3.1\tx\t-\n4\tRoma\tB-LOC\n5\t.\tO\n6\t!\tO\n7\t!\tO\n"
    )
    (sentence,) = CorpusStream(write(tmp_path, text, "a.iob2"))
    assert sentence.words == ["vámonos", "a", "Roma", ".", "!", "!"]
    assert sentence.tags == ["B-PER", "O", "B-LOC", "O", "O", "O"]


UNIVERSAL_NER = """\
# newdoc id = d1
# sent_id = d1-1
# text = Ada left .
1\tAda\tB-PER\t-\t-
2\tleft\tO\t-\t-
3\t.\tO\t-\t-

# sent_id = d1-2
1\tBob\tB-PER\t-\t-
2\tcame\tO\t-\t-

# newdoc
1\tNo\tO\t-\t-
2\t.\tO\t-\t-
"""


@pytest.mark.parametrize("blank", ["\n", ""], ids=["blank lines", "comments alone"])
def test_comments_begin_sentences_and_documents(tmp_path, blank):
    stream = CorpusStream(write(tmp_path, UNIVERSAL_NER.replace("\n\n", f"\n{blank}")))
    assert [(s.words, s.document) for s in stream] == [
        (["Ada", "left", "."], "d1"),
        (["Bob", "came"], "d1"),
        (["No", "."], "train.txt 2"),
    ]


def test_a_comment_has_no_tag_in_the_column_of_the_tags(tmp_path):
    text = "# a comment\n# O\nAda B-PER\n#1 O\n\n# of B-PER alone\nfan O\n"
    assert [s.words for s in CorpusStream(write(tmp_path, text))] == [["#", "Ada", "#1"], ["fan"]]
    text = "#\tO\nAda\tB-PER\n# text = Ada O\n\nfan\tO\n"
    assert [s.words for s in CorpusStream(write(tmp_path, text))] == [["#", "Ada"], ["fan"]]


def test_a_header_names_the_columns(tmp_path):
    text = "TAG\tPOS\tTOKEN\nB-PER\tNN\tAda\nO\tVB\tleft\n"
    assert read(write(tmp_path, text)) == [("Ada left", [("Ada", "PER")])]
    assert read(write(tmp_path, "word tag\nKevin B-per\n")) == [("Kevin", [("Kevin", "per")])]


def test_a_word_such_as_word_is_no_header(tmp_path):
    assert read(write(tmp_path, "Word O\nof O\nAda B-PER\n")) == [("Word of Ada", [("Ada", "PER")])]


def test_columns_of_conllu_plus_have_names(tmp_path):
    text = "# global.columns = ID CONLL:NER FORM NOTE\n# sent_id = 1\n1\tB-PER\tAda\tB-X\n2\tO\tleft\tO\n"
    path = write(tmp_path, text, "a.conllup")
    assert read(path) == [("Ada left", [("Ada", "PER")])]
    assert messages(path)[0].startswith("Column 4 also contains tags, such as B-X, but the tags in column 2 were used.")


HIPE = """\
TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tMISC
# hipe2022:document_id = paper-1
Ada\tB-pers\tO\tB-pers.ind\t_
# segment_iiif_link = _
left\tO\tO\tO\tNoSpaceAfter
.\tO\tO\tO\tEndOfLine|EndOfSentence
Bonn\tB-loc\tB-org\tB-loc.adm\tNoSpaceAfter
!\tO\tO\tO\t_

# hipe2022:document_id = paper-2
No\tO\tO\tO\t_
"""


def test_hipe_has_documents_spaces_and_ends_of_sentences_in_misc(tmp_path):
    path = write(tmp_path, HIPE, "hipe.tsv")
    assert read(path) == [("Ada left. ", [("Ada", "pers")]), ("Bonn! ", [("Bonn", "loc")]), ("No ", [])]
    assert [s.document for s in CorpusStream(path)] == ["paper-1", "paper-1", "paper-2"]
    assert [message.partition(", but")[0] for message in messages(path)] == [
        "Column 3 also contains tags, such as B-org",
        "Column 4 also contains tags, such as B-pers.ind",
    ]


def test_a_row_of_a_space_is_the_space_between_words(tmp_path):
    text = "## nsmc-1\t<아다:PS> 왔다\n아\tB-PS\n다\tI-PS\n \tO\n왔\tO\n다\tO\n"
    (sentence,) = CorpusStream(write(tmp_path, text))
    assert "".join(sentence.pieces()) == "아다 왔다"
    assert found(sentence) == [("아다", "PS")]


def test_words_with_a_language_before_them_are_reported(tmp_path):
    path = write(tmp_path, "en:Ada\tB-PER\nen:left\tO\n")
    assert messages(path) == [
        (
            "All words start with 'en:', which was kept. If this prefix is not part of the words, remove it from "
            "the file first: sed "
            f"'s/^en://' {path}"
        )
    ]
    assert messages(write(tmp_path, "en:Ada\tB-PER\nleft\tO\n")) == []


def test_rows_of_more_columns_than_most_are_reported(tmp_path):
    path = write(tmp_path, "Ada\tB-PER\nle\tft\tO\nRome\tB-LOC\n.\tO\n")
    assert messages(path) == [
        "Most rows have 2 columns, but 1 rows have a different number. The first of these is on line 2. "
        "Check that their words contain "
        "no tabs or spaces."
    ]


def test_what_stands_behind_the_tag_of_an_entity_does_not_matter(tmp_path):
    text = "0\tOn\tO\n1\tMars\tB-CEL\tbn:1\twiki\n2\twe\tO\n3\tare\tO\n"
    assert read(write(tmp_path, text)) == [("On Mars we are", [("Mars", "CEL")])]


def test_byte_order_marks_within_the_file_are_removed(tmp_path):
    path = write(tmp_path, "Ada B-PER\nleft O\n\n\ufeffBob B-PER\ncame O\n")
    assert read(path) == [("Ada left", [("Ada", "PER")]), ("Bob came", [("Bob", "PER")])]
    assert messages(path) == [
        (
            "1 byte-order marks before words were removed. They usually come from "
            "concatenated files, so no action is required."
        )
    ]


@pytest.mark.parametrize("blank", ["\xa0", " \t", "\u3000"])
def test_a_line_of_white_space_ends_a_sentence(tmp_path, blank):
    assert len(read(write(tmp_path, f"Ada B-PER\nleft O\n{blank}\nBob B-PER\ncame O\n"))) == 2


# Files that are not column files

JSON = '{\n  "name": "x",\n  "group": O\n}\n'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        '[\n  {"type": "B-52",\n   "blood": "O"}\n]\n',
        "<a>\n<b> B-52\n</b>\n</a>\n",
        "plane: B-52\nblood: 0\nname: x\n",
        "The crew flew a B-52\n",
        "The crew flew a B-52\nand then\nwent to group O\n",
        "Ada\nO\n",
        "Ada B-PER\n",
        "Ada B-PER\nBob B-PER\n",
        "Ada PER\nleft O\n",
        "The DT\ndog NN\nbarks O\n",
        "| Ada | B-PER |\n| left | O |\n",
        "name: B-PER\nother: O\n",
        "12:00 INFO O\n12:01 INFO B-52\n",
        "# a title\n\nProse of some words.\nMore of it.\n",
        "- O\n- x\n- y z\n",
    ],
)
def test_other_text_is_not_taken_for_columns(tmp_path, text):
    path = write(tmp_path, text)
    with pytest.raises(CorpusError, match="line 1: the format cannot be detected"):
        read_corpus(path)


def test_labels_without_prefixes_need_rows_enough(tmp_path):
    text = "Ada PER\nleft O\n" * 4
    assert CorpusStream(write(tmp_path, text)).tag_scheme == "plain"
    assert CorpusStream(write(tmp_path, "Ada PER\nleft O\n", "a.conll")).tag_scheme == "plain"
    many = "".join(f"w{i} L{i}\nx O\n" for i in range(20))
    with pytest.raises(CorpusError, match="the format cannot be detected"):
        read_corpus(write(tmp_path, many))


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a_gold_conll", "#begin document (x); part 000\nx 0 0 Ada NNP (PER) -\n", "OntoNotes in CoNLL-2012 columns"),
        ("a.tsv", "Gout\tB\nagain\tI\n.\tO\n", "a column file with the tags B and I but no labels"),
        ("a.name", '<DOC>\n<ENAMEX TYPE="PERSON">Ada</ENAMEX> left .\n</DOC>\n', "text with ENAMEX elements"),
        ("a.txt", "<START:person> Ada <END> left .\n", "text with <START:person> markup"),
        ("a.xmi", '<?xml version="1.0"?>\n<xmi:XMI xmlns:xmi="x">\n</xmi:XMI>\n', "UIMA XMI"),
        ("a.xml", "<?xml version='1.0'?>\n<!-- a -->\n<GateDocument>\n</GateDocument>\n", "GATE XML"),
        ("a.xml", "<?xml version='1.0'?><!DOCTYPE collection><collection>\n</collection>\n", "BioC XML"),
        ("a.xml", "<?xml version='1.0'?>\n<root>\n<TEXT><![CDATA[Ada.]]></TEXT>\n</root>\n", "i2b2 or n2c2 XML"),
        ("nlu.yml", 'version: "3.1"\nnlu:\n- intent: book\n', "Rasa training data"),
        ("nlu.md", "## intent:book\n- to [Rome](city)\n", "Rasa training data"),
        ("nlu.json", '{"rasa_nlu_data": {"common_examples": []}}\n', "Rasa training data"),
        ("a.manifest", '{"source": "Ada.", "job": {}, "job-metadata": {}}\n', "a SageMaker Ground Truth manifest"),
        (
            "a.csv",
            "File,Line,Begin Offset,End Offset,Type\na.txt,0,0,3,PER\n",
            "Amazon Comprehend annotations",
        ),
        ("a.jsonl", '{"textSegmentAnnotations": [], "textContent": "Ada."}\n', "a Google Cloud AutoML dataset"),
        ("a.jsonl", '{"text_snippet": {"content": "Ada."}, "annotations": []}\n', "a Google Cloud AutoML dataset"),
        ("a.json", '{"projectFileVersion": "1", "assets": {}}\n', "an Azure Language project"),
        ("a.json", '[{"id": 0, "paragraphs": [{"sentences": []}]}]\n', "spaCy JSON with paragraphs and sentences"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path, name, text, format):
    path = write(tmp_path, text, name)
    with pytest.raises(CorpusError) as caught:
        read_corpus(path)
    assert str(caught.value).startswith(f"{path} contains {format}")
    assert any(help in str(caught.value) for help in ("docs/data.md", "python -m spacy convert", "sed -E"))


SCRIPTS = {
    "ontonotes": (
        "#begin document (x); part 000\nx 0 0 Ada NNP * - - - - (PERSON) -\nx 0 1 in IN * - - - - * -\n"
        "x 0 2 New NNP * - - - - (GPE* -\nx 0 3 York NNP * - - - - *) -\n\n#end document\n",
        [("Ada in New York", [("Ada", "PERSON"), ("New York", "GPE")])],
    ),
    "i2b2": (
        "<?xml version='1.0'?>\n<a><TEXT><![CDATA[Ada left.]]></TEXT>"
        "<TAGS><NAME start='0' end='3' TYPE='PATIENT'/></TAGS></a>\n",
        [("Ada left.", [("Ada", "PATIENT")])],
    ),
    "rasa": (
        '## intent:go\n- to [Rome](city)\n- by [a train]{"entity": "means", "value": "x"} now\n- hello\n',
        [("to Rome", [("Rome", "city")]), ("by a train now", [("a train", "means")])],
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_of_the_guide_make_what_is_read(tmp_path, monkeypatch, capsys, name):
    text, expected = SCRIPTS[name]
    guide = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    script = guide.partition(f"`python {name}.py")[2].split("```")[1].removeprefix("python\n")
    source = write(tmp_path, text, "source.xml")
    monkeypatch.setattr("sys.argv", [name, str(source)])
    with source.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        exec(compile(script, name, "exec"), {})
    assert read(write(tmp_path, capsys.readouterr().out, "made.conll")) == expected
