import bz2
import gzip
import lzma
import re
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import Corpus, read_corpus
from spacy_bert_ner.errors import CorpusError

# One sentence per row, as in the article's file: words with punctuation, a quoted field, and doubled quotation marks.
SENTENCES_CSV = """\
text,labels
The U.N. held hour-long talks in São Paulo .,O B-org O O O O B-geo I-geo O
"Mr. O'Neill paid $3.5bn , he said .",B-per I-per O O O O O O
"She said "" Hi "" .",O O O O O O
"""

# One token per row, as on Kaggle. Only the first row of a sentence has its number, and the part of speech is between
# word and tag. The byte 0x85 is an ellipsis, as in Windows-1252.
TOKENS_CSV = """\
Sentence #,Word,POS,Tag
Sentence: 1,Kevin,NNP,B-per
,Durant,NNP,I-per
,plays,VBZ,O
,",",",",O
Sentence: 2,José,NNP,B-per
,\x85,NN,O
,"\""\","``",O
,lives,VBZ,O
"""

CONLL = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""

CONLL_SENTENCES = [
    (["EU", "rejects", "German"], ["B-ORG", "O", "B-MISC"]),
    (["Peter", "Blackburn"], ["B-PER", "I-PER"]),
]


def write(folder: Path, content: str | bytes, name: str = "corpus.conll", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def write_zip(folder: Path, *contents: bytes, name: str = "corpus.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/", b"")  # a folder does not count as a file
        for i, content in enumerate(contents):
            archive.writestr(f"data/{i}.csv", content)
    return folder / name


def pairs(corpus: Corpus) -> list[tuple[list[str], list[str]]]:
    return [(sentence.words, sentence.tags) for sentence in corpus.sentences]


# One row per sentence


def test_a_row_a_sentence_is_cut_at_single_spaces_only(tmp_path):
    corpus = read_corpus(write(tmp_path, SENTENCES_CSV))
    assert (corpus.format, corpus.n_repaired) == ("gmb-sentences", 0)
    assert pairs(corpus) == [
        (
            ["The", "U.N.", "held", "hour-long", "talks", "in", "São", "Paulo", "."],
            ["O", "B-org", "O", "O", "O", "O", "B-geo", "I-geo", "O"],
        ),
        (
            ["Mr.", "O'Neill", "paid", "$3.5bn", ",", "he", "said", "."],
            ["B-per", "I-per", "O", "O", "O", "O", "O", "O"],
        ),
        (["She", "said", '"', "Hi", '"', "."], ["O", "O", "O", "O", "O", "O"]),
    ]
    assert [sentence.lines for sentence in corpus.sentences] == [[2] * 9, [3] * 8, [4] * 6]


def test_columns_may_stand_anywhere_among_others(tmp_path):
    corpus = read_corpus(write(tmp_path, "id,labels,source,text\n7,B-per O,news,Kevin plays\n"))
    assert pairs(corpus) == [(["Kevin", "plays"], ["B-per", "O"])]


def test_csv_rows_know_their_line_after_blank_lines_and_line_breaks_in_fields(tmp_path):
    corpus = read_corpus(write(tmp_path, 'id,text,labels\n\n"a\nb",Kevin,B-per\n\nc,plays,O\n'))
    assert [(sentence.words, sentence.lines) for sentence in corpus.sentences] == [(["Kevin"], [3]), (["plays"], [6])]
    corpus = read_corpus(write(tmp_path, 'note,Sentence #,Word,Tag\n"a\nb",1,Kevin,B-per\n\nc,,plays,O\n'))
    assert [(sentence.words, sentence.lines) for sentence in corpus.sentences] == [(["Kevin", "plays"], [2, 5])]


# One row per token


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_a_row_a_token_is_read_as_windows_1252_with_every_word_kept(tmp_path, zipped):
    content = TOKENS_CSV.encode("latin-1")
    corpus = read_corpus(write_zip(tmp_path, content) if zipped else write(tmp_path, content))
    assert (corpus.format, corpus.n_repaired) == ("gmb-tokens", 0)
    assert pairs(corpus) == [
        (["Kevin", "Durant", "plays", ","], ["B-per", "I-per", "O", "O"]),
        (["José", "…", '"', "lives"], ["B-per", "O", "O", "O"]),
    ]
    assert [sentence.lines for sentence in corpus.sentences] == [[2, 3, 4, 5], [6, 7, 8, 9]]


def test_a_row_a_token_is_read_as_utf_8_where_it_is_utf_8(tmp_path):
    corpus = read_corpus(write(tmp_path, TOKENS_CSV))
    assert pairs(corpus)[1] == (["José", "\x85", '"', "lives"], ["B-per", "O", "O", "O"])


# Columns


@pytest.mark.parametrize(
    "content",
    [
        CONLL,
        CONLL.replace(" ", "\t"),
        CONLL.replace(" ", "  "),
        CONLL.replace("\n", "\r\n"),
        CONLL.replace("\n", " \n"),
        CONLL.replace(" ", "\t").replace("\n", "\t\r\n"),
        CONLL + "\n\n \n\t\n",
        "\n\r\n" + CONLL,
        CONLL.rstrip("\n"),
        CONLL.replace("Peter", "-DOCSTART-\n\n-DOCSTART- -X- O O\nPeter"),
        CONLL.removeprefix("-DOCSTART- -X- -X- O\n\n"),
        "\ufeff" + CONLL,
    ],
    ids=[
        "spaces",
        "tabs",
        "two-spaces",
        "crlf",
        "space-at-end",
        "tabs-tab-at-end-crlf",
        "trailing-blank-lines",
        "leading-blank-lines",
        "no-newline-at-end",
        "document-starts-between",
        "no-document-start",
        "byte-order-mark",
    ],
)
def test_columns_come_by_tabs_or_spaces_and_sentences_by_blank_lines(tmp_path, content):
    corpus = read_corpus(write(tmp_path, content))
    assert (corpus.format, corpus.n_repaired) == ("conll", 0)
    assert pairs(corpus) == CONLL_SENTENCES


def test_column_sentences_know_their_line(tmp_path):
    corpus = read_corpus(write(tmp_path, CONLL))
    assert [sentence.lines for sentence in corpus.sentences] == [[3, 4, 5], [7, 8]]


def test_columns_by_tabs_keep_words_that_hold_spaces(tmp_path):
    corpus = read_corpus(write(tmp_path, "New York\tB-geo\n3 000\tO\n"))
    assert pairs(corpus) == [(["New York", "3 000"], ["B-geo", "O"])]


@pytest.mark.parametrize("word", ["\x85", "\u2028", "\xa0", "\x0b", "\x1c"])
@pytest.mark.parametrize(
    "layout", ["a{s}O\n{word}{s}O\nb{s}O\n", "text,labels\na {word} b,O O O\n"], ids=["conll", "gmb-sentences"]
)
@pytest.mark.parametrize("separator", ["\t", " "], ids=["tab", "space"])
def test_a_word_may_be_what_python_takes_for_white_space(tmp_path, layout, word, separator):
    corpus = read_corpus(write(tmp_path, layout.format(s=separator, word=word)))
    assert pairs(corpus) == [(["a", word, "b"], ["O", "O", "O"])]


# Options


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("text,labels\na,O\n", "gmb-sentences"),
        ('"text","labels"\r\na,O\r\n', "gmb-sentences"),
        ("\ufefftext,labels\na,O\n", "gmb-sentences"),
        ("Sentence #,Word,Tag\nSentence: 1,a,O\n", "gmb-tokens"),
        ("Sentence #,Word,POS,Tag\r\nSentence: 1,a,N,O\r\n", "gmb-tokens"),
        ("a O\n", "conll"),
        ("a\tO\n", "conll"),
        ("a,b B-creative-work\n", "conll"),
        ("-DOCSTART-\na O\n", "conll"),
        ("-DOCSTART- O\n\na NN I-X\n", "conll"),
        ("a E-X\n", "conll"),
        ("a\tNN\tS-X\n", "conll"),
        ("a L-X\n", "conll"),
        ("a U-X\n", "conll"),
        ("a X\nb O\n", "conll"),
        ("\na NN X\nb NN X\nc NN O\n", "conll"),
    ],
)
def test_the_format_is_told_from_the_first_line(tmp_path, content, format):
    path = write(tmp_path, content)
    corpus = read_corpus(path)
    assert corpus.format == format
    assert len(corpus.sentences) == 1
    assert read_corpus(path, format=format) == corpus


