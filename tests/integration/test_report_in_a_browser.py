"""Click through the report in Chromium: cells, slices, filters, thresholds and two pipelines side by side."""

import shutil

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_bert_ner.evaluation.report import evaluate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; apt-get install chromium"),
]
HOSTILE = "</script><img src=x onerror=document.title='broken'>"
SCORES = {"Kevin": 0.9, "Ada": 0.6, "lives": 0.3}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return a report on one pipeline with scores, and a report on two pipelines."""
    folder = tmp_path_factory.mktemp("reports")
    vocab = spacy.blank("en").vocab
    docs = []
    for words, gold in (
        (["Kevin", "met", HOSTILE], [("per", 0)]),
        (["Ada", "met", "Kevin"], [("org", 0), ("per", 2)]),
        (["Rome", "lives"], [("geo", 0)]),
    ):
        doc = Doc(vocab, words=words)
        doc.set_ents([Span(doc, i, i + 1, label=label) for label, i in gold])
        docs.append(doc)
    DocBin(docs=docs).to_disk(folder / "test.spacy")
    for name, label in (("one", "per"), ("two", "geo")):
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": label, "pattern": text} for text in SCORES])
        nlp.to_disk(folder / name)
    scores = pytest.MonkeyPatch()
    scores.setattr("spacy_bert_ner.evaluation.measure.entity_score", lambda ent: SCORES[ent.text])
    data = folder / "test.spacy"
    evaluate([folder / "one"], data, folder / "single", dev=data)
    evaluate([folder / "one", folder / "two"], data, folder / "both")
    scores.undo()
    return folder


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser, reports):
    pages, errors = [], []

    def open_it(name, width=1400, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(error))  # playwright cannot wrap a built-in method
        page.goto((reports / name / "report.html").as_uri())
        return page

    yield open_it
    for page in pages:
        assert page.title().startswith("Evaluation")
        page.close()
    assert errors == []


def shown(page):
    """Return the kind and the gold text of each visible sentence."""
    cases = page.locator(".case:visible")
    return [(case.get_attribute("data-kind"), case.locator("dd").first.inner_text()) for case in cases.all()]


def test_a_cell_shows_its_sentences_and_the_keyboard_clears_them(open_report):
    page = open_report("single")
    assert "3 documents" in page.locator("main").inner_text()
    assert shown(page) == []  # the lists are closed
    page.get_by_role("button", name="gold org, predicted per: 1. Show sentences").click()
    assert shown(page) == [("wrong label", "Adaorg met Kevinper")]
    assert page.locator(".filter [role=status]").inner_text().startswith("1 of the ")
    page.keyboard.press("Enter")  # the focus is on the button that removes the filter
    assert shown(page) == []
    page.get_by_role("button", name="gold per, predicted per: 2. Show sentences").click()
    assert [kind for kind, _ in shown(page)] == ["correct", "correct"]
    assert any(HOSTILE in text for _, text in shown(page))
    assert page.locator("main img").count() == 0


def test_a_slice_shows_its_sentences(open_report):
    page = open_report("single")
    page.get_by_text("Table of slices").click()
    page.get_by_role("button", name="Show sentences with letters: like this", exact=True).click()
    assert shown(page) == [("spurious", "Romegeo lives")]


def test_mistakes_are_filtered_by_label_kind_score_and_text(open_report):
    page = open_report("single")
    form = page.locator("form.filter")
    form.locator("[name=kind]").select_option("missed")
    assert shown(page) == [("missed", "Romegeo lives")]
    form.get_by_role("button", name="Clear").click()
    form.locator("[name=label]").select_option(label="org")
    assert [kind for kind, _ in shown(page)] == ["wrong label"]
    form.get_by_role("button", name="Clear").click()
    form.get_by_label("Score from").fill("0.2")
    form.get_by_label("to", exact=True).fill("0.5")
    assert [kind for kind, _ in shown(page)] == ["spurious"]
    form.get_by_role("button", name="Clear").click()
    form.get_by_label("Text").fill("KEVIN")
    assert [kind for kind, _ in shown(page)] == ["wrong label"]


def test_a_threshold_changes_precision_and_recall(open_report):
    page = open_report("single")
    row = page.locator("tr[data-points]")
    assert row.locator("output").all_inner_texts() == ["0", "0.500", "1.000", "0.667"]  # 2 of 4 are correct
    slider = page.get_by_role("slider", name="Threshold for per")
    slider.press("End")
    assert row.locator("output").all_inner_texts() == ["0.9", "1.000", "1.000", "1.000"]
    assert page.locator("tfoot output").all_inner_texts() == ["1.000", "0.500", "0.667"]
    assert page.locator(".setting").inner_text() == 'thresholds = {"per":0.9}'


def test_two_pipelines_are_side_by_side_on_a_wide_screen_and_stacked_on_a_phone(open_report):
    for width, is_beside in ((1400, True), (390, False)):
        page = open_report("both", width)
        left, right = (page.locator(f"#pipeline-{n}").bounding_box() for n in (1, 2))
        assert (left["y"] == right["y"]) == is_beside
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.locator(".scroll.overflows:visible").count() > 0 or is_beside


def test_without_script_everything_can_be_read(open_report):
    page = open_report("single", java_script_enabled=False)
    assert page.locator("form.filter").is_hidden()
    assert page.locator("table.heat").inner_text().split()[:4] == ["gold", "↓", "predicted", "→"]
    page.get_by_text("wrong label: 1").click()
    assert shown(page) == [("wrong label", "Adaorg met Kevinper")]
