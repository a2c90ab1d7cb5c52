"""Evaluate pipelines, and write the report: numbers, a page, plots, and every mistake."""

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
from spacy.vocab import Vocab

from ..corpus.splitting.part_file import EVALUATED, TRAINED_ON, part_file
from ..errors import BertNerError, Errors
from ..util.atomic_io import atomic_folder
from ..util.pipelines import entity_labels, load, our_components
from ..util.provenance import data_sum, pipeline_sum, versions
from .bootstrap import compare, count_entities
from .charts import CHARTS, all_charts
from .entities_page import ENTITIES, write_entities
from .error_cases import Case, difference_cases, mistake_cases
from .measure import PipelineOutput, compute_metrics, read_gold, run_pipeline
from .slices import examples, known_entities
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
) -> dict[str, Any]:
    """Evaluate pipelines on the same examples, and each pair of them side by side.

    pipelines: folders, or names of installed packages; of any components that set entities.
    data: a `.spacy` file; or a folder, whose test part is taken, see `part_file`.
    output: a folder to write the report to, whole or not at all: `metrics.json`, `report.html`, PNG files in `plots/`,
        `mistakes.jsonl` and, of several pipelines, `differences.jsonl`; see `places`. None for none.
    seed: of the documents that are drawn for the intervals.
    train: the `.spacy` file of the training data, or a folder with it, by which entities are told apart that it has
        and that it has not.
    log: the CSV file of the training, see `training_curves.read_log`.
    wanted_precision: see `measure.compute_metrics`.
    displacy: a folder to write a page of documents with their entities to, see `entities_page`; None for none.
    displacy_limit: number of documents on that page.
    RETURNS: what `metrics.json` holds: `data`, and `train` with `examples` of each label and `n_shared`, held-out Docs
        that it has too; `log`; `seed`; `versions`; `pipelines`, see `measure.compute_metrics`, each with its `config`,
        its `labels`, its `thresholds`, and `sha256`, see `provenance.pipeline_sum`; `comparisons`, see
        `bootstrap.compare`; `training`, see `training_curves.read_log`.
    RAISES BertNerError: something is not there or damaged, a folder does not tell which file is the test data, there is
        no annotation, `output` is something else, or matplotlib is not installed, which a report takes.
    """
    _check(pipelines, output, wanted_precision)
    if displacy is not None and displacy.exists() and not displacy.is_dir():
        raise BertNerError(Errors.displacy_is_file.format(path=displacy))
    data, train = part_file(data, EVALUATED), None if train is None else part_file(train, TRAINED_ON)
    training = None if log is None else read_log(log)
    known, texts = (None, frozenset[str]()) if train is None else _read_training(train)
    found: dict[str, PipelineOutput] = {}
    told: dict[str, dict[str, Any]] = {}
    for path in pipelines:
        nlp = load(path)
        name = str(path)
        found[name] = run_pipeline(nlp, data, name)
        told[name] = compute_metrics(found[name], seed, known=known, wanted_precision=wanted_precision) | _about(nlp)
    labels = sorted({e.label for one in found.values() for side in (one.gold, one.predicted) for d in side for e in d})
    counts = {name: count_entities(one.gold, one.predicted, labels) for name, one in found.items()}
    report = {
        "data": data_sum(data),
        "train": None
        if train is None
        else data_sum(train)
        | {
            "examples": examples(known or {}),
            "n_shared": sum(_words(doc) in texts for doc in found[str(pipelines[0])].docs),
        },
        "log": None if log is None else str(log),
        "seed": seed,
        "versions": versions(),
        "pipelines": told,
        "comparisons": [
            {"from": one, "to": other} | compare(counts[one], counts[other], seed=seed)
            for one, other in combinations(counts, 2)
        ],
        "training": training,
    }
    if output is not None:
        _write(output, report, found)
    if displacy is not None:
        write_entities(displacy, found, displacy_limit)
    return report


def _words(doc: Doc) -> str:
    """Of a text, without the white space between them, which corpora keep in different ways."""
    return "".join(doc.text.split())


