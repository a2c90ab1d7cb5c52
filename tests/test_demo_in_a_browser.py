"""The page in Chromium: type, see the entities, move the slider, download; on a wide screen and on a phone."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import spacy

from spacy_bert_ner.display import shown

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; apt-get install chromium"),
]
TEXT = "Kevin Durant lives in New York."
PATIENCE = 90_000  # ms; a busy machine takes its time


@pytest.fixture(scope="module")
def pipeline(tagger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "pipeline"
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger), "overlap": 8}})
    nlp.initialize()
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def address(pipeline, tmp_path_factory):
    """Where the page is served, on this machine alone; until the tests of this file end."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "spacy",
        "bert-ner",
        "visualize",
        str(pipeline),
        "--port",
        str(port),
    ]
    log = tmp_path_factory.mktemp("log") / "log"
    with log.open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        url = f"http://localhost:{port}"
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        else:
            pytest.fail(f"Nothing is served: {log.read_text()}")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the page on a screen of so many pixels."""
    pages = []

    def open_it(width=1200, height=900):
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.get_by_text("Download as CSV").wait_for()  # of the example
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
    """The marked entities, once there are so many."""
    found = page.locator("mark.entity")
    for _ in range(PATIENCE // 100):
        if found.count() == n:
            break
        page.wait_for_timeout(100)
    return [text.strip() for text in found.all_inner_texts()]


@pytest.mark.parametrize("size", [(1200, 900), (390, 844)], ids=["wide", "phone"])
def test_type_see_the_entities_move_the_slider_and_download(open_page, pipeline, size):
    page = open_page(*size)
    expected = shown(spacy.load(pipeline)(TEXT))
    told = [f"{TEXT[one.start : one.end]}{one.label} {one.score:.2f}" for one in expected]
    assert len(expected) >= 2
    send(page, TEXT)
    page.locator(f"mark.entity:has-text('{TEXT[expected[0].start : expected[0].end]}')").first.wait_for()
    assert marks(page, len(expected)) == told
    assert page.get_by_text(f"{len(expected)} of {len(expected)} entities").is_visible()
    # Without a mouse: from the slider's left end, so many hundredths that the least certain entity goes.
    least = min(one.score for one in expected)
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(int(least * 100) + 1):
        page.keyboard.press("ArrowRight")
    left = [one for one in expected if one.score >= int(least * 100 + 1) / 100]
    assert marks(page, len(left)) == [f"{TEXT[one.start : one.end]}{one.label} {one.score:.2f}" for one in left]
    page.get_by_text(f"{len(left)} of {len(expected)} entities").wait_for()
    for name, read in (("CSV", lambda text: list(csv.DictReader(text.splitlines()))), ("JSONL", _json_lines)):
        with page.expect_download() as download:
            page.get_by_text(f"Download as {name}").click()
        table = read(download.value.path().read_text("utf8"))
        assert [(row["text"], row["label"], int(row["start"])) for row in table] == [
            (TEXT[one.start : one.end], one.label, one.start) for one in left
        ]
    # Nothing is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def _json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_bad_input_is_told_and_the_page_goes_on(page, tmp_path):
    send(page, "   ")
    page.get_by_text("There is no text. Type some, or choose a text file.").wait_for()
    (tmp_path / "latin.txt").write_bytes("Zoë".encode("latin-1"))
    page.locator("input[type=file]").set_input_files(str(tmp_path / "latin.txt"))
    page.get_by_text("latin.txt").first.wait_for()
    page.get_by_role("button", name="Find entities").click()
    page.get_by_text("latin.txt is no text in UTF-8: byte 2").wait_for()
    page.locator("input[type=file]").set_input_files([])


def test_a_long_text_from_a_file_is_shown_in_parts(page, tmp_path):
    (tmp_path / "long.txt").write_text("Kevin Durant lives in New York.\n" * 400, encoding="utf8")  # 12,800 characters
    page.locator("input[type=file]").set_input_files(str(tmp_path / "long.txt"))
    page.get_by_text("long.txt").first.wait_for()
    page.get_by_role("button", name="Find entities").click()
    number = page.get_by_label("Part of the text, of 5")
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
    page.get_by_text("Tokens, subwords, and how likely their tags are").click()
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
