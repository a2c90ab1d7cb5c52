"""Write the model card of a pipeline from the metrics in a report, and that of an exported checkpoint.

The model card is the file `README.md` in the folder of the pipeline or checkpoint. It begins with the metadata for the
Hugging Face Hub. The sections of a pipeline's card follow Mitchell et al. 2019, https://arxiv.org/abs/1810.03993.
`spacy package` includes the file in the package, and `bert-ner push` publishes it on the model page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError

from ..errors import BertNerError, Errors
from ..reporting.text import interval, score, visible
from ..util.atomic_io import atomic_files
from ..util.provenance import pipeline_sum
from .bootstrap import labels_by_frequency
from .front_matter import METRICS, front_matter
from .recommendations import labels_by_f1, notes, recalls

README = "README.md"
_SIGNATURE = "<!-- Written by: python -m spacy bert-ner card"
_FACTORY = 'factory = "bert_ner"'
_FREQUENT = 0.2
"""Minimum share of all mistakes for a type of mistake to be mentioned in the card."""


def find_guidelines(corpus: Path) -> Path | None:
    """Find a corpus's guidelines, a JSON file in the same folder.

    For example, the guidelines for `names.csv`, `names.csv.zip` or the folder `names` are in `names.labels.json`.

    corpus (Path): file or folder that contains the corpus.
    RETURNS: the path to the guidelines, or None if the file does not exist.
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
    """Write the model card for a saved pipeline atomically.

    pipeline (Path): folder of the pipeline.
    metrics (Path): `metrics.json` from a report on the pipeline; see `report.evaluate`.
    guidelines (Path | None): JSON file with a description of each label, such as `{"per": "people"}`. Default: None.
    name, version (str | None): values passed to `spacy package`, or None to read them from `meta.json`. Default: None.
    RETURNS: the path to the model card.
    RAISES BertNerError: a file does not exist or has invalid content; the report covers other pipelines or an older
        state of this pipeline; the guidelines contain unknown labels; or `README.md` was written or edited by hand.
    """
    meta, report = _read(pipeline / "meta.json"), _read(metrics)
    meta |= {key: value for key, value in (("name", name), ("version", version)) if value is not None}
    for key in ("lang", "name"):
        if not isinstance(meta.get(key), str):
            raise BertNerError(Errors.bad_meta.format(path=pipeline / "meta.json", key=key))
    if not (isinstance(meta.get("components"), list) and all(isinstance(name, str) for name in meta["components"])):
        raise BertNerError(Errors.bad_meta.format(path=pipeline / "meta.json", key="components"))
    pipeline_metrics = _find_pipeline(report, pipeline, metrics)
    descriptions = {} if guidelines is None else _read(guidelines)
    if not all(isinstance(text, str) for text in descriptions.values()):
        raise BertNerError(Errors.bad_guidelines.format(path=guidelines))
    path = pipeline / README
    if path.exists() and not _is_generated(path.read_text("utf8", "replace")):
        raise BertNerError(Errors.card_taken.format(path=path))
    try:
        labels = _labels(pipeline_metrics, report)
        text = _sign(
            _front_matter(pipeline, meta, report, pipeline_metrics),
            _fill(meta, report, pipeline_metrics, labels, descriptions),
        )
    except (KeyError, TypeError, AttributeError, ValueError, TemplateError) as e:
        raise BertNerError(Errors.bad_metrics.format(path=metrics, reason=repr(e))) from e
    if unknown := descriptions.keys() - labels.keys():
        lists = {"unknown": ", ".join(sorted(unknown)), "labels": ", ".join(labels)}
        raise BertNerError(Errors.guidelines_of_others.format(path=guidelines, **lists))
    with atomic_files(pipeline, [README]) as (temporary,):
        temporary.write_text(text, encoding="utf8")
    return path


def checkpoint_card(
    meta: Mapping[str, Any],
    labels: Sequence[str],
    *,
    base_model: str | None = None,
    separate_markers: Sequence[str] = (),
) -> str:
    """Return the model card of a checkpoint that was exported from a pipeline.

    meta (Mapping): content of the pipeline's `meta.json`.
    labels (Sequence[str]): labels of the checkpoint.
    base_model (str | None): name on the Hub of the checkpoint that was fine-tuned; None if unknown. Default: None.
    separate_markers (Sequence[str]): subwords that mark capital letters and that `transformers` treats as separate
        words. Default: none.
    RETURNS (str): the content of `README.md`.
    """
    performance = meta.get("performance") or {}
    keys = {"precision": "ents_p", "recall": "ents_r", "f1": "ents_f"}
    scores = {metric: performance[key] for metric, key in keys.items() if performance.get(key)}
    head = front_matter(
        meta,
        "transformers",
        tags=["named-entity-recognition", "spacy-bert-ner"],
        scores=scores if "f1" in scores else {},
        data="dev data",
        split="validation",
        base_models=[base_model] if base_model else [],
    )
    body = _render(
        "checkpoint_card.md",
        meta=meta,
        name=f"{meta['lang']}_{meta['name']}",
        labels=labels,
        scores=scores if "f1" in scores else {},
        metric_names=METRICS,
        separate_markers=separate_markers,
    )
    return head + body


