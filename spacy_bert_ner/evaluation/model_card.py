"""The model card of a pipeline: `README.md` beside its `meta.json`, from the numbers of a report.

What it says follows Mitchell et al. 2019, https://arxiv.org/abs/1810.03993. `spacy package` puts the file into the
package, and `spacy huggingface-hub push` on its page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from ..errors import BertNerError, Errors
from ..reporting.html import score, visible
from ..util.atomic_io import atomic_files
from ..util.provenance import pipeline_sum
from .recommendations import by_f1, notes, recalls

README = "README.md"
_OURS = "<!-- Written by: python -m spacy bert-ner card"
_FACTORY = 'factory = "bert_ner"'
_MANY = 0.2
"""Share of all mistakes from which a kind of them is named."""


def guidelines_beside(corpus: Path) -> Path | None:
    """Find the guidelines of a corpus: `names.labels.json` beside `names.csv`, `names.csv.zip` or the folder `names`.

    RETURNS: None where there is no such file.
    """
    name = corpus.resolve().name
    if not corpus.is_dir():
        name = Path(name.removesuffix(".zip")).stem
    path = corpus.resolve().parent / f"{name}.labels.json"
    return path if path.is_file() else None


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
    RAISES BertNerError: a file is not there or not what it should be, the report is on other pipelines or on what this
        one was before, guidelines are for other labels, or there is a `README.md` that was written or changed by hand.
    """
    meta, report = _read(pipeline / "meta.json"), _read(metrics)
    meta |= {key: value for key, value in (("name", name), ("version", version)) if value is not None}
    for key in ("lang", "name"):
        if not isinstance(meta.get(key), str):
            raise BertNerError(Errors.bad_meta.format(path=pipeline / "meta.json", key=key))
    if not (isinstance(meta.get("components"), list) and all(isinstance(name, str) for name in meta["components"])):
        raise BertNerError(Errors.bad_meta.format(path=pipeline / "meta.json", key="components"))
    told = _of(report, pipeline, metrics)
    texts = {} if guidelines is None else _read(guidelines)
    if not all(isinstance(text, str) for text in texts.values()):
        raise BertNerError(Errors.bad_guidelines.format(path=guidelines))
    path = pipeline / README
    if path.exists() and not _is_ours(path.read_text("utf8", "replace")):
        raise BertNerError(Errors.card_taken.format(path=path))
    try:
        labels = _labels(told, report)
        text = _signed(_fill(meta, report, told, labels, texts))
    except (KeyError, TypeError, AttributeError, ValueError, TemplateError) as e:
        raise BertNerError(Errors.bad_metrics.format(path=metrics, reason=repr(e))) from e
    if unknown := texts.keys() - labels.keys():
        lists = {"unknown": ", ".join(sorted(unknown)), "labels": ", ".join(labels)}
        raise BertNerError(Errors.guidelines_of_others.format(path=guidelines, **lists))
    with atomic_files(pipeline, [README]) as (temporary,):
        temporary.write_text(text, encoding="utf8")
    return path


def _signed(body: str) -> str:
    """The card, with the sum of what was written, by which changes of other hands can be seen."""
    body = body.encode("utf8", "backslashreplace").decode()
    return f"{_OURS} {sha256(body.encode()).hexdigest()} -->\n{body}"


def _is_ours(text: str) -> bool:
    return text == _signed(text.partition("\n")[2])


def _labels(told: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    """The scores of each label, the most frequent first; None of labels that neither gold nor predicted entities have,
    and training data or the pipeline do."""
    rows = sorted(told["scores"]["per_label"].items(), key=lambda item: (-item[1]["gold"], item[0]))
    others = {*told["labels"], *(report["train"] or {}).get("examples", {})}
    return dict(rows) | dict.fromkeys(sorted(others - {name for name, _ in rows}))


def _fill(
    meta: dict[str, Any],
    report: dict[str, Any],
    told: dict[str, Any],
    labels: Mapping[str, dict[str, Any] | None],
    texts: Mapping[str, str],
) -> str:
    # Markdown, in which autoescaping of HTML would show: `cell` escapes what could be taken for markup.
    environment = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters |= {"cell": _cell, "score": score, "interval": _interval, "json": json.dumps}
    defaults = dict.fromkeys(("description", "license", "author", "spacy_version", "version"))
    return environment.from_string(files(__package__).joinpath("card.md").read_text("utf8")).render(
        meta={**defaults, **meta},
        report=report,
        told=told,
        micro=told["scores"]["micro"],
        labels=labels,
        guidelines=texts,
        wheel=re.sub(r"\W+", "_", f"{meta['lang']}_{meta['name']}"),
        needs_component=_FACTORY in told["config"],
        examples=(report["train"] or {}).get("examples", {}),
        is_held_out=bool(report["train"]) and not report["train"]["n_shared"],
        is_shared=bool(report["train"]) and report["train"]["n_shared"] > 0,
        limits=list(_limits(told, report)),
    )


def _limits(told: dict[str, Any], report: dict[str, Any]) -> Iterator[str]:
    yield from notes(told, report)
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
    """The numbers of a pipeline with the same files."""
    found = report.get("pipelines")
    if not isinstance(found, dict) or not found or not all(isinstance(one, dict) for one in found.values()):
        raise BertNerError(Errors.bad_metrics.format(path=metrics, reason="it names no pipeline"))
    files = pipeline_sum(pipeline)
    same = [one for one in found.values() if one.get("sha256") == files]
    if not same:
        raise BertNerError(Errors.other_pipelines.format(path=metrics, pipeline=pipeline, found=", ".join(found)))
    return dict(same[0])


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
    """Text that stands as it is in a line of Markdown, or in a cell of a table there."""
    shown = visible(" ".join(str(text).split()))
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Signs at the beginning make headings and lists; a line between letters makes nothing.
    shown = re.sub(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|^[#+=-]", r"\\\g<0>", shown)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", shown)


def _interval(row: dict[str, Any]) -> str:
    return "–" if row["f_interval"] is None else "{:.3f} to {:.3f}".format(*row["f_interval"])
