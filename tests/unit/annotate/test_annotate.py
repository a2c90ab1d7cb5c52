"""Test annotating a corpus in shards in this process."""

import csv
import gzip
import json
import re
import signal
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.cli import app
from spacy.language import Language
from spacy.tokens import DocBin
from support import ROOT
from training_runs import Run
from typer.main import get_command
from typer.testing import CliRunner

import spacy_bert_ner.cli  # noqa: F401, its commands
from spacy_bert_ner.annotate import annotate as room
from spacy_bert_ner.annotate import sharding as plan
from spacy_bert_ner.annotate import worker
from spacy_bert_ner.annotate.annotate import annotate
from spacy_bert_ner.annotate.sharding import Columns
from spacy_bert_ner.annotate.storage import find_inputs
from spacy_bert_ner.errors import BertNerError

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXTS = ["Kevin left", 'He said "Kevin", twice', "Nobody,\tcame", "Zoë met Kevin in Paris", "Paris"]
FOUND = [
    [("Kevin", "per", 0, 5)],
    [("Kevin", "per", 9, 14)],
    [],
    [("Kevin", "per", 8, 13), ("Paris", "geo", 17, 22)],
    [("Paris", "geo", 0, 5)],
]


@Language.component("tests_fail_on_batches")
class FailsOnBatches:
    """A component that, like trainable components, reports an error for a batch if one of its documents fails."""

    def __init__(self, name="x"):
        self.name, self.handler = name, None

    def __call__(self, doc):
        return next(iter(self.pipe([doc])))

    def set_error_handler(self, handler):
        self.handler = handler

    def pipe(self, docs, batch_size=3):
        for batch in spacy.util.minibatch(docs, 3):
            try:
                if any("fail" in doc.text for doc in batch):
                    raise RuntimeError("it is\nbroken")
                yield from batch
            except RuntimeError as e:
                self.handler(self.name, self, batch, e)


@Language.component("tests_leave_stale_spans")
def leave_stale_spans(doc):
    """Merge tokens after creating a span group, so that the span group points past the last token."""
    if doc.text.startswith("Zoë"):
        doc.spans["stale"] = [doc[len(doc) - 1 :]]
        with doc.retokenize() as retokenizer:
            retokenizer.merge(doc[:3])
    return doc


Language.factory("tests_fails_on_batches", func=lambda nlp, name: FailsOnBatches(name))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": "per", "pattern": "Kevin"}, {"label": "geo", "pattern": "Paris"}]
    )
    folder = tmp_path_factory.mktemp("pipeline") / "ruler"
    nlp.to_disk(folder)
    return str(folder)


def write(path, texts=TEXTS, **columns):
    """Write documents in the format of the file name, with additional columns, and return the path."""
    rows = [{"text": text, **{key: values[i] for key, values in columns.items()}} for i, text in enumerate(texts)]
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    elif name.endswith(".spacy"):
        nlp = spacy.blank("en")
        DocBin(docs=[nlp.make_doc(text) for text in texts]).to_disk(path)
    else:
        if name.endswith(".jsonl"):
            lines = [json.dumps(row) for row in rows]
        elif name.endswith(".txt"):
            lines = list(texts)
        else:
            between = "\t" if name.endswith(".tsv") else ","
            quoted = [['"{}"'.format(str(value).replace('"', '""')) for value in row.values()] for row in rows]
            lines = [between.join(row) for row in [["text", *columns], *quoted]]
        content = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return str(path)


def read(output):
    """Return all rows in an output, in shard order."""
    rows = []
    for path in sorted(Path(output).glob("0*")):
        if path.suffix == ".parquet":
            rows += pq.read_table(path).to_pylist()
        elif path.suffix == ".jsonl":
            rows += [json.loads(line) for line in path.read_text("utf8").splitlines()]
        else:
            docs = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
            rows += [{**doc.user_data, "text": doc.text, "entities": list(doc.ents)} for doc in docs]
    return rows


def entities(rows):
    return [[(one["text"], one["label"], one["start"], one["end"]) for one in row["entities"]] for row in rows]


