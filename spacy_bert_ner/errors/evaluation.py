"""Message templates about the data that pipelines are scored on; `errors` has all others."""

from __future__ import annotations

from .commands import CommandMessages


class EvaluationMessages(CommandMessages):
    """Message templates, filled with `str.format`."""

    # folders
    no_spacy_file = (
        "{folder} has no .spacy file. Allowed: a .spacy file with {part} data, or a folder with one. Create it: "
        "python -m spacy bert-ner convert CORPUS OUTPUT_DIR --split 80/10/10; then pass it: {usage} "
        "OUTPUT_DIR/{part}.spacy"
    )
    which_file = "{folder} has these .spacy files: {files}. {reason} Allowed: one file. Choose it: {command}"
    no_split_file = "There is no {name} next to them that names the {part} part."
    part_not_named = "Its {name} has no {part} part, only these: {parts}."
    part_not_there = "Its {name} names {file} as the {part} part, which is not one of them."
    several_parts = (
        "{folder} has several parts of one split, {files}, which would be read as one corpus. Allowed: one file per "
        "corpus: --paths.train {first} --paths.dev {second}"
    )

    # predicted Docs
    predicted_is_reference = (
        "The predicted Doc of an Example is also its reference, so its gold entities would count as predictions. "
        "Allowed: a predicted Doc without annotation: Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given = (
        "The predicted Docs contained all {n} gold entities before bert_ner processed them. It kept them (overwrite = "
        "false), so the scores measure these entities instead of predictions. To score the pipeline, pass Docs without "
        "annotation: Example(nlp.make_doc(doc.text), doc). If an earlier component predicted them, ignore this warning."
    )
    gold_was_given_alone = (
        "The predicted Docs contained all {n} gold entities before bert_ner processed them. It kept them (overwrite = "
        "false), so nothing was predicted. Allowed: predicted Docs without annotation: "
        "Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given_to_calibrate = (
        "Cannot fit the temperature of '{name}': the predicted Docs already contain all {n} gold entities, and it "
        "keeps them (overwrite = false). Pass Docs without annotation: Example(nlp.make_doc(doc.text), doc)"
    )
    displacy_is_file = "--displacy-path {path} is a file. Allowed: a folder, which is created if it does not exist."

    # labels and entities
    labels_never_given = (
        "The data has labels that '{name}' never predicts, so their entities count as missed: {unknown}. It predicts: "
        "{labels}. Rename the labels in the annotation, and convert it again; or train a pipeline on data that has "
        "them: python -m spacy bert-ner train CONFIG"
    )
    no_label_given = (
        "'{name}' predicts none of the labels of {data}, so no prediction can be correct. The data has: {unknown}. The "
        "pipeline predicts: {labels}. Pass data with these labels; or rename the labels in the annotation, and convert "
        "it again."
    )
    not_calibrated = "Skipped '{name}'. {reason}"
    no_gold_to_calibrate = (
        "{data} has no gold entities, so no temperature can be fitted. Allowed: held-out examples with entities, as "
        "python -m spacy bert-ner convert writes them, such as corpus/dev.spacy."
    )