@pytest.mark.parametrize("column", [1, -3, 5])
def test_a_column_without_tags_is_named(tmp_path, column):
    path = tmp_path / "a.conll"
    path.write_text("Ada NNP B-per\nmet VBD O\n")
    with pytest.raises(
        CorpusError, match=f"line 1: --column {column} contains no tags. The first row is 'Ada NNP B-per'. Allow"
    ):
        read_corpus(path, column=column)


def test_a_named_format_is_taken_at_its_word(tmp_path):
    path = write(tmp_path, "Kevin NNP\nplays VBZ\n")
    with pytest.raises(CorpusError, match="line 1: the format cannot be detected"):
        read_corpus(path)
    with pytest.raises(
        CorpusError, match=r"line 1, the last column: the tag 'NNP' has no prefix, and no word has the tag O"
    ):
        read_corpus(path, format="conll")
    with pytest.raises(
        CorpusError, match="line 1: the header has these columns: Kevin NNP. The format gmb-tokens requires"
    ):
        read_corpus(path, format="gmb-tokens")


@pytest.mark.parametrize(
    ("written_as", "encoding", "word"),
    [
        ("utf-8", None, "São"),
        ("utf-8-sig", None, "São"),
        ("utf-8-sig", "utf8", "São"),
        ("latin-1", "latin-1", "São"),
        ("cp1252", "cp1252", "€5"),
        ("utf-16", "utf-16", "São"),
        ("utf-8", "latin-1", "SÃ£o"),
    ],
)
@pytest.mark.parametrize("layout", ["text,labels\n{},B-geo\n", "Sentence #,Word,Tag\n1,{},B-geo\n", "{} B-geo\n"])
def test_the_encoding_is_utf_8_or_the_one_that_is_named(tmp_path, layout, written_as, encoding, word):
    source = "€5" if word == "€5" else "São"
    corpus = read_corpus(write(tmp_path, layout.format(source), encoding=written_as), encoding=encoding)
    assert pairs(corpus) == [([word], ["B-geo"])]


