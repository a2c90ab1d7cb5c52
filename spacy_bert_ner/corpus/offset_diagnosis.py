"""Explain why spans do not fit their texts: the offsets use another unit, or all are shifted by the same number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ..errors import CorpusError, Errors
from .offset_units import CHARACTERS, OFFSET_UNITS, UNITS, ToCharacters
from .sentence import Invalid
from .span_alignment import TokenEdges, token_edges
from .span_placement import FoundOffsets, covers, trim, trim_piece
from .span_report import N_SHOWN, bullets, show
from .span_text import AnnotatedText, Span, Tokens

_MOST = 0.8
"""Minimum share of the misfitting spans that an explanation must account for."""
_FEWEST = 3
"""Minimum number of misfitting spans for an explanation."""

Pieces = list[FoundOffsets] | None
"""Character offsets of a span or its fragments; None if an offset lies inside a character or outside the text."""


class TrialResult(NamedTuple):
    """The result of trying all explanations for spans that do not fit the text.

    unit (str | None): the unit in which all spans fit, a key in `OFFSET_UNITS`; None if no unit fits.
    message (str): the message for the user. If no unit fits, it explains the error that most spans share, or is empty.
    """

    unit: str | None
    message: str


@dataclass(eq=False)
class _Guess:
    """A possible explanation for misfitting spans, with the number of spans that support it.

    locate: function that returns the converted offsets of a span in its passage, given its unconverted offsets.
    differs: function that returns whether the conversion can change the offsets in a passage.
    explain: function that formats the message with its list of spans.
    unit: unit of the offsets, a key in `OFFSET_UNITS`; None for shifted offsets.
    """

    locate: Callable[[_PassageTrial, Span, Pieces], Pieces]
    differs: Callable[[AnnotatedText], bool]
    explain: Callable[[_Guess], str]
    unit: str | None = None
    may_fit_all: bool = False
    """Whether no span contradicts the guess so far. False for shifted offsets, which are not converted."""
    n_other: int = 0
    """Number of affected spans, whose offsets the conversion changes."""
    n_declared: int = 0
    """Number of affected spans whose text the file declares."""
    n_off: int = 0
    """Number of affected spans that do not fit without conversion."""
    n_fitting: int = 0
    """Number of spans that fit only after conversion."""
    listed: list[str] = field(default_factory=list)
    """The first affected spans that do not fit without conversion."""

    def add(self, trial: _PassageTrial, span: Span, *, is_plain: bool, is_fitting: bool) -> None:
        """Count a span whose offsets the conversion changes."""
        self.n_other += 1
        self.n_declared += span.declared_text is not None
        self.n_off += not is_plain
        self.n_fitting += is_fitting and not is_plain
        if not is_plain and len(self.listed) < N_SHOWN:
            self.listed.append(show(trial.passage, span._replace(start=max(0, span.start))))

    def is_open(self, n_misfits: int | None) -> bool:
        """Return whether the guess can still be accepted. More than half of the affected spans must be misfits."""
        return self.may_fit_all or n_misfits is None or self.n_other < 2 * n_misfits

    def is_proven(self) -> bool:
        """Return whether all spans fit after conversion.

        Without declared texts, at least two spans must be affected, because a single span may fit by chance.
        """
        return self.may_fit_all and self.n_fitting > 0 and (self.n_declared > 0 or self.n_other > 1)

    def is_likely(self) -> bool:
        """Return whether most affected spans are misfits and nearly all of these fit after conversion."""
        many = self.n_off >= _FEWEST and 2 * self.n_off > self.n_other
        return many and self.n_fitting >= _MOST * self.n_off

    def counts(self) -> dict[str, object]:
        """Return the counts and the list of spans for messages."""
        listed = bullets(self.listed, self.n_off)
        return {"n": self.n_off, "total": self.n_other, "n_fitting": self.n_fitting, "listed": listed}


class _PassageTrial:
    """A passage with its token boundaries and offset maps, which are computed on first use."""

    def __init__(self, passage: AnnotatedText, tokens: Callable[[AnnotatedText], Tokens]) -> None:
        self.passage, self._tokens = passage, tokens
        self._units: dict[str, ToCharacters] = {}

    @cached_property
    def edges(self) -> TokenEdges | None:
        """Return the token boundaries, or None if the tokenizer changes the text, which is reported elsewhere."""
        try:
            return token_edges(self._tokens(self.passage))
        except CorpusError:
            return None

    def characters(self, span: Span, unit: str) -> Pieces:
        """Convert the offsets of a span from this unit to characters. The result may be outside the text."""
        given = list(span.fragments or (span[:2],))
        if unit == CHARACTERS:
            return given
        if unit not in self._units:
            self._units[unit] = OFFSET_UNITS[unit].to_characters(self.passage)
        to_characters = self._units[unit]
        pieces = []
        for start, end in given:
            first, last = to_characters(start), to_characters(end)
            if start < 0 or first is None or last is None:
                return None
            pieces.append((first, last))
        return pieces

    def without_blank_edges(self, pieces: list[FoundOffsets]) -> Pieces:
        """Return the character ranges, or None if one of them is outside the text or has white space at an edge.

        A span with white space at its edges would fit after several different shifts.
        """
        text = self.passage.text
        inside = all(0 <= start < end <= len(text) for start, end in pieces)
        return pieces if inside and all(trim(text, start, end) == (start, end) for start, end in pieces) else None

    def fits(self, span: Span, pieces: Pieces) -> bool | None:
        """Return whether character ranges cover the declared text of a span or, if there is none, whole tokens.

        RETURNS: whether the span fits; None if the ranges contain only white space, which gives no evidence.
        """
        text = self.passage.text
        if not pieces or not all(0 <= start < end <= len(text) for start, end in pieces):
            return False
        if span.declared_text is not None:
            return covers(text, pieces, span.declared_text)
        edges = self.edges
        if edges is None:
            return False
        trimmed = [trim_piece(text, start, end, edges.align) for start, end in pieces]
        if all(start >= end for start, end in trimmed):
            return None
        return all(start >= end or edges.align(start, end) for start, end in trimmed)


def try_offsets(
    passages: Iterable[AnnotatedText | Invalid],
    tokens: Callable[[AnnotatedText], Tokens],
    unit: str,
    *,
    is_named: bool,
    allowed: int = 0,
    n_misfits: int | None = None,
) -> TrialResult:
    """Try all explanations for misfitting spans.

    passages: the passages in the file.
    tokens: function that returns the tokens in a passage.
    unit (str): unit of the unconverted offsets, a key in `OFFSET_UNITS`.
    is_named (bool): whether the user specified the unit. If so, no other unit is tried.
    allowed (int): maximum number of texts to ignore because their spans fit in no unit. Default: 0.
    n_misfits (int | None): upper bound on the number of misfitting spans. If it is known, the function stops as soon as
        the result is certain. Default: None (unknown).
    RETURNS (TrialResult): the unit in which all spans fit, or an explanation.
    """
    guesses = _guesses(is_named=is_named)
    n_spans = n_plain = 0
    for passage in passages:
        guesses = [guess for guess in guesses if guess.is_open(n_misfits)]
        if not guesses:
            break
        if isinstance(passage, Invalid) or not passage.is_read:
            continue
        affected = [guess for guess in guesses if guess.differs(passage)]
        open_units = [guess for guess in guesses if guess.may_fit_all]
        if not affected and not open_units:
            continue
        misfits, n_here, n_plain_here = _try_passage(_PassageTrial(passage, tokens), unit, affected)
        if n_plain_here < n_here and allowed and all(misfits.get(guess, True) for guess in open_units):
            allowed -= 1  # the spans in this passage fit in no unit
            continue
        for guess in open_units:
            guess.may_fit_all = not misfits.get(guess, n_plain_here < n_here)
        n_spans, n_plain = n_spans + n_here, n_plain + n_plain_here
    proven = {guess.unit: guess for guess in guesses if guess.unit and guess.is_proven()}
    if proven:
        unit, *others = proven
        titles = [OFFSET_UNITS[other].title for other in others if not proven[unit].n_declared]
        message = Errors.offsets_converted.format(unit=OFFSET_UNITS[unit].title, n=n_spans, n_plain=n_plain)
        return TrialResult(
            unit, message + (Errors.other_units_fit.format(units=", or ".join(titles)) if titles else "")
        )
    likely = [guess for guess in guesses if guess.is_likely()]
    best = max(likely, key=lambda guess: guess.n_fitting, default=None)
    return TrialResult(None, best.explain(best) if best else "")


def _try_passage(trial: _PassageTrial, unit: str, affected: list[_Guess]) -> tuple[dict[_Guess, bool], int, int]:
    """Count the spans in a passage for each guess that affects it.

    RETURNS: whether each guess leaves a span that does not fit, the number of spans, and the number of spans that fit
        without conversion.
    """
    misfits = dict.fromkeys(affected, False)
    spans = {(span.start, span.end, span.label, span.fragments): span for span in trial.passage.spans}
    n_plain = 0
    for span in spans.values():
        pieces = trial.characters(span, unit)
        is_plain = trial.fits(span, pieces) is not False
        n_plain += is_plain
        for guess in affected:
            other = guess.locate(trial, span, pieces)
            if other == pieces:
                misfits[guess] |= not is_plain
                continue
            fits = trial.fits(span, other)
            is_fitting = is_plain if fits is None else fits
            misfits[guess] |= not is_fitting
            guess.add(trial, span, is_plain=is_plain, is_fitting=is_fitting)
    return misfits, len(spans), n_plain


def _guesses(*, is_named: bool) -> list[_Guess]:
    """Return all possible explanations, ordered from the smallest change of the offsets to the largest."""
    units = [] if is_named else [unit for unit in OFFSET_UNITS if unit != CHARACTERS]
    shifts = [shift for n in (1, 2, 3) for shift in (n, -n)]
    return [*map(_other_unit, units), _Guess(_one_more, _always, _explain_ends), *map(_shift, shifts)]


def _always(passage: AnnotatedText) -> bool:
    return True


def _other_unit(unit: str) -> _Guess:
    """Explain misfits by another offset unit."""

    def locate(trial: _PassageTrial, span: Span, pieces: Pieces) -> Pieces:
        return trial.characters(span, unit)

    def explain(guess: _Guess) -> str:
        advice = Errors.name_unit.format(unit=unit) if unit in UNITS else Errors.fix_others
        return Errors.unit_suspected.format(**guess.counts(), unit=OFFSET_UNITS[unit].title, advice=advice)

    return _Guess(locate, OFFSET_UNITS[unit].differs, explain, unit, may_fit_all=True)


def _shift(shift: int) -> _Guess:
    """Explain misfits by offsets that are all shifted by the same number."""
    n = abs(shift)

    def locate(trial: _PassageTrial, span: Span, pieces: Pieces) -> Pieces:
        return trial.without_blank_edges([(start + shift, end + shift) for start, end in pieces or ()])

    def explain(guess: _Guess) -> str:
        wrong, change = ("early", f"add {n} to") if shift > 0 else ("late", f"subtract {n} from")
        distance = f"{n} character" + "s" * (n > 1)
        return Errors.offsets_shifted.format(**guess.counts(), shift=distance, wrong=wrong, change=change)

    return _Guess(locate, _always, explain)


def _one_more(trial: _PassageTrial, span: Span, pieces: Pieces) -> Pieces:
    """Extend each character range by one character, as if end offsets were inclusive.

    If the file does not declare the text of the span, the last character must be a letter or digit. Without
    this condition, a span extended by a full stop would also fit if the tokenizer does not split off punctuation.
    """
    is_declared, text = span.declared_text is not None, trial.passage.text
    longer = trial.without_blank_edges([(start, end + 1) for start, end in pieces or ()])
    return longer if longer and (is_declared or all(text[end - 1].isalnum() for _, end in longer)) else None


def _explain_ends(guess: _Guess) -> str:
    return Errors.ends_inclusive.format(**guess.counts())