def _front_matter(pipeline: Path, meta: dict[str, Any], report: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return the metadata of a pipeline's card."""
    needs_component = _FACTORY in metrics["config"]
    micro = metrics["scores"]["micro"]
    return front_matter(
        meta,
        "spacy",
        tags=["spacy", "token-classification", "named-entity-recognition", *["spacy-bert-ner"] * needs_component],
        scores={"precision": micro["p"], "recall": micro["r"], "f1": micro["f"]},
        data=", ".join(report["data"]["sha256"]),
        split="test",
        base_models=_base_models(pipeline, meta["components"]),
    )


def _base_models(pipeline: Path, components: Sequence[str]) -> Iterator[str]:
    """Yield the names of the checkpoints on the Hub on which the components are based."""
    for component in components:
        path = pipeline / component / "cfg"
        source = _read(path).get("source") if path.is_file() else None
        # A checkpoint from a folder has no commit, and its name says nothing to others.
        if isinstance(source, dict) and source.get("commit") and isinstance(source.get("name"), str):
            yield source["name"]


def _sign(head: str, body: str) -> str:
    """Put a checksum between the metadata and the text of a card, to detect later edits."""
    head, body = (part.encode("utf8", "backslashreplace").decode() for part in (head, body))
    return f"{head}{_SIGNATURE} {sha256((head + body).encode()).hexdigest()} -->\n{body}"


def _is_generated(text: str) -> bool:
    """Return whether a card was written by this module and has not been edited since."""
    head, signature, rest = text.partition(_SIGNATURE)
    return bool(signature) and text == _sign(head, rest.partition("\n")[2])


def _labels(metrics: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    """Return the scores for each label, starting with the most frequent label.

    Labels that occur only in the pipeline or in the training data come last, with None instead of scores.
    """
    per_label = metrics["scores"]["per_label"]
    others = {*metrics["labels"], *(report["train"] or {}).get("examples", {})} - per_label.keys()
    scores_of = {label: per_label[label] for label in labels_by_frequency(metrics["scores"])}
    return scores_of | dict.fromkeys(sorted(others))


def _fill(
    meta: dict[str, Any],
    report: dict[str, Any],
    metrics: dict[str, Any],
    labels: Mapping[str, dict[str, Any] | None],
    guidelines: Mapping[str, str],
) -> str:
    """Fill in the template `card.md`."""
    defaults = dict.fromkeys(("description", "license", "author", "spacy_version", "version"))
    return _render(
        "card.md",
        meta={**defaults, **meta},
        report=report,
        metrics=metrics,
        micro=metrics["scores"]["micro"],
        labels=labels,
        score_attribute=metrics.get("score_attribute", "score") if metrics["confidence"] else None,
        guidelines=guidelines,
        wheel=re.sub(r"\W+", "_", f"{meta['lang']}_{meta['name']}"),
        needs_component=_FACTORY in metrics["config"],
        examples=(report["train"] or {}).get("examples", {}),
        is_held_out=bool(report["train"]) and not report["train"]["n_shared"],
        is_shared=bool(report["train"]) and report["train"]["n_shared"] > 0,
        limits=list(_limits(metrics, report)),
    )


def _render(template: str, **values: Any) -> str:
    """Fill in a template of this package."""
    # HTML escapes would be visible in Markdown code blocks. The filter `cell` escapes Markdown and HTML instead.
    environment = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters |= {"cell": _cell, "score": score, "interval": interval, "json": json.dumps}
    return environment.from_string(files(__package__).joinpath(template).read_text("utf8")).render(values)


def _limits(metrics: dict[str, Any], report: dict[str, Any]) -> Iterator[str]:
    yield from notes(metrics, report)
    weak = labels_by_f1(metrics)
    if len(weak) > 1:
        worst, label = weak[0]
        yield f"The label with the lowest F1 is {label} (F1 {worst:.3f})."
    seen, unseen = recalls(metrics)
    if seen is not None and unseen is not None:
        yield (
            f"Recall is {unseen:.3f} for entities that do not occur in the training data, and {seen:.3f} for entities "
            "that occur there with the same label."
        )
    total = sum(metrics["mistakes"].values())
    kinds = [f"{kind} ({n / total:.0%})" for kind, n in metrics["mistakes"].items() if total and n / total >= _FREQUENT]
    if kinds:
        subject = "type of mistake is" if len(kinds) == 1 else "types of mistakes are"
        yield f"The most frequent {subject} {', '.join(kinds)}."


def _find_pipeline(report: dict[str, Any], pipeline: Path, path: Path) -> dict[str, Any]:
    """Return the metrics in a report for the pipeline with the same file checksum."""
    metrics_of = report.get("pipelines")
    if not isinstance(metrics_of, dict) or not metrics_of or not all(isinstance(m, dict) for m in metrics_of.values()):
        raise BertNerError(Errors.bad_metrics.format(path=path, reason="it contains no pipeline"))
    checksum = pipeline_sum(pipeline)
    matches = [metrics for metrics in metrics_of.values() if metrics.get("sha256") == checksum]
    if not matches:
        raise BertNerError(Errors.other_pipelines.format(path=path, pipeline=pipeline, found=", ".join(metrics_of)))
    return dict(matches[0])


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    try:
        content = json.loads(path.read_text("utf8"))
    except FileNotFoundError as e:
        raise BertNerError(Errors.no_such_file.format(path=path)) from e
    except (OSError, ValueError, RecursionError) as e:
        raise BertNerError(Errors.no_table.format(path=path, reason=e)) from e
    if not isinstance(content, dict):
        raise BertNerError(Errors.no_table.format(path=path, reason="it is not a JSON object"))
    return content


def _cell(text: object) -> str:
    """Escape text for a Markdown line or table cell."""
    escaped = visible(" ".join(str(text).split()))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Some characters are markup only at the start of a line. An underscore between letters is never markup.
    escaped = re.sub(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|^[#+=-]", r"\\\g<0>", escaped)
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)
