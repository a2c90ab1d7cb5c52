"""Read an annotated corpus as a stream of sentences."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.tokens import Doc

from ..decoding.label_rules import LabelRules, RuleError, make_rules
from ..decoding.tag_scheme import ALIAS_NOTE, PREFIXES, find_scheme, to_iob2
from ..errors import CorpusError, Errors
from ..types import Ints1d
from .detokenize import SPACINGS, natural_spaces
from .offset_diagnosis import try_offsets
from .offset_units import CHARACTERS, OFFSET_UNITS, UNITS
from .options import reject_option
from .readers.column_layout import LAST, describe_column
from .readers.registry import FORMATS, KNOWN, Fields, check_offsets, open_corpus
from .scheme_detection import SchemeDetector
from .sentence import Invalid, Sentence, entities
from .span_alignment import SpanAligner, check_language, tokenizer
from .span_report import MISALIGNED, OVERLAP, SpanAlignmentReport, bullets
from .span_text import MAX_CHARACTERS, AnnotatedText, Span

AUTO = "auto"
OFFSETS = (AUTO, *UNITS)
"""Allowed values for the `offsets` option."""

Progress = Callable[[Iterator[Sentence], str, int | None], Iterator[Sentence]]


class CorpusStream:
    """A stream of sentences from an annotated file. Each iteration rereads the file, so memory use does not grow with
    its size.

    Opening the stream reads the file once to check it and to detect its tag scheme.

    path (Path): the file or folder. A text file may be zipped.
    format (str): a key in `FORMATS`, or "auto" to detect it. The attribute of the same name is the detected format.
    encoding (str | None): a Python codec. None tries UTF-8 first, then the format's own encoding.
    column (int | None): the tag column in a column file, counted from 1. Negative numbers count from the last column,
        which is -1. None infers the column. The attribute of the same name is the inferred number.
    word_column (int | None): the word column in a column file, counted in the same way; None to infer it.
    limit (int | None): maximum number of sentences to read; None for no limit.
    tag_scheme (str | None): a key in `PREFIXES` or `ALIASES`, in upper or lower case; None to detect it from the tags
        of all sentences that are read. The attribute of the same name is the scheme, a key in `PREFIXES`. Text with
        offsets has no tags and only allows IOB2.
    document_key (str | None): the field that contains the document name: a CSV column, a CoNLL-U comment or a JSON key.
        Nested JSON keys are joined by dots, as in `meta.source`. None uses the format's default field.
    text_key (str | None): the JSON key or Label Studio CSV column that contains the text; None for the format's
        default.
    skip_invalid (int): maximum number of unreadable sentences to skip. If there are more, an error is raised. Default:
        0.
    lang (str): the language whose tokenizer splits text with offsets into words. If the file contains words, the
        language is only validated.
    tokenize: function that creates a Doc from a text. It replaces the tokenizer for `lang`.
    spacing (str): how to add spaces if the format does not store them. "natural" adds them as in print (see
        `detokenize`), "single" adds one between any two words, and "none" adds no spaces.
    offsets (str): unit of the offsets: "characters", "utf-16" units, UTF-8 "bytes" or "auto". "auto" uses characters if
        all spans fit; otherwise, it uses a unit in which all spans fit. The attribute of the same name is the detected
        unit.
    misaligned (str): how to handle spans that do not start and end at token boundaries, a key in `MISALIGNED`. "error"
        rejects them, and "expand" extends them to all tokens that they overlap. "contract" reduces them to the tokens
        inside them, and "missing" treats the tokens that they overlap as unknown.
    overlap (str): how to handle spans that share tokens, a value in `OVERLAP`. "error" rejects them, "longest" keeps
        the longest span, and "first" keeps the span that starts first.
    labels: the labels to keep, as renamed by `label_map`; None for all labels. Other labels become `O`.
    label_map: map from original labels to new names. A label that is mapped to None becomes `O`.
    progress: function that wraps the sentences in each pass over the file. It receives the sentences, the name of the
        activity ("reading" or "writing"), and the number of sentences, which is None while reading.
    YIELDS (Sentence): sentences with IOB2 tags, in file order.
    RAISES CorpusError: the file or a row cannot be read, or an option is invalid. The message names the file and line.
    """

    n_sentences: int
    has_neighbours: bool
    """Whether two consecutive sentences belong to the same named document."""
    n_repaired: int
    """Number of repaired tags, which violated their scheme. It is complete after a full iteration."""
    texts: Ints1d
    """One number per sentence. Sentences with the same words have the same number. *Shape:* `(n_sentences,)`"""
    spans: SpanAlignmentReport | None
    """Statistics on the spans, complete after a full iteration; None if the file contains words and tags."""
    original_labels: Counter[str] | None
    """Number of entities with each original label, complete after a full iteration; None before the first iteration or
    if no labels are renamed."""
    invalid: list[CorpusError]
    """Errors for the sentences that cannot be read, complete after a full iteration."""

    def __init__(
        self,
        path: Path,
        *,
        format: str = "auto",
        encoding: str | None = None,
        column: int | None = None,
        word_column: int | None = None,
        limit: int | None = None,
        tag_scheme: str | None = None,
        document_key: str | None = None,
        text_key: str | None = None,
        skip_invalid: int = 0,
        lang: str = "en",
        tokenize: Callable[[str], Doc] | None = None,
        spacing: str = "natural",
        offsets: str = AUTO,
        misaligned: str = "error",
        overlap: str = "error",
        labels: Sequence[str] | None = None,
        label_map: Mapping[str, str | None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise CorpusError(Errors.bad_limit.format(limit=limit))
        _check_numbers(column, word_column, skip_invalid)
        if tag_scheme is not None:
            tag_scheme = _check_scheme(tag_scheme)
        for option, value, choices in (
            ("--spacing", spacing, SPACINGS),
            ("--offsets", offsets, OFFSETS),
            ("--misaligned", misaligned, MISALIGNED),
            ("--overlap", overlap, OVERLAP),
        ):
            _check_choice(option, value, choices)
        self.label_rules = _label_rules(labels, label_map)
        self.path, self._limit, self._spacing = path, limit, spacing
        self._misaligned, self._overlap = misaligned, overlap
        self._allowed, self._progress = skip_invalid, progress or (lambda sentences, activity, n_sentences: sentences)
        opened = open_corpus(path, format, encoding, Fields(column, word_column, document_key, text_key))
        self.format, self._read, self.layout, self._notes, self._source = opened
        self.column = self.layout.tag if self.layout is not None else None
        self._kind = FORMATS[self.format]
        if self._kind.has_offsets and tag_scheme not in (None, "IOB2"):
            reject_option("--tag-scheme", tag_scheme, f"IOB2 or no value, because {self.format} has no tags")
        self._aligner: SpanAligner | None = None
        self.offsets, self._converted, self._is_named = offsets, "", offsets != AUTO
        if self._kind.has_offsets:
            unit = offsets if self._is_named else CHARACTERS
            make = tokenize or tokenizer(lang)
            self._aligner = SpanAligner(make, lang, misaligned, overlap, unit, is_named=self._is_named)
        elif tokenize is None:
            check_language(lang)
        check_offsets(self.format, offsets if self._is_named else None)
        self._mismatched_tags: dict[str, CorpusError] = {}
        self.original_labels = None
        detector = self._fit_offsets(self._aligner) if self._aligner else self._first_pass()
        # To reach `limit`, later sentences replace the skipped ones and may introduce new tags.
        while skip_invalid and (mismatched_tags := detector.mismatched_tags(path, tag_scheme)):
            self._mismatched_tags |= mismatched_tags
            detector = self._first_pass()
        scheme = detector.scheme(path, tag_scheme)
        self._has_tags = scheme is not None
        self.tag_scheme = scheme or tag_scheme or "IOB2"
        self.n_repaired = 0

    def _first_pass(self) -> SchemeDetector:
        """Read the whole file once to collect its tags and sentence hashes."""
        position = self._kind.tag_place if self.column is None else f", column {self.column}"
        self.has_neighbours, document = False, ""
        detector = SchemeDetector(self._kind.unit, ", the last column" if self.column == LAST else position)
        hashes = array("q")
        for sentence in self._progress(self._raw(), "reading", None):
            if not self._kind.has_offsets:
                if self._source and self._source.tag_place:
                    detector.place = self._source.tag_place
                detector.add(sentence)
            hashes.append(hash(tuple(sentence.words)))
            self.has_neighbours |= sentence.document == document != ""
            document = sentence.document
        self.n_sentences, self.texts = len(hashes), np.array(hashes, dtype=np.int64)
        if not self.n_sentences:
            if self.invalid:
                raise self.invalid[0]
            raise CorpusError(Errors.empty_file.format(path=self.path, formats=KNOWN))
        return detector

    @property
    def encoding(self) -> str | None:
        """Return the codec that decodes the text, or None if the format is not text."""
        return self._source.encoding if self._source else None

    @property
    def unit(self) -> str:
        """Return what a Doc represents: "sentences", or "texts" if the format does not divide texts into sentences."""
        return "texts" if self._kind.has_offsets and not self._kind.counts_characters else "sentences"

    def describe(self) -> str:
        """Return a description of how the file is read: its format, columns, tag scheme, offset unit and encoding."""
        columns = self._source.columns if self._source else ""
        if self.layout is not None:
            tag, word = (describe_column(column) for column in (self.layout.tag, self.layout.word))
            columns = f", tags in {tag}, words in {word}"
        scheme = "" if self._kind.has_offsets or self.format == "spacy" else f", scheme {self.tag_scheme}"
        has_unit = self._kind.has_offsets and not self._kind.counts_characters
        offsets = f", offsets count {OFFSET_UNITS[self.offsets].title}" if has_unit else ""
        encoding = f", encoding {self.encoding}" if self.encoding else ""
        return f"format {self.format}{columns}{scheme}{offsets}{encoding}"

    def notes(self) -> list[str]:
        """Return messages about how the file was read, except those about spans and skipped input."""
        return [*(self._source.notes if self._source else []), *self._notes()]

    def _fit_offsets(self, aligner: SpanAligner) -> SchemeDetector:
        """Read the whole file once, check its spans, and return a `SchemeDetector` with its tags.

        If some spans do not fit, read the file again to detect the offset unit.

        RAISES CorpusError: the file cannot be read, or its spans do not fit. If most spans are shifted by the same
            number of units, the error is raised regardless of the `misaligned` option.
        """
        detector, error = None, None
        try:
            detector = self._first_pass()
        except CorpusError as e:
            error = e
        spans = cast(SpanAlignmentReport, self.spans)
        if not self._kind.counts_characters and (spans.n_misplaced or spans.n_misaligned):
            n_misfits = None if error or spans.n_misplaced else spans.n_misaligned
            trial = try_offsets(
                self._passages(),
                aligner.tokens,
                aligner.unit,
                is_named=self._is_named,
                allowed=self._allowed,
                n_misfits=n_misfits,
            )
            if trial.unit:
                aligner.unit, self._converted = trial.unit, trial.message
                detector, error = self._first_pass(), None
            elif trial.message:
                raise CorpusError(f"{error}\n{trial.message}" if error else trial.message) from error
        if error:
            raise error
        self.offsets = aligner.unit
        cast(SpanAlignmentReport, self.spans).check(self._misaligned, self._overlap)
        return cast(SchemeDetector, detector)

    def _passages(self) -> Iterator[AnnotatedText | Invalid]:
        """Yield passages until `limit` sentences have been read."""
        n_left = self._limit
        for passage in self._read():
            yield passage
            if n_left is not None and isinstance(passage, AnnotatedText):
                n_left -= passage.is_read
                if n_left == 0:
                    return

    def messages(self) -> list[str]:
        """Return messages about all changed or skipped input. They are complete after a full iteration."""
        messages = self.notes()
        messages += self.spans.messages(self._misaligned, self._overlap) if self.spans else []
        if self.invalid:
            messages.append(Errors.skipped.format(n=len(self.invalid), listed=bullets(self.invalid, len(self.invalid))))
        return [*messages, *self._label_messages()]

    def problems(self) -> list[str]:
        """Return the full lists that messages truncate, with one item per line.

        They are complete after a full iteration.
        """
        lines = self.spans.lines() if self.spans else []
        if self.invalid:
            lines += [f"Sentences that cannot be read: {len(self.invalid)}", *map(str, self.invalid)]
        return lines

    def _raw(self) -> Iterator[Sentence]:
        self.spans = SpanAlignmentReport(self._converted) if self._aligner else None
        items = self._read()
        if self._aligner and self.spans:
            if self.label_rules:
                self.original_labels = Counter()
                items = map(partial(self._rename_spans, self.original_labels), items)
            items = self._aligner.sentences(items, self.spans)
        return islice(self._valid(items), self._limit)

    def _valid(self, items: Iterator[Sentence | Invalid]) -> Iterator[Sentence]:
        """Yield the sentences that can be read."""
        self.invalid = []
        for item in items:
            error = item.error if isinstance(item, Invalid) else self._error(item)
            if error is not None:
                self._skip(error)
            else:
                yield cast(Sentence, item)

    def _error(self, sentence: Sentence) -> CorpusError | None:
        """Return the error for a sentence, or None if the sentence is valid."""
        if (n := sum(map(len, sentence.words))) > MAX_CHARACTERS:
            where = {"path": self.path, "unit": self._kind.unit, "line": sentence.lines[0]}
            return CorpusError(Errors.long_text.format(**where, n=n, allowed=MAX_CHARACTERS))
        if self._mismatched_tags:
            return next((self._mismatched_tags[tag] for tag in sentence.tags if tag in self._mismatched_tags), None)
        return None

    def _skip(self, error: CorpusError) -> None:
        """Record the error for a skipped sentence.

        RAISES CorpusError: there are more errors than allowed.
        """
        self.invalid.append(error)
        n = len(self.invalid)
        if not self._allowed:
            raise error
        if n > self._allowed:
            message = Errors.too_many_invalid.format(
                n=n, allowed=self._allowed, listed=bullets(self.invalid), more=10 * self._allowed
            )
            raise CorpusError(message)

    def _rename_spans(self, counts: Counter[str], item: AnnotatedText | Invalid) -> AnnotatedText | Invalid:
        """Rename span labels before overlaps are resolved. Remove spans whose labels become `O`."""
        if isinstance(item, Invalid):
            return item
        counts.update(span.label for span in item.spans)

        def rename(spans: Iterable[Span]) -> list[Span]:
            named = [(span, self.label_rules.rename(span.label)) for span in spans]
            return [span._replace(label=label) for span, label in named if label is not None]

        return item._replace(spans=rename(item.spans), rejected=rename(item.rejected))

    def _label_messages(self) -> list[str]:
        """Return messages about removed and missing labels. They are complete after a full iteration."""
        counts, rules = self.original_labels, self.label_rules
        if counts is None:
            return []
        listed = [f"{label} {n}" for label, n in sorted(counts.items()) if rules.rename(label) is None]
        messages = [Errors.labels_left_out.format(listed=", ".join(listed))] if listed else []
        unseen = {*(rules.labels or ())} - {*rules.rename_all(counts)} | {*rules.label_map} - {*counts}
        if unseen:
            labels = ", ".join(sorted(counts)) or "none"
            messages.append(Errors.labels_not_found.format(missing=", ".join(sorted(unseen)), found=labels))
        return messages

    def __iter__(self) -> Iterator[Sentence]:
        self.n_repaired = 0
        counts: Counter[str] | None = None
        if self.label_rules and not self._aligner:
            counts = self.original_labels = Counter()
        for sentence in self._progress(self._raw(), "writing", self.n_sentences):
            if self._has_tags:
                tags, n_repaired = to_iob2(sentence.tags, self.tag_scheme)
                self.n_repaired += n_repaired
                if counts is not None:
                    counts.update(entity.label for entity in entities(tags))
                    tags = self.label_rules.rename_iob2(tags)
                    named = [(self.label_rules.rename(span.label), span) for span in sentence.incorrect]
                    incorrect = tuple(span._replace(label=label) for label, span in named if label is not None)
                    sentence = sentence._replace(incorrect=incorrect)
                sentence = sentence._replace(tags=tags)
            if sentence.spaces is None and self._spacing != "single":
                is_natural = self._spacing == "natural"
                spaces = natural_spaces(sentence.words) if is_natural else [False] * len(sentence.words)
                sentence = sentence._replace(spaces=spaces)
            yield sentence


def _check_numbers(column: int | None, word_column: int | None, skip_invalid: int) -> None:
    for option, number in (("--column", column), ("--word-column", word_column)):
        if number == 0:
            allowed = "a whole number of at least 1, or a negative number to count from the last column"
            reject_option(option, number, allowed)
    if skip_invalid < 0:
        reject_option("--skip-invalid", skip_invalid, "a whole number of at least 0")


def _check_choice(option: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        reject_option(option, value, ", ".join(choices))


def _check_scheme(name: str) -> str:
    scheme = find_scheme(name)
    if scheme is None:
        reject_option("--tag-scheme", name, f"{', '.join(PREFIXES)}; {ALIAS_NOTE}")
    return scheme


def _label_rules(labels: Sequence[str] | None, label_map: Mapping[str, str | None] | None) -> LabelRules:
    try:
        return make_rules(labels, label_map)
    except RuleError as e:
        reject_option(f"--{e.key.replace('_', '-')}", e.value, e.allowed)


class Corpus(NamedTuple):
    """An annotated corpus in memory.

    sentences: all sentences, with valid IOB2 tags.
    format: the format of the file.
    n_repaired: number of tags that violated their scheme and were repaired.
    tag_scheme: the tag scheme of the file.
    """

    sentences: list[Sentence]
    format: str
    n_repaired: int
    tag_scheme: str


def read_corpus(path: Path, **options: Any) -> Corpus:
    """Read all annotated sentences from a file into memory.

    path (Path): the file or folder.
    options: options for `CorpusStream`.
    RETURNS (Corpus): the sentences, the format, the number of repaired tags and the tag scheme.
    RAISES CorpusError: see `CorpusStream`.
    """
    stream = CorpusStream(path, **options)
    return Corpus(list(stream), stream.format, stream.n_repaired, stream.tag_scheme)
