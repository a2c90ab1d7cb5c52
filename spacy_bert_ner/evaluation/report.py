"""Evaluate pipelines, and write a report with metrics, an HTML page, plots and all mistakes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..corpus.splitting.part_file import EVALUATED, THRESHOLDS_ON, TRAINED_ON, part_file
from ..errors import BertNerError, Errors
from ..reporting.label_colours import label_colors
from ..util.atomic_io import atomic_files, atomic_folder
from ..util.pipelines import entity_labels, load, our_components
from ..util.progress import Progress, no_progress
from ..util.provenance import data_sum, pipeline_sum, versions
from .bootstrap import compare, count_entities
from .charts import CHARTS, all_charts
from .dev_thresholds import dev_thresholds
from .entities_page import ENTITIES, write_entities
from .error_cases import Case, correct_cases, difference_cases, mistake_cases
from .measure import PipelineOutput, compute_metrics, read_gold, run_pipeline, scored_entities
from .mistake_export import export_format, export_mistakes
from .slices import known_entities, label_examples
from .training_curves import read_log

METRICS = "metrics.json"
PAGE = "report.html"
MISTAKES = "mistakes.jsonl"
DIFFERENCES = "differences.jsonl"
PLOTS = "plots"
OURS = {METRICS, PAGE, MISTAKES, DIFFERENCES, PLOTS, ENTITIES}


def evaluate(
    pipelines: Sequence[Path],
    data: Path,
    output: Path | None = None,
    seed: int = 0,
    *,
    train: Path | None = None,
    log: Path | None = None,
    wanted_precision: float = 0.9,
    displacy: Path | None = None,
    displacy_limit: int = 25,
    dev: Path | None = None,
    mistakes_file: Path | None = None,
    mistakes_format: str | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Evaluate pipelines on the same examples, and compare each pair of pipelines.

    pipelines: folders or names of installed packages. The pipelines can have any components that set entities.
    data (Path): annotated file in any supported format, or a folder with the test split as a `.spacy` file; see
        `part_file`.
    output (Path | None): folder for the report, or None to write no report. The report is written atomically. It
        contains `metrics.json`, `report.html`, PNG files in `plots/`, `mistakes.jsonl` and, for several pipelines,
        `differences.jsonl`; see `error_cases`. Default: None.
    seed (int): seed for the bootstrap. Default: 0.
    train (Path | None): training data, given like `data`. It is used to distinguish seen and unseen entities. Default:
        None.
    log (Path | None): CSV training log; see `training_curves.read_log`. Default: None.
    wanted_precision (float): target precision for thresholds, from 0 to 1; see `measure.compute_metrics`. Default: 0.9.
    displacy (Path | None): folder for a page with documents and their entities, or None to write no page; see
        `entities_page`. Default: None.
    displacy_limit (int): maximum number of documents on that page. Default: 25.
    dev (Path | None): dev data, given like `data`. The report shows precision and recall on it by threshold. Default:
        None.
    mistakes_file (Path | None): file to which the mistakes are exported; see `mistake_export`. None exports no file.
        Default: None.
    mistakes_format (str | None): format of that file. None chooses the format by the suffix. Default: None.
    progress (Progress): function that reports how many texts a pipeline has annotated. Default: `no_progress`.
    RETURNS: the content of `metrics.json`:
        `data`: path and checksum of the data
        `train`: path and checksum of the training data, `examples` for each label, and `n_shared`, the number of
            held-out Docs that are also in the training data
        `dev`: path and checksum of the dev data, or None. If given, the metrics of each pipeline
            also contain `dev`; see `dev_thresholds`
        `log`, `seed`, `versions`: information needed to reproduce the report
        `pipelines`: metrics by pipeline; see `measure.compute_metrics`. Each pipeline also has its `config`, `labels`,
            `thresholds`, `score_attribute` and `sha256`; see `provenance.pipeline_sum`
        `comparisons`: see `bootstrap.compare`
        `training`: see `training_curves.read_log`
    RAISES BertNerError: a file does not exist or is damaged; the test split in a folder is ambiguous; the data has
        no entity annotation; `output` is neither empty nor an older report; or matplotlib, which reports require, is
        not installed.
    """
    _check(pipelines, output, wanted_precision)
    if displacy is not None and displacy.exists() and not displacy.is_dir():
        raise BertNerError(Errors.displacy_is_file.format(path=displacy))
    data, train = part_file(data, EVALUATED), None if train is None else part_file(train, TRAINED_ON)
    dev = None if dev is None else part_file(dev, THRESHOLDS_ON)
    if dev is not None and not dev.exists():
        raise BertNerError(Errors.no_such_file.format(path=dev))
    if mistakes_file is not None:
        mistakes_format = export_format(mistakes_file, mistakes_format)
    training = None if log is None else read_log(log)
    known, texts = None, frozenset[str]()
    outputs: dict[str, PipelineOutput] = {}
    metrics: dict[str, dict[str, Any]] = {}
    for path in pipelines:
        nlp = load(path)
        name = str(path)
        if train is not None and known is None:
            known, texts = _read_training(train, nlp)
        outputs[name] = run_pipeline(nlp, data, name, progress)
        metrics[name] = compute_metrics(outputs[name], seed, known=known, wanted_precision=wanted_precision)
        metrics[name] |= _describe_pipeline(nlp)
        if dev is not None:
            metrics[name]["dev"] = _dev_thresholds(run_pipeline(nlp, dev, name, progress))
    labels = sorted(
        {
            entity.label
            for result in outputs.values()
            for docs in (result.gold, result.predicted)
            for doc in docs
            for entity in doc
        }
    )
    counts = {name: count_entities(result.gold, result.predicted, labels) for name, result in outputs.items()}
    report = {
        "data": data_sum(data),
        "train": None
        if train is None
        else data_sum(train)
        | {
            "examples": label_examples(known or {}),
            "n_shared": sum(_words(doc) in texts for doc in outputs[str(pipelines[0])].docs),
        },
        "dev": None if dev is None else data_sum(dev),
        "log": None if log is None else str(log),
        "seed": seed,
        "versions": versions(),
        "pipelines": metrics,
        "comparisons": [
            {"from": first, "to": second} | compare(counts[first], counts[second], seed=seed)
            for first, second in combinations(counts, 2)
        ],
        "training": training,
    }
    is_listed = output is not None or mistakes_file is not None
    cases = {name: list(mistake_cases(out, known)) for name, out in outputs.items()} if is_listed else {}
    if output is not None:
        _write(output, report, outputs, cases, known)
    if mistakes_file is not None and mistakes_format is not None:
        content = export_mistakes(cases, mistakes_format)
        with atomic_files(mistakes_file.parent, [mistakes_file.name]) as (temporary,):
            _write_text(temporary, content)
    if displacy is not None:
        colour_of = label_colors(*(described["labels"] for described in metrics.values()))
        write_entities(displacy, outputs, displacy_limit, colour_of)
    return report


