"""Check text and tags: repaired or lost while reading, and unnatural text."""

from __future__ import annotations

from collections.abc import Iterator

from ...corpus.span_report import SpanAlignmentReport
from ..findings import Corpora, Finding, share
from ..text_quality import CODES

SPACED = 0.2
"""Share of full stops, commas and contractions with a space before them from which a text is not natural."""
ONE_CASE = 0.2
"""Share of sentences in only one case from which a text is not natural."""

_ADVICE = {
    "replacement": "The original characters are lost. Create the file again from its source, in UTF-8.",
    "mojibake": "Decode the source of this file with its own encoding, or fix the text with a tool such as ftfy.",
    "control": "Remove them: they are invisible, and split words into pieces.",
    "markup": "Convert them to characters before the text is annotated (html.unescape in Python).",
    "treebank": 'Replace them with the original characters, such as ( and ". They do not occur in natural text.',
}


def check_text(corpora: Corpora, spans: list[SpanAlignmentReport]) -> Iterator[Finding]:
    """Check text and tags.

    corpora (Corpora): statistics of the splits.
    spans (list[SpanAlignmentReport]): reports of the files that have text with offsets.
    YIELDS (Finding): each finding.
    """
    yield from _check_skipped(corpora)
    yield from _check_spans(spans, corpora.train.limit)
    yield from _check_tags(corpora)
    n_tokens, n_sentences = corpora.total("n_tokens"), corpora.total("n_sentences")
    for code, title in CODES.items():
        yield from corpora.noted_finding(
            "warning", code, f"words with {title}", of="words", total=n_tokens, advice=_ADVICE[code]
        )
    yield from corpora.noted_finding(
        "warning", "empty", "sentences of only white space", of="sentences", total=n_sentences, advice="Remove them."
    )
    yield from _check_spacing(corpora)
    yield from _check_case(corpora)


def _check_skipped(corpora: Corpora) -> Iterator[Finding]:
    errors = [error for split in corpora.splits for error in split.skipped]
    if errors:
        yield Finding(
            "error", "skipped", "sentences that cannot be read and were left out", len(errors), "sentences",
            share(len(errors), corpora.total("n_sentences") + len(errors)),
            "Fix them. convert also stops at them, unless --skip-invalid allows that many.",
            details=errors[: corpora.train.limit],
        )  # fmt: skip


def _check_spans(spans: list[SpanAlignmentReport], limit: int) -> Iterator[Finding]:
    n_spans = sum(report.n_spans for report in spans)
    checks = (
        (
            "offset_units",
            "spans whose offsets do not count characters",
            sum(report.n_spans for report in spans if report.converted),
            [report.converted for report in spans if report.converted],
            "They are converted, as shown below. If that is wrong: --offsets characters",
        ),
        (
            "ambiguous_offsets",
            "spans without their text in the file, after characters beyond U+FFFF",
            sum(report.n_ambiguous for report in spans),
            [line for report in spans for line in report.ambiguous],
            "Check them: JavaScript tools count such a character as two. If the offsets do so: --offsets utf-16",
        ),
        (
            "misaligned",
            "spans that begin or end inside a token",
            sum(report.n_misaligned for report in spans),
            [line for report in spans for line in report.misaligned],
            "Correct their boundaries, or choose a treatment: convert --misaligned. Here their tokens are unknown.",
        ),
        (
            "overlapping",
            "spans that share tokens with another span",
            sum(report.n_overlapping for report in spans),
            [line for report in spans for line in report.overlapping],
            "A token can belong to only one entity. Remove one of each, or choose which to keep: convert --overlap",
        ),
    )
    for code, title, count, lines, advice in checks:
        if count:
            yield Finding("warning", code, title, count, "spans", share(count, n_spans), advice, details=lines[:limit])
    left_out = sum(report.n_left_out for report in spans)
    if left_out:
        yield Finding(
            "info", "left_out", "texts without annotation, or whose annotation was rejected", left_out, "texts",
            None, "They are skipped. Nothing to do if this is intended.",
        )  # fmt: skip


def _check_tags(corpora: Corpora) -> Iterator[Finding]:
    count, examples = corpora.count_with_examples("repaired")
    n_repaired = corpora.total("n_repaired")
    if count:
        schemes = ", ".join(dict.fromkeys(split.tag_scheme for split in corpora.splits))
        yield Finding(
            "warning",
            "repaired",
            f"tags that violate their scheme ({schemes}); affected sentences: {count}",
            n_repaired,
            "tokens",
            share(n_repaired, corpora.total("n_tokens")),
            "They are repaired without losing an entity. If there are many, the scheme may be wrong: --tag-scheme",
            examples,
        )
    n_unknown = corpora.total("n_unknown")
    if n_unknown:
        yield Finding(
            "info", "unknown", "tokens with an unknown tag", n_unknown, "tokens",
            share(n_unknown, corpora.total("n_tokens")), "They contribute no loss in training.",
        )  # fmt: skip


def _check_spacing(corpora: Corpora) -> Iterator[Finding]:
    count, examples = corpora.count_with_examples("spacing")
    spaced_share = share(count, corpora.total("n_clinging"))
    if spaced_share is not None and spaced_share >= SPACED:
        yield Finding(
            "warning",
            "spacing",
            "full stops, commas and contractions with a space before them",
            count,
            "full stops, commas and contractions",
            spaced_share,
            "The text is a list of words joined by spaces, unlike what users type. Convert it again from its list of "
            "words: convert restores natural text, unless --spacing single is set.",
            examples,
        )


def _check_case(corpora: Corpora) -> Iterator[Finding]:
    n_cased = corpora.total("n_cased")
    for name, title, advice in (
        ("n_lower", "sentences in lower case only", "Train an uncased encoder, or restore the case."),
        ("n_upper", "sentences in upper case only", "Restore the case, or add such text to all splits."),
    ):
        count = corpora.total(name)
        case_share = share(count, n_cased)
        if case_share is not None and case_share >= ONE_CASE:
            yield Finding("warning", name[2:] + "_case", title, count, "sentences", case_share, advice)