def failed(output):
    paths = sorted(Path(output, "errors").iterdir())
    return [tuple(json.loads(line).values()) for path in paths for line in path.read_text().splitlines()]


def run(pipeline, inputs, output, **options):
    return annotate(str(pipeline), [*map(str, inputs)], str(output), progress=False, **options)


NAMES = ["in.jsonl", "in.csv", "in.tsv", "in.txt", "in.parquet", "in.spacy", "in.jsonl.gz", "in.csv.gz", "in.txt.gz"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shard_size", [1, 2, 5, 6])
def test_all_formats_give_the_same(pipeline, tmp_path, name, shard_size):
    done = run(pipeline, [write(tmp_path / name)], tmp_path / "out", shard_size=shard_size)
    rows = read(tmp_path / "out")
    assert [row["text"] for row in rows] == TEXTS
    assert entities(rows) == FOUND
    assert [row["id"] for row in rows] == [f"{name}:{i}" for i in range(1, 6)]
    assert (done.documents, done.entities, done.errors) == (5, 5, 0)
    assert len(list((tmp_path / "out").glob("0*"))) == -(-5 // shard_size)


def test_a_document_that_no_docbin_takes_does_not_take_others_along(pipeline, tmp_path):
    nlp = spacy.load(pipeline)
    nlp.add_pipe("tests_leave_stale_spans")
    nlp.to_disk(tmp_path / "pipeline")
    done = run(tmp_path / "pipeline", [write(tmp_path / "in.txt")], tmp_path / "out", format="spacy")
    assert [row["text"] for row in read(tmp_path / "out")] == [*TEXTS[:3], TEXTS[4]]
    ((name, reason),) = failed(tmp_path / "out")
    assert name == "in.txt:4"
    assert reason.startswith("IndexError: [E035] Error creating span with start 4 and end 5 for Doc of length 3")
    assert (done.documents, done.words, done.entities, done.errors) == (4, 2 + 7 + 4 + 1, 3, 1)


def test_formats_of_the_output_hold_the_same(pipeline, tmp_path):
    path = write(tmp_path / "in.jsonl", when=[1, 2, 3, 4, 5])
    for format in ("parquet", "jsonl", "spacy"):
        run(pipeline, [path], tmp_path / format, format=format, columns=Columns(kept=("when",)), shard_size=3)
    rows = read(tmp_path / "parquet")
    assert rows == read(tmp_path / "jsonl")
    assert rows[0] == {
        "id": "in.jsonl:1",
        "text": "Kevin left",
        "entities": [{"start": 0, "end": 5, "text": "Kevin", "label": "per", "score": None}],
        "when": 1,
    }
    docs = read(tmp_path / "spacy")
    assert [(doc["id"], doc["when"], doc["text"]) for doc in docs] == [
        (row["id"], row["when"], row["text"]) for row in rows
    ]
    assert [[(e.text, e.label_, e.start_char, e.end_char) for e in doc["entities"]] for doc in docs] == FOUND


def test_scores_of_the_component_are_written(make_nlp, tagger, tmp_path):
    nlp = make_nlp(name=tagger)
    nlp.to_disk(tmp_path / "bert")
    texts = ["Kevin Durant lives in New York", "New York"]
    run(tmp_path / "bert", [write(tmp_path / "in.txt", texts)], tmp_path / "out")
    expected = [[(e.text, e.label_, e.start_char, e.end_char, e._.score) for e in nlp(text).ents] for text in texts]
    assert expected[0]
    found = [
        [(e["text"], e["label"], e["start"], e["end"], e["score"]) for e in r["entities"]]
        for r in read(tmp_path / "out")
    ]
    assert [[e[:4] for e in row] for row in found] == [[e[:4] for e in row] for row in expected]
    assert [e[4] for row in found for e in row] == pytest.approx([e[4] for row in expected for e in row], abs=1e-6)


def test_ids_and_columns_are_kept_with_their_types(pipeline, tmp_path):
    values = {"id": ["a", "b", "c", "d", "e"], "n": [1, None, 3, 4, 5], "tags": [["x"], [], None, ["y", "z"], []]}
    for name in ("in.parquet", "in.jsonl"):
        path = write(tmp_path / name, **values)
        run(
            pipeline,
            [path],
            tmp_path / f"out-{name}",
            columns=Columns(kept=("n", "tags")),
            shard_size=2,
            with_text=False,
        )
        rows = read(tmp_path / f"out-{name}")
        assert [(row["id"], row["n"], row["tags"]) for row in rows] == list(zip(*values.values(), strict=True))
        assert set(rows[0]) == {"id", "entities", "n", "tags"}
        schemas = {str(pq.read_schema(path)) for path in (tmp_path / f"out-{name}").glob("0*")}
        assert len(schemas) == 1
        assert "n: int64" in schemas.pop()


def test_values_of_many_types_are_written_as_json(pipeline, tmp_path):
    path = write(tmp_path / "in.jsonl", ["a", "b", "c"], what=[1, "x", {"k": [None]}])
    run(pipeline, [path], tmp_path / "out", columns=Columns(kept=("what",)))
    assert [row["what"] for row in read(tmp_path / "out")] == ["1", "x", '{"k": [null]}']


def test_a_column_by_another_name(pipeline, tmp_path):
    (tmp_path / "in.csv").write_text("key,body\n7,Kevin\n8,Paris\n")
    run(pipeline, [tmp_path / "in.csv"], tmp_path / "out", columns=Columns("body", "key"))
    assert [(row["id"], row["text"]) for row in read(tmp_path / "out")] == [("7", "Kevin"), ("8", "Paris")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns("body"), r"in.csv has no column 'body'. Its columns are: 'text', 'n'"),
        (Columns(id="key"), r"in.csv has no column 'key'"),
        (Columns(kept=("m",)), r"in.csv has no column 'm'"),
        (
            Columns(kept=("entities",)),
            "--columns entities is invalid, because the output already has a column with this name",
        ),
    ],
)
def test_columns_that_there_are_not(pipeline, tmp_path, columns, message):
    (tmp_path / "in.csv").write_text("text,n\nKevin,1\n")
    with pytest.raises(BertNerError, match=message):
        run(pipeline, [tmp_path / "in.csv"], tmp_path / "out", columns=columns)
    assert not (tmp_path / "out").exists()


LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=6), max_size=12
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES, st.integers(1, 5), st.integers(1, 9))
def test_wherever_a_csv_file_is_cut_no_document_is_lost(tmp_path, monkeypatch, texts, size, block):
    """Test quoted fields that contain line endings and quotation marks, with blocks that end at any byte."""
    monkeypatch.setattr(plan, "_BLOCK", block)
    (file,) = find_inputs([write(tmp_path / "in.csv", texts)])
    units = list(plan.plan_shards([file], size, files_are_documents=False, limit=None))
    assert [unit.n for unit in units] == [min(size, len(texts) - i) for i in range(0, len(texts), size)]
    schema = plan.schema_of([file], Columns(), with_text=True)
    read_back = [one.text for unit in units for one in room_records(unit, Columns(), schema)]
    assert read_back == texts


def room_records(unit, columns, schema):
    from spacy_bert_ner.annotate.readers import read_documents

    return read_documents(unit, columns, schema)


def test_lines_may_be_empty_and_the_last_one_without_an_end(pipeline, tmp_path):
    (tmp_path / "in.txt").write_bytes("\ufeffKevin\r\n\n  \nParis".encode())
    done = run(pipeline, [tmp_path / "in.txt"], tmp_path / "out", shard_size=2)
    assert [(row["id"], row["text"]) for row in read(tmp_path / "out")] == [
        ("in.txt:1", "Kevin"),
        ("in.txt:4", "Paris"),
    ]
    assert done.documents == 2


def test_quotes_that_are_not_closed_lose_no_document(pipeline, tmp_path):
    (tmp_path / "in.csv").write_text('text,n\n5" pipe,1\nKevin,2\nParis,3\n')
    with pytest.raises(
        BertNerError,
        match=r"in.csv cannot be read: expected 1 records from record 1 onwards, but read 3\. The cause may be a quot",
    ):
        run(pipeline, [tmp_path / "in.csv"], tmp_path / "out")


