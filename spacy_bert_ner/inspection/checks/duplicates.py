"""Check for duplicates: sentences and documents in two splits, and sentences with different annotations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ...corpus.splitting.near_duplicates import MIN_WORDS
from ..duplicates import DuplicateFinder
from ..findings import Corpora, Finding, listed, share


def check_duplicates(corpora: Corpora, duplicates: DuplicateFinder) -> Iterator[Finding]:
    """Check for duplicates.

    corpora (Corpora): statistics of the splits.
    duplicates (DuplicateFinder): the duplicate sentences.
    YIELDS (Finding): each finding.
    """
    yield from _check_leaks(corpora, duplicates)
    yield from _check_documents(corpora)
    differing = duplicates.differing
    if differing.n:
        yield Finding(
            "warning",
            "same_sentence",
            "identical sentences with different annotations",
            differing.n,
            "sentences",
            share(differing.n, corpora.total("n_sentences")),
            "At least one of the annotations is wrong. Fix it; until then the model learns both.",
            differing.examples,
        )


def _check_leaks(corpora: Corpora, duplicates: DuplicateFinder) -> Iterator[Finding]:
    sizes = {split.name: split.n_sentences for split in corpora.splits}
    fix = "Remove them from one file, or split again: convert --split keeps copies together."
    for level, code, relation, leaks in (
        ("error", "leakage", "also occur in", duplicates.leaks),
        ("warning", "near_leakage", "are nearly identical to one of", duplicates.near_leaks),
    ):
        for (split, other), counter in sorted(leaks.items()):
            yield Finding(
                level,
                code,
                f"sentences of {split} that {relation} {other} ({MIN_WORDS} words or more)",
                counter.n,
                f"sentences of {split}",
                share(counter.n, sizes[split]),
                f"Scores on {split} are too high. {fix}",
                counter.examples,
            )


def _check_documents(corpora: Corpora) -> Iterator[Finding]:
    for first, second in combinations(corpora.splits, 2):
        shared = [name for name in second.documents if name in first.documents]
        if shared:
            yield Finding(
                "info",
                "shared_documents",
                f"documents of {second.name} that also have sentences in {first.name}",
                len(shared),
                f"documents of {second.name}",
                share(len(shared), len(second.documents)),
                "A document repeats its names, so scores say less about documents that the model has not seen. "
                "convert --split with --by-document keeps documents together.",
                details=[listed(shared, corpora.train.limit)] if corpora.train.limit else [],
            )
