"""Define the message templates for errors and warnings about evaluation data."""

from __future__ import annotations

from .commands import CommandMessages


class EvaluationMessages(CommandMessages):
    """The templates for messages about evaluation data, to be filled in with `str.format`."""

    # folders
    no_spacy_file = (
        "{folder} contains no .spacy file. Allowed: a .spacy file with {part} data, or a folder that contains one. "
        "Create the file with python -m spacy bert-ner convert CORPUS OUTPUT_DIR --split 80/10/10, then pass it: "
        "{usage} OUTPUT_DIR/{part}.spacy"
    )
    which_file = (
        "{folder} contains these .spacy files: {files}. {reason} Allowed: one file. Specify which file to use: "
        "{command}"
    )
    no_split_file = "The folder contains no {name} that identifies the {part} split."
    part_not_named = "Its {name} does not contain the split {part}. It contains only these splits: {parts}."
    part_not_there = "Its {name} specifies {file} as the {part} split, but the folder does not contain this file."
    several_parts = (
        "{folder} contains several splits of one corpus, which would be read as one split: {files}. Allowed: one file "
        "per split. Specify the files: --paths.train {first} --paths.dev {second}"
    )

    # predicted Docs
    predicted_is_reference = (
        "The predicted Doc and the reference Doc of an Example are the same, so its gold entities would count as "
        "predictions. Pass a predicted Doc without annotation: Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given = (
        "The predicted Docs contained all {n} gold entities before bert_ner processed them. bert_ner kept these "
        "entities (overwrite = false), so the scores do not measure its predictions. To score the pipeline, pass Docs "
        "without annotation: Example(nlp.make_doc(doc.text), doc). If an earlier component predicted the entities, "
        "ignore this warning."
    )
    gold_was_given_alone = (
        "The predicted Docs contained all {n} gold entities before bert_ner processed them. bert_ner kept these "
        "entities (overwrite = false), so it predicted nothing. Pass Docs without annotation: "
        "Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given_to_calibrate = (
        "The temperature of '{name}' cannot be fitted. The predicted Docs already contain all {n} gold entities, and "
        "'{name}' keeps them (overwrite = false). Pass Docs without annotation: Example(nlp.make_doc(doc.text), doc)"
    )
    mistakes_format = (
        "The format {name!r} for the mistakes in {path} is invalid. Allowed: {allowed}; without --export-format, a "
        "file whose name ends in .json (label-studio) or .jsonl (prodigy). Type for example: --export-mistakes "
        "mistakes.jsonl --export-format doccano"
    )
    displacy_is_file = (
        "--displacy-path {path} is a file, but it must be a folder. Specify a folder, which is created if it does not "
        "exist."
    )

    # labels and entities
    labels_never_given = (
        "The data has labels that '{name}' never predicts, so their entities count as missed: {unknown}. It predicts "
        "these labels: {labels}. Rename the labels in the annotation, and convert it again. Or train a pipeline on "
        "data with these labels: python -m spacy bert-ner train CONFIG"
    )
    no_label_given = (
        "'{name}' predicts none of the labels in {data}, so no prediction can be correct. The data has these labels: "
        "{unknown}. The pipeline predicts these labels: {labels}. Pass data with labels that the pipeline predicts, or "
        "rename the labels in the annotation and convert it again."
    )
    not_calibrated = "Calibration of '{name}' was skipped. {reason}"
    no_gold_to_calibrate = (
        "{data} has no gold entities, so no temperature can be fitted. Allowed: a file of held-out examples with "
        "entities, such as corpus/dev.spacy or dev.csv"
    )