@pytest.mark.parametrize(("limit", "words"), [(1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])])
@pytest.mark.parametrize(
    "content",
    [
        "text,labels\na,L-x\nb,L-x\nc,L-x\n",
        "Sentence #,Word,Tag\n1,a,L-x\n2,b,L-x\n3,c,L-x\n",
        "1\ta" + "\t_" * 7 + "\tNER=L-x\n\n1\tb" + "\t_" * 7 + "\tNER=L-x\n\n1\tc" + "\t_" * 7 + "\tNER=L-x\n",
        "a L-x\n\nb L-x\n\nc L-x\n",
        "".join(f'{{"tokens": ["{word}"], "ner_tags": ["L-x"]}}\n' for word in "abc"),
    ],
    ids=["gmb-sentences", "gmb-tokens", "conllu", "conll", "huggingface-json"],
)
def test_the_limit_takes_sentences_from_the_first(tmp_path, content, limit, words):
    corpus = read_corpus(write(tmp_path, content), limit=limit)
    assert [sentence.words for sentence in corpus.sentences] == [[word] for word in words]
    assert corpus.n_repaired == len(words)


# Errors: each contains the file, the line if there is one, and what to do

FORMAT_NAMES = (
    "label-studio, gmb-sentences, gmb-tokens, webanno, pubtator, conllu, jsonl, doccano, spacy-2, dataturks, cluener, "
    "brat, huggingface, huggingface-json, gliner, spert, conll, spacy"
)
TOKEN_HEADER = "Sentence #,Word,POS,Tag\n"


