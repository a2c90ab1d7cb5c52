"""Test formats with words and tags other than column files and CSV: CoNLL-U, Hugging Face datasets, and DocBin."""

import gc
import json
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream, read_corpus
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.readers.docbin import read as read_docbin
from spacy_bert_ner.corpus.readers.json_stream import _CHUNK
from spacy_bert_ner.errors import CorpusError

WORDS = [["Kevin", "Durant", "plays"], ["São", "Paulo"]]
TAGS = [["B-per", "I-per", "O"], ["B-geo", "I-geo"]]
NAMES = ["O", "B-per", "I-per", "B-geo", "I-geo"]
NUMBERS = [[1, 2, 0], [3, 4]]


def fails(path: Path, rest: str, **options: Any) -> None:
    with pytest.raises(CorpusError, match=re.escape(str(path)) + rest):
        read_corpus(path, **options)
    folder = path.parent / "nothing"
    with pytest.raises(CorpusError):
        convert(path, folder, **options)
    assert not folder.exists()


def pairs(path: Path, **options: Any) -> list[tuple[list[str], list[str | None]]]:
    return [(sentence.words, sentence.tags) for sentence in CorpusStream(path, **options)]


def docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def ents(path: Path) -> list[list[tuple[str, str]]]:
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs(path)]


# The tag column in column files


def columns(folder: Path, text: str) -> Path:
    path = folder / "corpus.conll"
    path.write_text(text, encoding="utf-8")
    return path


MIDDLE = "Kevin B-per NNP 1\nplays O VBZ 2\n\nNets B-org NNP 1\n"
FIRST = "B-per\tKevin\nO\tplays\n\nB-org\tNets\n"
EXPECTED = [(["Kevin", "plays"], ["B-per", "O"]), (["Nets"], ["B-org"])]


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [(MIDDLE, None, 2), (MIDDLE, 2, 2), (MIDDLE, -3, -3), (FIRST, None, 1), (FIRST, 1, 1), (FIRST, -2, -2)],
)
@pytest.mark.parametrize("format", ["auto", "conll"])
def test_the_tags_may_stand_in_any_column(tmp_path, text, column, told, format):
    path = columns(tmp_path, text)
    assert pairs(path, column=column, format=format) == EXPECTED
    stream = CorpusStream(path, column=column, format=format)
    assert (stream.format, stream.column) == ("conll", told)


def test_the_column_of_the_tags_is_the_last_where_that_holds_any(tmp_path):
    path = columns(tmp_path, "-DOCSTART- -X- O O\n\nEU B-NP B-ORG\nrejects B-VP O\n")
    stream = CorpusStream(path)
    assert stream.column == -1
    assert [sentence.tags for sentence in stream] == [["B-ORG", "O"]]
    assert [sentence.tags for sentence in CorpusStream(path, column=2)] == [["B-NP", "B-VP"]]


def test_a_named_column_of_labels_without_prefixes_is_recognised_by_its_o(tmp_path):
    path = columns(tmp_path, "Kevin per NNP\nplays O VBZ\n")
    assert pairs(path, column=2) == [(["Kevin", "plays"], ["B-per", "O"])]
    fails(path, ", line 1: the format cannot be detected from 'Kevin per NNP'")


@pytest.mark.parametrize(
    ("text", "column", "rest"),
    [
        (
            "a O x\nb O\n",
            3,
            ", line 2: the row 'b O' has 2 columns, so column 3 does not exist. Allowed: 1 to 2, or -2 to -1",
        ),
        ("a O x\nb O\n", -3, ", line 2: the row 'b O' has 2 columns, so column -3 does not exist. Allowed: 1 to 2"),
        ("a O\n\nb\tO\n", 3, ", line 1: the row 'a O' has 2 columns, so column 3 does not exist"),
    ],
)
def test_a_row_without_the_column_is_refused(tmp_path, text, column, rest):
    fails(columns(tmp_path, text), re.escape(rest), column=column, format="conll")


def test_there_is_no_column_0(tmp_path):
    with pytest.raises(
        CorpusError, match="--column = 0 is invalid. Allowed: a whole number of at least 1, or a negative"
    ):
        read_corpus(columns(tmp_path, "a O\n"), column=0)


@pytest.mark.parametrize(
    ("text", "options", "rest"),
    [
        (
            "text,labels\na,O\n",
            {"column": 2},
            "--column 2 applies only to these formats: conll. The format of this corpus is gmb-sentences. Omit the",
        ),
        (
            '{"tokens": ["a"], "ner_tags": ["O"]}',
            {"column": -1},
            "--column -1 applies only to these formats: conll. The format of this corpus is huggingface-json",
        ),
    ],
)
def test_an_option_of_other_formats_is_refused(tmp_path, text, options, rest):
    with pytest.raises(CorpusError, match=rest):
        read_corpus(columns(tmp_path, text), **options)


def test_files_that_are_no_text_have_no_encoding(tmp_path):
    path = arrow_file(tmp_path / "a.arrow", WORDS, TAGS)
    with pytest.raises(CorpusError, match="--encoding latin-1 applies only to these formats: label-studio, "):
        read_corpus(path, encoding="latin-1")


