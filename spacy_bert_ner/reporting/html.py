"""Render self-contained HTML pages, and format values and text for readers."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

_INVISIBLE_BUT_MEANINGFUL = "\n\u200c\u200d"
"""Line breaks, and the zero-width joiners of scripts and emoji."""


def render(package: str, template: str = "page.html", /, **context: Any) -> str:
    """Render a template that extends `base.html`.

    Values other than `Markup` are HTML-escaped, and their invisible characters are written as escape sequences.

    package (str): dotted name of the package that contains the template
    template (str): file name of the template, default `page.html`
    context: variables of the template. The variable `style` and the filters `percent`, `number` and `score` are always
        available.
    RETURNS: the page as HTML.
    """
    package_of = {template: package, "base.html": __package__, "page.css": __package__}
    loader = DictLoader({name: files(source).joinpath(name).read_text("utf-8") for name, source in package_of.items()})
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_make_visible,
    )
    environment.filters |= {"percent": percent, "number": lambda n: f"{n:,}", "score": score}
    style = loader.mapping["page.css"]
    return environment.get_template(template).render(style=Markup(style), **context)  # noqa: S704, a file of this package


def _make_visible(value: Any) -> Any:
    """Escape the invisible characters of plain text; keep line breaks and tabs."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c in "\n\t" else visible(c) for c in value)


def percent(value: float | None) -> str:
    """Format a share from 0 to 1 as a percentage, or an en dash for None."""
    if value is None:
        return "–"
    return f"{value:.1%}" if value >= 0.001 or not value else "< 0.1%"


def score(value: float | None) -> str:
    """Format a score from 0 to 1 with three decimals, or an en dash for None."""
    return "–" if value is None else f"{value:.3f}"


def visible(text: str) -> str:
    """Replace invisible and control characters with Python escape sequences."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable(text: str) -> str:
    """Replace each invisible character with one space or U+FFFD, which keeps the length of the text."""
    return "".join(
        c if c.isprintable() or c in _INVISIBLE_BUT_MEANINGFUL else " " if c.isspace() else "\ufffd" for c in text
    )


def cut_middle(text: str, length: int) -> str:
    """Shorten text to at most `length` characters by cutting its middle: names often differ only at their ends."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - half - 1]}…{text[-half:]}"
