"""Inspect the splits of a corpus. The files are streamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..corpus import FORMATS, CorpusStream
from ..corpus.sentence import Sentence
from ..errors import CorpusError, Errors
from .checks.duplicates import check_duplicates
from .checks.entities import check_entities, select_shown
from .checks.labels import check_labels
from .checks.text import check_text
from .duplicates import DuplicateFinder
from .examples import SplitFile
from .findings import LEVELS, Corpora, Finding
from .label_consistency import (
    NO_ENTITY,
    LabelCounts,
    StringFinder,
    collect_examples,
    confusion,
    entity_label_counts,
    find_inconsistent,
)
from .statistics import SplitStatistics
from .subword_lengths import SubwordCounter

TRAIN = "train"


@dataclass(frozen=True)
class InspectionReport:
    """The result of an inspection.

    corpora (Corpora): statistics on the splits.
    findings (list[Finding]): likely problems, most severe first.
    confusion (Counter[tuple[str, str]]): number of occurrences in which a string does not have its most frequent label;
        see `label_consistency.confusion`.
    encoder (str | None): encoder whose subwords were counted; None if no subwords were counted.
    window (int | None): maximum number of subwords per window; None if no subwords were counted.
    """

    corpora: Corpora
    findings: list[Finding]
    confusion: Counter[tuple[str, str]]
    encoder: str | None = None
    window: int | None = None

    def count(self, level: str) -> int:
        """Return the number of findings at a level."""
        return sum(finding.level == level for finding in self.findings)

    def counts(self) -> list[str]:
        """Return the number of findings at each level as text, such as `2 warnings`."""
        names = {"error": "error", "warning": "warning", "info": "note"}
        counts = {name: self.count(level) for level, name in names.items()}
        return [f"{n} {name}{'s' if n != 1 else ''}" for name, n in counts.items()]


def inspect_files(
    paths: Sequence[Path], *, encoder: str | None = None, examples: int = 5, **reading: Any
) -> InspectionReport:
    """Inspect the splits of a corpus.

    paths (Sequence[Path]): one file per split. The training data is the split named `train` or, if there is none, the
        first split.
    encoder (str | None): name or folder of the checkpoint whose subwords are counted, or None to count no
        subwords. Default: None.
    examples (int): maximum number of examples per finding. Default: 5.
    reading (Any): options for `CorpusStream`. By default, misaligned and overlapping spans are
        counted instead of rejected.
    RETURNS (InspectionReport): the report.
    RAISES CorpusError: a file cannot be read.
    RAISES CheckpointError: the encoder cannot be loaded.
    """
    names = split_names(paths)
    order = sorted(range(len(paths)), key=lambda i: names[i] != TRAIN)
    counter = SubwordCounter(encoder) if encoder else None
    options = {"misaligned": "missing", "overlap": "longest", "spacing": "single", **reading}
    streams = [CorpusStream(paths[i], **options) for i in order]
    files = [
        SplitFile(names[i], str(paths[i]), FORMATS[stream.format].unit)
        for i, stream in zip(order, streams, strict=True)
    ]
    with closing(DuplicateFinder([stream.texts for stream in streams], files, examples)) as duplicates:
        corpora = Corpora(
            [
                _count_split(stream, file, duplicates, counter, examples)
                for stream, file in zip(streams, files, strict=True)
            ]
        )

    def all_sentences() -> Iterator[tuple[SplitFile, Sentence]]:
        for stream, file in zip(streams, files, strict=True):
            for sentence in stream:
                yield file, sentence

    counts_by_text = _count_labels(corpora, all_sentences())
    inconsistent = find_inconsistent(counts_by_text)
    shown = collect_examples(select_shown(inconsistent, examples), all_sentences(), examples)
    spans = [stream.spans for stream in streams if stream.spans]
    findings = [
        *check_duplicates(corpora, duplicates),
        *check_labels(corpora),
        *check_entities(corpora, inconsistent, shown, spans),
        *check_text(corpora, spans),
        *(_check_window(corpora, counter.window) if counter else ()),
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    window = counter.window if counter else None
    return InspectionReport(corpora, findings, confusion(counts_by_text), encoder, window)


def split_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for the split in each file. It is the file stem or, if stems are equal, the end of the path.

    paths (Sequence[Path]): the files.
    RETURNS (list[str]): one unique name per file.
    RAISES CorpusError: there are no files, or a file is given twice.
    """
    if not paths:
        raise CorpusError(Errors.nothing_to_inspect)
    repeated = [path for path, n in Counter(path.resolve() for path in paths).items() if n > 1]
    if repeated:
        raise CorpusError(Errors.same_input.format(path=repeated[0]))
    stems = [Path(path.resolve().stem).stem if path.suffix == ".zip" else path.resolve().stem for path in paths]
    names = list(stems)
    n_parts = 1
    while len(set(names)) < len(names):
        names = [
            "/".join(path.resolve().parts[-n_parts:]) if stems.count(stem) > 1 else stem
            for path, stem in zip(paths, stems, strict=True)
        ]
        n_parts += 1
    return names


def _count_split(
    stream: CorpusStream, file: SplitFile, duplicates: DuplicateFinder, counter: SubwordCounter | None, limit: int
) -> SplitStatistics:
    """Read a split once to collect its statistics, duplicates and subword lengths."""
    split = SplitStatistics(file, stream.format, stream.tag_scheme, limit)
    n_repaired = last_line = 0
    for i, sentence in enumerate(stream):
        if file.unit != "line":
            # Readers skip rows and Docs without words.
            split.counters["empty"].n += max(0, sentence.lines[0] - last_line - 1)
            last_line = sentence.lines[0]
        entities = split.add(sentence)
        duplicates.add(int(stream.texts[i]), file, sentence, entities)
        if stream.n_repaired > n_repaired:
            n, n_repaired = stream.n_repaired - n_repaired, stream.n_repaired
            split.note("repaired", sentence, 0, len(sentence.words), note=f"{n} repaired tag{'s' if n != 1 else ''}")
        if counter:
            counter.add(file, sentence, split)
    if counter:
        counter.flush()
    split.description, split.notes = stream.describe(), stream.notes()
    split.n_repaired, split.skipped = stream.n_repaired, [str(error) for error in stream.invalid]
    return split


def _count_labels(corpora: Corpora, sentences: Iterator[tuple[SplitFile, Sentence]]) -> LabelCounts:
    """Count the labels and the occurrences outside entities for all strings that occur as entities."""
    counts_by_text = entity_label_counts(split.forms for split in corpora.splits)
    finder = StringFinder(counts_by_text)
    for _, sentence in sentences:
        for text, _, _ in finder.outside(sentence):
            counts_by_text[text][NO_ENTITY] += 1
    return counts_by_text


def _check_window(corpora: Corpora, window: int) -> Iterator[Finding]:
    yield from corpora.noted_finding(
        "info",
        "beyond_window",
        f"sentences longer than one window of {window} subwords",
        of="sentences",
        total=corpora.total("n_sentences"),
        advice="bert_ner splits them into overlapping windows, so nothing is truncated. Other tools may truncate them. "
        "If they are whole documents, training on single sentences is faster.",
    )
