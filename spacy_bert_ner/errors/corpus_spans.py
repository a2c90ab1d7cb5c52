"""Messages about spans in text with offsets; see `errors` for all messages."""

from __future__ import annotations


class SpanMessages:
    """Message templates, filled with `str.format`."""

    misaligned_spans = (
        "{n} of {total} spans do not start and end at token boundaries:\n{listed}\n"
        "Fix them, or choose how to handle them: --misaligned expand (to all tokens that they touch), contract (to the "
        "tokens within them) or missing (their tokens are unknown and are not trained on)."
    )
    overlapping_spans = (
        "{n} of {total} spans share tokens with another:\n{listed}\n"
        "Fix them, or choose which to keep: --overlap longest, or first (the span that starts first)."
    )
    spans_fitted = (
        "{n} of {total} spans do not start and end at token boundaries and were {done}; {lost} of them were lost, "
        "because no token is left in them:\n{listed}"
    )
    spans_dropped = (
        "{n} of {total} spans were dropped, because they share tokens with another (--overlap {overlap}):\n{listed}"
    )
    span_outside = (
        "{where}: a span of {label} from {start} to {end}, in a text of {n} {unit}. Allowed: whole numbers of "
        "{unit}, 0 <= start < end <= {n}. Fix the span, or specify the unit of the offsets: --offsets utf-16, or bytes"
    )
    bad_offsets = (
        "{path}, line {line}: a span of {label} from {start} to {end}. Allowed: whole numbers of characters, "
        "0 <= start < end. Fix the span."
    )
    span_label = (
        "{path}, line {line}: {label} is not a valid label for the span {place}. Allowed: a non-empty string without "
        'white space at its ends and without tabs, line breaks or other control characters: "per". Fix the span.'
    )
    span_text = (
        "{where}: the file declares the text of a span as {declared}, but the text at its offsets is {covered}. "
        "Allowed: offsets in {unit} of the unchanged text. Fix the span, or specify the unit of the offsets: "
        "--offsets utf-16, or bytes"
    )
    nul_in_text = "{where}: a NUL (U+0000) at character {position} of the text. Allowed: text without NUL. Remove it."
    offsets_converted = (
        "the offsets count {unit}: all {n} spans fit this unit, but only {n_plain} of {n} fit without conversion. They "
        "were converted. To switch this off: --offsets characters"
    )
    other_units_fit = ". All spans also fit if they count {units}: check some of them"
    offsets_ambiguous = (
        "{n} spans follow a character beyond U+FFFF, such as an emoji, which JavaScript counts as two. The file does "
        "not declare the text of these spans. The character was counted as one. Counted as two, {n_aligned} of "
        "the spans also fit the tokens. If it is two: --offsets utf-16. If it is one, to hide this: "
        "--offsets characters. The first: {first}"
    )
    unit_suspected = (
        "{total} spans depend on the unit of the offsets. {n} of them do not fit the text without conversion, and "
        "{n_fitting} of these fit if the offsets count {unit}:\n{listed}\n{advice}"
    )
    name_unit = "If they do: --offsets {unit}. If not: --offsets characters"
    fix_others = (
        "Fix the spans that still do not fit: offsets are converted if all spans fit. If the offsets do count "
        "characters: --offsets characters"
    )
    offsets_shifted = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these start and end {shift} too {wrong}:\n"
        "{listed}\nFix the offsets in the file: {change} each."
    )
    ends_inclusive = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these end 1 character too early, as if the ends "
        "were inclusive:\n{listed}\nFix the ends in the file: add 1 to each."
    )
    spans_trimmed = (
        "{n} of {total} spans started or ended with white space, which was trimmed; {n_blank} contained only white "
        "space and were skipped:\n{listed}"
    )
    no_span = (
        '{path}, line {line}: {found} is not a span. Allowed: {{"start": 0, "end": 3, "label": "per"}}, or '
        '[0, 3, "per"]. Fix the record.'
    )
    one_label = '{path}, line {line}: a span with the labels {found}. Allowed: exactly one: ["per"]. Fix the span.'
    other_labels = (
        "{path}, line {line}: a result with {key}. Allowed: labels of plain text, which Label Studio calls labels. "
        "Label the text as <Text> with <Labels>."
    )
    no_spans = "{path}, line {line}: {found} instead of a list of spans or annotations. Fix the record."
    no_title = (
        "{path}, line {line}: {text} instead of the title of a PubTator document. Allowed: 100|t|Gout in Rome. Fix the "
        "row."
    )
    bad_pubtator = (
        "{path}, line {line}: {text} is not a row of the document {name}. Allowed after its title and abstract: its "
        "id, start, end, text and type, separated by tabs, as in 100<tab>0<tab>4<tab>Gout<tab>Disease, or a relation. "
        "Fix the row."
    )
    webanno_layers = (
        "{path}: no layer has the labels of entities, or several may. The features of spans are: {found}. Allowed: one "
        "layer whose name ends in NamedEntity, with the feature value. Rename the intended layer in the header: "
        "#T_SP=webanno.custom.NamedEntity|value"
    )
    bad_webanno = (
        "{path}, line {line}: {text} has {n} columns and none for {column}, or is not a row of WebAnno TSV. Allowed: "
        "1-1<tab>0-3<tab>Mia, and a column for each feature in the header. Fix the row, or export the file again."
    )
    webanno_value = (
        "{path}, line {line}: {value} is not a value of {column}. Allowed: _, *, or a value such as PER or LOC[1], "
        "with a backslash before [ ] | and others in it. Fix the row."
    )
    webanno_no_value = (
        "{path}, line {line}: an annotation at {word!r} without a value of {column}. Allowed: a label for each "
        "annotation. Set one in the annotation tool, or write _ instead of its *."
    )
    webanno_word = (
        "{path}, line {line}: the next token is {word}, but the text continues with {rest}. Allowed: all tokens of "
        "#Text= in the order of the text. Fix the rows, or export the file again."
    )
    webanno_part = (
        "{path}, line {line}: {word} is not part of the token before it at these offsets. Allowed: offsets that count "
        "UTF-16 units, within those of the token. Fix the row, or export the file again."
    )
    webanno_gap = (
        "{path}, line {line}: the annotation {label}[{number}] again, but not on the token before. Allowed: "
        "adjacent tokens. Give it another number in brackets."
    )
    webanno_crossing = (
        "{path}, line {line}: the annotation {label}[{number}] continues from the sentence before. Allowed: entities "
        "within a sentence. Split the annotation, or join the sentences, in the annotation tool."
    )
