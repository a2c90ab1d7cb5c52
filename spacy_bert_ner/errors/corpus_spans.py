"""Define the message templates for errors and warnings about spans in text."""

from __future__ import annotations


class SpanMessages:
    """The templates for messages about spans in text, to be filled in with `str.format`."""

    misaligned_spans = (
        "{n} of {total} spans do not start and end at token boundaries:\n"
        "{listed}\n"
        "Fix the spans, or choose how to handle them:\n"
        "--misaligned expand: extend each span to all tokens that it overlaps.\n"
        "--misaligned contract: reduce each span to the tokens that it fully contains.\n"
        "--misaligned missing: treat the overlapped tokens as unknown, and do not train on them."
    )
    overlapping_spans = (
        "{n} of {total} spans share tokens with another span:\n"
        "{listed}\n"
        "Fix the spans, or choose which spans to keep:\n"
        "--overlap longest: keep the longest span.\n"
        "--overlap first: keep the span that starts first."
    )
    spans_fitted = (
        "{n} of {total} spans do not start and end at token boundaries and were {done}. Of these, {lost} were lost "
        "because they had no tokens left:\n"
        "{listed}"
    )
    spans_dropped = (
        "{n} of {total} spans were dropped because they share tokens with another span (--overlap {overlap}):\n{listed}"
    )
    span_outside = (
        "{where}: the span {label} from {start} to {end} is invalid in a text with {n} {unit}. Allowed: whole numbers "
        "of {unit} with 0 <= start < end <= {n}. Fix the span, or specify the unit of the offsets: --offsets utf-16 or "
        "--offsets bytes"
    )
    bad_offsets = (
        "{path}, line {line}: the span {label} has invalid offsets: {start} to {end}. Allowed: whole numbers of "
        "characters with 0 <= start < end. Fix the span."
    )
    span_label = (
        "{path}, line {line}: the span {place} has the invalid label {label}. Allowed: a non-empty string such as "
        '"per". It must not contain tabs, line breaks or other control characters, or start or end with white space. '
        "Fix the label."
    )
    span_text = (
        "{where}: the text of a span is declared as {declared}, but the text at its offsets is {covered}. Offsets must "
        "count {unit} in the unchanged text. Fix the span, or specify the unit of the offsets: --offsets utf-16 or "
        "--offsets bytes"
    )
    nul_in_text = (
        "{where}: the text contains a NUL character (U+0000) at offset {position}, which is not allowed. Remove the "
        "character."
    )
    offsets_converted = (
        "The offsets count {unit} and were converted to characters. With this unit, all {n} spans fit the text; "
        "without conversion, only {n_plain} do. To turn off conversion: --offsets characters"
    )
    other_units_fit = ". All spans also fit if the offsets count {units}, so check some of the spans"
    offsets_ambiguous = (
        "{n} spans follow a character beyond U+FFFF, such as an emoji, which JavaScript counts as two "
        "characters. The file contains the offsets of these spans but not their text, so the unit cannot be verified. "
        "Each such character was counted as one. If each were counted as two, {n_aligned} of the spans would fit the "
        "tokens too. If the file counts them as two: --offsets utf-16. If it counts them as one, hide this warning: "
        "--offsets characters. The first of these spans is {first}"
    )
    unit_suspected = (
        "The positions of {total} spans depend on the unit of the offsets. {n} of these spans do not fit the text "
        "without conversion, but {n_fitting} of those fit if the offsets count {unit}:\n"
        "{listed}\n"
        "{advice}"
    )
    name_unit = (
        "If the offsets count this unit, specify --offsets {unit}. If they count characters, specify --offsets "
        "characters"
    )
    fix_others = (
        "Fix the spans that still do not fit, because offsets are only converted if all spans fit. If the offsets do "
        "count characters, specify --offsets characters"
    )
    offsets_shifted = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these start and end {shift} too {wrong}:\n"
        "{listed}\n"
        "Fix the offsets in the file: {change} every offset, including those of spans that fit."
    )
    ends_inclusive = (
        "{n} of {total} spans do not fit the text, and {n_fitting} of these end 1 character too early, as if the ends "
        "were inclusive:\n"
        "{listed}\n"
        "Fix the ends in the file: add 1 to each end."
    )
    spans_trimmed = (
        "{n} of {total} spans started or ended with white space, which was trimmed. Another {n_blank} spans contained "
        "only white space and were skipped:\n"
        "{listed}"
    )
    no_span = (
        '{path}, line {line}: {found} is not a valid span. Allowed: a span such as {{"start": 0, "end": 3, "label": '
        '"per"}} or [0, 3, "per"]. Fix the record.'
    )
    one_label = (
        "{path}, line {line}: a span has the invalid labels {found}. Allowed: a list with exactly one label, such as "
        '["per"]. Fix the span.'
    )
    other_labels = (
        "{path}, line {line}: the result has {key}, which is not supported. Allowed: the key labels, which Label "
        "Studio uses for spans in plain text. Label the text with <Text> and <Labels>."
    )
    no_spans = "{path}, line {line}: {found} is not a list of spans or annotations. Fix the record."
    no_title = (
        "{path}, line {line}: {text} is not the title row of a PubTator document. Allowed: a row such as "
        "100|t|Gout in Rome. Fix the row."
    )
    bad_pubtator = (
        "{path}, line {line}: {text} is not a valid row in the PubTator document {name}. Allowed after the title and "
        "abstract: a relation, or the document ID, start, end, text and type of an entity, separated by tabs. An "
        "example is 100<tab>0<tab>4<tab>Gout<tab>Disease. Fix the row."
    )
    webanno_layers = (
        "{path}: the layer with the entity labels cannot be identified. The span features are: {found}. Allowed: a "
        "single layer whose name ends in NamedEntity, with a feature named value. Rename the intended layer in the "
        "header: #T_SP=webanno.custom.NamedEntity|value"
    )
    bad_webanno = (
        "{path}, line {line}: {text} is not a valid WebAnno TSV row, or its {n} columns do not include {column}. "
        "Allowed: a row such as 1-1<tab>0-3<tab>Mia, followed by a column for each feature in the header. Fix the row, "
        "or export the file again."
    )
    webanno_value = (
        "{path}, line {line}: {value} is not a valid value for {column}. Allowed: _, *, or a value such as PER or "
        "LOC[1]. Special characters in a value, such as [ ] and |, require a backslash before them. Fix the row."
    )
    webanno_no_value = (
        "{path}, line {line}: the annotation at {word!r} has no value for {column}. Each annotation must have a label. "
        "Set the label in the annotation tool, or write _ instead of *."
    )
    webanno_word = (
        "{path}, line {line}: the next token is {word}, but the text continues with {rest}. The rows must contain all "
        "tokens from #Text= in text order. Fix the rows, or export the file again."
    )
    webanno_part = (
        "{path}, line {line}: {word} is not part of the previous token at these offsets. Offsets must count UTF-16 "
        "units and be within the token. Fix the row, or export the file again."
    )
    webanno_gap = (
        "{path}, line {line}: the annotation {label}[{number}] continues here, but the previous token does not have "
        "it. The tokens of an annotation must be adjacent. Give one of the parts another number in brackets."
    )
    webanno_crossing = (
        "{path}, line {line}: the annotation {label}[{number}] continues from the previous sentence. Allowed: entities "
        "within one sentence. Split the annotation or join the sentences in the annotation tool."
    )
