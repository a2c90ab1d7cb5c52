"""Findings about what occurs more than once: sentences and documents in two splits, sentences annotated in two ways."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ...corpus.splitting.near_duplicates import MIN_WORDS
from ..duplicates import DuplicateFinder
from ..findings import Corpora, Finding, listed, share


def check_duplicates(corpora: Corpora, repeats: DuplicateFinder) -> Iterator[Finding]:
    """All of them."""
    yield from _leaks(corpora, repeats)
    yield from _documents(corpora)
    differing = repeats.differing
    if differing.n:
        yield Finding(
            "warning",
            "same_sentence",
            "sentences of the same words are annotated differently",
            differing.n,
            "sentences",
            share(differing.n, corpora.total("n_sentences")),
            "At least one of the two is wrong. Mend it; until then the model learns both.",
            differing.examples,
        )


def _leaks(corpora: Corpora, repeats: DuplicateFinder) -> Iterator[Finding]:
    sizes = {survey.name: survey.n_sentences for survey in corpora.surveys}
    again = "Take them out of one file, or split again: convert --split keeps copies together."
    for level, code, how, leaks in (
        ("error", "leakage", "are in {other} too", repeats.leaks),
        ("warning", "near_leakage", "are almost the same as one of {other}", repeats.near_leaks),
    ):
        for (split, other), tally in sorted(leaks.items()):
            yield Finding(
                level,
                code,
                f"sentences of {split} {how.format(other=other)} (of {MIN_WORDS} words or more)",
                tally.n,
                f"sentences of {split}",
                share(tally.n, sizes[split]),
                f"Scores on {split} come out too good. {again}",
                tally.examples,
            )


def _documents(corpora: Corpora) -> Iterator[Finding]:
    for first, second in combinations(corpora.surveys, 2):
        common = [name for name in second.documents if name in first.documents]
        if common:
            yield Finding(
                "info",
                "shared_documents",
                f"documents of {second.name} that have sentences in {first.name} too",
                len(common),
                f"documents of {second.name}",
                share(len(common), len(second.documents)),
                "A document repeats its names, so that scores say less of documents that the model has not seen. "
                "convert --split with --by-document keeps documents whole.",
                details=[listed(common, corpora.train.limit)] if corpora.train.limit else [],
            )