def test_a_name_may_hold_the_signs_of_patterns(pipeline, tmp_path):
    done = run(pipeline, [write(tmp_path / "in[1]?.txt")], tmp_path / "out")
    assert done.documents == 5


def test_files_can_be_documents(pipeline, tmp_path):
    (tmp_path / "texts" / "sub").mkdir(parents=True)
    (tmp_path / "texts" / "a.txt").write_text("Kevin\n\nleft.")
    (tmp_path / "texts" / "sub" / "b.txt").write_text("Paris")
    (tmp_path / "texts" / "c.txt").write_bytes(b"\xff")
    run(pipeline, [tmp_path / "texts"], tmp_path / "out", files_are_documents=True, shard_size=2)
    assert [(row["id"], row["text"]) for row in read(tmp_path / "out")] == [
        ("a.txt", "Kevin\n\nleft."),
        ("b.txt", "Paris"),
    ]
    assert failed(tmp_path / "out") == [("c.txt", "byte 0 is not valid UTF-8")]


@pytest.mark.parametrize("limit", [0, 1, 3, 9])
@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_so_many_documents_and_no_more(pipeline, tmp_path, limit, name):
    path = write(tmp_path / name)
    done = run(pipeline, [path], tmp_path / "out", limit=limit, shard_size=2)
    assert [row["text"] for row in read(tmp_path / "out")] == TEXTS[:limit]
    assert done.documents == min(limit, 5)


def test_folders_patterns_and_addresses(pipeline, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "2026"
    folder.mkdir(parents=True)
    write(folder / "b.jsonl", TEXTS[:1])
    write(folder / "a.txt", TEXTS[1:2])
    write(folder / ".hidden.txt")
    write(folder / "_SUCCESS.txt")
    (folder / "notes.md").write_text("Kevin")
    monkeypatch.chdir(tmp_path)
    for inputs, names in [
        (["data"], ["data/2026/a.txt", "data/2026/b.jsonl"]),
        (["data/**/*.jsonl"], ["data/2026/b.jsonl"]),
        (["data/2026/?.*"], ["data/2026/a.txt", "data/2026/b.jsonl"]),
        (["data/*/a.txt", "data/2026/a.txt"], ["data/2026/a.txt"]),
        ([f"{tmp_path}/data/*/a.txt"], [f"{tmp_path}/data/2026/a.txt"]),
        ([f"file://{tmp_path}/data"], [f"file://{tmp_path}/data/2026/a.txt", f"file://{tmp_path}/data/2026/b.jsonl"]),
        ([f"local://{tmp_path}/data/2026/a.txt"], [f"local://{tmp_path}/data/2026/a.txt"]),
    ]:
        assert [file.address for file in find_inputs(inputs)] == names
    # fsspec reads and writes addresses that pyarrow does not support.
    done = run(pipeline, [f"local://{tmp_path}/data"], f"local://{tmp_path}/out")
    assert (done.documents, done.entities) == (2, 2)
    assert [row["text"] for row in read(tmp_path / "out")] == [TEXTS[1], TEXTS[0]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["nowhere.jsonl"], r"nowhere.jsonl does not exist"),
        (
            ["no*.jsonl"],
            (r"No file with a known format was found at .*no\*.jsonl. Allowed: " "names that end in .parquet, "),
        ),
        (["in.md"], r"No file with a known format was found at .*in.md"),
        (["empty"], r"No file with a known format was found at .*empty"),
        (["xyz://a/b.txt"], r"xyz://a/b.txt cannot be opened: "),
    ],
)
def test_inputs_that_there_are_not(pipeline, tmp_path, monkeypatch, inputs, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.md").write_text("Kevin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BertNerError, match=message):
        run(pipeline, inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["in.parquet", "in.spacy", "in.jsonl.gz"])