def _read_training(path: Path) -> tuple[dict[str, Counter[str]], frozenset[str]]:
    """How often its strings are entities, and the words of its texts."""
    texts = set()

    def docs() -> Iterator[Doc]:
        for one in read_gold(path, Vocab()):
            texts.add(_words(one.doc))
            yield one.doc

    known = known_entities(docs())
    if not known:
        raise BertNerError(Errors.no_known_entities.format(path=path))
    return known, frozenset(texts)


def _check(pipelines: Sequence[Path], output: Path | None, wanted_precision: float) -> None:
    known: set[Path] = set()
    for path in pipelines:
        if path.is_file():
            raise BertNerError(Errors.pipeline_is_file.format(path=path))
        real = path.resolve()  # whatever way it is spelled
        if real in known:
            raise BertNerError(Errors.pipeline_twice.format(path=path))
        known.add(real)
    if not 0 <= wanted_precision <= 1:
        raise BertNerError(Errors.no_precision.format(value=wanted_precision))
    if output is None:
        return
    place = output.resolve()
    if inside := known & {place, *place.parents}:
        raise BertNerError(Errors.report_in_pipeline.format(output=output, pipeline=min(inside)))
    if place in {Path.cwd(), *Path.cwd().parents}:
        raise BertNerError(Errors.report_is_here.format(output=output))
    if output.exists() and not _is_report(output):
        raise BertNerError(Errors.report_taken.format(output=output))
    if find_spec("matplotlib") is None:
        raise BertNerError(Errors.no_matplotlib.format(option="--report", path=output))


def _is_report(folder: Path) -> bool:
    """Whether there is an older report and nothing else, or nothing at all."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    if not names:
        return True
    try:
        told = json.loads((folder / METRICS).read_text("utf8"))
    except (OSError, ValueError, RecursionError):
        return False
    # Others keep a metrics.json and plots too, but no page beside them.
    return (
        names <= OURS and PAGE in names and isinstance(told, dict) and "pipelines" in told and _are_ours(folder / PLOTS)
    )


def _are_ours(plots: Path) -> bool:
    """Whether there is nothing but charts of ours."""
    return all(path.suffix == ".png" and path.stem.partition("-")[0] in CHARTS for path in plots.glob("*"))


def _about(nlp: Language) -> dict[str, Any]:
    """What of a pipeline its numbers depend on. Of several `bert_ner` none is told, as each has its own settings."""
    ours = our_components(nlp)
    pipe: Any = nlp.get_pipe(ours[0]) if len(ours) == 1 else None
    return {
        "component": ours[0] if pipe else None,
        "labels": sorted(entity_labels(nlp)),
        "temperature": pipe.cfg["temperature"] if pipe else None,
        "thresholds": dict(pipe.settings.thresholds) if pipe else {},
        "meta": {key: nlp.meta.get(key) for key in ("name", "version", "lang", "spacy_version")},
        "config": nlp.config.to_str(interpolate=False),
        "sha256": pipeline_sum(nlp.path) if nlp.path else None,
    }


def _write(output: Path, report: dict[str, Any], found: dict[str, PipelineOutput]) -> None:
    from ..reporting.charts import to_png
    from .html_report import page

    charts = all_charts(report["pipelines"], report["training"])
    cases = {name: list(mistake_cases(one)) for name, one in found.items()}
    differences = {pair: list(difference_cases(found[pair[0]], found[pair[1]])) for pair in combinations(found, 2)}
    with atomic_folder(output) as folder:
        _write_text(folder / METRICS, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        _write_text(folder / PAGE, page(report, charts, cases, differences))
        _write_text(folder / MISTAKES, "".join(_lines("pipeline", cases)))
        if differences:
            _write_text(folder / DIFFERENCES, "".join(_lines("pipelines", differences)))
        (folder / PLOTS).mkdir()
        for group in charts.values():
            for chart in group:
                to_png(chart, folder / PLOTS)


def _lines(key: str, cases: dict[Any, list[Case]]) -> Iterator[str]:
    for who, rows in cases.items():
        for row in rows:
            yield json.dumps({key: who, **row}, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> None:
    # A corpus may hold halves of surrogate pairs, which no file takes as they are.
    path.write_text(text, encoding="utf8", errors="backslashreplace")
