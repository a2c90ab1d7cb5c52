"""Pages of HTML that need nothing else, and text that is shown to people."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

_KEPT = "\n\u200c\u200d"
"""Line breaks, and the joiners of scripts and of emoji."""


def render(package: str, template: str = "page.html", /, **context: Any) -> str:
    """Fill in a template of a package, which extends `base.html`. Whatever is no `Markup` is escaped, and characters
    of it that cannot be seen are written out.

    context: what the template names; the filters `percent`, `number` and `score`, and `style`, are there for all.
    """
    texts = {template: package, "base.html": __package__, "page.css": __package__}
    loader = DictLoader({name: files(where).joinpath(name).read_text("utf-8") for name, where in texts.items()})
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"percent": percent, "number": lambda n: f"{n:,}", "score": score}
    style = loader.mapping["page.css"]
    return environment.get_template(template).render(style=Markup(style), **context)  # noqa: S704, it is our own


def _shown(value: Any) -> Any:
    """What stands for a value on a page: of text what can be seen; lines and columns stay."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c in "\n\t" else visible(c) for c in value)


def percent(value: float | None) -> str:
    """A share, as people read it."""
    if value is None:
        return "–"
    return f"{value:.1%}" if value >= 0.001 or not value else "< 0.1%"


def score(value: float | None) -> str:
    """A score from 0 to 1."""
    return "–" if value is None else f"{value:.3f}"


def visible(text: str) -> str:
    """Text without characters that cannot be seen, or that a terminal obeys: they are written as Python does."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable(text: str) -> str:
    """Text of the same length without characters that cannot be seen: spaces, or U+FFFD, stand for them."""
    return "".join(c if c.isprintable() or c in _KEPT else " " if c.isspace() else "\ufffd" for c in text)


def cut_middle(text: str, length: int) -> str:
    """Names of no more than so many characters: those that begin alike differ at their ends."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - half - 1]}…{text[-half:]}"
