"""Test that files written by `convert --to` are read without loss, whatever the input format."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import FORMATS, read_corpus, stream
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.corpus.sentence import Sentence
from spacy_bert_ner.corpus.span_alignment import tokenizer
from spacy_bert_ner.corpus.writers.registry import TARGETS
from spacy_bert_ner.errors import CorpusError

READ_AS = {"spacy": "spacy", "conll": "conll", "jsonl": "jsonl", "parquet": "huggingface"}
"""Format that is detected for each target."""


@pytest.fixture(autouse=True, scope="module")
def one_tokenizer() -> Iterator[None]:
    """Share one tokenizer between all tests for a language because creating one is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "tokenizer", cache(tokenizer))
        yield


def write(path: Path, sentences: list[Sentence]) -> Path:
    """Write sentences as `convert --to` does."""
    labels: set[str] = set()
    target = next(target for target in TARGETS.values() if target.suffix == path.suffix)
    with closing(target.writer(path.parent, labels)) as writer:
        for sentence in sentences:
            writer.add(sentence)
        writer.write(path)
    return path


def read(path: Path, **options: Any) -> list[Sentence]:
    """Return the sentences in a file without their line numbers, which differ between formats."""
    return [sentence._replace(lines=[]) for sentence in read_corpus(path, **options).sentences]


def sentence(words: str, tags: str, spaces: str = "", document: str = "") -> Sentence:
    """Create a sentence.

    words: words separated by spaces. "·" stands for a space in a word.
    tags: tags separated by spaces. "?" stands for an unknown tag.
    spaces: "1" or "0" for each word. By default, a space follows every word except the last.
    """
    known = [None if tag == "?" else tag for tag in tags.split()]
    after = [bit == "1" for bit in spaces] or [True] * (len(known) - 1) + [False]
    return Sentence([word.replace("·", " ") for word in words.split()], known, [], after, document)


# All pairs of targets

ODD = [
    *[
        "_",
        "#",
        "# 1",
        "-DOCSTART-",
        " ",
        "\n",
        "\t",
        "\r",
        "a b",
        "|",
        "\\",
        "\\s",
        '"',
        "'",
        ",",
        "{",
        "[",
        "O",
        "B-x",
        "\0",
    ],
    *["SpaceAfter=No", "Form=x", "Document=", "\ufeff", "\x85", "\x1c", "\u2028", "\xa0", "\u200b", "e\u0301", "😀"],
]
characters = st.characters(exclude_categories=["Cs"])
words = st.one_of(st.sampled_from(ODD), st.text(characters, min_size=1, max_size=6), st.sampled_from(["Kevin", "São"]))
labels = st.one_of(
    st.sampled_from(["per", "creative-work", "B-per", "work of art", "O", "_", "ä", "-"]),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=4),
)


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    """Draw a sentence with entities, words outside entities and unknown words, and with any spacing."""
    tags: list[str | None] = []
    for kind in draw(st.lists(st.sampled_from(["entity", "outside", "unknown"]), min_size=1, max_size=4)):
        n, label = draw(st.integers(1, 3)), draw(labels)
        inside: list[str | None] = [f"B-{label}"] + [f"I-{label}"] * (n - 1)
        tags += {"entity": inside, "outside": ["O"] * n, "unknown": [None] * n}[kind]
    size = {"min_size": len(tags), "max_size": len(tags)}
    spaces = draw(st.lists(st.booleans(), **size))
    document = draw(st.one_of(st.sampled_from(["", "news 1", "a\tb|c\\"]), st.text(characters, max_size=4)))
    text = draw(st.lists(words, **size))
    for i, (tag, after) in enumerate(pairwise([*tags, "O"])):
        # Formats with character offsets drop white space at entity edges.
        if not text[i].strip() and tag not in (None, "O") and (tag[0] == "B" or after is None or after[0] != "I"):
            text[i] = "x"
    return Sentence(text, tags, [], spaces, document)


