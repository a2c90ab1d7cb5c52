"""The messages about the data that pipelines are scored on; see `errors`, which has all others."""

from __future__ import annotations

from .commands import CommandMessages


class EvaluationMessages(CommandMessages):
    """Message templates, filled with `str.format`."""

    # folders
    no_spacy_file = (
        "{folder} has no .spacy file. Allowed: a .spacy file with {part} data, or a folder with one. Write it: "
        "python -m spacy bert-ner convert CORPUS OUTPUT_DIR --split 80/10/10; then name it: {usage} "
        "OUTPUT_DIR/{part}.spacy"
    )
    which_file = "{folder} has these .spacy files: {files}. {reason} Allowed: one file. Name it: {command}"
    no_split_file = "No {name} beside them says which one is the {part} part."
    part_not_named = "Its {name} has no {part} part, but these: {parts}."
    part_not_there = "Its {name} says that the {part} part is {file}, which is not one of them."
    several_parts = (
        "{folder} has several parts of one split, {files}, which would be read as one corpus. Allowed: a file for each "
        "corpus: --paths.train {first} --paths.dev {second}"
    )

    # predicted Docs
    predicted_is_reference = (
        "An Example has the same Doc as predicted and as reference, so its gold entities would count as if they were "
        "found. Allowed: a predicted Doc of the text alone: Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given = (
        "The predicted Docs held all {n} gold entities before bert_ner read them. It kept them (overwrite = false), so "
        "the scores count what was given, not what it finds. For scores of the pipeline give it the text alone: "
        "Example(nlp.make_doc(doc.text), doc). If an earlier component found them, all is well."
    )
    gold_was_given_alone = (
        "The predicted Docs held all {n} gold entities before bert_ner read them. It kept them (overwrite = false), so "
        "nothing was predicted. Allowed: predicted Docs of the text alone: Example(nlp.make_doc(doc.text), doc)"
    )
    gold_was_given_to_calibrate = (
        "The temperature of '{name}' cannot be fitted: the predicted Docs hold all {n} gold entities already, which it "
        "keeps (overwrite = false). Give it Docs of the text alone: Example(nlp.make_doc(doc.text), doc)"
    )
    displacy_is_file = "--displacy-path {path} is a file. Allowed: a folder, which need not be there yet."

    # labels and entities
    labels_never_given = (
        "The data has labels that '{name}' never gives, so that their entities count as missed: {unknown}. It gives: "
        "{labels}. Rename them in the annotation, and convert that again; or train a pipeline on data that has them: "
        "python -m spacy bert-ner train CONFIG"
    )
    no_label_given = (
        "'{name}' gives none of the labels of {data}, so that nothing that it finds is right. The data has: {unknown}. "
        "It gives: {labels}. Name data with these labels; or rename those of the annotation, and convert that again."
    )
    not_calibrated = "'{name}' was skipped. {reason}"
    no_gold_to_calibrate = (
        "{data} has no gold entity, so that no temperature can be fitted. Allowed: held-out examples with entities, as "
        "python -m spacy bert-ner convert writes them, such as corpus/dev.spacy."
    )
