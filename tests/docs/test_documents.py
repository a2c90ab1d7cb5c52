"""Test that everything mentioned in the documents exists."""

import re

from support import ROOT


def test_every_test_that_shows_something_exists():
    named = set(re.findall(r"`(test_\w+)", (ROOT / "docs" / "reliability.md").read_text()))
    code = "\n".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    assert len(named) > 70
    assert {name for name in named if f"def {name}(" not in code} == set()


def test_every_file_that_is_linked_exists():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_section_that_is_linked_exists():
    def sections(page):
        titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}

    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")]
    for page in pages:
        for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            assert anchor in sections(page.parent / link if link else page), f"{page.name}: {link}#{anchor}"
