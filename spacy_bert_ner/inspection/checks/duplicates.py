"""Check for sentences and documents that occur in two splits, and for equal sentences with different annotations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from ...corpus.splitting.near_duplicates import MIN_WORDS
from ..duplicates import DuplicateFinder
from ..findings import Corpora, Finding, listed, share


def check_duplicates(corpora: Corpora, duplicates: DuplicateFinder) -> Iterator[Finding]:
    """Check a corpus for duplicates.

    corpora (Corpora): statistics on the splits.
    duplicates (DuplicateFinder): the finder that collected the duplicate sentences.
    YIELDS (Finding): the findings.
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
            "At least one of the annotations is wrong. Correct it, because the model learns from both.",
            differing.examples,
        )


def _check_leaks(corpora: Corpora, duplicates: DuplicateFinder) -> Iterator[Finding]:
    sizes = {split.name: split.n_sentences for split in corpora.splits}
    fix = (
        "Remove them from one file, or split the corpus again with convert --split, which keeps duplicates in the same "
        "split."
    )
    for level, code, relation, leaks in (
        ("error", "leakage", "also occur in", duplicates.leaks),
        ("warning", "near_leakage", "are nearly identical to a sentence in", duplicates.near_leaks),
    ):
        for (split, other), counter in sorted(leaks.items()):
            yield Finding(
                level,
                code,
                f"sentences in {split} that {relation} {other} ({MIN_WORDS} words or more)",
                counter.n,
                f"sentences in {split}",
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
                f"documents in {second.name} that also have sentences in {first.name}",
                len(shared),
                f"documents in {second.name}",
                share(len(shared), len(second.documents)),
                "The sentences of a document repeat its names, so scores say less about unseen documents. To keep "
                "documents together, split the corpus again with convert --split and --by-document.",
                details=[listed(shared, corpora.train.limit)] if corpora.train.limit else [],
            )
