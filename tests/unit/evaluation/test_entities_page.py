"""Test `evaluate --displacy-path`, which writes a page with documents and entities, as `spacy evaluate` does."""

import re

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bert_ner.cli import app
from spacy_bert_ner.reporting.label_colours import label_colors

TEXTS = ["Mia met Bo .", "Nobody <b> came .", "Rome is old ."]


@pytest.fixture
def paths(tmp_path):
    """Return a pipeline that finds Mia and Rome, and gold data with the entities Mia, Bo and Rome."""
    nlp = spacy.blank("en")
    patterns = [{"label": "PER", "pattern": "Mia"}, {"label": "A<B", "pattern": "Rome"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "ruler")
    docs = [Doc(nlp.vocab, words=text.split()) for text in TEXTS]
    docs[0].ents = [Span(docs[0], 0, 1, "PER"), Span(docs[0], 2, 3, "PER")]
    docs[1].ents = []
    docs[2].ents = [Span(docs[2], 0, 1, "A<B")]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    return tmp_path / "ruler", tmp_path / "test.spacy"


def run(*arguments):
    done = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def rows(page):
    """Return the side (gold or predicted) and the marked entities in each row."""
    found = re.findall(r"<dt>(\w+)</dt><dd>(.*?)</dd>", page, flags=re.DOTALL)
    return [(side, re.findall(r"<mark[^>]*>([^<]*)<b[^>]*>([^<]*)</b>", text)) for side, text in found]


def test_the_page_shows_gold_and_predicted_entities(paths, tmp_path):
    code, output = run(*paths, "--displacy-path", tmp_path / "new" / "pages")
    assert code == 0, output
    assert f"Wrote {tmp_path}/new/pages/entities.html" in output
    assert [path.name for path in (tmp_path / "new" / "pages").iterdir()] == ["entities.html"]
    page = (tmp_path / "new" / "pages" / "entities.html").read_text("utf8")
    assert rows(page) == [
        ("gold", [("Mia", "PER"), ("Bo", "PER")]),
        ("predicted", [("Mia", "PER")]),
        ("gold", []),
        ("predicted", []),
        ("gold", [("Rome", "A&lt;B")]),
        ("predicted", [("Rome", "A&lt;B")]),
    ]
    assert "Nobody &lt;b&gt; came" in page
    assert "test.spacy, document 3" in page
    assert "Showing 3 of 3 documents" in page


def test_a_label_has_the_colour_that_the_pipeline_gives_it(paths, tmp_path):
    nlp = spacy.blank("en")
    patterns = [{"label": "DATE", "pattern": "Mia"}, {"label": "TIME", "pattern": "Rome"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "times")
    assert run(tmp_path / "times", paths[1], "-dp", tmp_path)[0] == 0
    page = (tmp_path / "entities.html").read_text("utf8")
    colours = {label: colour for colour, label in re.findall(r"background: (#......)[^>]*>[^<]*<b[^>]*>([^<]*)<", page)}
    assert colours["DATE"] != colours["TIME"]
    expected = label_colors(["DATE", "TIME"])
    assert colours == {"DATE": expected["DATE"], "TIME": expected["TIME"], "PER": "#f18fa8", "A&lt;B": expected["A<B"]}


def test_so_many_documents_are_shown_and_an_older_page_is_replaced(paths, tmp_path):
    (tmp_path / "entities.html").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    assert run(*paths, "-dp", tmp_path, "-dl", 1)[0] == 0
    page = (tmp_path / "entities.html").read_text("utf8")
    assert [side for side, _ in rows(page)] == ["gold", "predicted"]
    assert "Showing 1 of 3 documents" in page
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_two_pipelines_have_a_part_each(paths, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Bo"}])
    nlp.to_disk(tmp_path / "other")
    assert run(paths[0], tmp_path / "other", paths[1], "-dp", tmp_path, "-dl", 1)[0] == 0
    page = (tmp_path / "entities.html").read_text("utf8")
    assert [entities for side, entities in rows(page) if side == "predicted"] == [[("Mia", "PER")], [("Bo", "PER")]]


def test_a_file_is_no_folder_and_nothing_is_evaluated(paths, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, output = run(*paths, "--displacy-path", tmp_path / "taken")
    assert code == 1
    assert f"--displacy-path {tmp_path}/taken is a file, but it must be a folder." in " ".join(output.split())
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_error_leaves_the_older_page(paths, tmp_path, monkeypatch):
    (tmp_path / "entities.html").write_text("old")

    def fail(*arguments, **context):
        raise OSError("no room")

    monkeypatch.setattr("spacy_bert_ner.evaluation.entities_page.render", fail)
    code, output = run(*paths, "--displacy-path", tmp_path)
    assert (code, "no room" in output) == (1, True)
    assert (tmp_path / "entities.html").read_text() == "old"