def test_the_command_takes_a_column_and_says_which_it_found(tmp_path):
    path = columns(tmp_path, MIDDLE)
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "told")])
    assert "format conll, tags in column 2, words in column 1, scheme IOB2" in " ".join(result.output.split())
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "named"), "--column", "-3"])
    assert result.exit_code == 0
    assert ents(tmp_path / "named" / "corpus.spacy") == [[("Kevin", "per")], [("Nets", "org")]]
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "none"), "--column", "9"])
    assert result.exit_code == 1
    assert not (tmp_path / "none").exists()


# CoNLL-U


def conllu(folder: Path, *rows: str) -> Path:
    """Write rows given as "number word MISC". Other rows are written unchanged."""
    lines = []
    for row in rows:
        parts = row.split(" ")
        whole = row.startswith("#") or len(parts) != 3
        lines.append(row if whole else "\t".join([*parts[:2], *["_"] * 7, parts[2]]))
    path = folder / "corpus.conllu"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


SPANISH = (
    "# newdoc id = doc-a",
    "# sent_id = 1",
    "1-2 Vámonos SpaceAfter=No",
    "1 Vamos NER=O",
    "2 nos NER=O",
    "3 , NER=O",
    "4 Ana NER=B-PER",
    "4.1 _ CopyOf=4",
    "5-6 del _",
    "5 de NER=I-PER",
    "6 el NER=I-PER",
    "7 Río SpaceAfter=No|NER=I-PER",
    "8 . NER=O|SpaceAfter=No",
    "",
    "# text = Madrid",
    "1 Madrid NER=B-LOC",
    "",
    "# newdoc",
    "1 Sí NER=_",
    "2 , _",
)


def test_conllu_gives_the_words_of_the_text_with_their_spaces_and_documents(tmp_path):
    path = conllu(tmp_path, *SPANISH)
    stream = CorpusStream(path)
    assert (stream.format, stream.tag_scheme, stream.n_sentences) == ("conllu", "IOB2", 3)
    first, second, third = stream
    assert first.words == ["Vámonos", ",", "Ana", "del", "Río", "."]
    assert first.tags == ["O", "O", "B-PER", "I-PER", "I-PER", "O"]
    assert first.spaces == [False, True, True, True, False, False]
    assert first.lines == [3, 6, 7, 9, 12, 13]
    assert second == (["Madrid"], ["B-LOC"], [16], [True], "doc-a", ())
    assert third == (["Sí", ","], [None, "O"], [19, 20], [True, True], "corpus.conllu 2", ())


def test_conllu_becomes_docs_that_read_as_the_text(tmp_path):
    convert(conllu(tmp_path, *SPANISH), tmp_path / "out", lang="es")
    first, second, third = docs(tmp_path / "out" / "corpus.spacy")
    assert first.text == "Vámonos, Ana del Río."
    assert [(ent.text, ent.label_) for ent in first.ents] == [("Ana del Río", "PER")]
    assert second.user_data == {"document": "doc-a"}
    assert [token.ent_iob_ for token in third] == ["", "O"]


@pytest.mark.parametrize("key", ["NER", "NE", "name"])
def test_conllu_has_one_of_three_keys(tmp_path, key):
    path = conllu(tmp_path, f"1 Kevin Lang=en|{key}=B-per", "2 plays Gloss=x=y")
    assert pairs(path) == [(["Kevin", "plays"], ["B-per", "O"])]


@pytest.mark.parametrize(
    ("token", "parts", "expected"),
    [
        ("_", ["O", "B-x"], "B-x"),
        ("_", ["B-x", "I-x"], "B-x"),
        ("_", ["I-x", "O"], "B-x"),
        ("_", ["_", "O"], None),
        ("_", ["_", "B-x"], "B-x"),
        ("NER=O", ["B-x", "O"], "O"),
        ("NER=_", ["B-x", "O"], None),
        ("NER=B-y", ["B-x", "B-x"], "B-y"),
    ],
)
def test_a_token_of_several_words_has_its_own_tag_or_that_of_its_words(tmp_path, token, parts, expected):
    words = [f"{i} w NER={tag}" for i, tag in enumerate(parts, start=1)]
    path = conllu(tmp_path, f"1-2 ab {token}", *words, "3 c NER=B-z")
    assert pairs(path) == [(["ab", "c"], [expected, "B-z"])]


@pytest.mark.parametrize(
    ("parts", "after", "expected"),
    [
        ("B-x L-x", "U-x", ["B-x", "B-x"]),
        ("B-x E-x", "S-x", ["B-x", "B-x"]),
        ("B-x I-x", "L-x", ["B-x", "I-x"]),
        ("B-x M-x", "E-x", ["B-x", "I-x"]),
        ("x x", "O", ["B-x", "O"]),
    ],
)
def test_words_of_one_token_are_joined_in_their_scheme(tmp_path, parts, after, expected):
    first, second = parts.split()
    path = conllu(tmp_path, "1-2 ab _", f"1 a NER={first}", f"2 b NER={second}", f"3 c NER={after}", "", "1 d NER=O")
    corpus = read_corpus(path)
    assert corpus.sentences[0].tags == expected
    assert corpus.n_repaired == 0


