"""Test files that are not UTF-8: they are decoded with a message, or rejected with an encoding or a line number."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.errors import CorpusError

HEADER = "Sentence #,Word,Tag\n"
TEXTS = {
    "gb18030": "老师 和 学生 今天 下午 在 图书馆 里 看 书 ， 后来 他们 去 了 公园 。",
    "big5": "老師 和 學生 今天 下午 在 圖書館 裡 看 書 ， 後來 他們 去 了 公園 。",
    "cp932": "先生 と 学生 は 今日 の 午後 、 図書館 で 本 を 読み まし た 。",
    "euc_jp": "先生 と 学生 は 今日 の 午後 、 図書館 で 本 を 読み まし た 。",
    "cp949": "선생님 과 학생 들 은 오늘 오후 도서관 에서 책 을 읽었다 .",
    "cp1251": "Учитель и ученики сегодня читали книги в библиотеке , а потом ушли .",
    "koi8-r": "Учитель и ученики сегодня читали книги в библиотеке , а потом ушли .",
    "latin-1": "Die Schüler läsen heute größere Bücher in der schönen Bücherei .",
    "cp1252": "L’ élève lisait « déjà » à la bibliothèque – “ très ” tôt … pour 5 € .",
    "mac-roman": "L’ élève lisait « déjà » à la bibliothèque – “ très ” tôt … .",
    "cp850": "Die Schüler läsen heute größere Bücher in der schönen Bücherei .",
    "cp1250": "Uczeń czytał dziś książkę , później poszedł do łaźni i zjadł śliwkę .",
}


def write(folder: Path, content: bytes, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def conll(text: str, tag: str = "O") -> str:
    return "".join(f"{word} {tag}\n" for word in text.split(" "))


def refused(path: Path, **options: object) -> str:
    with pytest.raises(CorpusError) as e:
        read_corpus(path, **options)
    return str(e.value)


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_likeliest_encoding_is_offered_first_with_how_it_reads_words(tmp_path, encoding):
    text = TEXTS[encoding]
    path = write(tmp_path, conll(text).encode(encoding))
    first = next(word for word in re.split("[ ’]", text) if not word.isascii())
    message = refused(path)
    assert f"Specify the file's encoding: --encoding {encoding} (which reads '" in message
    assert f"'{first}'" in message
    assert [word for sentence in read_corpus(path, encoding=encoding).sentences for word in sentence.words] == (
        text.split(" ")
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "学生"),
        ("gb18030", "Allègre"),
        ("big5", "圖書"),
        ("cp932", "は"),
        ("cp949", "선생님"),
        ("koi8-r", "Он"),
        ("cp1251", "Он"),
        ("latin-1", "é"),
        ("latin-1", "Zoë"),
        ("cp1252", "Zoë’s"),
        ("mac-roman", "Zoë"),
    ],
)
def test_one_word_may_be_enough(tmp_path, encoding, text):
    message = refused(write(tmp_path, conll(text).encode(encoding)))
    assert f"Specify the file's encoding: --encoding {encoding} (which reads '" in message


def test_what_several_encodings_read_otherwise_is_offered_in_each(tmp_path):
    path = write(tmp_path, conll("Dvořák přijel včera").encode("cp1250"))
    assert refused(path) == (
        f"{path}, line 1: byte 0xF8 is not valid utf-8. Specify the file's encoding: "
        "--encoding latin-1 (which reads 'Dvoøák', 'pøijel', 'vèera'), "
        "or --encoding cp1250 (which reads 'Dvořák', 'přijel', 'včera')"
    )


def test_where_nothing_is_likely_some_are_named(tmp_path):
    path = write(tmp_path, b"a\xff\x98\xffb O\n")
    assert refused(path).endswith(
        "line 1: byte 0xFF is not valid utf-8. Specify the file's encoding: --encoding cp1252, or another: gb18030, "
        "big5, cp932, euc-jp, cp949, cp1250, cp1251, koi8-r, mac-roman"
    )


def test_a_wrong_encoding_is_refused_with_the_right_one(tmp_path):
    path = write(tmp_path, conll(TEXTS["cp1251"]).encode("cp1251"))
    assert "byte 0xD3 is not valid ascii. Specify the file's encoding: --encoding cp1251 (" in refused(
        path, encoding="ascii"
    )
    path = write(tmp_path, conll(TEXTS["cp1251"]).encode())
    assert refused(path, encoding="ascii").endswith("Specify the file's encoding: --encoding utf-8")


# Windows-1252 with one row per token


def test_a_row_a_token_is_read_in_the_encoding_of_windows_and_that_is_told(tmp_path):
    path = write(tmp_path, f"{HEADER}1,Renée,B-per\n,’s,O\n,café,O\n".encode("cp1252"), "a.csv")
    stream = CorpusStream(path)
    assert [sentence.words for sentence in stream] == [["Renée", "’s", "café"]]
    assert stream.encoding == "cp1252"
    assert stream.messages() == [
        "The file is not valid UTF-8 and was decoded as cp1252, which produced words such as 'Renée', '’s', 'café'. If "
        "these words are wrong, "
        "specify the encoding, such as --encoding cp1250"
    ]
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert done.exit_code == 0
    assert "The file is not valid UTF-8 and was decoded as cp1252" in " ".join(done.output.split())


def test_bytes_that_windows_lacks_are_those_of_latin_1(tmp_path):
    path = write(tmp_path, f"{HEADER}1,Zoë,B-per\n,é\x81é,O\n,Renée,O\n,été,O\n,\x92,O\n".encode("latin-1"), "a.csv")
    stream = CorpusStream(path)
    assert [sentence.words for sentence in stream] == [["Zoë", "é\x81é", "Renée", "été", "\x92"]]
    assert stream.encoding == "latin-1"


def test_a_row_a_token_in_another_encoding_is_not_read_as_windows(tmp_path):
    path = write(tmp_path, f"{HEADER}1,Allègre,B-per\n,wrote,O\n,―,O\n".encode("gb18030"), "a.csv")
    message = (
        f"{path}, line 2: byte 0xA8 is not valid utf-8. Specify the file's encoding: --encoding gb18030 (which reads "
    )
    assert refused(path) == f"{message}'Allègre', '―')"
    assert read_corpus(path, encoding="gb18030").sentences[0].words == ["Allègre", "wrote", "―"]


@pytest.mark.parametrize(
    ("content", "options", "encoding"),
    [
        ("Zoë B-per\n".encode(), {}, "utf-8"),
        ("Zoë B-per\n".encode("latin-1"), {"encoding": "latin-1"}, "latin-1"),
        ("Zoë B-per\n".encode("utf-16"), {}, "utf-16"),
    ],
)
def test_a_stream_tells_its_encoding_and_is_silent_about_one_that_is_no_guess(tmp_path, content, options, encoding):
    stream = CorpusStream(write(tmp_path, content), **options)
    assert (stream.encoding, stream.messages()) == (encoding, [])


def test_formats_that_are_no_text_and_pairs_of_files_have_an_encoding_too(tmp_path):
    write(tmp_path, b"Ada", "a.txt")
    write(tmp_path, b"T1\tper 0 3\tAda\n", "a.ann")
    assert CorpusStream(tmp_path).encoding == "utf-8"
    CliRunner().invoke(app, ["convert", str(write(tmp_path, b"a B-x\n")), str(tmp_path)])
    assert CorpusStream(tmp_path / "a.spacy").encoding is None


# Damaged files


@pytest.mark.parametrize("bad", [b"\xe9", b"\xed\xa0\xbd", b"\xff\xfe", b"\xe7\x8e"])
def test_a_bad_byte_in_utf_8_is_damage_and_no_other_encoding(tmp_path, bad):
    good = "王 B-per\n来 O\n\n".encode()
    path = write(tmp_path, good * 3 + bad + b" O\n" + good + b"a O\n" + bad + b" O\n")
    assert refused(path) == (
        f"{path}, line 10: the line is damaged. Byte 0x{bad[0]:02X} is not valid utf-8, although most of the file is. "
        "Line 15 is also damaged. Correct the line, or get an intact copy of the file."
    )


def test_damage_is_found_in_any_format_also_in_that_which_falls_back(tmp_path):
    path = write(tmp_path, f"{HEADER}1,José,B-per\n,Renée,O\n,été,O\n,çà,O\n,x".encode() + b"\xe9,O\n", "a.csv")
    assert "line 6: the line is damaged. Byte 0xE9 is not valid utf-8" in refused(path)


def test_a_file_of_which_half_is_utf_8_is_damaged(tmp_path):
    path = write(tmp_path, "Zoë O\n".encode() + "Köln O\n".encode("latin-1"))
    assert "line 2: the line is damaged. Byte 0xF6 is not valid utf-8" in refused(path)


def test_utf_16_that_is_cut_is_damaged(tmp_path):
    path = write(tmp_path, "a O\nb O\n".encode("utf-16")[:-1])
    assert "the line is damaged. Byte 0x0A is not valid utf-16" in refused(path)
