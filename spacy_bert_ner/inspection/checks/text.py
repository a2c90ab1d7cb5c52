"""Findings about text and tags: what was repaired or lost in reading, and what is not as people write it."""

from __future__ import annotations

from collections.abc import Iterator

from ...corpus.span_report import SpanAlignmentReport
from ..findings import Corpora, Finding, share
from ..text_quality import CODES

SPACED = 0.2
"""Share of full stops, commas and clitics with a space before them from which a text is not natural."""
ONE_CASE = 0.2
"""Share of sentences in one case alone from which a text is not natural."""

_ADVICE = {
    "replacement": "The characters are lost. Write the file again from its source, in UTF-8.",
    "mojibake": "Read the file that this was made from in its own encoding, or mend the text with a tool such as ftfy.",
    "control": "Remove them: no one sees them, and they cut words in pieces.",
    "markup": "Turn them into characters before the text is annotated (html.unescape in Python).",
    "treebank": 'Write the marks themselves: ( and ". The encoder has not seen the others in running text.',
}


def check_text(corpora: Corpora, spans: list[SpanAlignmentReport]) -> Iterator[Finding]:
    """All of them.

    spans: of those files that have text with offsets.
    """
    yield from _skipped(corpora)
    yield from _spans(spans, corpora.train.limit)
    yield from _tags(corpora)
    n_sentences = corpora.total("n_sentences")
    for code, title in CODES.items():
        count, examples = corpora.noted(code)
        if count:
            yield Finding(
                "warning", code, f"words with {title}", count, "words",
                share(count, corpora.total("n_tokens")), _ADVICE[code], examples,
            )  # fmt: skip
    count, examples = corpora.noted("empty")
    if count:
        yield Finding(
            "warning", "empty", "sentences of white space alone", count, "sentences",
            share(count, n_sentences), "Remove them.", examples,
        )  # fmt: skip
    yield from _spacing(corpora)
    yield from _case(corpora)


def _skipped(corpora: Corpora) -> Iterator[Finding]:
    errors = [error for survey in corpora.surveys for error in survey.skipped]
    if errors:
        yield Finding(
            "error", "skipped", "sentences that cannot be read, and were left out", len(errors), "sentences",
            share(len(errors), corpora.total("n_sentences") + len(errors)),
            "Mend them; convert stops at them, too, unless --skip-invalid allows as many.",
            details=errors[: corpora.train.limit],
        )  # fmt: skip


def _spans(spans: list[SpanAlignmentReport], limit: int) -> Iterator[Finding]:
    n_spans = sum(report.n_spans for report in spans)
    rows = (
        (
            "offset_units",
            "spans whose offsets do not count characters",
            sum(report.n_spans for report in spans if report.converted),
            [report.converted for report in spans if report.converted],
            "They are converted, as told below. If that is wrong: --offsets characters.",
        ),
        (
            "ambiguous_offsets",
            "spans behind characters beyond U+FFFF, whose text the file does not say",
            sum(report.n_ambiguous for report in spans),
            [line for report in spans for line in report.ambiguous],
            "Look at them: tools in JavaScript count such a character as two. If these do: --offsets utf-16.",
        ),
        (
            "misaligned",
            "spans that begin or end inside a token",
            sum(report.n_misaligned for report in spans),
            [line for report in spans for line in report.misaligned],
            "Move their edges, or say what to do with them: convert --misaligned. Here their tokens are unknown.",
        ),
        (
            "overlapping",
            "spans that share tokens with another",
            sum(report.n_overlapping for report in spans),
            [line for report in spans for line in report.overlapping],
            "A token can be of one entity only. Remove one of each, or say which: convert --overlap.",
        ),
    )
    for code, title, count, lines, advice in rows:
        if count:
            yield Finding("warning", code, title, count, "spans", share(count, n_spans), advice, details=lines[:limit])
    left_out = sum(report.n_left_out for report in spans)
    if left_out:
        yield Finding(
            "info", "left_out", "texts that are not annotated, or whose annotation was rejected", left_out, "texts",
            None, "They are not read. Nothing to do, if that is what you want.",
        )  # fmt: skip


def _tags(corpora: Corpora) -> Iterator[Finding]:
    count, examples = corpora.noted("repaired")
    n_repaired = corpora.total("n_repaired")
    if count:
        schemes = ", ".join(dict.fromkeys(survey.tag_scheme for survey in corpora.surveys))
        yield Finding(
            "warning",
            "repaired",
            f"tags that break the rules of their scheme ({schemes}); sentences with such: {count}",
            n_repaired,
            "tokens",
            share(n_repaired, corpora.total("n_tokens")),
            "They are repaired without losing an entity. If there are many, the scheme may be another: --tag-scheme.",
            examples,
        )
    n_unknown = corpora.total("n_unknown")
    if n_unknown:
        yield Finding(
            "info", "unknown", "tokens whose tag is unknown", n_unknown, "tokens",
            share(n_unknown, corpora.total("n_tokens")), "They get no loss in training.",
        )  # fmt: skip


def _spacing(corpora: Corpora) -> Iterator[Finding]:
    count, examples = corpora.noted("spacing")
    spaced = share(count, corpora.total("n_clinging"))
    if spaced is not None and spaced >= SPACED:
        yield Finding(
            "warning",
            "spacing",
            "full stops, commas and contractions with a space before them",
            count,
            "such marks",
            spaced,
            "The text is a list of words joined by spaces, which no user will type. Convert it again from its list of "
            "words: convert gives these natural text, unless --spacing single is set.",
            examples,
        )


def _case(corpora: Corpora) -> Iterator[Finding]:
    n_cased = corpora.total("n_cased")
    for name, title, advice in (
        ("n_lower", "sentences in lower case alone", "Train an encoder without case (uncased), or restore the case."),
        ("n_upper", "sentences in upper case alone", "Restore the case, or add such text to all splits alike."),
    ):
        count = corpora.total(name)
        found = share(count, n_cased)
        if found is not None and found >= ONE_CASE:
            yield Finding("warning", name[2:] + "_case", title, count, "sentences", found, advice)
