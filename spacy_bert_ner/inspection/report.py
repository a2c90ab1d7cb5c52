"""All that there is to say of some files: they are read as streams, and what is found is put together."""

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
from . import label_consistency as readings
from .checks import duplicates as rules_copies
from .checks import entities as rules_entities
from .checks import labels as rules_labels
from .checks import text as rules_text
from .duplicates import DuplicateFinder
from .examples import SplitFile
from .findings import LEVELS, Corpora, Finding, share
from .statistics import SplitStatistics
from .subword_lengths import SubwordCounter

TRAIN = "train"


@dataclass(frozen=True)
class InspectionReport:
    """What was found in some files.

    confusion: how often strings have another reading than their most frequent one; see `label_consistency.confusion`.
    encoder, window: whose subwords were counted, and the most that go through it at once; None where none were.
    """

    corpora: Corpora
    findings: list[Finding]
    confusion: Counter[tuple[str, str]]
    encoder: str | None = None
    window: int | None = None

    def count(self, level: str) -> int:
        """How many findings are of a level."""
        return sum(finding.level == level for finding in self.findings)

    def counts(self) -> list[str]:
        """How many findings are of each level, as a text has it."""
        names = {"error": "error", "warning": "warning", "info": "note"}
        counts = {name: self.count(level) for level, name in names.items()}
        return [f"{n} {name}{'s' if n != 1 else ''}" for name, n in counts.items()]


def inspect_files(
    paths: Sequence[Path], *, encoder: str | None = None, examples: int = 5, **reading: Any
) -> InspectionReport:
    """Look at some files, each of which is a split of one corpus.

    paths: the files. That named `train`, or else the first, is the one that is trained on.
    encoder (str | None): a checkpoint in whose subwords sentences are measured; None for none.
    examples (int): how many places are shown of each finding.
    reading: the options of `CorpusStream`. Spans that do not fit are counted, not refused, unless these say so.
    RAISES CorpusError: a file cannot be read. CheckpointError: the encoder cannot be opened.
    """
    names = split_names(paths)
    order = sorted(range(len(paths)), key=lambda i: names[i] != TRAIN)
    counter = SubwordCounter(encoder) if encoder else None
    options = {"misaligned": "missing", "overlap": "longest", "spacing": "single", **reading}
    streams = [CorpusStream(paths[i], **options) for i in order]
    places = [
        SplitFile(names[i], str(paths[i]), FORMATS[stream.format].unit)
        for i, stream in zip(order, streams, strict=True)
    ]
    with closing(DuplicateFinder([stream.texts for stream in streams], places, examples)) as repeats:
        surveys = [
            _survey(stream, place, repeats, counter, examples) for stream, place in zip(streams, places, strict=True)
        ]
    corpora = Corpora(surveys)

    def all_sentences() -> Iterator[tuple[SplitFile, Sentence]]:
        for stream, place in zip(streams, places, strict=True):
            for sentence in stream:
                yield place, sentence

    found = readings.entity_readings(survey.forms for survey in surveys)
    finder = readings.Finder(found)
    for _, sentence in all_sentences():
        for text, _, _ in finder.outside(sentence):
            found[text][readings.NONE] += 1
    suspects = readings.suspects(found)
    shown = readings.show(rules_entities.chosen(suspects, examples), all_sentences(), examples)
    spans = [stream.spans for stream in streams if stream.spans]
    findings = [
        *rules_copies.check_duplicates(corpora, repeats),
        *rules_labels.check_labels(corpora),
        *rules_entities.check_entities(corpora, suspects, shown, spans),
        *rules_text.check_text(corpora, spans),
        *(_beyond(corpora, counter.window) if counter else ()),
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    window = counter.window if counter else None
    return InspectionReport(corpora, findings, readings.confusion(found), encoder, window)


def split_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, or as much of its path as tells it from the others.

    RAISES CorpusError: there is no file, or one is named twice.
    """
    if not paths:
        raise CorpusError(Errors.nothing_to_inspect)
    twice = [path for path, n in Counter(path.resolve() for path in paths).items() if n > 1]
    if twice:
        raise CorpusError(Errors.same_input.format(path=twice[0]))
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


def _survey(
    stream: CorpusStream, place: SplitFile, repeats: DuplicateFinder, counter: SubwordCounter | None, limit: int
) -> SplitStatistics:
    survey = SplitStatistics(place, stream.format, stream.tag_scheme, limit)
    n_repaired = number = 0
    for i, sentence in enumerate(stream):
        if place.unit != "line":
            # Readers pass over rows and Docs without words.
            survey.tallies["empty"].n += max(0, sentence.lines[0] - number - 1)
            number = sentence.lines[0]
        found = survey.add(sentence)
        repeats.add(int(stream.texts[i]), place, sentence, found)
        if stream.n_repaired > n_repaired:
            n, n_repaired = stream.n_repaired - n_repaired, stream.n_repaired
            survey.note("repaired", sentence, 0, len(sentence.words), note=f"{n} repaired")
        if counter:
            counter.add(place, sentence, survey)
    if counter:
        counter.flush()
    survey.description, survey.notes = stream.describe(), stream.notes()
    survey.n_repaired, survey.skipped = stream.n_repaired, [str(error) for error in stream.invalid]
    return survey


def _beyond(corpora: Corpora, window: int) -> Iterator[Finding]:
    count, examples = corpora.noted("beyond")
    if count:
        yield Finding(
            "info",
            "beyond_window",
            f"sentences of more than one window of {window} subwords",
            count,
            "sentences",
            share(count, corpora.total("n_sentences")),
            "Nothing is cut off: bert_ner reads them in windows that overlap. Other tools may truncate them; if they "
            "are documents, sentences train faster.",
            examples,
        )