def test_conllu_words_may_hold_what_looks_like_space(tmp_path):
    path = columns(tmp_path, "\t".join(["1", "1  000\xa0", *["_"] * 7, "NER=B-num"]))
    assert pairs(path) == [(["1  000\xa0"], ["B-num"])]


def test_a_limit_ends_before_the_key_of_the_tags_is_missed(tmp_path):
    path = conllu(tmp_path, "1 a _", "", "1 b NER=B-x")
    assert pairs(path, limit=1) == [(["a"], ["O"])]


GOOD = "1 a NER=O"


@pytest.mark.parametrize(
    ("rows", "rest"),
    [
        ((GOOD, "", "1\tb\tNER=O"), ", line 3: a CoNLL-U row must have ten columns, but '1.tb.tNER=O' has 3"),
        ((GOOD, "3 b _"), ", line 2: the ID is '3', but word 2 is expected. Allowed: 2, "),
        ((GOOD, "x b _"), ", line 2: the ID is 'x', but word 2 is expected"),
        ((GOOD, "2-1 b _"), ", line 2: the ID is '2-1', but word 2 is expected"),
        (("1-3 a NER=O", "1 a _", "2-3 b _"), ", line 3: the ID is '2-3', but word 2 is expected"),
        (
            ("1-3 a NER=O", "1 a _", "2 b _"),
            ", line 3: the sentence ends at word 2, but its last multiword token ends at word 3.",
        ),
        (("1-2 a NER=O", "1 a _", "", GOOD), ", line 2: the sentence ends at word 1"),
        (
            (GOOD, "2 b name=B-x"),
            ", line 2: name= in 'name=B-x' conflicts with NER= on line 1. Allowed: one key for all tags",
        ),
        (("1 a NER=O|NER=B-x",), ", line 1: NER= in 'NER=O.NER=B-x' conflicts with NER= on line 1"),
        (("1 a NER=",), ", line 1, column 10: '' is an invalid tag"),
        ((GOOD, "2 b NER=B-x\u3000"), r", line 2, column 10: 'B-x\\u3000' is an invalid tag"),
        ((GOOD, "2  _"), ", line 2, column 2: the word is empty"),
        (
            ("1 a Entity=(x", "2 b _"),
            ": the last column, MISC, contains no tags. Its keys are: Entity. Allowed keys for tags: NER=, ",
        ),
        (("1 a _",), ": the last column, MISC, contains no tags. Its keys are: none."),
        (
            ("1-2 ab _", "1 a NER=B-x", "2 b NER=B-y"),
            ", line 1: the words in the multiword token 'ab' belong to different entities: B-x, B-y.",
        ),
        (
            ("1-2 ab _", "1 a NER=B-x", "2 b NER=I-y"),
            ", line 1: the words in the multiword token 'ab' belong to different entities",
        ),
        (
            ("1-2 ab _", "1 a NER=B-x", "2 b NER=B-x"),
            ", line 1: the words in the multiword token 'ab' belong to different entities",
        ),
        (
            (GOOD, "2 b NER=B-x", "3 c NER=y"),
            ", line 3, column 10: the tag 'y' does not fit the scheme of the earlier tags",
        ),
        (("# text = none",), " contains no annotated sentences"),
        ((), " contains no annotated sentences"),
    ],
)
def test_bad_conllu_is_refused_with_its_line(tmp_path, rows, rest):
    fails(conllu(tmp_path, *rows), rest, format="conllu")


def test_ten_columns_of_another_kind_are_not_conllu(tmp_path):
    row = "\t".join(["1", *["x"] * 8, "B-per"])
    assert CorpusStream(columns(tmp_path, f"{row}\n")).format == "conll"
    row = "\t".join(["word", *["_"] * 8, "O"])
    assert CorpusStream(columns(tmp_path, f"#tag\tO\n{row}\n".replace("#tag\tO\n", ""))).format == "conll"


# Hugging Face datasets


def class_labels(names: list[str] = NAMES, kind: str = "Sequence") -> dict[bytes, bytes]:
    """Return schema metadata as written by `datasets`.

    Older versions write `Sequence`, and newer versions write `List`.
    """
    labels = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": kind}
    strings = {"feature": {"dtype": "string", "_type": "Value"}, "_type": kind}
    return {b"huggingface": json.dumps({"info": {"features": {"tokens": strings, "ner_tags": labels}}}).encode()}


def table(words: Any, tags: Any, metadata: dict[bytes, bytes] | None = None, **types: Any) -> pa.Table:
    arrays = {
        "id": pa.array([str(i) for i in range(len(words))]),
        "tokens": pa.array(words, types.get("tokens")),
        "ner_tags": pa.array(tags, types.get("ner_tags")),
    }
    return pa.table(arrays).replace_schema_metadata(metadata)


def arrow_file(path: Path, words: Any, tags: Any, metadata: Any = None, **types: Any) -> Path:
    found = table(words, tags, metadata, **types)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, found.schema) as writer:
        writer.write_table(found, max_chunksize=1)
    return path


def feather_file(path: Path, words: Any, tags: Any, metadata: Any = None, **types: Any) -> Path:
    found = table(words, tags, metadata, **types)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, found.schema) as writer:
        writer.write_table(found, max_chunksize=1)
    return path