def test_damaged_files_are_named(pipeline, tmp_path, name):
    path = Path(write(tmp_path / name, [f"{i} Kevin" for i in range(500)]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BertNerError, match=rf"{name} cannot be read: .* Fix the file, or omit it"):
        run(pipeline, [path], tmp_path / "out")


def test_a_file_that_changes_meanwhile_is_noticed(pipeline, tmp_path, monkeypatch):
    path = Path(write(tmp_path / "in.jsonl"))
    monkeypatch.setattr(
        room, "_begin", lambda *_, **__: (tmp_path / "out").mkdir() or path.write_text('{"text": "a"}\n')
    )
    with pytest.raises(
        BertNerError, match=r"in.jsonl cannot be read: expected 5 records from record 1 onwards, but read 1\."
    ):
        run(pipeline, [path], tmp_path / "out")
    assert list((tmp_path / "out").glob("0*")) == []


def test_documents_that_fail_are_told_and_the_others_go_on(pipeline, tmp_path):
    lines = [
        '{"id": 1, "text": "Kevin"}',
        "{",
        "[]",
        '{"id": 2}',
        '{"id": 3, "text": 4}',
        '{"text": "x"}',
        '{"id": 4, "text": "a \\ud800"}',
        '{"id": 5, "text": "Paris", "n": "no number"}',
        '{"id": 6, "text": "Paris", "n": 1}',
    ]
    (tmp_path / "in.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"id": 7, "text": "\xff"}\n')
    done = run(pipeline, [tmp_path / "in.jsonl"], tmp_path / "out", columns=Columns(kept=("n",)), limit=10)
    # `n` is a string column because not all of its values are numbers.
    assert [row["id"] for row in read(tmp_path / "out")] == ["1", "5", "6"]
    assert [row["n"] for row in read(tmp_path / "out")] == [None, "no number", "1"]
    reasons = dict(failed(tmp_path / "out"))
    assert reasons.pop("in.jsonl:2").startswith("the line is not valid JSON: JSONDecodeError")
    assert "surrogates not allowed" in reasons.pop("4")
    assert reasons == {
        "in.jsonl:3": "the line is valid JSON but not a JSON object",
        "2": "'text' has no value, but a text is required",
        "3": "'text' has a value with type int, but a text is required",
        "in.jsonl:6": "the record has no 'id' value",
        "in.jsonl:10": "byte 19 is not valid UTF-8",
    }
    assert (done.documents, done.errors) == (3, 7)


def test_values_that_do_not_fit_their_column_fail_alone(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_SAMPLE", 2)
    path = write(tmp_path / "in.jsonl", ["a", "b", "c", "d"], n=[1, 2, "x", 4])
    run(pipeline, [path], tmp_path / "out", columns=Columns(kept=("n",)))
    assert [row["n"] for row in read(tmp_path / "out")] == [1, 2, 4]
    ((id_, reason),) = failed(tmp_path / "out")
    assert id_ == "in.jsonl:3"
    assert "'x'" in reason


def test_a_document_of_csv_may_be_long_and_the_limit_of_others_stays(pipeline, tmp_path):
    before = csv.field_size_limit()
    (tmp_path / "in.csv").write_text("text\n" + "Kevin " * 30_000 + "\n")
    done = run(pipeline, [tmp_path / "in.csv"], tmp_path / "out")
    assert (done.documents, done.entities) == (1, 30_000)
    assert csv.field_size_limit() == before


def test_rows_of_csv_with_other_fields_fail_alone(pipeline, tmp_path):
    (tmp_path / "in.csv").write_text("text,n\nKevin,1\nParis\na,b,c\n\nParis,2\n")
    run(pipeline, [tmp_path / "in.csv"], tmp_path / "out")
    assert [row["text"] for row in read(tmp_path / "out")] == ["Kevin", "Paris"]
    assert failed(tmp_path / "out") == [
        ("in.csv:2", "the header has 2 fields, but this record has 1"),
        ("in.csv:3", "the header has 2 fields, but this record has 3"),
    ]


@pytest.fixture
def failing(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_fails_on_batches")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "per", "pattern": "Kevin"}])
    nlp.max_length = 50
    nlp.to_disk(tmp_path / "failing")
    return tmp_path / "failing"


def test_of_a_batch_that_fails_the_others_go_on_in_their_order(failing, tmp_path):
    texts = ["Kevin 1", "Kevin fails", "Kevin 2", "Kevin 3", "Kevin 4"]
    done = run(failing, [write(tmp_path / "in.txt", texts)], tmp_path / "out")
    assert [row["text"] for row in read(tmp_path / "out")] == ["Kevin 1", "Kevin 2", "Kevin 3", "Kevin 4"]
    assert failed(tmp_path / "out") == [("in.txt:2", "tests_fails_on_batches: RuntimeError: it is broken")]
    assert (done.documents, done.entities, done.errors) == (4, 4, 1)


def test_texts_beyond_what_the_pipeline_takes_fail_alone(pipeline, tmp_path, monkeypatch):
    monkeypatch.setitem(Language.__init__.__kwdefaults__, "max_length", 20)
    run(pipeline, [write(tmp_path / "in.txt", ["Kevin", "Kevin" * 5])], tmp_path / "out")
    assert [row["text"] for row in read(tmp_path / "out")] == ["Kevin"]
    reason = "the text has 25 characters, but the pipeline accepts at most 20. Split the text"
    assert failed(tmp_path / "out") == [("in.txt:2", reason)]


def test_too_many_that_fail_stop_it_and_it_can_go_on(failing, tmp_path):
    path = write(tmp_path / "in.txt", ["fail", "Kevin", "fail", "Kevin", "Kevin", "Kevin"])
    with pytest.raises(
        BertNerError,
        match=r"2 documents failed, but at most 1 are allowed. Their IDs and error messages are in .*errors",
    ):
        run(failing, [path], tmp_path / "out", shard_size=2, max_errors=1)
    assert len(read(tmp_path / "out")) == 2
    done = run(failing, [path], tmp_path / "out", shard_size=2, max_errors=2, resume=True)
    assert (done.documents, done.errors) == (4, 2)
    assert len(read(tmp_path / "out")) == 4


def test_the_vocabulary_does_not_grow_with_the_corpus(pipeline, tmp_path, monkeypatch):
    kept = []
    real = room.load
    monkeypatch.setattr(room, "load", lambda path: kept.append(real(path)) or kept[0])
    run(pipeline, [write(tmp_path / "a.txt", ["Kevin"])], tmp_path / "out1")
    before = len(kept[0].vocab.strings)
    kept.clear()
    run(pipeline, [write(tmp_path / "b.txt", [f"word{i} Kevin" for i in range(3000)])], tmp_path / "out2")
    assert len(read(tmp_path / "out2")) == 3000
    assert len(kept[0].vocab.strings) <= before


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("format", ["parquet", "jsonl", "spacy"])
def test_what_was_killed_goes_on_and_ends_as_if_it_had_not_been(pipeline, tmp_path, monkeypatch, format):
    path = write(tmp_path / "in.txt", [f"{i} Kevin" for i in range(20)])
    options = {"shard_size": 3, "format": format}
    run(pipeline, [path], tmp_path / "whole", **options)
    real = room.ShardAnnotator.run

    def dies(self, unit, told):
        if unit.number == 3:
            raise KeyboardInterrupt
        return real(self, unit, told)

    monkeypatch.setattr(room.ShardAnnotator, "run", dies)
    with pytest.raises(KeyboardInterrupt):
        run(pipeline, [path], tmp_path / "out", **options)
    (tmp_path / "out" / f".000003.{format}.abc.tmp").write_text("half")
    (tmp_path / "out" / f"000003.{format}").write_text("a shard of a worker that died before it said so")
    done_before = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns for name in (f"000000.{format}", f"000002.{format}")
    }
    monkeypatch.undo()
    with pytest.raises(BertNerError, match=r"out already contains annotated documents. To resume, specify --resume"):
        run(pipeline, [path], tmp_path / "out", **options)
    done = run(pipeline, [path], tmp_path / "out", **options, resume=True)
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert done.documents == 20
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done_before} == done_before
    run(pipeline, [path], tmp_path / "out", **options, resume=True)  # no shards are left
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_what_a_killed_actor_was_writing_is_gone_at_the_end(pipeline, tmp_path, monkeypatch):
    real = room.ShardAnnotator.run

    def runs(self, unit, told):
        for folder in (".", "errors", "finished"):
            # As if another process had been writing it.
            (tmp_path / "out" / folder / f".{unit.number:06}.jsonl.abc.tmp").write_text("half")
        return real(self, unit, told)

    monkeypatch.setattr(room.ShardAnnotator, "run", runs)
    run(pipeline, [write(tmp_path / "in.txt", ["Kevin", "Ada"])], tmp_path / "out", format="jsonl")
    assert sorted(files(tmp_path / "out")) == ["000000.jsonl", "finished/000000.json", "manifest.json"]


@pytest.mark.parametrize(
    ("changed", "differ"),
    [
        ({"shard_size": 4}, "n_units, shard_size"),
        ({"format": "jsonl"}, "format"),
        ({"limit": 2}, "limit, n_records, n_units"),
        ({"with_text": False}, "schema, with_text"),
    ],
)
def test_other_work_does_not_go_on_in_the_same_folder(pipeline, tmp_path, changed, differ):
    path = write(tmp_path / "in.txt")
    run(pipeline, [path], tmp_path / "out", shard_size=2)
    before = files(tmp_path / "out")
    with pytest.raises(BertNerError, match=rf"out belongs to another job. .* differ: {differ}\."):
        run(pipeline, [path], tmp_path / "out", **{"shard_size": 2, **changed}, resume=True)
    write(tmp_path / "in.txt", [*TEXTS, "more"])
    with pytest.raises(BertNerError, match=r"belongs to another job. .* differ: files, n_records\."):
        run(pipeline, [path], tmp_path / "out", shard_size=2, resume=True)
    assert files(tmp_path / "out") == before


def test_another_pipeline_does_not_go_on(pipeline, tmp_path):
    path = write(tmp_path / "in.txt")
    run(pipeline, [path], tmp_path / "out")
    nlp = spacy.load(pipeline)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "x", "pattern": "y"}])
    nlp.to_disk(tmp_path / "other")
    with pytest.raises(BertNerError, match=r"belongs to another job. .* differ: pipeline\."):
        run(tmp_path / "other", [path], tmp_path / "out", resume=True)


