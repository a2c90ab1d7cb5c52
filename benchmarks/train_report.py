"""Summarize the runs from `train.py`: tables, and F1 differences with confidence intervals.

A run is one way, trained once with one seed on one corpus. It is a dictionary with `corpus`, `way`, `seed`, `steps`,
`seconds`, `peak_mb` and `scores`. For each test set, `scores` contains scores from `score_bert_ner`, and the F1 for
each label in `labels`.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.training import Example
from wasabi import table

Run = dict[str, Any]
Counts = npt.NDArray[np.int64]
PLAIN, OTHER = "plain loop", "spacy-transformers"
OWN = ("bert_ner", "bert_ner best")
MEASURES = (PLAIN, OTHER, "article")
BASES = (OWN[0], f"{OWN[0]}, tokens")  # baselines for the ways with changed settings
CHUNK = 200  # resamples per block, which take 8 MB for a test set with 5,000 sentences


def entity_counts(examples: Iterable[Example], same: Collection[str] = ()) -> Counts:
    """Count the correct, spurious and missed entities in each sentence, as in spaCy's `get_ner_prf`.

    examples (Iterable[Example]): predicted and gold entities for each sentence.
    same (Collection[str]): labels to treat as one label.
    RETURNS: *Shape:* `(n_sentences, 3)`
    """
    counts = []
    for eg in examples:
        gold = {(_one(ent.label_, same), ent.start, ent.end) for ent in eg.reference.ents}
        n_gold, n_correct, n_spurious = len(gold), 0, 0
        for ent in eg.predicted.ents:
            tokens = eg.alignment.x2y[ent.start : ent.end]
            if len(tokens):
                key = (_one(ent.label_, same), int(tokens[0]), int(tokens[-1]) + 1)
                n_correct += key in gold
                n_spurious += key not in gold
                gold.discard(key)
        counts.append((n_correct, n_spurious, n_gold - n_correct))
    return np.array(counts, dtype=np.int64).reshape(-1, 3)


def _one(label: str, same: Collection[str]) -> str:
    return "+".join(sorted(same)) if label in same else label


def micro_f1(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Compute F1 from summed counts. F1 is 0 without gold and predicted entities. *Shape:* `(..., 3)` → `(...)`"""
    correct, spurious, missed = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    return np.asarray(2 * correct / np.maximum(2 * correct + spurious + missed, 1))


def paired_bootstrap(a: Counts, b: Counts, n_resamples: int = 10_000, seed: int = 0) -> tuple[float, float, float]:
    """Compute the difference in mean F1 between two ways, with a 95 % confidence interval.

    Each resample draws test sentences with replacement, and uses the same sentences for both ways. The interval
    contains 95 % of the differences in all resamples. This is the percentile interval (Efron and Tibshirani 1993, An
    Introduction to the Bootstrap, chapter 13). It covers the variation between samples of similar sentences, but not
    between seeds.

    a, b (Counts): counts for the runs of each way, on the same sentences. *Shape:* `(n_runs, n_sentences, 3)`
    n_resamples (int): number of resamples.
    seed (int): random seed for the resamples.
    RETURNS: the difference on the original test set, and the lower and upper bounds.
    """
    n_sentences = a.shape[1]
    # A single matrix product computes the sums for all runs: (n_resamples, n_sentences) @ (n_sentences, n_runs * 3)
    runs = np.concatenate([a, b]).transpose(1, 0, 2).reshape(n_sentences, -1).astype(np.float64)
    random = np.random.default_rng(seed)
    differences = []
    for start in range(0, n_resamples, CHUNK):
        n = min(CHUNK, n_resamples - start)
        drawn = random.integers(n_sentences, size=(n, n_sentences)) + np.arange(n)[:, None] * n_sentences
        times = np.bincount(drawn.ravel(), minlength=n * n_sentences).reshape(n, n_sentences)
        f1 = micro_f1((times.astype(np.float64) @ runs).reshape(n, -1, 3))
        differences.append(f1[:, : len(a)].mean(1) - f1[:, len(a) :].mean(1))
    low, high = np.quantile(np.concatenate(differences), (0.025, 0.975))
    difference = micro_f1(a.sum(1)).mean() - micro_f1(b.sum(1)).mean()
    return float(difference), float(low), float(high)


def summarize(runs: list[Run]) -> list[dict[str, Any]]:
    """Summarize the runs in one row per way and corpus, in the order of their first runs."""
    rows = []
    for corpus, way in dict.fromkeys((run["corpus"], run["way"]) for run in runs):
        by_seed = {run["seed"]: run for run in runs if (run["corpus"], run["way"]) == (corpus, way)}
        row: dict[str, Any] = {
            "corpus": corpus,
            "way": way,
            "seeds": sorted(by_seed),
            "steps": _first(by_seed)["steps"],
        }
        row["tests"] = {
            test: _scores([run["scores"][test] for run in by_seed.values()]) for test in _first(by_seed)["scores"]
        }
        row["seconds"] = _spread([run["seconds"] for run in by_seed.values()])
        row["ratios"] = {}
        for measure in (PLAIN, OTHER):
            measure_by_seed = {run["seed"]: run for run in runs if (run["corpus"], run["way"]) == (corpus, measure)}
            ratios = [
                by_seed[seed]["seconds"] / measure_by_seed[seed]["seconds"]
                for seed in by_seed
                if seed in measure_by_seed
            ]
            row["ratios"][measure] = _spread(ratios) if ratios else None
        row["peak_mb"] = statistics.median(run["peak_mb"] for run in by_seed.values())
        rows.append(row)
    return rows