@given(corpus=st.lists(sentences(), min_size=1, max_size=4))
def test_a_round_trip_over_any_two_formats_loses_nothing(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("trip")
    files = {name: write(folder / f"a{target.suffix}", corpus) for name, target in TARGETS.items()}
    for name, path in files.items():
        assert read(path) == corpus, name
        assert read_corpus(path).format == READ_AS[name]
    for here, there in product(TARGETS, TARGETS):
        # Converting to the other format yields the same file as writing the sentences. The way back is another pair.
        (gone,) = convert(files[here], folder / here, to=there).counts
        assert gone.read_bytes() == files[there].read_bytes(), (here, there)


@pytest.mark.parametrize("here", TARGETS)
@pytest.mark.parametrize(
    "corpus",
    [
        [sentence("a b", "? ?")],
        [sentence("_ O", "O ?", document="x"), sentence("O", "?")],
        [sentence("B-x B-y", "? ?"), sentence("a", "B-x")],
        [sentence("a b c d", "B-x I-x B-x ?", "0101")],
        [sentence("a", "B-x", "1", "x"), sentence("b", "O", "0", ""), sentence("c", "O", "0", "x")],
    ],
    ids=["unknown", "words-like-tags", "tags-as-words", "touching", "documents"],
)
def test_corpora_that_tell_little_are_recognised(tmp_path, here, corpus):
    path = write(tmp_path / f"a{TARGETS[here].suffix}", corpus)
    assert read_corpus(path).format == READ_AS[here]
    assert read(path) == corpus


# All input formats


def arrow(path: Path) -> None:
    table = pa.table({"tokens": [["Ada", "met", "Bob"]], "ner_tags": [["B-per", None, "B-per"]]})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


KNOWN = [sentence("Ada met Bob", "B-per O B-per")]
FIXTURES: dict[str, tuple[str, str, list[Sentence]]] = {
    "gmb-sentences": ("a.csv", "text,labels\nAda met Bob,B-per O B-per\n", KNOWN),
    "gmb-tokens": (
        "a.csv",
        "Sentence #,Word,POS,Tag\nSentence: 1,Ada,N,B-per\n,met,V,O\n,Bob,N,B-per\n",
        KNOWN,
    ),
    "conllu": (
        "a.conllu",
        "# newdoc id = d\n1\tAda\t_\t_\t_\t_\t_\t_\t_\tNER=B-per\n2\tmet\t_\t_\t_\t_\t_\t_\t_\tNER=_|SpaceAfter=No\n",
        [sentence("Ada met", "B-per ?", "10", "d")],
    ),
    "label-studio": (
        "a.json",
        json.dumps(
            [
                {
                    "id": 7,
                    "data": {"text": "Ada met  Bob."},
                    "annotations": [{"result": [{"value": {"start": 0, "end": 3, "labels": ["per"]}}]}],
                }
            ]
        ),
        [sentence("Ada met · Bob .", "B-per O O O O", "11000", "a.json 7")],
    ),
    "jsonl": (
        "a.jsonl",
        '{"text": "Ada met Bob.", "spans": [{"start": 8, "end": 11, "label": "per"}]}\n',
        [sentence("Ada met Bob .", "O O B-per O", "1100")],
    ),
    "doccano": (
        "a.jsonl",
        '{"id": 1, "text": "Ada met Bob.", "label": [[0, 3, "per"]]}\n',
        [sentence("Ada met Bob .", "B-per O O O", "1100", "a.jsonl 1")],
    ),
    "spacy-2": (
        "a.json",
        '[["Ada met Bob.", {"entities": [[8, 11, "per"]]}]]',
        [sentence("Ada met Bob .", "O O B-per O", "1100")],
    ),
    "dataturks": (
        "a.json",
        '{"content": "Ada met Bob.", "annotation": [{"label": ["per"], "points": [{"start": 8, "end": 10}]}]}\n',
        [sentence("Ada met Bob .", "O O B-per O", "1100")],
    ),
    "cluener": (
        "a.json",
        '{"text": "Ada met Bob.", "label": {"per": {"Bob": [[8, 10]]}}}\n',
        [sentence("Ada met Bob .", "O O B-per O", "1100")],
    ),
    "gliner": ("a.json", '{"tokenized_text": ["Ada", "met", "Bob"], "ner": [[0, 0, "per"], [2, 2, "per"]]}\n', KNOWN),
    "spert": (
        "a.json",
        json.dumps(
            {
                "tokens": ["Ada", "met", "Bob"],
                "entities": [{"type": "per", "start": 0, "end": 1}, {"type": "per", "start": 2, "end": 3}],
                "relations": [],
            }
        ),
        KNOWN,
    ),
    "brat": ("a.txt", "Ada met  Bob.", [sentence("Ada met · Bob .", "B-per O O O O", "11000", "a")]),
    "webanno": (
        "a.tsv",
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=x.NamedEntity|value\n\n\n#Text=Ada met  Bob.\n1-1\t0-3\tAda\tper[1]\t\n"
        "1-2\t4-7\tmet\tper[1]\t\n1-3\t9-12\tBob\t_\t\n1-4\t12-13\t.\t_\t\n",
        [sentence("Ada met · Bob .", "B-per I-per O O O", "11000", "a")],
    ),
    "pubtator": (
        "a.txt",
        "7|t|Ada met\n7|a|Bob.\n7\t8\t11\tBob\tper\n",
        [Sentence(["Ada", "met", "\n", "Bob", "."], ["O", "O", "O", "B-per", "O"], [], [True, *[False] * 4], "7")],
    ),
    "huggingface": ("a.arrow", "", [sentence("Ada met Bob", "B-per ? B-per")]),
    "huggingface-json": ("a.json", '{"tokens": ["Ada", "met", "Bob"], "ner_tags": ["B-per", "O", "B-per"]}\n', KNOWN),
    "conll": (
        "a.conll",
        "-DOCSTART- -X- O\n\nAda NNP B-per\nmet VBD O\n\nBob NNP B-per\n",
        [sentence("Ada met", "B-per O", document="a.conll 1"), sentence("Bob", "B-per", document="a.conll 1")],
    ),
    "spacy": ("a.spacy", "", [sentence("Ada met Bob", "B-per ? B-per", "011", "d")]),
}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_goes_into_every_target(tmp_path, format, to):
    name, text, expected = FIXTURES[format]
    path = tmp_path / name
    if format == "huggingface":
        arrow(path)
    elif format == "spacy":
        write(path, expected)
    else:
        path.write_text(text, encoding="utf-8")
    if format == "brat":
        path.with_suffix(".ann").write_text("T1\tper 0 3\tAda\n")
    done = convert(path, tmp_path / "out", to=to)
    assert done.format == format
    assert list(done.counts) == [tmp_path / "out" / f"a{TARGETS[to].suffix}"]
    assert read(*done.counts) == expected


# Contents of the output files

SMALL = [
    sentence("Ada met", "B-per O", "10", "news 1"),
    Sentence(["New York", "_", "."], ["B-geo", None, "O"], [], [False, False, True], "news 1"),
    sentence("Bob", "O"),
]


def test_conll_has_misc_between_word_and_tag(tmp_path):
    assert write(tmp_path / "a.conll", SMALL).read_text() == (
        "-DOCSTART-\tDocument=news\\s1\tO\n"
        "\n"
        "Ada\t_\tB-per\n"
        "met\tSpaceAfter=No\tO\n"
        "\n"
        "_\tForm=New\\sYork|SpaceAfter=No\tB-geo\n"
        "_\tForm=_|SpaceAfter=No\t_\n"
        ".\t_\tO\n"
        "\n"
        "-DOCSTART-\tDocument=\tO\n"
        "\n"
        "Bob\tSpaceAfter=No\tO\n"
        "\n"
    )


def test_jsonl_has_the_layout_of_prodigy(tmp_path):
    rows = write(tmp_path / "a.jsonl", SMALL).read_text().splitlines()
    assert [json.loads(row) for row in rows] == [
        {
            "text": "Ada met",
            "spans": [{"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "per"}],
            "tokens": [
                {"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": True},
                {"text": "met", "start": 4, "end": 7, "id": 1, "ws": False},
            ],
            "meta": {"document": "news 1"},
        },
        {
            "text": "New York_. ",
            "spans": [{"start": 0, "end": 8, "token_start": 0, "token_end": 0, "label": "geo"}],
            "tokens": [
                {"text": "New York", "start": 0, "end": 8, "id": 0, "ws": False},
                {"text": "_", "start": 8, "end": 9, "id": 1, "ws": False},
                {"text": ".", "start": 9, "end": 10, "id": 2, "ws": True},
            ],
            "meta": {"document": "news 1"},
            "unknown": [[8, 9]],
        },
        {
            "text": "Bob",
            "spans": [],
            "tokens": [{"text": "Bob", "start": 0, "end": 3, "id": 0, "ws": False}],
            "meta": {"document": ""},
        },
    ]


def test_parquet_has_numbers_that_the_schema_names(tmp_path):
    path = write(tmp_path / "a.parquet", SMALL)
    table = pq.read_table(path)
    assert table.to_pydict() == {
        "tokens": [["Ada", "met"], ["New York", "_", "."], ["Bob"]],
        "ner_tags": [[3, 0], [1, None, 0], [0]],
        "spaces": [[True, False], [False, False, True], [False]],
        "document": ["news 1", "news 1", ""],
    }
    types = {"tokens": pa.string(), "ner_tags": pa.int64(), "spaces": pa.bool_()}
    assert table.schema.types == [*map(pa.list_, types.values()), pa.string()]
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    names = ["O", "B-geo", "I-geo", "B-per", "I-per"]
    assert features["ner_tags"] == {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    assert features["document"] == {"dtype": "string", "_type": "Value"}
    assert list(features) == table.column_names


def test_row_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_bert_ner.corpus.writers.parquet._MOST_ROWS", 3)
    corpus = [sentence(f"w{i}", "B-x") for i in range(8)]
    path = write(tmp_path / "a.parquet", corpus)
    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [3, 3, 2]
    assert read(path) == corpus
    monkeypatch.setattr("spacy_bert_ner.corpus.writers.parquet._MOST_BYTES", 70)  # each row has 32 bytes
    with pq.ParquetFile(write(path, corpus)) as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [2, 2, 2, 2]


# Splits and options

TEN = "\n".join(f"-DOCSTART- O\n\n{letter} B-{letter}\n" for letter in "abcdefghij")


@pytest.mark.parametrize("to", TARGETS)
def test_the_parts_of_a_split_are_those_of_spacy_files(tmp_path, to):
    source = tmp_path / "ten.conll"
    source.write_text(TEN)
    for target in ("spacy", to):
        convert(source, tmp_path / target, to=target, split="80/10/10")
    suffix = TARGETS[to].suffix
    names = [f"{part}{suffix}" for part in ("dev", "test", "train")]
    assert sorted(path.name for path in (tmp_path / to).iterdir()) == sorted([*names, "split.json"])
    parts = [read(tmp_path / to / f"{name}{suffix}") for name in ("train", "dev", "test")]
    assert ["".join(word for one in part for word in one.words) for part in parts] == ["ibfahcje", "d", "g"]
    assert parts == [read(tmp_path / "spacy" / f"{name}.spacy") for name in ("train", "dev", "test")]
    assert parts[1] == [sentence("d", "B-d", document="ten.conll 4")]


def test_the_parts_of_a_split_number_their_tags_alike(tmp_path):
    (tmp_path / "ten.conll").write_text(TEN)
    convert(tmp_path / "ten.conll", tmp_path, to="parquet", split="80/10/10")
    schemas = [pq.read_schema(tmp_path / f"{name}.parquet").metadata for name in ("train", "dev", "test")]
    assert schemas[0] == schemas[1] == schemas[2]
    assert pq.read_table(tmp_path / "dev.parquet")["ner_tags"].to_pylist() == [[7]]


@pytest.mark.parametrize("name", TARGETS)
def test_a_writer_puts_sentences_in_any_order(tmp_path, name):
    corpus = [sentence(letter, "B-x", document=letter) for letter in "abc"]
    target = TARGETS[name]
    with closing(target.writer(tmp_path, set())) as writer:
        for one in corpus:
            writer.add(one)
        writer.write(tmp_path / f"a{target.suffix}", np.array([2, 0, 1]))
    assert [one.words for one in read(tmp_path / f"a{target.suffix}")] == [["c"], ["a"], ["b"]]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_spaces_of_the_option_are_written(tmp_path):
    (tmp_path / "a.conll").write_text("Ada B-per\n. O\n")
    for to in TARGETS:
        convert(tmp_path / "a.conll", tmp_path / "out", to=to, spacing="natural")
        (one,) = read(tmp_path / "out" / f"a{TARGETS[to].suffix}")
        assert one.spaces == [False, False]


@pytest.mark.parametrize("to", TARGETS)
def test_the_file_that_is_read_is_not_written(tmp_path, to):
    path = write(tmp_path / f"a{TARGETS[to].suffix}", SMALL)
    before = path.read_bytes()
    with pytest.raises(
        CorpusError, match="is an input, so it cannot be overwritten. Choose another path for the output"
    ):
        convert(path, tmp_path, to=to)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_command_takes_a_target(tmp_path):
    path = write(tmp_path / "a.spacy", SMALL)
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), "--to", "jsonl"])
    assert result.exit_code == 0, result.output
    assert "a.jsonl: 3 sentences" in " ".join(result.output.split())
    assert read(tmp_path / "out" / "a.jsonl") == SMALL


@pytest.mark.parametrize("to", ["", "json", "SPACY", "brat"])
def test_another_target_is_refused(tmp_path, to):
    with pytest.raises(CorpusError, match=f"--to = '{to}' is invalid. Allowed: spacy, conll, jsonl, parquet"):
        convert(tmp_path / "a.conll", tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()


def test_parquet_without_pyarrow_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        CorpusError, match=r"--to parquet requires pyarrow.*Or specify another format with --to: spacy, conll, jsonl"
    ):
        convert(tmp_path / "no-such-file", tmp_path / "out", to="parquet")
    assert not (tmp_path / "out").exists()