def fails(path: Path, rest: str, **options: object) -> None:
    with pytest.raises(CorpusError, match=re.escape(str(path)) + rest):
        read_corpus(path, **options)


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        (
            "text,labels\na b,O O\nKevin Durant plays for the Nets,B-per I-per\n",
            (
                r", line 3: the number of words \(6\) differs from the number of labels \(2\).*single "
                "spaces.*Fix the row that starts with 'Kevin Durant plays for'"
            ),
        ),
        (
            "text,labels\nKevin  plays,B-per O\n",
            (
                r", line 2: the number of words \(3\) differs from the number of labels "
                r"\(2\).*words and labels must be separated by single spaces"
            ),
        ),
        (
            "text,labels\nKevin plays ,B-per O\n",
            r", line 2: the number of words \(3\) differs from the number of labels \(2\)",
        ),
        (
            'text,labels\n"\nKevin",B-per I-per\nx,O\n',
            r", line 2: the number of words \(1\) differs from the number of labels \(2\).*that starts with '\\nKevin'",
        ),
    ],
    ids=["too-few", "two-spaces", "space-at-end", "begins-on-the-line-before"],
)
def test_a_row_with_more_or_fewer_labels_than_words_is_refused(tmp_path, content, rest):
    fails(write(tmp_path, content), rest)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("text,labels\nNobody came,O O\nKevin plays,{tag} O\n", "word 1"),
        (TOKEN_HEADER + "Sentence: 1,Nobody,NN,O\n,Kevin,NNP,{tag}\n", "column Tag"),
        ("Nobody O\n\nKevin {tag}\n", "column 2"),
        ("Nobody\tN\tO\r\n\r\nKevin\tN\t{tag}\r\n", "column 3"),
    ],
    ids=["gmb-sentences", "gmb-tokens", "conll-spaces", "conll-tabs-crlf"],
)
@pytest.mark.parametrize("tag", ["per\u00a0", "\u2003O", "\x0b"])
def test_a_tag_with_white_space_around_it_is_refused(tmp_path, content, place, tag):
    rest = (
        f", line 3, {place}: {tag!r} is an invalid tag. Allowed: a non-empty tag such as O or B-per. It must "
        "not contain "
        "tabs or line breaks, or start or end with white space. Fix the tag."
    )
    fails(write(tmp_path, content.format(tag=tag)), re.escape(rest))


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ("", "auto"),
        (" \n\r\n\t\n", "auto"),
        ("\n", "conll"),
        ("text,labels\n", "auto"),
        ("text,labels\r\n\r\n", "auto"),
        (TOKEN_HEADER, "auto"),
        ("-DOCSTART- -X- -X- O\n\n", "auto"),
    ],
    ids=["empty", "white-space", "newline-as-conll", "header", "header-and-blank", "token-header", "document-start"],
)
def test_a_file_without_a_sentence_is_refused(tmp_path, content, format):
    rest = f" contains no annotated sentences. Pass annotated text in one of these formats: {FORMAT_NAMES}."
    fails(write(tmp_path, content), rest, format=format)


@pytest.mark.parametrize(
    ("content", "options", "rest"),
    [
        (b"text,labels\na,O\ncaf\xe9,O\n", {}, ", line 3: byte 0xE9 is not valid utf-8.*--encoding latin-1"),
        (b"a O\n\n\xe9 O\n", {}, ", line 3: byte 0xE9 is not valid utf-8.*--encoding latin-1"),
        (
            TOKEN_HEADER.encode() + b"Sentence: 1,\xe9,N,O\n",
            {"encoding": "utf-8"},
            ", line 2: byte 0xE9 is not valid utf-8.*--encoding latin-1",
        ),
        ("a O\nS\xe3o O\n".encode(), {"encoding": "ascii"}, ", line 2: byte 0xC3 is not valid ascii.*--encoding utf-8"),
        (
            "a O\n".encode("utf-16"),
            {"encoding": "utf-8"},
            ", line 1: byte 0xFF is not valid utf-8. Specify the file's encoding: --encoding utf-16",
        ),
    ],
    ids=["gmb-sentences", "conll", "gmb-tokens-named", "ascii", "utf-16"],
)
def test_a_byte_that_does_not_fit_the_encoding_is_refused(tmp_path, content, options, rest):
    fails(write(tmp_path, content), rest, **options)