def test_a_folder_of_others_is_left_alone(pipeline, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    for resume in (False, True):
        with pytest.raises(
            BertNerError,
            match=r"out contains files that do not belong to an annotate job: thesis.txt. Allowed: a folder that is",
        ):
            run(pipeline, [write(tmp_path / "in.txt")], tmp_path / "out", resume=resume)
    assert files(tmp_path / "out") == {"thesis.txt": b"years of work"}


calls = count(1)  # each process has its own counter


def at_fourth(given=None):
    """Return the argument. On the fourth call, kill the process."""
    if next(calls) == 4:
        signal.raise_signal(signal.SIGKILL)
    return given


def dies_in_a_shard():
    real = worker.ShardAnnotator._write
    worker.ShardAnnotator._write = lambda self, chunk, shard: at_fourth(real(self, chunk, shard))


def dies_between_a_shard_and_its_errors():
    real = worker.ShardAnnotator._write_errors
    worker.ShardAnnotator._write_errors = lambda self, *arguments: at_fourth() or real(self, *arguments)


def dies_before_a_shard_is_finished():
    real = worker.ShardAnnotator._write_errors
    worker.ShardAnnotator._write_errors = lambda self, *arguments: at_fourth(real(self, *arguments))


def dies_while_a_shard_is_said_to_be_finished():
    real = worker.OutputFolder.write

    @contextmanager
    def write_file(self, name):
        with real(self, name) as stream:
            yield stream
            if name.startswith(worker.FINISHED):
                at_fourth()

    worker.OutputFolder.write = write_file


@pytest.mark.process
def test_a_process_that_is_killed_loses_nothing(pipeline, tmp_path):
    path = write(tmp_path / "in.txt", [f"{i} Kevin met Kevin in Paris" for i in range(200)])
    run(pipeline, [path], tmp_path / "whole", shard_size=10)
    line = [pipeline, path, "--shard-size", "10", "--output", tmp_path / "out", "--resume"]

    def start(first=lambda: None):
        return Run(tmp_path, *line, command=("bert-ner", "annotate"), first=first).wait()

    spots = [
        dies_in_a_shard,
        dies_between_a_shard_and_its_errors,
        dies_before_a_shard_is_finished,
        dies_while_a_shard_is_said_to_be_finished,
    ]
    for i, spot in enumerate(spots):
        done = start(spot)
        assert done.returncode == -signal.SIGKILL, done.printed
        assert len(list((tmp_path / "out" / "finished").glob("0*"))) == 3 * (i + 1)
    assert list((tmp_path / "out" / "finished").glob(".0*.tmp"))
    done = start()
    assert done.returncode == 0, done.printed
    found, whole = files(tmp_path / "out"), files(tmp_path / "whole")
    assert found.keys() == whole.keys()
    assert {name for name in whole if found[name] != whole[name]} <= {"manifest.json"}


def command(*arguments):
    done = CliRunner().invoke(app, ["bert-ner", "annotate", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def test_the_command(failing, tmp_path):
    (tmp_path / "in.csv").write_text("key,body,n\na,Kevin,1\nb,fail,2\nc,Kevin,3\n")
    options = ["--text-column", "body", "--id-column", "key", "--columns", "n", "--format", "jsonl", "--no-text"]
    code, output = command(failing, tmp_path / "in.csv", "--output", tmp_path / "out", *options, "--batch-size", 2)
    assert code == 0, output
    assert "has 2 documents, 2 words, 2 entities" in output
    assert "1 documents failed" in output
    assert [(row["id"], row["n"]) for row in read(tmp_path / "out")] == [("a", "1"), ("c", "3")]
    assert "text" not in read(tmp_path / "out")[0]
    code, output = command(failing, tmp_path / "in.csv", "--output", tmp_path / "out", *options)
    assert code == 1
    assert "--resume" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "--format xml is unknown. Specify one of these formats: parquet, jsonl, spacy."),
        (["--engine", "spark"], "--engine spark is unknown. Allowed: --engine ray"),
        (["--max-errors", "-1"], "greater than or equal to 0"),
    ],
)
def test_bad_options(pipeline, tmp_path, options, message):
    code, output = command(pipeline, write(tmp_path / "in.txt"), "--output", tmp_path / "out", *options)
    assert code != 0
    assert message in output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("missing", "options", "message"),
    [
        ("pyarrow", [], "requires pyarrow, which is not installed. Install it: pip install 'spacy-bert-ner[annotate]'"),
        (
            "ray",
            ["--engine", "ray"],
            "requires Ray, which is not installed. Install it: pip install 'spacy-bert-ner[scale]'",
        ),
    ],
)
def test_what_is_not_installed_is_told(pipeline, tmp_path, monkeypatch, missing, options, message):
    module = sys.modules["spacy_bert_ner.api.pipelines"]
    real = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else real(name))
    code, output = command(pipeline, write(tmp_path / "in.txt"), "--output", tmp_path / "out", *options)
    assert code == 1
    assert message in output


def test_the_page_names_options_that_there_are_and_no_others():
    page = (ROOT / "docs" / "scale.md").read_text("utf8")
    named = {name for line in page.splitlines() if "curl" not in line for name in re.findall(r"--[a-z][a-z-]*", line)}
    commands = get_command(app).commands["bert-ner"].commands
    known = {
        name
        for command in ("annotate", "serve")
        for one in commands[command].params
        for name in (*one.opts, *one.secondary_opts)
    }
    assert named - known == {"--cluster"}  # `--cluster` is a benchmark option
    # `--text` is missing because the page mentions its opposite.
    assert {name for name in known if name.startswith("--")} - named == {"--text"}
