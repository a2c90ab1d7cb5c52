"""Every message that a user of spacy-bert-ner can see, and the exceptions that carry them.

BertNerError (a ValueError)
├── ConfigError       a setting of the component or the model is not allowed
├── CheckpointError   a checkpoint cannot be found, opened or used
│   └── EncoderError  it is an encoder, where a trained tag head is needed
├── TagError          a tag or a label does not fit the scheme
└── CorpusError       annotated text cannot be read or split

A message says what was received, what is allowed, and what to type next.
"""

from __future__ import annotations


class BertNerError(ValueError):
    """Base of all errors that this package raises on purpose."""


class ConfigError(BertNerError):
    """A setting of the component or the model is not allowed."""


class CheckpointError(BertNerError):
    """A checkpoint cannot be found, opened or used."""


class EncoderError(CheckpointError):
    """The checkpoint is an encoder, where a trained tag head is needed."""


class TagError(BertNerError):
    """A tag or a label does not fit the scheme."""


class CorpusError(BertNerError):
    """Annotated text cannot be read or split."""


class Errors:
    """Message templates, filled with `str.format`."""

    # settings
    bad_value = "[{section}] {key} = {value!r} is not allowed. Allowed: {allowed}."
    overlap_too_large = (
        "[components.bert_ner.model] overlap = {overlap} leaves no room in a window of {room} subwords "
        "(window = {window}, of which {special} are special). Allowed: 0 to {allowed}."
    )

    # checkpoints
    checkpoint_missing = (
        "No checkpoint '{name}' could be opened: {reason}\n"
        "Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a repository on the "
        "Hugging Face Hub. If the network is off, fetch the checkpoint beforehand and name its folder: "
        '{{"model": {{"name": "path/to/folder"}}}}.'
    )
    checkpoint_is_encoder = (
        "'{name}' is an encoder: it has no trained tag head (its tags are {tags}). To give it one, train it: "
        "python -m spacy train configs/bert_ner.cfg --components.bert_ner.model.name {name} "
        "--paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    slow_tokenizer = (
        "The tokenizer of '{name}' ({cls}) is not a fast one, so it gives no character offsets. Allowed: a checkpoint "
        "with tokenizer.json. Name another version of it that has this file."
    )
    not_loaded = (
        "The component holds no weights yet. Call nlp.initialize() to train it, nlp.from_disk(...) to load "
        "it, or name a fine-tuned checkpoint in its config."
    )
    window_too_large = (
        "[components.bert_ner.model] window = {window} is more than the {limit} positions of '{name}'. "
        "Allowed: {least} to {limit}, or null for the most that it has."
    )
    not_finite = (
        "The encoder gave values that are not finite (NaN or infinity), so training has diverged or the weights are "
        "damaged. Try a lower learning rate: --training.optimizer.learn_rate.initial_rate 0.0001"
    )

    # tags and labels
    unknown_tag = "'{tag}' is no IOB tag. Allowed: O, B-<label>, I-<label>, as in B-per."
    tags_without_prefix = (
        "The checkpoint '{name}' has tags that are not IOB tags: {tags}. Allowed: O, B-<label>, I-<label>."
    )
    no_labels = (
        "No entity was found in the training data, so '{name}' has no labels to learn. Check that [paths] train "
        'names a .spacy file with entities, or give the labels: [initialize.components.{name}] labels = ["per"]'
    )
    unknown_label = (
        "The label '{label}' is in the examples, but '{name}' was initialized with {labels}. Run nlp.initialize() "
        "with examples of every label, or give all of them in [initialize.components.{name}] labels."
    )

    # corpora
    no_such_file = "{path}: no such file. Check the spelling, or run the command from the project's folder."
    empty_file = "{path}: there is no annotated sentence in it. Allowed: one of {formats}."
    bad_encoding = (
        "{path}, line {line}: byte 0x{byte:02X} is not valid {encoding}. Name the file's encoding: --encoding {offer}"
    )
    unknown_encoding = "--encoding {encoding} is not known. Allowed: a Python codec, such as utf-8 or latin-1."
    binary_file = "{path}, line {line}: a NUL byte, so this is not a text file. Allowed: {formats}, zipped or not."
    bad_zip = "{path}: the zip archive cannot be read ({reason}). Fetch the file again."
    zip_members = "{path}: a zip archive with {n} files. Allowed: exactly one. Unzip it and name the file you want."
    unknown_format = (
        "{path}, line {line}: cannot tell the format from {text!r}. Allowed: {formats}. Name one: --format conll"
    )
    missing_columns = "{path}, line 1: the header has the columns {found}. {format} needs {needed}."
    bad_csv = "{path}, line {line}: not a CSV row: {reason}. Quote fields that hold commas, quotes or line breaks."
    field_count = "{path}, line {line}: {found} fields in this row, {needed} in the header. Mend the row."
    label_count = (
        "{path}, line {line}: {n_words} words but {n_tags} labels. Both are separated by single spaces; each word has "
        "exactly one label. Mend the row, beginning with {start!r}."
    )
    bad_tag = "{path}, line {line}: {tag!r} is no IOB tag. Allowed: O, B-<label>, I-<label>. Mend the row."
    empty_word = "{path}, line {line}: a row without a word. Mend or remove it."
    no_sentence = "{path}, line {line}: a word before the first sentence number. Begin with 'Sentence: 1'."
    few_columns = (
        "{path}, line {line}: one column only: {text!r}. Allowed: word and tag (the first and the last column), "
        "separated by tabs or spaces."
    )
    bad_split = "--split {split} is not allowed. Allowed: two or three whole percentages that add up to 100: 80/10/10."
    small_split = "{n} sentences are too few for --split {split}: the part '{part}' would be empty. Leave out --split."
    bad_language = "--lang {lang} is not allowed: {reason}"
    bad_limit = "--limit {limit} is not allowed. Allowed: a whole number from 1."
