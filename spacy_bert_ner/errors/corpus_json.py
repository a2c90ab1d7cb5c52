"""Messages about JSON formats; see `errors` for all messages."""

from __future__ import annotations


class JsonMessages:
    """Message templates, filled with `str.format`."""

    no_spacy_pair = (
        '{path}, line {line}: {found} is not a pair of a text and its entities. Allowed: ["Ada left.", {{"entities": '
        '[[0, 3, "per"]]}}]. Fix the pair.'
    )
    text_classification = (
        "{path}, line {line}: {key} = {found} is a label of the whole text, as in text classification. Allowed: labels "
        'of parts of it: "spans": [{{"start": 0, "end": 3, "label": "per"}}]. Pass a file with entities.'
    )
    no_spans_anywhere = (
        "{path}: no record has spans; the first is on line {line}. This looks like text classification, or like an "
        'annotation without entities. Allowed: "spans": [{{"start": 0, "end": 3, "label": "per"}}], and "spans": [] '
        "for a text without entities. Pass a file with entities."
    )
    spans_rejected = (
        "{n} spans are not entities, because the annotator rejected them. To learn from them: [components.bert_ner] "
        'incorrect_spans_key = "{key}"'
    )
    rejected_misfits = (
        "{n} rejected spans were skipped, because no entity can start and end there: inside a token, or with white "
        "space."
    )
    spans_ignored = "{n} spans that the annotator ignored were skipped."
    texts_partial = (
        "{n} texts have yes-or-no answers about their spans (Prodigy's _view_id), so all their other tokens are left "
        "unknown."
    )
    accepted_and_rejected = (
        "{where}: {covered} ({label}) is both accepted and rejected. Allowed: one of the two. Remove one of the spans."
    )
    incorrect_left_out = (
        "{n} incorrect spans were omitted, because --to {to} cannot store them. Allowed: --to {allowed}"
    )
    spans_of_many_labels = (
        "{n} texts were skipped because one of their spans has several labels. Allowed: one label per span."
    )
    label_numbers = (
        "{path}, line {line}: the label of a span is {label}, a number without a name. doccano's export of labels "
        "names it: save that export in the same folder as {config}. Or export the texts with labels by name (JSONL)."
    )
    label_number = (
        "{path}, line {line}: the label of a span is {label}, which {config} does not name. Its numbers are: {known}. "
        "Export the labels of the same project from doccano again."
    )
    bad_label_config = (
        '{path}: cannot be read as labels of doccano ({reason}). Allowed: [{{"id": 3, "text": "per"}}]. Export the '
        "labels from doccano again, or remove the file."
    )
    no_text_key = (
        "{path}, line {line}: a record with the keys {found}. It needs {needed}. Specify the key of the text: "
        "--text-key"
    )
    many_text_keys = (
        "{path}: the text may be under any of the keys {found}. Specify the one that was annotated: --text-key {first}"
    )
    no_points = (
        '{path}, line {line}: {found} is not an annotation of Dataturks. Allowed: {{"label": ["per"], "points": '
        '[{{"start": 0, "end": 2, "text": "Ada"}}]}}. Fix the record.'
    )
    no_places = (
        '{path}, line {line}: {found} instead of the offsets of strings. Allowed: "label": {{"per": {{"Ada": [[0, '
        "2]]}}}}, where each end is the offset of the last character. Fix the record."
    )
    no_word_span = "{path}, line {line}: {found} is not a span of words. Allowed: {allowed}. Fix the record."
    word_span_outside = (
        "{path}, line {line}: a span of {label} from word {start} to {end}, of {n} words. Allowed: whole numbers, "
        "{allowed}. Fix the span."
    )
    many_tag_keys = (
        "{where}: the tags may be under any of {found}. Allowed: one of them, or ner_tags in addition to others. "
        "Rename the key with the tags of entities to ner_tags."
    )