def parquet_file(path: Path, words: Any, tags: Any, metadata: Any = None, **types: Any) -> Path:
    pq.write_table(table(words, tags, metadata, **types), path, row_group_size=1)
    return path


def saved_folder(path: Path, words: Any, tags: Any, metadata: Any = None, **types: Any) -> Path:
    """Write a dataset in the format of `save_to_disk`, in two files whose order only `state.json` specifies."""
    path.mkdir()
    names = ["b.arrow", "a.arrow"]
    for name, part in zip(names, [slice(1), slice(1, None)], strict=True):
        arrow_file(path / name, words[part], tags[part], metadata, **types)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (path / "dataset_info.json").write_text(json.dumps({"features": {}}))
    return path


WRITERS = pytest.mark.parametrize("write", [arrow_file, feather_file, parquet_file, saved_folder])


@WRITERS
@pytest.mark.parametrize(
    ("tags", "metadata"),
    [
        (NUMBERS, class_labels()),
        (NUMBERS, class_labels(kind="List")),
        (TAGS, None),
    ],
    ids=["numbers", "numbers-in-list", "strings"],
)
def test_a_dataset_is_read_and_converted(tmp_path, write, tags, metadata):
    path = write(tmp_path / "data", WORDS, tags, metadata)
    stream = CorpusStream(path)
    assert (stream.format, stream.n_sentences, stream.tag_scheme) == ("huggingface", 2, "IOB2")
    assert [sentence[:3] for sentence in stream] == [(WORDS[0], TAGS[0], [1, 1, 1]), (WORDS[1], TAGS[1], [2, 2])]
    assert list(stream) == list(CorpusStream(path, format="huggingface"))
    convert(path, tmp_path / "out")
    assert ents(tmp_path / "out" / "data.spacy") == [[("Kevin Durant", "per")], [("São Paulo", "geo")]]


@pytest.mark.parametrize(
    "types",
    [
        {"tokens": pa.large_list(pa.large_string()), "ner_tags": pa.list_(pa.int8())},
        {"tokens": pa.list_(pa.string_view()), "ner_tags": pa.list_(pa.uint16())},
        {"tokens": pa.list_(pa.dictionary(pa.int32(), pa.string()))},
    ],
)
def test_lists_may_be_of_any_arrow_type_for_strings_and_integers(tmp_path, types):
    path = arrow_file(tmp_path / "data.arrow", WORDS, NUMBERS, class_labels(), **types)
    assert pairs(path) == list(zip(WORDS, TAGS, strict=True))


def test_the_names_may_stand_in_dataset_info(tmp_path):
    path = saved_folder(tmp_path / "data", WORDS, NUMBERS)
    features = json.loads(class_labels()[b"huggingface"])["info"]["features"]
    (path / "dataset_info.json").write_text(json.dumps({"features": features}))
    assert pairs(path) == list(zip(WORDS, TAGS, strict=True))


@pytest.mark.parametrize(
    ("tags", "metadata", "expected"),
    [
        ([[1, -1, -100]], class_labels(), ["B-per", None, None]),
        ([[1, None, 0]], class_labels(), ["B-per", None, "O"]),
        ([["B-per", None, "O"]], None, ["B-per", None, "O"]),
        ([None], class_labels(), [None, None, None]),
    ],
)
def test_what_is_null_or_below_zero_is_unknown(tmp_path, tags, metadata, expected):
    path = arrow_file(tmp_path / "data.arrow", [["a", "b", "c"]], tags, metadata, ner_tags=None if tags[0] else INTS)
    assert pairs(path) == [(["a", "b", "c"], expected)]
    convert(path, tmp_path)
    (doc,) = docs(tmp_path / "data.spacy")
    assert [token.ent_iob_ for token in doc] == [(tag or "")[:1] for tag in expected]


INTS = pa.list_(pa.int64())
STRINGS = pa.list_(pa.string())


def test_rows_without_a_word_are_passed_over(tmp_path):
    path = arrow_file(tmp_path / "data.arrow", [[], ["a"]], [[], ["O"]], tokens=STRINGS, ner_tags=STRINGS)
    assert [(sentence.words, sentence.lines) for sentence in CorpusStream(path)] == [(["a"], [2])]


