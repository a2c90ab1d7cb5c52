"""Define findings and combine examples from several splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .examples import CorpusExample
from .statistics import SplitStatistics

LEVELS = ("error", "warning", "info")
"""Levels of findings, most severe first. An error harms training or scores, a warning indicates a likely mistake, and
an info describes a property worth knowing."""


@dataclass(frozen=True)
class Finding:
    """A likely problem in a corpus, or a property worth knowing.

    level (str): a value in `LEVELS`.
    code (str): identifier of the check.
    title (str): description of the problem.
    count (int): number of occurrences.
    of (str): the items to which `share` refers, such as "entities".
    share (float | None): share of affected items, from 0 to 1; None if the total is unknown.
    advice (str): recommended action.
    examples (list[CorpusExample]): some of the occurrences.
    details (list[str]): additional information, one item per line.
    """

    level: str
    code: str
    title: str
    count: int
    of: str
    share: float | None
    advice: str
    examples: list[CorpusExample] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Corpora:
    """The splits of a corpus.

    splits (Sequence[SplitStatistics]): statistics on each split. The first split is the training data.
    """

    splits: Sequence[SplitStatistics]

    @property
    def train(self) -> SplitStatistics:
        """Return the statistics on the training data."""
        return self.splits[0]

    @property
    def others(self) -> Sequence[SplitStatistics]:
        """Return the statistics on all splits except the training data."""
        return self.splits[1:]

    @property
    def labels(self) -> list[str]:
        """Return all labels, most frequent first."""
        counts: dict[str, int] = {}
        for split in self.splits:
            for label, n in split.entities.items():
                counts[label] = counts.get(label, 0) + n
        return sorted(counts, key=lambda label: (-counts[label], label))

    def total(self, name: str) -> int:
        """Return the sum of a count over all splits.

        name (str): name of a `SplitStatistics` field.
        """
        return sum(getattr(split, name) for split in self.splits)

    def count_with_examples(self, code: str) -> tuple[int, list[CorpusExample]]:
        """Return the number of occurrences of a finding in all splits, and examples from each split in turn.

        code (str): code of the finding.
        """
        counters = [split.counters[code] for split in self.splits if code in split.counters]
        examples = in_turn([counter.examples for counter in counters], self.train.limit)
        return sum(counter.n for counter in counters), examples

    def noted_finding(
        self, level: str, code: str, title: str, *, of: str, total: int, advice: str
    ) -> Iterator[Finding]:
        """Create a finding from occurrences that were counted while the splits were read.

        level (str): a value in `LEVELS`.
        code (str): code of the finding.
        title (str): description of the problem.
        of (str): the items to which the share refers, such as "entities".
        total (int): total number of these items.
        advice (str): recommended action.
        YIELDS (Finding): the finding, if there are any occurrences.
        """
        count, examples = self.count_with_examples(code)
        if count:
            yield Finding(level, code, title, count, of, share(count, total), advice, examples)


def in_turn(lists: Sequence[Sequence[CorpusExample]], limit: int) -> list[CorpusExample]:
    """Return the first example from each list, then the second from each list, and so on, up to a limit."""
    longest = max(map(len, lists), default=0)
    return [examples[i] for i in range(longest) for examples in lists if i < len(examples)][:limit]


def share(count: int, total: int) -> float | None:
    """Return a count as a share of the total, or None if the total is 0."""
    return count / total if total else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Join names with commas. After the first `most` names, state only how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
