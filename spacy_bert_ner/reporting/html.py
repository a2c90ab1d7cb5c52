"""Render self-contained HTML pages."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from .text import interval, percent, score, visible


def render(package: str, template: str = "page.html", /, *, script: str | None = None, **context: Any) -> str:
    """Render a template that extends `base.html`.

    Values other than `Markup` are HTML-escaped. Their invisible characters are replaced with escape sequences.

    package (str): dotted name of the package that contains the template.
    template (str): file name of the template. Default: "page.html".
    script (str | None): file name of a script in the package, which becomes part of the page. The page allows no other
        script. Default: None.
    context: template variables. The variable `style` and the filters `percent`, `number`, `score` and `interval` are
        always available.
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
    environment.filters |= {"percent": percent, "number": lambda n: f"{n:,}", "score": score, "interval": interval}
    style = loader.mapping["page.css"]
    code = "" if script is None else files(package).joinpath(script).read_text("utf-8")
    # Browsers hash the text between the tags.
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    own = {"style": Markup(style), "script": Markup(code), "script_hash": digest}  # noqa: S704, files from this package
    return environment.get_template(template).render(**own, **context)


def _make_visible(value: Any) -> Any:
    """Escape invisible characters in plain text, except line breaks and tabs."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c in "\n\t" else visible(c) for c in value)