@WRITERS
@pytest.mark.parametrize(
    ("tokens", "tags", "metadata", "rest"),
    [
        (
            [["a"], ["b", "c"]],
            [[0], [0]],
            class_labels(),
            (
                "2: the number of tokens .2. differs from the number of values in ner_tags "
                ".1..+Fix the row that starts with 'b c'"
            ),
        ),
        (
            [["a"], ["b"]],
            [[0], [5]],
            class_labels(),
            "2: the schema has no name for the tag 5. Allowed: named tags from 0 to 4, or",
        ),
        ([["a"], ["b"]], [[0], [-2]], class_labels(), "2: the schema has no name for the tag -2"),
        ([["a"], ["b"]], [[0], [1]], None, "1: the tag 0 is a number without a name..+ClassLabel"),
        ([["a"], ["b"]], [[0], [1]], {b"huggingface": b"{"}, "1: the tag 0 is a number without a name"),
        ([["a"], [None]], [["O"], ["O"]], None, r"2: tokens = \[None\] is invalid. Allowed: a list of strings"),
        ([["a"], None], [["O"], ["O"]], None, "2: tokens = None is invalid"),
        ([["a"], [""]], [["O"], ["O"]], None, "2, word 1: the word is empty"),
        ([["a"], ["b"]], [["O"], [" O"]], None, "2, word 1: ' O' is an invalid tag"),
        ([["a"], ["b"]], [["B-x"], ["y"]], None, "2, word 1: the tag 'y' does not fit the scheme of the earlier tags"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(tmp_path, write, tokens, tags, metadata, rest):
    types = {"tokens": STRINGS, "ner_tags": STRINGS if isinstance(tags[0][0], str) else INTS}
    fails(write(tmp_path / "data", tokens, tags, metadata, **types), f", row {rest}")


@pytest.mark.parametrize("scheme", ["IOB2", "BILUO"])
def test_a_tag_that_does_not_fit_a_named_scheme_is_refused_with_its_row(tmp_path, scheme):
    path = arrow_file(tmp_path / "a.arrow", [["a"], ["b"]], [["O"], ["S-x"]])
    fails(path, f", row 2, word 1: the tag 'S-x' does not belong to the scheme {scheme}", tag_scheme=scheme)


@WRITERS
@pytest.mark.parametrize(
    ("tokens", "tags", "rest"),
    [
        (
            ["a", "b"],
            [["O"], ["O"]],
            ".*: the column tokens has the invalid type string. Allowed: lists of strings in tokens",
        ),
        ([[1], [2]], [["O"], ["O"]], ".*: the column tokens has the invalid type list<.*int64>"),
        ([["a"], ["b"]], [[0.5], [1.0]], ".*: the column ner_tags has the invalid type list<.*double>"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path, write, tokens, tags, rest):
    fails(write(tmp_path / "data", tokens, tags), rest)


@pytest.mark.parametrize("columns", [["text", "ner_tags"], ["tokens", "label"], ["x", "y"]])
def test_a_dataset_without_the_columns_is_refused(tmp_path, columns):
    pq.write_table(pa.table(dict.fromkeys(columns, pa.array([["O"]]))), tmp_path / "a.parquet")
    missing = ", ".join(name for name in ("tokens", "ner_tags") if name not in columns)
    fails(
        tmp_path / "a.parquet", f": the data lacks {missing}. Its columns are: {', '.join(columns)}. Required: tokens "
    )


@pytest.mark.parametrize("write", [arrow_file, feather_file, parquet_file])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_dataset_that_is_cut_short_is_refused(tmp_path, write, share):
    path = write(tmp_path / "data", WORDS, NUMBERS, class_labels())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    fails(path, " cannot be read as Arrow or Parquet .+ Copy or save the file again.")


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"ARROW1\x00\x00", b"\xff\xff\xff\xff\x10\x00", b"text,labels\na,O\n"]
)
def test_a_file_that_is_no_dataset_is_refused(tmp_path, content):
    path = tmp_path / "data.parquet"
    path.write_bytes(content)
    fails(path, " cannot be read as Arrow or Parquet .+ Allowed: a complete file", format="huggingface")


def test_a_dataset_without_rows_is_refused(tmp_path):
    path = arrow_file(tmp_path / "a.arrow", [], [], class_labels(), tokens=STRINGS, ner_tags=INTS)
    fails(path, " contains no annotated sentences")


def test_a_folder_of_splits_is_refused_with_the_name_of_one(tmp_path):
    path = tmp_path / "wnut"
    path.mkdir()
    saved_folder(path / "train", WORDS, TAGS)
    saved_folder(path / "test", WORDS, TAGS)
    (path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    fails(
        path,
        (
            ": the folder contains these splits: test, train..+Convert each split "
            f"separately, starting with {path / 'test'}"
        ),
    )
    assert CorpusStream(path / "train").n_sentences == 2


def test_a_folder_that_lacks_a_file_is_refused(tmp_path):
    path = saved_folder(tmp_path / "data", WORDS, TAGS)
    (path / "a.arrow").unlink()
    fails(path, ": these dataset files are missing: a.arrow. Allowed:")
    (path / "b.arrow").unlink()
    (path / "state.json").unlink()
    fails(path, r": these dataset files are missing: \*.arrow.")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = arrow_file(tmp_path / "data.arrow", WORDS, TAGS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    fails(
        path,
        re.escape(
            ": reading Arrow and Parquet files requires pyarrow, which is not installed. Install it: pip install "
        ),
    )


# The same datasets as JSON


def as_lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_list(rows: list[Any]) -> str:
    return json.dumps(rows, ensure_ascii=False)


def as_indented_list(rows: list[Any]) -> str:
    return "\n" + json.dumps(rows, ensure_ascii=False, indent=1) + "\n\n"


ROWS = [{"id": i, "tokens": words, "ner_tags": tags} for i, (words, tags) in enumerate(zip(WORDS, TAGS, strict=True))]


def json_file(folder: Path, text: str) -> Path:
    path = folder / "data.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("layout", "lines"), [(as_lines, [1, 2]), (as_list, [1, 1]), (as_indented_list, [3, 16])])
def test_json_is_read_and_converted(tmp_path, layout, lines):
    path = json_file(tmp_path, layout(ROWS))
    stream = CorpusStream(path)
    assert (stream.format, stream.n_sentences) == ("huggingface-json", 2)
    assert [(sentence.words, sentence.tags) for sentence in stream] == list(zip(WORDS, TAGS, strict=True))
    assert [sentence.lines[0] for sentence in stream] == lines
    convert(path, tmp_path)
    assert ents(tmp_path / "data.spacy") == [[("Kevin Durant", "per")], [("São Paulo", "geo")]]


@pytest.mark.parametrize("layout", [as_lines, as_list, as_indented_list])
def test_json_may_be_longer_than_what_is_read_at_a_time(tmp_path, layout):
    words = ["w" * length for length in (1, _CHUNK, 3, 3 * _CHUNK + 1, *range(50, 900))]
    path = json_file(tmp_path, layout([{"tokens": [word], "ner_tags": ["O"]} for word in words]))
    assert [sentence.words for sentence in CorpusStream(path)] == [[word] for word in words]


def test_json_null_is_unknown(tmp_path):
    rows = [{"tokens": ["a", "b"], "ner_tags": [None, "B-x"]}, {"tokens": ["c"], "ner_tags": None}, ROWS[0]]
    assert pairs(json_file(tmp_path, as_lines(rows)), limit=2) == [(["a", "b"], [None, "B-x"]), (["c"], [None])]


LINE = '{"tokens": ["a"], "ner_tags": ["O"]}'


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (
            f"{LINE}\n\n{LINE[:-1]}\n",
            ", line 3: the record is not valid JSON .*. Allowed: a JSON object on each line, or one array",
        ),
        (f"[{LINE},\n{LINE[:-5]}", ", line 2: the record is not valid JSON"),
        (f"[{LINE},\n{LINE}", ", line 2: the record is not valid JSON"),
        (f"[{LINE},\n,{LINE}]", ", line 2: the record is not valid JSON"),
        (f"[{LINE}\n{LINE}]", ", line 2: the record is not valid JSON"),
        (f"[{LINE}]\n{LINE}", ", line 2: the record is not valid JSON .text after the end of the array"),
        (f"{LINE}\n[1, 2]\n", r", line 2: \[1, 2\] is not a JSON object"),
        (f"[{LINE}, 7]", ", line 1: 7 is not a JSON object"),
        (
            f'{LINE}\n{{"words": ["a"], "ner_tags": ["O"]}}',
            ", line 2: the data lacks tokens. Its columns are: words, ner_tags",
        ),
        (f"{LINE}\n{{}}", ", line 2: the data lacks tokens, ner_tags. Its columns are: none"),
        ('{"tokens": "a", "ner_tags": ["O"]}', ", line 1: tokens = 'a' is invalid. Allowed: a list of strings"),
        ('{"tokens": [["a"]], "ner_tags": [["O"]]}', ", line 1: tokens = ..'a'.. is invalid"),
        ('{"tokens": ["a"], "ner_tags": "O"}', ", line 1: ner_tags = 'O' is invalid. Allowed: a list of strings"),
        ('{"tokens": ["a"], "ner_tags": [true]}', ", line 1: ner_tags = .True. is invalid"),
        ('{"tokens": ["a"], "ner_tags": [1.5]}', ", line 1: ner_tags = .1.5. is invalid"),
        ('{"tokens": ["a"], "ner_tags": [3]}', ", line 1: the tag 3 is a number without a name. Allowed: strings"),
        (
            f'{LINE}\n{{"tokens": ["a", "b"], "ner_tags": ["O"]}}',
            ", line 2: the number of tokens .2. differs from the number of values in ner_tags .1.",
        ),
        (f'{LINE}\n{{"tokens": [{"9" * 5000}], "ner_tags": []}}', ", line 2: the record is not valid JSON"),
        (f"{LINE}\n" + "[" * 100_000, ", line 2: the record is not valid JSON .it is nested too deeply"),
        ("[]", " contains no annotated sentences"),
        ("", " contains no annotated sentences"),
        ('[{"tokens": [], "ner_tags": []}]', " contains no annotated sentences"),
    ],
)
@pytest.mark.usefixtures("no_collection")
def test_bad_json_is_refused_with_its_line(tmp_path, text, rest):
    fails(json_file(tmp_path, text), rest, format="huggingface-json")


@pytest.mark.parametrize("text", ['{"words": "a"}', '{"tokens": [{"text": "a"}], "spans": []}', "[1]"])
def test_other_json_is_not_taken_for_it(tmp_path, text):
    fails(json_file(tmp_path, text), ", line 1: the format cannot be detected")


# spaCy's DocBin


def docbin(path: Path, *found: Doc, **options: Any) -> Path:
    DocBin(docs=found, **options).to_disk(path)
    return path


def doc_of(words: list[str], tags: list[str], **options: Any) -> Doc:
    return Doc(Vocab(), words=words, ents=tags, **options)


def test_a_docbin_is_read_back(tmp_path):
    first = doc_of(["Kevin", "plays", "."], ["B-per", "O", "O"], spaces=[True, False, False])
    first.user_data["document"] = "news"
    second = doc_of(["a", "b", "c"], ["", "B-WORK OF ART", "I-WORK OF ART"], spaces=[True] * 3)
    second.user_data["other"] = 1
    path = docbin(tmp_path / "a.spacy", first, doc_of([], []), second, store_user_data=True)
    stream = CorpusStream(path)
    assert (stream.format, stream.tag_scheme, stream.n_repaired) == ("spacy", "IOB2", 0)
    assert list(stream) == [
        (["Kevin", "plays", "."], ["B-per", "O", "O"], [1, 1, 1], [True, False, False], "news", ()),
        (["a", "b", "c"], [None, "B-WORK OF ART", "I-WORK OF ART"], [3, 3, 3], [True, True, True], "", ()),
    ]


def test_a_docbin_keeps_what_it_has_when_it_is_converted(tmp_path):
    first = doc_of(["Kevin", "Durant", "Paul", "?"], ["B-per", "I-per", "B-per", ""], spaces=[True, True, False, True])
    first.user_data["document"] = "news"
    second = doc_of(["x", "y"], ["", ""], spaces=[False, False])
    path = docbin(tmp_path / "a.spacy", first, second, store_user_data=True)
    convert(path, tmp_path / "out")
    (one, two) = docs(tmp_path / "out" / "a.spacy")
    assert one.text == "Kevin Durant Paul? "
    assert [(ent.text, ent.label_) for ent in one.ents] == [("Kevin Durant", "per"), ("Paul", "per")]
    assert [token.ent_iob_ for token in one] == ["B", "I", "B", ""]
    assert one.user_data == {"document": "news"}
    assert [token.ent_iob_ for token in two] == ["", ""]
    assert list(CorpusStream(tmp_path / "out" / "a.spacy")) == list(CorpusStream(path))


def test_a_blocked_token_is_outside_and_unknown_spaces_are_none(tmp_path):
    doc = doc_of(["a", "b"], ["B-x", "O"])
    doc.set_ents([], blocked=[doc[1:2]])
    doc[1].ent_iob_  # noqa: B018, the token that is blocked
    path = docbin(tmp_path / "a.spacy", doc)
    (sentence,) = read_docbin(path)
    assert sentence.tags == ["O", "O"]
    assert sentence.spaces is None


def test_a_docbin_is_not_overwritten_by_itself(tmp_path):
    path = docbin(tmp_path / "a.spacy", doc_of(["a"], ["B-x"]))
    before = path.read_bytes()
    with pytest.raises(
        CorpusError, match="is an input, so it cannot be overwritten. Choose another path for the output."
    ):
        convert(path, tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.spacy"]


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_docbin_that_is_cut_short_is_refused(tmp_path, share):
    path = docbin(tmp_path / "a.spacy", *[doc_of([f"word{i}", "b"], ["B-x", "O"]) for i in range(50)])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    fails(path, r" cannot be read as a DocBin .+ failed after 0 Docs\..+ Copy or write the file again.")


@pytest.mark.parametrize(
    "content", [b"", b"a O\n", b"x\x9c\x03\x00\x00\x00\x00\x01", b"x\x9c\xbbS\x0b\x00\x03\xa7\x01}"]
)
def test_a_file_that_is_no_docbin_is_refused(tmp_path, content):
    path = tmp_path / "a.spacy"
    path.write_bytes(content)
    fails(path, " cannot be read as a DocBin .+ failed after 0 Docs. Allowed: a .spacy file", format="spacy")


def test_a_docbin_without_entities_is_refused(tmp_path):
    path = docbin(tmp_path / "a.spacy", doc_of(["a"], ["B-x"]), attrs=["LEMMA"])
    fails(path, ": the DocBin stores no entities. Its attributes must include ENT_IOB and ENT_TYPE.")


def test_a_docbin_that_lacks_a_string_is_refused(tmp_path):
    bin = DocBin(docs=[doc_of(["Kevin"], ["B-per"])])
    bin.strings.discard("per")
    bin.to_disk(tmp_path / "a.spacy")
    fails(tmp_path / "a.spacy", r" cannot be read as a DocBin .+ failed after [01] Docs\.")


# All formats


@pytest.mark.parametrize("format", ["huggingface", "spacy"])
def test_a_folder_of_something_else_is_refused(tmp_path, format):
    folder = tmp_path / "folder"
    folder.mkdir()
    fails(folder, ".+Copy ", format=format)


# Spaces and documents in addition to tokens and tags


def json_rows(folder: Path, *more: dict[str, Any]) -> Path:
    path = folder / "rows.json"
    rows = [{"tokens": ["Ada", "."], "ner_tags": ["B-per", "O"], **one} for one in more]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_spaces_and_documents_are_read_where_they_are_there(tmp_path):
    rows = [{"spaces": [False, True], "document": "d"}, {"spaces": None, "document": None}, {"document": 3}, {}]
    path = json_rows(tmp_path, *rows)
    found = [(sentence.spaces, sentence.document) for sentence in CorpusStream(path, spacing="single")]
    assert found == [([False, True], "d"), (None, ""), (None, "rows.json 3"), (None, "")]
    columns = {"spaces": [[False, True], None], "document": ["d", None], "tokens": [["a", "b"]] * 2}
    pq.write_table(pa.table({**columns, "ner_tags": [["O", "O"]] * 2}), tmp_path / "a.parquet")
    found = [
        (sentence.spaces, sentence.document) for sentence in CorpusStream(tmp_path / "a.parquet", spacing="single")
    ]
    assert found == [([False, True], "d"), (None, "")]


@pytest.mark.parametrize(
    ("more", "rest"),
    [
        (
            {"spaces": [True]},
            "spaces = [True] is invalid. Allowed: null, or a list with true or false for each token (2 in total). ",
        ),
        ({"spaces": [1, 0]}, "spaces = [1, 0] is invalid"),
        ({"spaces": "10"}, "spaces = '10' is invalid"),
        ({"document": ["a"]}, "document = ['a'] is invalid. Allowed: a document name, a document number or null. Fix"),
        ({"document": True}, "document = True is invalid"),
    ],
)
def test_spaces_and_documents_are_checked(tmp_path, more, rest):
    fails(json_rows(tmp_path, {}, more), re.escape(f", line 2: {rest}"))
    row = {"tokens": ["Ada", "."], "ner_tags": ["B-per", "O"], **more}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    fails(tmp_path / "a.parquet", re.escape(f", row 1: {rest}"))


@pytest.mark.parametrize("row", [{"tokens": ["a\ud800", "b"]}, {"ner_tags": ["B-x", "I-\ud800"]}])
def test_half_of_a_surrogate_pair_is_refused(tmp_path, row):
    fails(json_rows(tmp_path, {}, row), r", line 2: a string contains the unpaired surrogate U\+D800")


@pytest.mark.parametrize("tag", ["B-a\tb", "B-a\nb", "B-a\0b"])
def test_a_tag_that_no_column_can_hold_is_refused(tmp_path, tag):
    rest = (
        f"{tag!r} is an invalid tag. Allowed: a non-empty tag such as O or B-per. It must not contain tabs or "
        "line breaks, or start"
    )
    fails(json_rows(tmp_path, {}, {"ner_tags": [tag, "O"]}), re.escape(f", line 2, word 1: {rest}"))
    doc = Doc(Vocab(), words=["a"], ents=[tag])
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    fails(tmp_path / "a.spacy", re.escape(f", Doc 1, token 1: {rest}"))


def test_offsets_of_arrow_that_lead_out_of_the_file_are_refused(tmp_path):
    """Test Arrow offsets beyond the end of the file. Arrow would read other memory or end the process."""
    path, found = (
        tmp_path / "a.arrow",
        table([["a", "b"], ["c"]], [["O", "O"], ["O"]], tokens=STRINGS, ner_tags=STRINGS),
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, found.schema) as writer:
        writer.write_table(found)
    data = path.read_bytes()
    for offsets in ([0, 2, 3], [0, 1, 2, 3]):  # offsets of rows, then offsets of strings
        before = b"".join(n.to_bytes(4, "little") for n in offsets)
        assert before in data
        path.write_bytes(data.replace(before, before[:-4] + (1 << 30).to_bytes(4, "little")))
        fails(path, r" cannot be read as Arrow or Parquet \(.*ffset.*\). Allowed: a complete file")


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        ({"_data_files": [{"filename": "x" * 300}]}, "x{300}"),
        ({"_data_files": [{"filename": ".."}]}, r"\.\."),
        ({"_data_files": [{"filename": "\ud800"}]}, r"\\ud800"),
    ],
    ids=["long", "above", "no text"],
)
def test_a_dataset_that_names_impossible_files_is_refused(tmp_path, state, missing):
    (tmp_path / "state.json").write_text(json.dumps(state))
    fails(tmp_path, rf": these dataset files are missing: {missing}\. Allowed:")


def test_what_says_nothing_of_the_tags_does_not_matter(tmp_path):
    arrow_file(tmp_path / "a.arrow", [["a"]], [["B-x"]])
    for name in ("state.json", "dataset_info.json"):
        (tmp_path / name).write_text("[" * 100_000)
    assert [sentence.tags for sentence in CorpusStream(tmp_path)] == [["B-x"]]


def test_numbers_of_five_thousand_digits_are_no_numbers_of_words(tmp_path):
    path = tmp_path / "a.conllu"
    for number in ("9" * 5000, f"1-{'9' * 5000}"):
        path.write_text("1\ta" + "\t_" * 7 + f"\tNER=O\n{number}\tb" + "\t_" * 8 + "\n")
        fails(path, ", line 2: the ID is '.*', but word 2 is expected", format="conllu")


def test_a_damaged_docbin_leaves_the_collection_of_garbage_on(tmp_path):
    """Test that garbage collection is enabled again.

    srsly disables garbage collection while reading and does not enable it again after an error.
    """
    path = tmp_path / "a.spacy"
    path.write_bytes(zlib.compress(b"\x81\xa5attrs\xc1"))
    fails(path, " cannot be read as a DocBin .+ failed after 0 Docs", format="spacy")
    assert gc.isenabled()


def test_keys_that_are_no_text_are_shown(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(r'{"tokens": ["a"], "\ud800": []}')
    fails(path, r", line 1: the data lacks ner_tags. Its columns are: tokens, \\ud800", format="huggingface-json")
