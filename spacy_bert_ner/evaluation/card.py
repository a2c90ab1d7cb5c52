"""The model card of a pipeline: `README.md` beside its `meta.json`, from the numbers of a report.

What it says follows Mitchell et al. 2019, https://arxiv.org/abs/1810.03993. `spacy package` puts the file into the
package, and `spacy huggingface-hub push` on its page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from ..errors import BertNerError, Errors
from ..files import whole_files
from ..pages import score, visible
from .advice import by_f1, notes, recalls

README = "README.md"
_OURS = "<!-- Written by: python -m spacy bert-ner card -->"
_MANY = 0.2
"""Share of all mistakes from which a kind of them is named."""


def write_card(
    pipeline: Path,
    metrics: Path,
    guidelines: Path | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
) -> Path:
    """Write the model card of a saved pipeline, whole or not at all.

    pipeline: its folder.
    metrics: the `metrics.json` of a report on it, see `report.evaluate`.
    guidelines: a JSON file that says of each label what is marked: `{"per": "people"}`.
    name, version: as `spacy package` is given them; None for those of `meta.json`.
    RETURNS: the file that was written.
    RAISES BertNerError: a file is not there or not what it should be, the report is of other pipelines, or there is a
        `README.md` that was written by hand.
    """
    meta, report = _read(pipeline / "meta.json"), _read(metrics)
    meta |= {key: value for key, value in (("name", name), ("version", version)) if value is not None}
    told = _of(report, pipeline, metrics)
    texts = {} if guidelines is None else _read(guidelines)
    if not all(isinstance(text, str) for text in texts.values()):
        raise BertNerError(Errors.bad_guidelines.format(path=guidelines))
    path = pipeline / README
    if path.exists() and not path.read_text("utf8", "replace").startswith(_OURS):
        raise BertNerError(Errors.card_taken.format(path=path))
    try:
        text = _fill(meta, report, told, texts)
    except (KeyError, TypeError, AttributeError, ValueError, TemplateError) as e:
        raise BertNerError(Errors.bad_metrics.format(path=metrics, reason=repr(e))) from e
    with whole_files(pipeline, [README]) as (temporary,):
        temporary.write_text(text, encoding="utf8", errors="backslashreplace")
    return path


def _fill(meta: dict[str, Any], report: dict[str, Any], told: dict[str, Any], texts: Mapping[str, str]) -> str:
    # Markdown, in which autoescaping of HTML would show: `cell` escapes what could be taken for markup.
    environment = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters |= {"cell": _cell, "score": score, "interval": _interval}
    defaults = dict.fromkeys(("description", "license", "author", "components", "spacy_version", "version"))
    rows = sorted(told["scores"]["per_label"].items(), key=lambda item: (-item[1]["gold"], item[0]))
    return environment.from_string(files(__package__).joinpath("card.md").read_text("utf8")).render(
        meta={**defaults, **meta},
        report=report,
        told=told,
        micro=told["scores"]["micro"],
        labels=rows,
        guidelines=texts,
        examples=(report["train"] or {}).get("examples", {}),
        limits=list(_limits(told)),
    )


def _limits(told: dict[str, Any]) -> Iterator[str]:
    yield from notes(told)
    weak = by_f1(told)
    if len(weak) > 1:
        worst, label = weak[0]
        yield f"The weakest label is {label}, with F1 {worst:.3f}."
    shown, never = recalls(told)
    if shown is not None and never is not None:
        yield f"Recall is {never:.3f} for strings that the training data never has, and {shown:.3f} for the others."
    total = sum(told["mistakes"].values())
    kinds = [f"{kind} ({n / total:.0%})" for kind, n in told["mistakes"].items() if total and n / total >= _MANY]
    if kinds:
        yield f"Most mistakes are of the kinds: {', '.join(kinds)}."


def _of(report: dict[str, Any], pipeline: Path, metrics: Path) -> dict[str, Any]:
    """The numbers of the pipeline: those under its path, or the only ones."""
    found = report.get("pipelines")
    if not isinstance(found, dict) or not found or not all(isinstance(one, dict) for one in found.values()):
        raise BertNerError(Errors.bad_metrics.format(path=metrics, reason="it names no pipeline"))
    if str(pipeline) in found:
        return dict(found[str(pipeline)])
    if len(found) > 1:
        raise BertNerError(Errors.other_pipelines.format(path=metrics, pipeline=pipeline, found=", ".join(found)))
    return dict(next(iter(found.values())))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf8"))
    except FileNotFoundError as e:
        raise BertNerError(Errors.no_such_file.format(path=path)) from e
    except (OSError, ValueError, RecursionError) as e:
        raise BertNerError(Errors.no_table.format(path=path, reason=e)) from e
    if not isinstance(found, dict):
        raise BertNerError(Errors.no_table.format(path=path, reason="it is no table"))
    return found


def _cell(text: object) -> str:
    """Text that stands in a cell of a table of Markdown as it is."""
    shown = visible(" ".join(str(text).split()))
    for sign in "\\`*_[]<>|":
        shown = shown.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return shown


def _interval(row: dict[str, Any]) -> str:
    return "–" if row["f_interval"] is None else "{:.3f} to {:.3f}".format(*row["f_interval"])
