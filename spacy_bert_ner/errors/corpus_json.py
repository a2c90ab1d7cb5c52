"""Define the message templates for errors and warnings about JSON formats."""

from __future__ import annotations


class JsonMessages:
    """The templates for messages about JSON formats, to be filled in with `str.format`."""

    no_spacy_pair = (
        '{path}, line {line}: {found} is not a pair with a text and its entities. Allowed: ["Ada left.", {{"entities": '
        '[[0, 3, "per"]]}}]. Fix the pair.'
    )
    text_classification = (
        "{path}, line {line}: {key} = {found} labels the whole text, as in text classification. Allowed: labels for "
        'spans in the text: "spans": [{{"start": 0, "end": 3, "label": "per"}}]. Pass a file with entities.'
    )
    no_spans_anywhere = (
        "{path}: no record has spans. The first record without spans is on line {line}. The file looks like "
        'text-classification data, or like annotated text without entities. Allowed: "spans": [{{"start": 0, "end": 3, '
        '"label": "per"}}], and "spans": [] for a text without entities. Pass a file with entities.'
    )
    spans_rejected = (
        "{n} spans were not saved as entities because the annotator rejected them. To train on them as incorrect "
        'spans: [components.bert_ner] incorrect_spans_key = "{key}"'
    )
    rejected_misfits = (
        "{n} rejected spans were skipped because they cannot be entities: they start or end inside a token or with "
        "white space. No action is required."
    )
    spans_ignored = "{n} spans were skipped because the annotator ignored them. No action is required."
    texts_partial = (
        "{n} texts have yes-or-no answers about their spans, according to Prodigy's _view_id. Tokens outside these "
        "spans are treated as unknown. No action is required."
    )
    accepted_and_rejected = (
        "{where}: the span {covered} ({label}) is both accepted and rejected. Allowed: only one of the two. Remove one "
        "of the spans."
    )
    incorrect_left_out = (
        "{n} incorrect spans were omitted because --to {to} cannot store them. To keep them, specify another format "
        "with --to: {allowed}"
    )
    spans_of_many_labels = (
        "{n} texts were skipped because they have spans with several labels. Allowed: one label per span. Remove the "
        "extra labels to include these texts."
    )
    label_numbers = (
        "{path}, line {line}: the span label {label} is a number without a name. Export the labels from doccano, and "
        "save them as {config}. Or export the texts as JSONL with label names."
    )
    label_number = (
        "{path}, line {line}: the span label {label} has no name in {config}, which only names these numbers: {known}. "
        "Export the labels from the same doccano project again."
    )
    bad_label_config = (
        '{path} cannot be read as doccano labels ({reason}). Allowed: [{{"id": 3, "text": "per"}}]. Export the labels '
        "from doccano again, or remove the file."
    )
    no_text_key = (
        "{path}, line {line}: the record requires {needed}, but its keys are: {found}. Specify the key that contains "
        "the text with --text-key."
    )
    many_text_keys = (
        "{path}: each of these keys could contain the annotated text: {found}. Specify the correct key, such as "
        "--text-key {first}"
    )
    no_points = (
        '{path}, line {line}: {found} is not a valid Dataturks annotation. Allowed: {{"label": ["per"], "points": '
        '[{{"start": 0, "end": 2, "text": "Ada"}}]}}. Fix the record.'
    )
    bad_string_offsets = (
        '{path}, line {line}: the key label contains the invalid value {found}. Allowed: "label": {{"per": {{"Ada": '
        "[[0, 2]]}}}}, with the offsets of the first and last character of each string. Fix the record."
    )
    no_word_span = (
        "{path}, line {line}: {found} is not a valid word span. Allowed: a span such as {allowed}. Fix the record."
    )
    word_span_outside = (
        "{path}, line {line}: the span {label} from word {start} to {end} is invalid in a sentence with {n} words. "
        "Allowed: whole numbers with {allowed}. Fix the span."
    )
    many_tag_keys = (
        "{where}: each of these fields could contain the entity tags: {found}. Allowed: a single such field, or "
        "several of which one is named ner_tags. Rename the field with the entity tags to ner_tags."
    )
