"""What a finding is, and how the places of several files make one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .examples import CorpusExample
from .statistics import SplitStatistics

LEVELS = ("error", "warning", "info")
"""From worse to harmless: what spoils training or scores, what is likely wrong, what is good to know."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a corpus, or good to know of it.

    level: one of `LEVELS`.
    code: its name, which stays the same.
    count, of: how many, and of what: "entities".
    share: of all of those; None where there is no such number.
    advice: what to do.
    details: what else there is to say, a line each.
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
    """The files that are looked at together, that of training first.

    others: the files that are not trained on.
    """

    surveys: Sequence[SplitStatistics]

    @property
    def train(self) -> SplitStatistics:
        return self.surveys[0]

    @property
    def others(self) -> Sequence[SplitStatistics]:
        return self.surveys[1:]

    @property
    def labels(self) -> list[str]:
        """All of them, the most frequent first."""
        counts: dict[str, int] = {}
        for survey in self.surveys:
            for label, n in survey.entities.items():
                counts[label] = counts.get(label, 0) + n
        return sorted(counts, key=lambda label: (-counts[label], label))

    def total(self, name: str) -> int:
        """The sum of a number of the surveys."""
        return sum(getattr(survey, name) for survey in self.surveys)

    def noted(self, code: str) -> tuple[int, list[CorpusExample]]:
        """How often something was noted in all files, and the first places, from each file in turn."""
        tallies = [survey.tallies[code] for survey in self.surveys if code in survey.tallies]
        return sum(tally.n for tally in tallies), in_turn([tally.examples for tally in tallies], self.train.limit)


def in_turn(lists: Sequence[Sequence[CorpusExample]], limit: int) -> list[CorpusExample]:
    """The first of each list, then the second of each, up to a limit."""
    longest = max(map(len, lists), default=0)
    return [one[i] for i in range(longest) for one in lists if i < len(one)][:limit]


def share(count: int, total: int) -> float | None:
    """RETURNS: None where there is nothing to have a share of."""
    return count / total if total else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names as a text has them; of many, the first."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