def _dev_thresholds(output: PipelineOutput) -> dict[str, Any]:
    gold = Counter(entity.label for doc in output.gold for entity in doc)
    return {"gold": gold.total(), "labels": dev_thresholds(scored_entities(output), gold)}


def _words(doc: Doc) -> str:
    """Return a Doc's text without white space, which can differ between corpora."""
    return "".join(doc.text.split())


def _read_training(path: Path, nlp: Language) -> tuple[dict[str, Counter[str]], frozenset[str]]:
    """Count the entities in training data, and collect its texts without white space."""
    texts = set()

    def docs() -> Iterator[Doc]:
        for gold in read_gold(path, nlp):
            texts.add(_words(gold.doc))
            yield gold.doc

    known = known_entities(docs())
    if not known:
        raise BertNerError(Errors.no_known_entities.format(path=path))
    return known, frozenset(texts)


def _check(pipelines: Sequence[Path], output: Path | None, wanted_precision: float) -> None:
    """Reject invalid arguments before any pipeline runs."""
    known: set[Path] = set()
    for path in pipelines:
        if path.is_file():
            raise BertNerError(Errors.pipeline_is_file.format(path=path))
        real = path.resolve()  # several paths can refer to the same folder
        if real in known:
            raise BertNerError(Errors.pipeline_twice.format(path=path))
        known.add(real)
    if not 0 <= wanted_precision <= 1:
        raise BertNerError(Errors.no_precision.format(value=wanted_precision))
    if output is None:
        return
    folder = output.resolve()
    if inside := known & {folder, *folder.parents}:
        raise BertNerError(Errors.report_in_pipeline.format(output=output, pipeline=min(inside)))
    if folder in {Path.cwd(), *Path.cwd().parents}:
        raise BertNerError(Errors.report_is_here.format(output=output))
    if output.exists() and not _is_report(output):
        raise BertNerError(Errors.report_taken.format(output=output))
    if find_spec("matplotlib") is None:
        raise BertNerError(Errors.no_matplotlib.format(option="--report", path=output))


