"""Test the demo page in Chromium on a wide screen and on a phone: typing, entities, the slider and downloads."""

import csv
import json
import shutil

import pytest
import spacy
from fork_server import fast_python
from pages import free_port, served

from spacy_bert_ner.reporting.entity_html import entity_spans

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; apt-get install chromium"),
]
TEXT = "Kevin Durant lives in New York."
PATIENCE = 90_000  # in milliseconds, for a busy machine


@pytest.fixture(scope="module")
def pipeline(tagger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "pipeline"
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")  # it gives no scores
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.initialize()
    ruler.add_patterns([{"label": "team", "pattern": "Nets"}])
    nlp.meta["performance"] = {"ents_f": 0.875}
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def address(pipeline, tmp_path_factory):
    """Return the local URL of the page, which is served until the end of this module."""
    port = free_port()
    command = ["-W", "ignore", "-m", "spacy", "bert-ner", "visualize", str(pipeline), "--port", str(port)]
    with served(command, port, tmp_path_factory.mktemp("log") / "log", python=fast_python()) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Return a function that opens the page on a screen with the given size in pixels."""
    pages = []

    def open_it(width=1200, height=900):
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.get_by_text("Download as CSV").wait_for()  # for the example text
        return page

    yield open_it
    for page in pages:
        page.close()


@pytest.fixture
def page(open_page):
    return open_page()


def send(page, text):
    box = page.get_by_label("Text", exact=True)
    box.fill(text)
    box.press("Control+Enter")


def marks(page, n):
    """Return the text of all marked entities. First wait until there are `n` of them."""
    found = page.locator("mark.entity")
    for _ in range(PATIENCE // 100):
        if found.count() == n:
            break
        page.wait_for_timeout(100)
    return [text.strip() for text in found.all_inner_texts()]


def told(text, entities):
    """Return the expected text of the marked entities, including labels and scores."""
    scores = ["" if one.score is None else f" {one.score:.2f}" for one in entities]
    return [f"{text[one.start : one.end]}{one.label}{score}" for one, score in zip(entities, scores, strict=True)]


@pytest.mark.parametrize("size", [(1200, 900), (390, 844)], ids=["wide", "phone"])
def test_type_see_the_entities_move_the_slider_and_download(open_page, pipeline, size):
    page = open_page(*size)
    expected = entity_spans(spacy.load(pipeline)(TEXT))
    assert len(expected) >= 2
    assert page.get_by_text("en_pipeline 0.0.0, F1 0.875 on its dev data").is_visible()
    send(page, TEXT)
    page.locator(".entities:not(:has-text('Brooklyn'))").wait_for()  # the example text is gone
    assert marks(page, len(expected)) == told(TEXT, expected)
    assert page.get_by_text(f"{len(expected)} of {len(expected)} entities").is_visible()
    # Move the slider with the keyboard from its left end, in steps of 0.1 and 0.01, until the least certain entity is
    # hidden.
    least = int(min(one.score for one in expected) * 100) + 1
    slider = page.get_by_role("slider")
    slider.focus()
    for key, n in (("PageUp", least // 10), ("ArrowRight", least % 10)):
        for _ in range(n):
            page.keyboard.press(key)
    assert float(slider.input_value()) == least / 100
    left = [one for one in expected if one.score >= least / 100]
    assert marks(page, len(left)) == told(TEXT, left)
    page.get_by_text(f"{len(left)} of {len(expected)} entities").wait_for()
    # When the script reruns, Streamlit deletes files that are being downloaded. Wait for the run after the last key.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    for name, read in (("CSV", lambda text: list(csv.DictReader(text.splitlines()))), ("JSONL", _json_lines)):
        with page.expect_download() as download:
            page.get_by_text(f"Download as {name}").click()
        table = read(download.value.path().read_text("utf8"))
        assert [(row["text"], row["label"], int(row["start"])) for row in table] == [
            (TEXT[one.start : one.end], one.label, one.start) for one in left
        ]
    # No element is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def _json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_labels_are_chosen_with_the_keyboard(page, pipeline):
    text = f"{TEXT} The Nets left."
    expected = entity_spans(spacy.load(pipeline)(text))
    assert {one.label for one in expected} > {"team"}
    send(page, text)
    page.locator(".entities:not(:has-text('Brooklyn'))").wait_for()
    page.get_by_role("combobox", name="Labels").press("Backspace")  # removes the last label
    left = [one for one in expected if one.label != "team"]
    page.get_by_text(f"{len(left)} of {len(expected)} entities").wait_for()
    assert marks(page, len(left)) == told(text, left)


def test_a_file_is_dropped(page, pipeline):
    drop = """zone => {
        const data = new DataTransfer();
        data.items.add(new File(["Kevin Durant"], "dropped.txt", {type: "text/plain"}));
        for (const name of ["dragenter", "dragover", "drop"])
            zone.dispatchEvent(new DragEvent(name, {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.get_by_test_id("stFileUploaderDropzone").evaluate(drop)
    page.get_by_text("dropped.txt").first.wait_for()
    page.get_by_role("button", name="Find entities").click()
    expected = entity_spans(spacy.load(pipeline)("Kevin Durant"))
    page.get_by_text(f"{len(expected)} of {len(expected)} entities").wait_for()
    assert page.locator(".entities").inner_text().startswith("Kevin")
    assert len(marks(page, len(expected))) == len(expected) > 0


def test_bad_input_is_told_and_the_page_goes_on(page, tmp_path):
    send(page, "   ")
    page.get_by_text("There is no text. Enter some text, or choose a text file.").wait_for()
    (tmp_path / "latin.txt").write_bytes("Zoë".encode("latin-1"))
    page.locator("input[type=file]").set_input_files(str(tmp_path / "latin.txt"))
    page.get_by_text("latin.txt").first.wait_for()
    page.get_by_role("button", name="Find entities").click()
    page.get_by_text("latin.txt is not a UTF-8 text file: the byte at offset 2 is invalid").wait_for()
    page.locator("input[type=file]").set_input_files([])


def test_a_long_text_from_a_file_is_shown_in_parts(page, tmp_path):
    (tmp_path / "long.txt").write_text("Kevin Durant lives in New York.\n" * 400, encoding="utf8")  # 12,800 characters
    page.locator("input[type=file]").set_input_files(str(tmp_path / "long.txt"))
    page.get_by_text("long.txt").first.wait_for()
    page.get_by_role("button", name="Find entities").click()
    number = page.get_by_label("Part of the text (1 to 5)")
    number.wait_for()
    assert page.locator(".entities").inner_text().count("Kevin") <= 94
    number.fill("5")
    number.press("Enter")
    page.wait_for_function("document.querySelector('.entities').innerText.length < 2000")


def test_hostile_text_stays_text(page):
    send(page, "<img src=x onerror=document.title='broken'> Kevin <script>document.title='broken'</script>")
    page.locator(".entities:has-text('<script>')").wait_for()
    assert page.title() == "Entities"
    assert page.locator(".entities img").count() == 0


def test_tokens_are_shown(page):
    page.get_by_text("Tokens, subwords and tag probabilities").click()
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