def compare(runs: list[Run], counts: dict[tuple[str, str, int, str], Counts]) -> list[dict[str, Any]]:
    """Compute the F1 differences between our ways and the others, and between changed settings and their baselines.

    Each difference uses the seeds with which both ways ran.

    runs (list[Run]): all runs.
    counts (dict[tuple[str, str, int, str], Counts]): results from `entity_counts` by corpus, way, seed and test set.
    RETURNS: one row per corpus, test set and pair of ways, with the difference and its bounds.
    """
    by_key = {(run["corpus"], run["way"], run["seed"]): run for run in runs}
    ways = dict.fromkeys(run["way"] for run in runs)
    changed = [(way, base) for base in BASES for way in ways if way.startswith(f"{base}, ")]
    pairs = [*((way, measure) for way in OWN for measure in MEASURES), *changed]
    differences = []
    for corpus in dict.fromkeys(run["corpus"] for run in runs):
        for way, measure in pairs:
            seeds = sorted(s for c, w, s in by_key if (c, w) == (corpus, way) and (corpus, measure, s) in by_key)
            for test in by_key[corpus, way, seeds[0]]["scores"] if seeds else ():
                a, b = (np.stack([counts[corpus, w, s, test] for s in seeds]) for w in (way, measure))
                difference, low, high = paired_bootstrap(a, b)
                about = {"corpus": corpus, "test": test, "way": way, "minus": measure, "seeds": seeds}
                differences.append({**about, "difference": difference, "low": low, "high": high})
    return differences


def print_report(rows: list[dict[str, Any]], differences: list[dict[str, Any]]) -> None:
    """Print two tables per corpus, and one with the F1 differences in points.

    The second table for a corpus shows F1 by label on its last test set.
    """
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        corpus_rows = [row for row in rows if row["corpus"] == corpus]
        tests = list(corpus_rows[0]["tests"])
        header = [
            "way",
            "seeds",
            *(f"F1, {test}" for test in tests),
            "iob_doc_acc",
        ]  # on the first test set
        header += ["seconds", f"/ {PLAIN}", f"/ {OTHER}", "peak MB"]
        lines = []
        for row in corpus_rows:
            scores = [row["tests"][test] for test in tests]
            line = [row["way"], len(row["seeds"]), *(_mean(s["ents_f"]) for s in scores)]
            line += [f"{scores[0]['iob_doc_acc']['mean']:.4f}", _range(row["seconds"], 0)]
            line += [_range(row["ratios"][measure], 2) for measure in (PLAIN, OTHER)]
            lines.append([*line, f"{row['peak_mb']:.0f}"])
        print(f"\n{corpus}")
        print(table(lines, header=header, divider=True))
        by_label = {row["way"]: row["tests"][tests[-1]]["labels"] for row in corpus_rows}
        labels = sorted({label for scores in by_label.values() for label in scores})
        lines = [[way, *(f"{scores.get(label, 0.0):.3f}" for label in labels)] for way, scores in by_label.items()]
        print(table(lines, header=[f"F1, {tests[-1]}", *labels], divider=True))
    lines = [[d["corpus"], d["test"], f"{d['way']} - {d['minus']}", len(d["seeds"]), *_points(d)] for d in differences]
    if lines:
        print(table(lines, header=["corpus", "test", "F1", "seeds", "points", "95 % interval"], divider=True))


def _first(runs: dict[int, Run]) -> Run:
    return next(iter(runs.values()))


def _scores(scores: list[dict[str, Any]]) -> dict[str, Any]:
    """Compute the mean and standard deviation for each score, and the mean F1 for each label."""
    row: dict[str, Any] = {}
    for key in (key for key in scores[0] if key != "labels"):
        values = [s[key] or 0.0 for s in scores]
        row[key] = {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else None}
    labels = sorted({label for s in scores for label in s["labels"]})
    row["labels"] = {label: statistics.mean(s["labels"].get(label, 0.0) for s in scores) for label in labels}
    return row


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _mean(score: dict[str, Any]) -> str:
    return f"{score['mean']:.4f}" if score["sd"] is None else f"{score['mean']:.4f} ± {score['sd']:.4f}"


def _range(spread: dict[str, float] | None, places: int) -> str:
    if spread is None:
        return "-"
    median, least, most = (f"{spread[key]:.{places}f}" for key in ("median", "min", "max"))
    return f"{median} ({least}-{most})"


def _points(difference: dict[str, Any]) -> tuple[str, str]:
    middle, low, high = (100 * difference[key] for key in ("difference", "low", "high"))
    return f"{middle:+.1f}", f"{low:+.1f} to {high:+.1f}"
