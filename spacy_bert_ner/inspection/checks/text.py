"""Check for sentences, spans and tags that were skipped or changed by the reader, and for unnatural text."""

from __future__ import annotations

from collections.abc import Iterator

from ...corpus.span_report import SpanAlignmentReport
from ..findings import Corpora, Finding, share
from ..text_quality import CODES

SPACED = 0.2
"""Share of full stops, commas and contractions preceded by a space at which a finding is reported."""
ONE_CASE = 0.2
"""Share of sentences in a single letter case at which a finding is reported."""

_ADVICE = {
    "replacement": "The original characters are lost. Create the file again from its source in UTF-8.",
    "mojibake": "Decode the source file with the correct encoding, or repair the text with a tool such as ftfy.",
    "control": "Remove them, because they are invisible and split words into pieces.",
    "markup": "Convert them to characters before annotation, for example with html.unescape in Python.",
    "treebank": 'Replace them with the original characters, such as ( and ". They do not occur in natural text.',
}


def check_text(corpora: Corpora, spans: list[SpanAlignmentReport]) -> Iterator[Finding]:
    """Check the text and the tags in a corpus.

    corpora (Corpora): statistics on the splits.
    spans (list[SpanAlignmentReport]): reports on the files that contain text with offsets.
    YIELDS (Finding): the findings.
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
        "warning", "empty", "sentences with only white space", of="sentences", total=n_sentences, advice="Remove them."
    )
    yield from _check_spacing(corpora)
    yield from _check_case(corpora)


def _check_skipped(corpora: Corpora) -> Iterator[Finding]:
    errors = [error for split in corpora.splits for error in split.skipped]
    if errors:
        yield Finding(
            "error", "skipped", "sentences that cannot be read and were skipped", len(errors), "sentences",
            share(len(errors), corpora.total("n_sentences") + len(errors)),
            "Correct them. Otherwise, convert stops at them unless --skip-invalid allows this many.",
            details=errors[: corpora.train.limit],
        )  # fmt: skip


def _check_spans(spans: list[SpanAlignmentReport], limit: int) -> Iterator[Finding]:
    n_spans = sum(report.n_spans for report in spans)
    checks = (
        (
            "offset_units",
            "spans whose offsets are not in characters",
            sum(report.n_spans for report in spans if report.converted),
            [report.converted for report in spans if report.converted],
            "They were converted as described below. If the offsets are in characters, use --offsets characters.",
        ),
        (
            "ambiguous_offsets",
            "spans with ambiguous offsets, because a character beyond U+FFFF precedes them",
            sum(report.n_ambiguous for report in spans),
            [line for report in spans for line in report.ambiguous],
            "Check them. JavaScript counts such a character as two. If the offsets were counted in this way, use "
            "--offsets utf-16.",
        ),
        (
            "misaligned",
            "spans that begin or end inside a token",
            sum(report.n_misaligned for report in spans),
            [line for report in spans for line in report.misaligned],
            "Correct their boundaries, or specify how to handle them with --misaligned. By default, inspect treats "
            "their tokens as unknown.",
        ),
        (
            "overlapping",
            "spans that share tokens with another span",
            sum(report.n_overlapping for report in spans),
            [line for report in spans for line in report.overlapping],
            "A token can belong to only one entity. Remove all but one of the spans, or specify which to keep with "
            "convert --overlap.",
        ),
    )
    for code, title, count, lines, advice in checks:
        if count:
            yield Finding("warning", code, title, count, "spans", share(count, n_spans), advice, details=lines[:limit])
    left_out = sum(report.n_left_out for report in spans)
    if left_out:
        yield Finding(
            "info", "left_out", "texts that were not annotated or whose annotation was rejected", left_out, "texts",
            None, "They were skipped. If this is intended, no action is needed.",
        )  # fmt: skip


def _check_tags(corpora: Corpora) -> Iterator[Finding]:
    count, examples = corpora.count_with_examples("repaired")
    n_repaired = corpora.total("n_repaired")
    if count:
        schemes = ", ".join(dict.fromkeys(split.tag_scheme for split in corpora.splits))
        yield Finding(
            "warning",
            "repaired",
            f"tags that violate their scheme ({schemes}) in {count} sentence{'s' if count != 1 else ''}",
            n_repaired,
            "tokens",
            share(n_repaired, corpora.total("n_tokens")),
            "They were repaired without losing an entity. If there are many, the scheme may be wrong. To specify it, "
            "use --tag-scheme.",
            examples,
        )
    n_unknown = corpora.total("n_unknown")
    if n_unknown:
        yield Finding(
            "info", "unknown", "tokens with an unknown tag", n_unknown, "tokens",
            share(n_unknown, corpora.total("n_tokens")), "They do not contribute to the training loss.",
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
            "The text consists of words joined by spaces, unlike text that users type. Convert the original list of "
            "words again. convert restores natural text unless --spacing single is set.",
            examples,
        )


def _check_case(corpora: Corpora) -> Iterator[Finding]:
    n_cased = corpora.total("n_cased")
    for name, title, advice in (
        ("n_lower", "sentences in lower case only", "Train an uncased encoder, or restore the original case."),
        ("n_upper", "sentences in upper case only", "Restore the original case, or add such text to all splits."),
    ):
        count = corpora.total(name)
        case_share = share(count, n_cased)
        if case_share is not None and case_share >= ONE_CASE:
            yield Finding("warning", name[2:] + "_case", title, count, "sentences", case_share, advice)