@pytest.mark.parametrize("format", ["auto", "conll"])
def test_an_unknown_codec_is_refused(tmp_path, format):
    message = (
        "--encoding utf-9 is not a supported text encoding. Specify an encoding that "
        "Python supports, such as --encoding utf-8 or --encoding latin-1"
    )
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        read_corpus(write(tmp_path, "a O\n"), encoding="utf-9", format=format)


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", {}, 1),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", {}, 3),
        (b"text,labels\na,O\nb\x00,O\n", {}, 3),
        (b"a O\n\n\x00 O\n", {"format": "conll"}, 3),
        (b"a O\n" * 30_000 + b"\x00 O\n", {}, 30_001),
        (b"a\x00 O\n", {"encoding": "latin-1"}, 1),
    ],
    ids=["elf", "png", "csv", "conll", "late", "named-encoding"],
)
def test_a_file_with_a_nul_byte_is_refused(tmp_path, content, options, line):
    rest = (
        f", line {line}: the file contains a NUL byte, so it is not a text file. Pass a text file in "
        f"one of these formats, zipped or unzipped: {FORMAT_NAMES}."
    )
    fails(write(tmp_path, content), rest, **options)


def test_a_zip_archive_that_is_cut_short_is_refused(tmp_path):
    whole = write_zip(tmp_path, SENTENCES_CSV.encode())
    fails(
        write(tmp_path, whole.read_bytes()[:-30]),
        r": the zip archive cannot be read \(.+\). Download or copy the file again.",
    )


def test_a_zip_archive_whose_sum_is_wrong_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("corpus.csv", "text,labels\nKevin,B-per\n")
    altered = (tmp_path / "whole.zip").read_bytes().replace(b"Kevin", b"Devin")
    fails(
        write(tmp_path, altered), r": the zip archive cannot be read \(Bad CRC-32.+\). Download or copy the file again."
    )


@pytest.mark.parametrize("n", [0, 2, 3])
def test_a_zip_archive_without_exactly_one_file_is_refused(tmp_path, n):
    rest = (
        f": the zip archive contains {n} files. Allowed: exactly one file. Unzip the "
        "archive, then pass the file that you want to read."
    )
    fails(write_zip(tmp_path, *[b"a O\n"] * n), rest)


@pytest.mark.parametrize(
    ("content", "format", "found", "needed"),
    [
        ("text,pos\na,O\n", "gmb-sentences", "text, pos", "text, labels"),
        ("title;labels\na;O\n", "gmb-sentences", "title;labels", "text, labels"),
        ("Sentence #,Word,POS\n1,a,N\n", "gmb-tokens", "Sentence #, Word, POS", "Sentence #, Word, Tag"),
        ("text,labels\na,O\n", "gmb-tokens", "text, labels", "Sentence #, Word, Tag"),
    ],
)
def test_a_header_without_the_columns_is_refused(tmp_path, content, format, found, needed):
    rest = f", line 1: the header has these columns: {found}. The format {format} requires these columns: {needed}."
    fails(write(tmp_path, content), rest, format=format)


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        ("text,labels\na,O\nb\nc,O\n", ", line 3: the header has 2 fields, but this row has 1. Fix the row."),
        ("text,labels\na,O\n\nb , c , d,O O\n", ", line 4: the header has 2 fields, but this row has 4. Fix the row."),
        (TOKEN_HEADER + "1,a,N,O\n,b,O\n", ", line 3: the header has 4 fields, but this row has 3. Fix the row."),
        (TOKEN_HEADER + "1,a,N,O\n,,,,O\n", ", line 3: the header has 4 fields, but this row has 5. Fix the row."),
    ],
)
def test_a_row_with_more_or_fewer_fields_than_the_header_is_refused(tmp_path, content, rest):
    fails(write(tmp_path, content), rest)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('text,labels\na,O\n"Hi" she said,O O O\nb,O\n', 3),
        ('text,labels\na,O\n"b c,O O\nd,O\n', 3),
        (TOKEN_HEADER + '1,a,N,O\n,b,N,O\n,",N,O\n', 4),
    ],
    ids=["text-after-the-quote", "quote-never-closed", "lone-quote"],
)
def test_bad_quoting_is_refused_on_the_line_where_the_row_begins(tmp_path, content, line):
    rest = (
        f", line {line}: the row is not valid CSV .+. Quote each field that contains a "
        "comma, a quotation mark or a line break."
    )
    fails(write(tmp_path, content), rest)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("text,labels\na,O\n,O\n", "3, word 1"),
        ("text,labels\na,O\n,\n", "3, word 1"),
        ("text,labels\na  b,O O O\n", "2, word 2"),
        (TOKEN_HEADER + "1,a,N,O\n,,N,O\n", "3, column Word"),
        ("a\tO\n\n\tO\n", "3, column 1"),
        ("a\tO\r\n\tN\tO\r\n", "2, column 1"),
    ],
)
def test_a_row_without_a_word_is_refused(tmp_path, content, place):
    fails(write(tmp_path, content), f", line {place}: the word is empty. Enter a word, or remove the empty entry.")


