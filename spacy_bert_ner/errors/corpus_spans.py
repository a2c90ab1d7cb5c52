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
        "{where}: a span of {label} from {start} to {end}, in a text of {n} {unit}. Allowed: whole numbers of "
        "{unit}, 0 <= start < end <= {n}. Fix the span, or say what the offsets count: --offsets utf-16, or bytes"
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
        "count {unit}, in the text as it stands. Fix the span, or say what the offsets count: --offsets utf-16, or "
        "bytes"
    )
    nul_in_text = "{where}: a NUL (U+0000) at character {position} of the text. Allowed: text without one. Remove it."
    offsets_converted = (
        "the offsets count {unit} (all {n} spans fit so; {n_plain} of {n} as they stand): they were converted. To "
        "switch this off: --offsets characters"
    )
    other_units_fit = ". All spans fit as well if they count {units}: look at some of them"
    offsets_ambiguous = (
        "{n} spans stand behind a character beyond U+FFFF, such as an emoji, which JavaScript counts as two, and the "
        "file does not say what they cover. It was counted as one. Counted as two, {n_aligned} of them fit the tokens, "
        "too. If it is two: --offsets utf-16. If it is one, to hide this: --offsets characters. The first: {first}"
    )
    unit_suspected = (
        "Of {total} spans whose place depends on it, {n} do not fit the text as they stand, and {n_fitting} of these "
        "fit if the offsets count {unit}:\n{listed}\n{advice}"
    )
    name_unit = "If they do: --offsets {unit}. If not: --offsets characters"
    fix_others = (
        "Fix the spans that do not fit so: where all do, offsets are converted. If they do count characters: "
        "--offsets characters"
    )
    offsets_shifted = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these begin and end {shift} too {wrong}:\n"
        "{listed}\nFix the offsets in the file: {change} each."
    )
    ends_inclusive = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these end 1 character too early, as if the ends "
        "were inclusive:\n{listed}\nFix the ends in the file: add 1 to each."
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
    no_title = (
        "{path}, line {line}: {text}, where the title of a document of PubTator has to be. Allowed: 100|t|Gout in "
        "Rome. Fix the row."
    )
    bad_pubtator = (
        "{path}, line {line}: {text} is no row of the document {name}. Allowed behind its title and abstract: its id, "
        "start, end, text and type, by tabs, as in 100<tab>0<tab>4<tab>Gout<tab>Disease, or a relation. Fix the row."
    )
    webanno_layers = (
        "{path}: no layer has the labels of entities, or several may. The features of spans are: {found}. Allowed: one "
        "layer whose name ends in NamedEntity, with the feature value. Rename the one that you mean in the header: "
        "#T_SP=webanno.custom.NamedEntity|value"
    )
    bad_webanno = (
        "{path}, line {line}: {text} has {n} columns and none for {column}, or is no row of WebAnno TSV. Allowed: "
        "1-1<tab>0-3<tab>Mia, and a column for each feature in the header. Fix the row, or export the file again."
    )
    webanno_value = (
        "{path}, line {line}: {value} is no value of {column}. Allowed: _, *, or a value such as PER or LOC[1], with a "
        "backslash before [ ] | and others in it. Fix the row."
    )
    webanno_no_value = (
        "{path}, line {line}: an annotation at {word!r} without a value of {column}. Allowed: a label for each "
        "annotation. Give it one where it was annotated, or put _ in the place of its *."
    )
    webanno_word = (
        "{path}, line {line}: the next token is {word}, but the text goes on with {rest}. Allowed: all tokens of "
        "#Text= in its order. Fix the rows, or export the file again."
    )
    webanno_part = (
        "{path}, line {line}: {word} is no part of the token before it at these offsets. Allowed: offsets that count "
        "UTF-16 units, within those of the token. Fix the row, or export the file again."
    )
    webanno_gap = (
        "{path}, line {line}: the annotation {label}[{number}] again, but not on the token before. Allowed: "
        "neighbours. Give it another number in brackets."
    )
    webanno_crossing = (
        "{path}, line {line}: the annotation {label}[{number}] goes on from the sentence before. Allowed: entities "
        "within a sentence. Cut it in two, or join the sentences where they were annotated."
    )
