"""The messages about spans in text with offsets; see `errors`."""

from __future__ import annotations


class SpanMessages:
    """Message templates, filled with `str.format`."""

    misaligned_spans = (
        "{n} of {total} spans do not begin and end where tokens do:\n{listed}\n"
        "Mend them, or say what to do: --misaligned expand (take all tokens that they touch), contract (those that lie "
        "within) or missing (their tokens are unknown, and are not trained on)."
    )
    overlapping_spans = (
        "{n} of {total} spans share tokens with another:\n{listed}\n"
        "Mend them, or say which to keep: --overlap longest, or first (that which begins first)."
    )
    spans_fitted = (
        "{n} of {total} spans do not begin and end where tokens do and were {done}, of which {lost} were lost, as no "
        "token is left to them:\n{listed}"
    )
    spans_dropped = (
        "{n} of {total} spans were left out, as they share tokens with another (--overlap {overlap}):\n{listed}"
    )
    span_outside = (
        "{where}: a span of {label} from {start} to {end}, in a text of {n} characters. Allowed: whole numbers of "
        "characters, 0 <= start < end <= {n}. Fix the span."
    )
    bad_offsets = (
        "{path}, line {line}: a span of {label} from {start} to {end}. Allowed: whole numbers of characters, "
        "0 <= start < end. Fix the span."
    )
    span_label = (
        "{path}, line {line}: {label} is no label of the span {place}. Allowed: a string that is not empty, without "
        'white space at its ends, tabs, line breaks and other control characters: "per". Fix the span.'
    )
    span_text = (
        "{where}: the file says that a span is {declared}, but at its offsets stands {covered}. Allowed: offsets that "
        "count characters (not bytes, nor UTF-16 units), in the text as it stands. Fix the span."
    )
    spans_trimmed = (
        "{n} of {total} spans began or ended with white space, which was left out; {n_blank} were white space alone "
        "and were left out:\n{listed}"
    )
    no_span = (
        '{path}, line {line}: {found} is no span. Allowed: {{"start": 0, "end": 3, "label": "per"}}, or '
        '[0, 3, "per"]. Mend the record.'
    )
    one_label = '{path}, line {line}: a span with the labels {found}. Allowed: exactly one: ["per"]. Mend the span.'
    other_labels = (
        "{path}, line {line}: a result with {key}. Allowed: labels of plain text, which Label Studio calls labels. "
        "Label the text as <Text> with <Labels>."
    )
    no_spans = "{path}, line {line}: {found} where a list of spans or annotations has to be. Mend the record."