def test_a_word_before_the_first_sentence_number_is_refused(tmp_path):
    rest = (
        ", line 2: a word precedes the first sentence number. Start the first "
        "sentence with a number, such as 'Sentence: 1'."
    )
    fails(write(tmp_path, TOKEN_HEADER + ",a,N,O\nSentence: 1,b,N,O\n"), rest)


@pytest.mark.parametrize(
    ("content", "options", "line", "row"),
    [
        ("Kevin B-PER\nplays\n", {}, 2, "plays"),
        ("Kevin\tB-PER\n\nplays\t\r\n", {}, 3, r"plays.*"),
        ("Kevin\n", {"format": "conll"}, 1, "Kevin"),
        ("a O\n" + "x" * 100 + "\n", {}, 2, "x{40}"),
    ],
)
def test_a_row_of_one_column_is_refused(tmp_path, content, options, line, row):
    rest = f", line {line}: the row '{row}' has only one column. Allowed: at least a word and a tag, separated"
    fails(write(tmp_path, content), rest, **options)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("Kevin plays for the Nets.\n", "Kevin plays for the Nets."),
        ("word,pos\na,O\n", "word,pos"),
        ('{"text": "Kevin"}\n', '{"text": "Kevin"}'),
        ("Kevin\nB-per\n", "Kevin"),
        ('"text,labels\n', '"text,labels'),
        ("x" * 100 + "\n", "x" * 60),
        ("Kevin plays\nfor the Nets\nand O\n", "Kevin plays"),
        ("The DT\ndog NN\n\nbarks VBZ\n", "The DT"),
        ("Kevin\nO\n", "Kevin"),
    ],
    ids=[
        "prose",
        "other-header",
        "json",
        "one-column",
        "quote-never-closed",
        "long",
        "lines",
        "pos",
        "words",
    ],
)
def test_a_file_of_no_known_format_is_refused(tmp_path, content, line):
    rest = (
        f"the format cannot be detected from {line!r}. Allowed: {FORMAT_NAMES}. "
        "Specify the format, such as --format conll"
    )
    fails(write(tmp_path, content, "corpus.txt"), f", line 1: {re.escape(rest)}")


@pytest.mark.parametrize("format", ["conll2003", "", "GMB-tokens", "iob"])
def test_a_format_that_is_not_in_the_table_is_refused(tmp_path, format):
    with pytest.raises(CorpusError, match=f"--format = '{format}' is invalid. Allowed: auto, {FORMAT_NAMES}."):
        read_corpus(write(tmp_path, "a O\n"), format=format)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(tmp_path, limit):
    message = f"--limit {limit} is invalid. Specify a whole number of at least 1, such as --limit 1000"
    with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
        read_corpus(write(tmp_path, "a O\n"), limit=limit)


@pytest.mark.parametrize("format", ["auto", "conll", "spacy"])
def test_what_is_not_there_is_refused(tmp_path, format):
    rest = " does not exist. Check the spelling, or run the command from the project's folder."
    fails(tmp_path / "corpus.csv", rest, format=format)


