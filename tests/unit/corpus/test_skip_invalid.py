"""Test that invalid sentences are skipped and listed in every format, up to the number that the user permits."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.corpus import CorpusStream
from spacy_bert_ner.corpus.convert import convert
from spacy_bert_ner.errors import CorpusError

TOKENS = "Sentence #,Word,POS,Tag\n"


def write(folder: Path, content: object, name: str) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content))
    return path


def conllu(*words: str) -> str:
    return "".join(
        f"{i}\t{word}" + "\t_" * 7 + f"\tNER={tag}\n" for i, (word, tag) in enumerate(map(str.split, words), 1)
    )


def brat(folder: Path) -> Path:
    for name, text, note in (("a", "Ada", "T1\tper 0 3\tAda"), ("b", "Bob", "T1\tper 0 9\tBob"), ("c", "Cem", "")):
        (folder / f"{name}.txt").write_text(text)
        (folder / f"{name}.ann").write_text(note)
    return folder


def parquet(folder: Path) -> Path:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    table = pa.table({"tokens": [["Ada"], ["Bob"], ["Cem"]], "ner_tags": [["B-per"], ["O", "O"], ["O"]]})
    pq.write_table(table, folder / "a.parquet")
    return folder / "a.parquet"


def docbin(folder: Path) -> Path:
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=[word]) for word in ("Ada", "Bob", "Cem")]
    docs[1].set_ents([Span(docs[1], 0, 1, label="per ")])
    DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=docs).to_disk(folder / "a.spacy")
    return folder / "a.spacy"


def spans(*ends: object) -> list[dict[str, object]]:
    return [
        {"text": text, "spans": [{"start": 0, "end": end, "label": "per"}] if end else []}
        for text, end in zip(("Ada", "Bob", "Cem"), ends, strict=True)
    ]


# In each file, the second of three sentences is invalid. The words in the other sentences are Ada and Cem.
BAD = {
    "labels": (
        "text,labels\nAda,B-per\nBob Day,O\nCem,O\n",
        "a.csv",
        "line 3: the number of words (2) differs from the number of labels (1)",
    ),
    "fields": ("text,labels\nAda,B-per\nBob\nCem,O\n", "a.csv", "line 3: the header has 2 fields, but this row has 1"),
    "quotes": ('text,labels\nAda,B-per\n"Bob"x,O\nCem,O\n', "a.csv", "line 3: the row is not valid CSV"),
    "token-tag": (
        TOKENS + "1,Ada,N,B-per\n2,Bob,N,O\n,Day,N, O\n3,Cem,N,O\n",
        "a.csv",
        "line 4, column Tag: ' O' is an invalid tag",
    ),
    "token-fields": (
        TOKENS + "1,Ada,N,B-per\n2,Bob,N,O\n,Day,N\n3,Cem,N,O\n",
        "a.csv",
        "line 4: the header has 4 fields, but this row has 3",
    ),
    "token-first": (
        TOKENS + "1,Ada,N,B-per\n2,Bob,N\n,Day,N,O\n3,Cem,N,O\n",
        "a.csv",
        "line 3: the header has 4 fields, but this row has 3",
    ),
    "token-first-of-all": (
        TOKENS + "1,Ada,N,B-per\n2,Bob,N\n2,Day,N,O\n3,Cem,N,O\n",
        "a.csv",
        "line 3: the header has 4 fields, but this row has 3",
    ),
    "columns": ("Ada B-per\n\nDay\nBob O\n\nCem O\n", "a.conll", "line 3: the row 'Day' has only one column"),
    "odd-tag": ("Ada B-per\n\nBob O\nDay per\n\nCem O\n", "a.conll", "line 4, the last column: the tag 'per' does not"),
    "conllu": (
        conllu("Ada B-per") + "\n" + conllu("Bob O", "Day O").replace("2\t", "3\t") + "\n" + conllu("Cem O"),
        "a.conllu",
        "line 4: the ID is '3', but word 2 is expected",
    ),
    "conllu-key": (
        conllu("Ada B-per") + "\n" + conllu("Bob O", "Day O").replace("NER=O\n2", "NE=O\n2") + "\n" + conllu("Cem O"),
        "a.conllu",
        "line 3: NE= in 'NE=O' conflicts with NER= on line 1",
    ),
    "sent-id": (
        "# sent_id = 1\n" + conllu("Ada B-per") + "\n# sent_id = 1\n" + conllu("Bob O") + "\n" + conllu("Cem O"),
        "a.conllu",
        "line 4: the ID '1' is already used on line 1",
    ),
    "span": (spans(3, 9, None), "a.jsonl", "line 2: the span 'per' from 0 to 9 is invalid in a text with 3 characters"),
    "json": (
        '{"text": "Ada", "spans": []}\n{"text": "Bob"\n{"text": "Cem", "spans": []}\n',
        "a.jsonl",
        "line 2: the record is not valid JSON",
    ),
    "doccano-id": (
        [{"id": i, "text": text, "label": []} for i, text in ((1, "Ada"), (1, "Bob"), (2, "Cem"))],
        "a.jsonl",
        "line 2: the ID 1 is already used on line 1",
    ),
    "label-studio": (
        [
            {"id": i, "data": {"text": text}, "annotations": [{"result": result}]}
            for i, (text, result) in enumerate((("Ada", []), ("Bob", None), ("Cem", [])))
        ],
        "a.jsonl",
        "line 2, id 1: None is not a list of spans or annotations",
    ),
    "huggingface-json": (
        [{"tokens": [word], "ner_tags": tags} for word, tags in (("Ada", ["B-per"]), ("Bob", [1]), ("Cem", ["O"]))],
        "a.jsonl",
        "line 2: the tag 1 is a number without a name",
    ),
    "brat": (brat, "", "b.ann, line 1: the span 'per' from 0 to 9"),
    "docbin": (docbin, "", "a.spacy, Doc 2, token 1: 'B-per ' is an invalid tag"),
    "parquet": (parquet, "", "row 2: the number of tokens (1) differs from the number of values in ner_tags (2)"),
}


@pytest.fixture(params=BAD)
def bad(request, tmp_path) -> tuple[Path, str]:
    content, name, message = BAD[request.param]
    return (content(tmp_path) if callable(content) else write(tmp_path, content, name)), message


def test_a_bad_sentence_is_an_error(bad):
    path, message = bad
    with pytest.raises(CorpusError) as e:
        CorpusStream(path)
    assert message in str(e.value)


def test_a_bad_sentence_is_left_out_and_listed(bad):
    path, message = bad
    stream = CorpusStream(path, skip_invalid=1)
    assert [sentence.words for sentence in stream] == [["Ada"], ["Cem"]]
    assert stream.n_sentences == len(stream.texts) == 2
    (said,) = stream.messages()
    assert said.startswith(
        "1 sentences were skipped because they cannot be read. Fix these sentences to include them:\n- "
    )
    assert message in said


def test_more_than_are_allowed_are_an_error_that_lists_them(tmp_path):
    path = write(tmp_path, "a O\n\nb\n\nc O\n\nd\n\ne\n", "a.conll")
    assert [s.words for s in CorpusStream(path, skip_invalid=3)] == [["a"], ["c"]]
    with pytest.raises(CorpusError) as e:
        CorpusStream(path, skip_invalid=2)
    lines = str(e.value).splitlines()
    assert lines[0] == "3 sentences cannot be read, but --skip-invalid permits at most 2:"
    assert [line.split(": the row ")[0] for line in lines[1:4]] == [f"- {path}, line {n}" for n in (3, 7, 9)]
    assert lines[4] == "Fix the sentences, or raise the limit: --skip-invalid 20"


def test_the_limit_counts_what_could_be_read(tmp_path):
    path = write(tmp_path, "a O\n\nb\n\nc O\n\nd O\n", "a.conll")
    assert [s.words for s in CorpusStream(path, skip_invalid=1, limit=2)] == [["a"], ["c"]]


def test_tags_of_no_scheme_are_not_written(tmp_path):
    path = write(tmp_path, "a B-x\n\nb y\n\nc O\nd z\n\ne I-x\n", "a.conll")
    stream = CorpusStream(path, skip_invalid=2)
    assert [(s.words, s.tags) for s in stream] == [(["a"], ["B-x"]), (["e"], ["B-x"])]
    assert (stream.tag_scheme, stream.n_repaired, len(stream.invalid)) == ("IOB2", 1, 2)
    stream = CorpusStream(path, skip_invalid=2, tag_scheme="IOB2")
    assert len(list(stream)) == 2
    assert "the tag 'y' does not belong to the scheme IOB2" in str(stream.invalid[0])


def test_tags_of_no_scheme_are_left_out_of_what_the_limit_takes_in_their_place(tmp_path):
    path = write(tmp_path, "a B-x\n\nb y\n\nc z\n\nd O\n\ne q\n", "a.conll")
    stream = CorpusStream(path, skip_invalid=2, limit=2)
    assert ([s.words for s in stream], len(stream.invalid)) == ([["a"], ["d"]], 2)


def test_a_bad_row_that_begins_as_no_other_does_begins_no_sentence(tmp_path):
    rows = "Sentence: 1,a,N,O\n,b,N,O\nx,y\n,c,N,O\nSentence: 2,d,N,O\n"
    stream = CorpusStream(write(tmp_path, TOKENS + rows, "a.csv"), skip_invalid=1)
    assert ([s.words for s in stream], len(stream.invalid)) == ([["d"]], 1)


def test_a_row_of_a_sentence_that_cannot_be_told_spoils_both_beside_it(tmp_path):
    rows = '1,a,N,O\n1,b,N,O\n2,c,N,O\n2,"d"d,N,O\n3,e,N,O\n4,f,N,O\n'
    stream = CorpusStream(write(tmp_path, TOKENS + rows, "a.csv"), skip_invalid=2)
    assert ([s.words for s in stream], len(stream.invalid)) == ([["a", "b"], ["f"]], 2)


def test_the_key_of_a_sentence_that_is_left_out_is_not_that_of_the_others(tmp_path):
    bad = conllu("Ada O", "Bob O").replace("2\t", "3\t").replace("NER=", "NE=")
    path = write(tmp_path, f"{bad}\n{conllu('Cem B-per')}\n{conllu('Eve O')}", "a.conllu")
    assert [s.words for s in CorpusStream(path, skip_invalid=1)] == [["Cem"], ["Eve"]]
    with pytest.raises(CorpusError, match="line 2: the ID is '3', but word 2 is expected"):
        CorpusStream(write(tmp_path, bad, "b.conllu"), skip_invalid=1)


def test_nothing_but_bad_sentences_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match="line 1: the row 'a' has only one column"):
        CorpusStream(write(tmp_path, "a\n\nb\n", "a.conll"), format="conll", skip_invalid=5)


def test_a_negative_number_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="--skip-invalid = -1 is invalid. Allowed: a whole number of at least 0"):
        CorpusStream(write(tmp_path, "a O\n", "a.conll"), skip_invalid=-1)


def test_the_command_lists_what_it_left_out(tmp_path):
    path = write(tmp_path, "a O\n\nb\n\nc O\n", "a.conll")
    failed = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out")])
    assert failed.exit_code == 1
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out"), "--skip-invalid", "1"])
    assert done.exit_code == 0
    assert "1 sentences were skipped because they cannot be read" in " ".join(done.output.split())
    assert "a.spacy: 2 sentences" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("content", "format", "message"),
    [
        ("x" * 10_000_000 + " O\n", "conll", "line 1: the text has 10000000 characters. The maximum is 1000000"),
        ("x" * 10_000_000 + "\n", "conll", "line 1: the row '" + "x" * 40 + "' has only one column"),
        ("a b " + "x" * 10_000_000 + "\n", "auto", "line 1: the format cannot be detected from 'a b xxxx"),
        (
            "text,labels\n" + "x " * 5_000_000 + "x,O\n",
            "auto",
            "line 2: the row is not valid CSV (field larger than field limit",
        ),
        (
            TOKENS + "1," + "x" * 10_000_000 + ",N,O\n",
            "auto",
            "line 2: the row is not valid CSV (field larger than field limit",
        ),
        (conllu("a O") + "\n" + conllu("x" * 10_000_000 + " O"), "auto", "line 3: the text has 10000000 characters."),
        ("1" * 10_000_000, "conllu", "line 1: a CoNLL-U row must have ten columns, but '" + "1" * 40 + "' has 1"),
        (
            '{"tokens": ["' + "x" * 10_000_000 + '"], "ner_tags": ["O"]}',
            "huggingface-json",
            "line 1: the text has 10000000",
        ),
    ],
    ids=["word", "line", "row", "sentence", "csv-word", "conllu-word", "conllu-line", "token"],
)
def test_ten_million_characters_in_a_line_are_refused_in_short(tmp_path, content, format, message):
    with pytest.raises(CorpusError) as e:
        CorpusStream(write(tmp_path, content, "a.conll"), format=format)
    assert message in str(e.value)
    assert len(str(e.value)) < 600


# The option `--document-key`


@pytest.mark.parametrize(
    ("content", "name", "key"),
    [
        ("text,labels,source\na,O,x\nb,O,x\nc,O,y\n", "a.csv", "source"),
        ("source,Sentence #,Word,Tag\nx,1,a,O\nx,2,b,O\ny,3,c,O\n", "a.csv", "source"),
        (
            f"# newdoc\n# source = x\n{conllu('a O')}\n{conllu('b O')}\n# source = y\n{conllu('c O')}",
            "a.conllu",
            "source",
        ),
        (
            [{"text": t, "spans": [], "meta": {"source": s}} for t, s in zip("abc", "xxy", strict=True)],
            "a.jsonl",
            "meta.source",
        ),
        (
            [{"text": t, "label": [], "source": s, "id": i} for i, (t, s) in enumerate(zip("abc", "xxy", strict=True))],
            "a.jsonl",
            "source",
        ),
        (
            [
                {"id": i, "data": {"text": t, "source": s}, "annotations": [{"result": []}]}
                for i, (t, s) in enumerate(zip("abc", "xxy", strict=True))
            ],
            "a.jsonl",
            "data.source",
        ),
        (
            [{"tokens": [t], "ner_tags": ["O"], "source": s} for t, s in zip("abc", "xxy", strict=True)],
            "a.jsonl",
            "source",
        ),
    ],
    ids=["sentences", "tokens", "conllu", "jsonl", "doccano", "label-studio", "huggingface-json"],
)
def test_a_field_names_the_document(tmp_path, content, name, key):
    path = write(tmp_path, content, name)
    assert [(s.words, s.document) for s in CorpusStream(path, document_key=key)] == [
        (["a"], "x"),
        (["b"], "x"),
        (["c"], "y"),
    ]
    with pytest.raises(CorpusError, match="Specify another.*--document-key"):
        CorpusStream(path, document_key="author")


def test_a_column_of_parquet_names_the_document(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"tokens": [["a"], ["b"]], "ner_tags": [["O"], ["O"]], "source": ["x", "y"]}), path)
    assert [s.document for s in CorpusStream(path, document_key="source")] == ["x", "y"]
    with pytest.raises(CorpusError, match="exactly one column named author. Its columns are: tokens"):
        CorpusStream(path, document_key="author")
    with pytest.raises(CorpusError, match=r"row 1: tokens = \['a'\] is invalid. Allowed: a document name"):
        CorpusStream(path, document_key="tokens")


def test_formats_without_fields_have_no_key(tmp_path):
    message = "--document-key source applies only to these formats: label-studio, gmb-sentences, gmb-tokens, conllu"
    with pytest.raises(CorpusError, match=message):
        CorpusStream(write(tmp_path, "a O\n", "a.conll"), document_key="source")


def test_no_group_is_in_two_parts(tmp_path):
    rows = [{"text": f"word {i}", "spans": [], "meta": {"source": f"s{i % 10}"}} for i in range(40)]
    path = write(tmp_path, rows, "a.jsonl")
    convert(path, tmp_path / "out", split="50/50", by_document=True, document_key="meta.source")
    parts = [{s.document for s in CorpusStream(tmp_path / "out" / f"{part}.spacy")} for part in ("train", "dev")]
    assert parts[0] | parts[1] == {f"s{i}" for i in range(10)}
    assert parts[0] & parts[1] == set()
    assert len(parts[0]) == len(parts[1]) == 5


# The progress bar


def test_a_bar_is_only_for_terminals_and_long_work(tmp_path, capsys):
    from spacy_bert_ner.cli._output import progress

    path = write(tmp_path, "a O\n\nb O\n", "a.conll")
    assert [s.words for s in CorpusStream(path, progress=progress)] == [["a"], ["b"]]
    assert capsys.readouterr().err == ""


def test_progress_is_told_what_is_done_and_how_much_of_it(tmp_path):
    told = []

    def progress(sentences, what, n):
        told.append((what, n))
        return sentences

    stream = CorpusStream(write(tmp_path, "a O\n\nb O\n", "a.conll"), progress=progress)
    list(stream)
    assert told == [("reading", None), ("writing", 2)]
