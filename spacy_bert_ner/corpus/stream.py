"""An annotated corpus as a stream of sentences."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.tokens import Doc

from ..decoding.label_rules import RuleError, make_rules
from ..decoding.tag_scheme import PREFIXES, to_iob2
from ..errors import CorpusError, Errors
from ..types import Ints1d
from .detokenize import SPACINGS, natural_spaces
from .offset_trial import try_offsets
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
"""What offsets may be said to count."""

Progress = Callable[[Iterator[Sentence], str, int | None], Iterator[Sentence]]


class CorpusStream:
    """An annotated file, which is read anew whenever it is iterated over, in memory that does not grow with it.

    It is read once when it is opened, to check it and to tell the scheme of its tags.

    path (Path): the file, if of text zipped or not; or a folder.
    format (str): a key of `FORMATS`, or "auto" to tell it from the content. Then the name of the one that was told.
    encoding (str | None): a Python codec; None for UTF-8, or else the format's own.
    column (int | None): of files of columns, that of the tags: its number from 1, or from -1 downwards to count from
        the last; None to infer it. Then the number.
    word_column (int | None): of files of columns, that of the words, likewise; None to infer it.
    limit (int | None): read this many sentences, from the first; None for all.
    tag_scheme (str | None): a key of `PREFIXES`; None to tell it from the tags of all sentences that are read. Then the
        name of the one that was told. Text with offsets has no tags: there it can only be IOB2.
    lang (str): whose tokenizer cuts text with offsets into words; only checked where the file has words.
    tokenize: makes a Doc of a text, instead of the tokenizer of `lang`.
    spacing (str): the text of words whose format does not say where spaces are: "natural", as in print, see `spacing`;
        "single", one between any two of them; "none".
    document_key (str | None): the field that names the document of a row: a column of CSV, a comment of CoNLL-U, a key
        of JSON (`meta.source` for one in another); None for where the format has it.
    text_key (str | None): the key of JSON, or the column of Label Studio's CSV, that has the text; None for where the
        format has it.
    skip_invalid (int): how many sentences that cannot be read are left out, before it is an error.
    offsets (str): what the offsets of text with offsets count: "characters", "utf-16" units or "bytes" of UTF-8; "auto"
        for characters, or, where not all spans fit so, for what all of them fit. Then the name of what was told.
    misaligned (str): what becomes of spans that do not begin and end where tokens do, a key of `MISALIGNED`: "error";
        "expand" to all tokens that they touch, "contract" to those that lie within; "missing": these are unknown.
    overlap (str): which of spans that share tokens is kept, one of `OVERLAP`: "error"; the "longest"; the "first" to
        begin.
    labels: the labels that are kept, under the names that `label_map` gives; None for all. Others become `O`.
    label_map: the new name of some labels; None for `O`.
    progress: wraps the sentences of each pass over the file, given what it does and how many there are, None at first.
    YIELDS (Sentence): with tags in IOB2, in the order of the file.
    RAISES CorpusError: the file or a row of it cannot be read; the message names file and line.
    """

    n_sentences: int
    has_neighbours: bool
    """Whether two sentences that follow each other are of one document, which has a name."""
    n_repaired: int
    """How many tags broke the rules of their scheme, when all have been read."""
    texts: Ints1d
    """A number for each sentence, equal for sentences of the same words. *Shape:* `(n_sentences,)`"""
    spans: SpanAlignmentReport | None
    """What became of the spans, when all have been read; None where the file has words and tags."""
    original_labels: Counter[str] | None
    """How many entities of each label the file has, before labels are renamed, when all have been read; None before
    that, and where none are to be renamed."""
    invalid: list[CorpusError]
    """What could not be read, when all have been read."""

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
        for option, number in (("--column", column), ("--word-column", word_column)):
            if number == 0:
                reject_option(option, number, "a whole number from 1, or from -1 downwards to count from the last")
        if tag_scheme is not None and tag_scheme not in PREFIXES:
            reject_option("--tag-scheme", tag_scheme, ", ".join(PREFIXES))
        if spacing not in SPACINGS:
            reject_option("--spacing", spacing, ", ".join(SPACINGS))
        if offsets not in OFFSETS:
            reject_option("--offsets", offsets, ", ".join(OFFSETS))
        if misaligned not in MISALIGNED:
            reject_option("--misaligned", misaligned, ", ".join(MISALIGNED))
        if overlap not in OVERLAP:
            reject_option("--overlap", overlap, ", ".join(OVERLAP))
        if skip_invalid < 0:
            reject_option("--skip-invalid", skip_invalid, "a whole number from 0")
        try:
            self.label_rules = make_rules(labels, label_map)
        except RuleError as e:
            reject_option(f"--{e.key.replace('_', '-')}", e.value, e.allowed)
        self.path, self._limit, self._spacing = path, limit, spacing
        self._misaligned, self._overlap = misaligned, overlap
        self._allowed, self._progress = skip_invalid, progress or (lambda sentences, what, n: sentences)
        opened = open_corpus(path, format, encoding, Fields(column, word_column, document_key, text_key))
        self.format, self._read, self.layout, self._notes, self._source = opened
        self.column = self.layout.tag if self.layout is not None else None
        self._kind = FORMATS[self.format]
        if self._kind.has_offsets and tag_scheme not in (None, "IOB2"):
            reject_option("--tag-scheme", tag_scheme, f"IOB2, or none: {self.format} has spans and no tags")
        self._fitter: SpanAligner | None = None
        self.offsets, self._converted, self._is_named = offsets, "", offsets != AUTO
        if self._kind.has_offsets:
            unit = offsets if self._is_named else CHARACTERS
            make = tokenize or tokenizer(lang)
            self._fitter = SpanAligner(make, lang, misaligned, overlap, unit, is_named=self._is_named)
        elif tokenize is None:
            check_language(lang)
        check_offsets(self.format, offsets if self._is_named else None)
        self._odd: dict[str, CorpusError] = {}
        self.original_labels = None
        survey = self._fit_offsets(self._fitter) if self._fitter else self._survey()
        # In place of the sentences that are left out, --limit takes others, whose tags are new.
        while skip_invalid and (odd := survey.odd(path, tag_scheme)):
            self._odd |= odd
            survey = self._survey()
        scheme = survey.scheme(path, tag_scheme)
        self._has_tags = scheme is not None
        self.tag_scheme = scheme or tag_scheme or "IOB2"
        self.n_repaired = 0

    def _survey(self) -> SchemeDetector:
        """Read all once."""
        place = self._kind.tag_place if self.column is None else f", column {self.column}"
        self.has_neighbours, document = False, ""
        survey = SchemeDetector(self._kind.unit, ", the last column" if self.column == LAST else place)
        hashes = array("q")
        for sentence in self._progress(self._raw(), "reading", None):
            if not self._kind.has_offsets:
                if self._source and self._source.tag_place:
                    survey.place = self._source.tag_place
                survey.add(sentence)
            hashes.append(hash(tuple(sentence.words)))
            self.has_neighbours |= sentence.document == document != ""
            document = sentence.document
        self.n_sentences, self.texts = len(hashes), np.array(hashes, dtype=np.int64)
        if not self.n_sentences:
            if self.invalid:
                raise self.invalid[0]
            raise CorpusError(Errors.empty_file.format(path=self.path, formats=KNOWN))
        return survey

    @property
    def encoding(self) -> str | None:
        """What the text is decoded by; None for formats that are no text."""
        return self._source.encoding if self._source else None

    @property
    def unit(self) -> str:
        """What a Doc is made of: "sentences", or "texts" where the file has spans at offsets."""
        return "texts" if self._kind.has_offsets and not self._kind.counts_characters else "sentences"

    def describe(self) -> str:
        """Say how the file is read: format, columns, scheme, what its offsets count, encoding."""
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
        """What a user should know of how the file was read, without its spans and what was left out."""
        return [*(self._source.notes if self._source else []), *self._notes()]

    def _fit_offsets(self, fitter: SpanAligner) -> SchemeDetector:
        """Read all once; once more, where spans do not fit, to find out what their offsets count.

        RAISES CorpusError: most of the spans are off by the same number, whatever becomes of misaligned ones.
        """
        survey, error = None, None
        try:
            survey = self._survey()
        except CorpusError as e:
            error = e
        spans = cast(SpanAlignmentReport, self.spans)
        if not self._kind.counts_characters and (spans.n_misplaced or spans.n_misaligned):
            n_misfits = None if error or spans.n_misplaced else spans.n_misaligned
            found = try_offsets(
                self._passages(),
                fitter.tokens,
                fitter.unit,
                is_named=self._is_named,
                allowed=self._allowed,
                n_misfits=n_misfits,
            )
            if found.unit:
                fitter.unit, self._converted = found.unit, found.message
                survey, error = self._survey(), None
            elif found.message:
                raise CorpusError(f"{error}\n{found.message}" if error else found.message) from error
        if error:
            raise error
        self.offsets = fitter.unit
        cast(SpanAlignmentReport, self.spans).check(self._misaligned, self._overlap)
        return cast(SchemeDetector, survey)

    def _passages(self) -> Iterator[AnnotatedText | Invalid]:
        """As many passages as make the sentences that are read."""
        n_left = self._limit
        for passage in self._read():
            yield passage
            if n_left is not None and isinstance(passage, AnnotatedText):
                n_left -= passage.is_read
                if n_left == 0:
                    return

    def messages(self) -> list[str]:
        """What a user should know of what was not taken as it stands, when all have been read."""
        messages = self.notes()
        messages += self.spans.messages(self._misaligned, self._overlap) if self.spans else []
        if self.invalid:
            messages.append(Errors.skipped.format(n=len(self.invalid), listed=bullets(self.invalid, len(self.invalid))))
        return [*messages, *self._label_messages()]

    def problems(self) -> list[str]:
        """All that messages list the first of, a line each, when all have been read."""
        spans = self.spans.lines() if self.spans else []
        return [*spans, *([f"Cannot be read: {len(self.invalid)}", *map(str, self.invalid)] if self.invalid else [])]

    def _raw(self) -> Iterator[Sentence]:
        self.spans = SpanAlignmentReport(self._converted) if self._fitter else None
        items = self._read()
        if self._fitter and self.spans:
            if self.label_rules:
                self.original_labels = Counter()
                items = map(partial(self._rename_spans, self.original_labels), items)
            items = self._fitter.sentences(items, self.spans)
        return islice(self._valid(items), self._limit)

    def _valid(self, items: Iterator[Sentence | Invalid]) -> Iterator[Sentence]:
        """The sentences that could be read."""
        self.invalid = []
        for item in items:
            error = item.error if isinstance(item, Invalid) else self._error(item)
            if error is not None:
                self._skip(error)
            else:
                yield cast(Sentence, item)

    def _error(self, sentence: Sentence) -> CorpusError | None:
        """What is wrong with a sentence, if anything."""
        if (n := sum(map(len, sentence.words))) > MAX_CHARACTERS:
            where = {"path": self.path, "unit": self._kind.unit, "line": sentence.lines[0]}
            return CorpusError(Errors.long_text.format(**where, n=n, allowed=MAX_CHARACTERS))
        if self._odd:
            return next((self._odd[tag] for tag in sentence.tags if tag in self._odd), None)
        return None

    def _skip(self, error: CorpusError) -> None:
        """Note what cannot be read.

        RAISES CorpusError: there are more of these than are allowed.
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
        """Give spans their new labels, before they are cut or chosen among; leave out those that count as `O`."""
        if isinstance(item, Invalid):
            return item
        counts.update(span.label for span in item.spans)

        def rename(spans: Iterable[Span]) -> list[Span]:
            named = [(span, self.label_rules.rename(span.label)) for span in spans]
            return [span._replace(label=label) for span, label in named if label is not None]

        return item._replace(spans=rename(item.spans), rejected=rename(item.rejected))

    def _label_messages(self) -> list[str]:
        """What became of labels, when all have been read."""
        counts, rules = self.original_labels, self.label_rules
        if counts is None:
            return []
        listed = [f"{label} {n}" for label, n in sorted(counts.items()) if rules.rename(label) is None]
        messages = [Errors.labels_left_out.format(listed=", ".join(listed))] if listed else []
        unseen = {*(rules.labels or ())} - {*rules.rename_all(counts)} | {*rules.label_map} - {*counts}
        if unseen:
            found = ", ".join(sorted(counts)) or "none"
            messages.append(Errors.labels_not_found.format(missing=", ".join(sorted(unseen)), found=found))
        return messages

    def __iter__(self) -> Iterator[Sentence]:
        self.n_repaired = 0
        counts: Counter[str] | None = None
        if self.label_rules and not self._fitter:
            counts = self.original_labels = Counter()
        for sentence in self._progress(self._raw(), "writing", self.n_sentences):
            if self._has_tags:
                tags, n_repaired = to_iob2(sentence.tags, self.tag_scheme)
                self.n_repaired += n_repaired
                if counts is not None:
                    counts.update(entity.label for entity in entities(tags))
                    tags = self.label_rules.rename_iob2(tags)
                    named = [(self.label_rules.rename(one.label), one) for one in sentence.incorrect]
                    incorrect = tuple(one._replace(label=label) for label, one in named if label is not None)
                    sentence = sentence._replace(incorrect=incorrect)
                sentence = sentence._replace(tags=tags)
            if sentence.spaces is None and self._spacing != "single":
                is_natural = self._spacing == "natural"
                spaces = natural_spaces(sentence.words) if is_natural else [False] * len(sentence.words)
                sentence = sentence._replace(spaces=spaces)
            yield sentence


class Corpus(NamedTuple):
    """What was read: sentences with legal IOB2 tags, the name of the format, how many tags were repaired because they
    broke the rules of their scheme, and the name of that."""

    sentences: list[Sentence]
    format: str
    n_repaired: int
    tag_scheme: str


def read_corpus(path: Path, **options: Any) -> Corpus:
    """Read all of a file of annotated sentences; see `CorpusStream`."""
    stream = CorpusStream(path, **options)
    return Corpus(list(stream), stream.format, stream.n_repaired, stream.tag_scheme)