@pytest.mark.parametrize("format", ["auto", "conll"])
def test_a_folder_of_no_known_format_is_refused(tmp_path, format):
    rest = ": the folder has no known format. .+ Pass the file that you want to read."
    fails(tmp_path, rest, format=format)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b"Kevin B-PER\t\nplays O\n", {}, [(["Kevin", "plays"], ["B-PER", "O"])]),
        (b"EU B-ORG\rrejects O\r", {}, [(["EU", "rejects"], ["B-ORG", "O"])]),
        (b"text,labels\ra b,O O\r", {}, [(["a", "b"], ["O", "O"])]),
        (b"\n \ntext,labels\n \na,O\n", {}, [(["a"], ["O"])]),
        (b"-DOCSTART- -X- -X-\n\na O\n", {}, [(["a"], ["O"])]),
        ("text,labels\né,O\n".encode("utf-16"), {}, [(["é"], ["O"])]),
        ("\ufefftext,labels\né,O\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, [(["é"], ["O"])]),
        (b"text,labels\n" + b"a" * 99_986 + "é,O\n".encode(), {"encoding": "utf-8"}, [(["a" * 99_986 + "é"], ["O"])]),
        (
            b"Sentence #,Word,POS,Tag\nSentence: 1,Bob,N,B-per\nSentence: 1,Marley,N,I-per\nSentence: 2,a,N,O\n",
            {},
            [(["Bob", "Marley"], ["B-per", "I-per"]), (["a"], ["O"])],
        ),
    ],
    ids=[
        "tab at the end",
        "CR in conll",
        "CR in csv",
        "blank lines first",
        "document start with columns",
        "utf-16",
        "named utf-16-le with mark",
        "a character across any block",
        "number on every row",
    ],
)
def test_files_as_they_come_are_read(tmp_path, content, options, expected):
    corpus = read_corpus(write(tmp_path, content), **options)
    assert pairs(corpus) == expected
    assert corpus.n_repaired == 0


@pytest.mark.parametrize(
    ("content", "options", "rest"),
    [
        (
            b"Sentence #,Word,POS,Tag\nSentence: 1,Bob,N,B-per \n",
            {},
            ", line 2, column Tag: 'B-per ' is an invalid tag",
        ),
        (
            b"Sentence #,Word,POS,Tag\nSentence: 1,Bob,N,O\n,Marley,N,\n",
            {},
            ", line 3, column Tag: '' is an invalid tag",
        ),
        (b"\n\nfoo\n", {}, ", line 3: the format cannot be detected from 'foo'"),
        (b"\xef\xbb\xbf", {}, " contains no annotated sentences"),
        (b"\n" * 200_000, {}, " contains no annotated sentences"),
        (b"\xef\xbb\xbftext,labels\nab\xe9cd,O\n", {}, ", line 2: byte 0xE9 is not valid utf-8"),
    ],
    ids=["space in a tag", "no tag", "line of the quote", "mark alone", "line feeds alone", "bad byte after a mark"],
)
def test_the_line_and_the_reason_are_right(tmp_path, content, options, rest):
    fails(write(tmp_path, content), rest, **options)


@pytest.mark.parametrize("encoding", ["hex", "rot13", "undefined", "no-such", "idna", "punycode", "\0"])
def test_only_codecs_that_give_text_are_allowed(tmp_path, encoding):
    with pytest.raises(CorpusError, match=f"--encoding {encoding} is not a supported text encoding"):
        read_corpus(write(tmp_path, b"a O\n"), encoding=encoding)


def test_a_zip_with_a_damaged_byte_is_refused(tmp_path):
    path = write_zip(tmp_path, b"text,labels\n" + b"word,O\n" * 100)
    data = bytearray(path.read_bytes())
    # The compressed bytes follow the first occurrence of the file name.
    packed = data.index(b"data/0.csv") + len(b"data/0.csv")
    data[packed : packed + 8] = b"\xff" * 8
    path.write_bytes(data)
    fails(path, ": the zip archive cannot be read")


def test_what_macos_adds_to_an_archive_does_not_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        archive.writestr("corpus.csv", b"text,labels\na,O\n")
        archive.writestr("__MACOSX/._corpus.csv", b"\x00")
    assert pairs(read_corpus(tmp_path / "mac.zip")) == [(["a"], ["O"])]


def test_a_sentence_knows_its_line(tmp_path):
    corpus = read_corpus(write(tmp_path, b"a O\n\n\nb O\nc O\n"))
    assert [sentence.lines for sentence in corpus.sentences] == [[1], [4, 5]]


@pytest.mark.parametrize("place", ["local", "central"])
def test_a_zip_whose_names_are_not_utf_8_is_refused(tmp_path, place):
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("Zürich.csv", "text,labels\na,O\n")
    before, name, after = (tmp_path / "whole.zip").read_bytes().partition("Zürich".encode())
    if place == "local":
        name = b"Z\xff\xffrich"
    else:
        after = after.replace("Zürich".encode(), b"Z\xff\xffrich")
    path = write(tmp_path, before + name + after, "corpus.zip")
    fails(
        path,
        (
            r": the zip archive cannot be read \('utf-8' codec can't decode byte 0xff .+\). Download or copy the file "
            r"again."
        ),
    )