def _is_report(folder: Path) -> bool:
    """Return whether a folder is empty or contains only an older report."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    if not names:
        return True
    try:
        metrics = json.loads((folder / METRICS).read_text("utf8"))
    except (OSError, ValueError, RecursionError):
        return False
    # Other programs also write metrics.json and plots, but not together with this page.
    is_named_like_report = names <= OURS and PAGE in names and _has_only_charts(folder / PLOTS)
    return is_named_like_report and isinstance(metrics, dict) and "pipelines" in metrics


def _has_only_charts(plots: Path) -> bool:
    """Return whether a folder contains only charts from reports."""
    return all(path.suffix == ".png" and path.stem.partition("-")[0] in CHARTS for path in plots.glob("*"))


def _describe_pipeline(nlp: Language) -> dict[str, Any]:
    """Return the properties of a pipeline that affect its metrics.

    Settings are reported only for a single `bert_ner`, because several components can have different settings.
    """
    ours = our_components(nlp)
    pipe: Any = nlp.get_pipe(ours[0]) if len(ours) == 1 else None
    return {
        "component": ours[0] if pipe else None,
        "labels": sorted(entity_labels(nlp)),
        "temperature": pipe.cfg["temperature"] if pipe else None,
        "thresholds": dict(pipe.settings.thresholds) if pipe else {},
        "score_attribute": _score_attribute([nlp.get_pipe(name) for name in ours]),
        "meta": {key: nlp.meta.get(key) for key in ("name", "version", "lang", "spacy_version")},
        "config": nlp.config.to_str(interpolate=False),
        "sha256": pipeline_sum(nlp.path) if nlp.path else None,
    }


def _score_attribute(pipes: Sequence[Any]) -> str | None:
    """Return the extension attribute that all components with scores use, or None if they do not share one."""
    names = {pipe.settings.score_attribute for pipe in pipes if pipe.settings.spans_key is not None}
    return names.pop() if len(names) == 1 else None


def _write(
    folder: Path,
    report: dict[str, Any],
    outputs: dict[str, PipelineOutput],
    cases: dict[str, list[Case]],
    known: dict[str, Counter[str]] | None,
) -> None:
    """Write all report files."""
    from ..reporting.charts import to_png
    from .html_report import render_report

    charts = all_charts(report["pipelines"], report["training"])
    correct = {name: list(correct_cases(output, known)) for name, output in outputs.items()}
    differences = {
        pair: list(difference_cases(outputs[pair[0]], outputs[pair[1]])) for pair in combinations(outputs, 2)
    }
    with atomic_folder(folder) as temporary:
        _write_text(temporary / METRICS, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        _write_text(temporary / PAGE, render_report(report, charts, cases, correct, differences))
        _write_text(temporary / MISTAKES, "".join(_lines("pipeline", cases)))
        if differences:
            _write_text(temporary / DIFFERENCES, "".join(_lines("pipelines", differences)))
        (temporary / PLOTS).mkdir()
        for group in charts.values():
            for chart in group:
                to_png(chart, temporary / PLOTS)


def _lines(key: str, cases: dict[Any, list[Case]]) -> Iterator[str]:
    """Yield cases as JSON Lines. `key` is the name of the field for the pipeline or pair of pipelines."""
    for pipeline, rows in cases.items():
        for row in rows:
            yield json.dumps({key: pipeline, **row}, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> None:
    # A corpus may contain lone surrogates, which UTF-8 cannot encode.
    path.write_text(text, encoding="utf8", errors="backslashreplace")