@pytest.mark.parametrize("format", ["auto", "conll"])
def test_utf_16_without_a_mark_does_not_fit(tmp_path, format):
    path = write(tmp_path, "a O\n".encode("utf-16-le"))
    fails(
        path,
        r" cannot be decoded as utf-16 \(.*BOM\). Specify the file's actual encoding",
        encoding="utf-16",
        format=format,
    )
    assert pairs(read_corpus(path, encoding="utf-16-le")) == [(["a"], ["O"])]


@pytest.mark.parametrize(("encoding", "half"), [("utf-7", b"+2AA-"), ("unicode_escape", b"\\ud800")])
def test_half_of_a_surrogate_pair_is_refused_in_every_encoding(tmp_path, encoding, half):
    path = write(tmp_path, b"a O\nbc" + half + b" O\n")
    fails(path, r", line 2: a string contains the unpaired surrogate U\+D800 at character 2", encoding=encoding)


def test_the_name_of_a_file_may_be_no_text(tmp_path):
    """Test a file name that is not UTF-8, as left by an archive from another system. It is shown with escapes."""
    path = write(tmp_path, b"a\n", "M\udcfcnchen.conll")
    with pytest.raises(CorpusError) as e:
        read_corpus(path, format="conll")
    assert r"M\udcfcnchen.conll, line 1: the row 'a' has only one column" in str(e.value)


@pytest.mark.parametrize(
    ("pack", "packer", "unpack"),
    [(gzip.compress, "gzip", "gunzip"), (bz2.compress, "bzip2", "bunzip2"), (lzma.compress, "xz", "unxz")],
)
@pytest.mark.parametrize("share", [1, 0.5], ids=["whole", "cut"])
@pytest.mark.parametrize("format", ["auto", "conll"])
def test_what_other_programs_packed_is_refused_with_what_unpacks_it(tmp_path, pack, packer, unpack, share, format):
    packed = pack(b"a O\n" * 100)
    path = write(tmp_path, packed[: int(share * len(packed))], "a.conll")
    fails(
        path,
        f" is compressed with {packer}. Allowed: .+. Decompress it: {unpack} {re.escape(str(path))}$",
        format=format,
    )


def test_a_file_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "a.conll").mkdir()
    fails(tmp_path / "a.conll", ": the folder has no known format", format="auto")
    fails(tmp_path / "a.conll", ": the folder has no known format", format="conll")
    fails(tmp_path / "a.conll", " cannot be read as a DocBin .it is a folder", format="spacy")
    fails(tmp_path / "a.conll", r": these dataset files are missing: \*.arrow", format="huggingface")
    fails(tmp_path / "a.conll", r": .*\*.ann is missing", format="brat")


def test_lines_may_end_in_all_ways_in_one_file(tmp_path):
    path = write(tmp_path, b"a B-x\r\nb I-x\n\r\nc O\n\nd O\r\n\r\n")
    assert pairs(read_corpus(path)) == [(["a", "b"], ["B-x", "I-x"]), (["c"], ["O"]), (["d"], ["O"])]


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_a_sentence_that_never_ends_is_refused(tmp_path, n):
    """Test a sentence that is too long, as in a file without its blank lines."""
    path = write(tmp_path, f"a{'x' * (n - 1)} O\nb{'x' * (n - 1)} O\n" * (500_000 // n + 1))
    fails(path, r", line 1: the text has 1\d{6} characters. The maximum is 1000000", format="conll")


def test_the_same_file_twice_in_one_is_read_twice(tmp_path):
    assert pairs(read_corpus(write(tmp_path, b"a B-x\n\n" * 2))) == [(["a"], ["B-x"])] * 2


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    """Test a file without read permission. This is simulated because root can read all files."""
    path, open_file = write(tmp_path, b"a O\n", "a.conll"), Path.open

    def refuse(self, *args, **options):
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return open_file(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert done.exit_code == 1
    assert f"[Errno 13] Permission denied: '{path}'" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()
