"""Every message that a user of spacy-bert-ner can see, and the exceptions that carry them.

BertNerError (a ValueError)
├── ConfigError       a setting of the component or the model is not allowed
├── CheckpointError   a checkpoint cannot be found, opened or used
│   └── EncoderError  it is an encoder, where a trained tag head is needed
├── TagError          a tag or a label does not fit the scheme
├── CalibrationError  held-out examples hold nothing to fit a temperature to
└── CorpusError       annotated text cannot be read or split

A message says what was received, what is allowed, and what to type next.
"""

from __future__ import annotations

MODEL_SECTION = "components.<name>.model"
"""Where the settings of a model stand in a config. Which component it will be in it does not know."""


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


class CalibrationError(BertNerError):
    """Held-out examples hold nothing to fit a temperature to."""


class CorpusError(BertNerError):
    """Annotated text cannot be read or split."""


class Errors:
    """Message templates, filled with `str.format`."""

    # settings
    bad_value = "[{section}] {key} = {value!r} is not allowed. Allowed: {allowed}."
    batch_too_small = (
        "[components.<name>.model] max_batch_tokens = {max_batch_tokens} does not hold one window of {window} subwords."
        " Allowed: a whole number from {window}; or name a shorter window: window = {max_batch_tokens}"
    )
    overlap_too_large = (
        "[components.<name>.model] overlap = {overlap} leaves no room in a window of {room} subwords "
        "(window = {window}, of which {special} are special). Allowed: 0 to {allowed}."
    )

    # checkpoints
    checkpoint_missing = (
        "No checkpoint '{name}' was found: there is no such folder, and no such repository on the Hugging Face Hub "
        "that may be read. Allowed: a folder with config.json, model.safetensors and a tokenizer, or the name of a "
        'repository, as in {{"model": {{"name": "dslim/bert-base-NER"}}}}. ({reason})'
    )
    checkpoint_offline = (
        "The checkpoint '{name}' is no folder here, and the Hugging Face Hub cannot be reached: the network or "
        'HF_HUB_OFFLINE is off, and it is not in the cache. Allowed: a local folder: {{"model": {{"name": '
        '"path/to/folder"}}}}; or fill the cache while there is a network: hf download {name}'
    )
    no_such_revision = (
        "The checkpoint '{name}' has no revision '{revision}'. Allowed: a commit, branch or tag of that repository, or "
        "null for its main branch."
    )
    checkpoint_damaged = (
        "The checkpoint '{name}' cannot be opened: {reason}\n"
        "Allowed: config.json, model.safetensors and a tokenizer, as save_pretrained() of transformers writes them. "
        "Save it again, with safetensors."
    )
    bad_id2label = (
        "config.json of the checkpoint '{name}' has id2label = {found}. Allowed: a tag for each number from 0, as in "
        '{{"0": "O", "1": "B-per", "2": "I-per"}}. Mend the file.'
    )
    other_shapes = "its config.json does not fit the shapes of these weights: {keys}"
    no_tokenizer = (
        "The checkpoint '{name}' has no tokenizer that can be read. Allowed: tokenizer.json beside config.json. Where "
        "there are only older files, make it, with sentencepiece and protobuf installed: "
        "AutoTokenizer.from_pretrained('{name}').save_pretrained('{name}'). ({reason})"
    )
    random_weights = (
        "The checkpoint '{name}' lacks weights of its encoder, so that these are random: {keys}. Allowed: "
        "model.safetensors and config.json that were saved together."
    )
    head_unreadable = (
        "The trained head of '{name}' gives way to a new one, since its tags cannot be read. {reason} To keep it, name "
        "its scheme: tag_scheme."
    )
    unknown_subword = (
        "The tokenizer of '{name}' gave the subword {subword}, but its encoder knows {n} only. Allowed: a tokenizer "
        "that was saved with the encoder, or one whose tokens were added by resize_token_embeddings() too."
    )
    head_replaced = (
        "The trained head of '{name}' has no {missing}, so it gives way to a new one for {labels}. To keep it, and its "
        "labels {old}, add what it lacks before nlp.initialize(): add_label({first!r})"
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
    nothing_to_calibrate = (
        "The temperature of '{name}' cannot be fitted: of {total} entities that it found, {correct} are right. It "
        "takes some that are and some that are not. Give it held-out examples of more text."
    )
    few_to_calibrate = (
        "The temperature of '{name}' was fitted to {n} entities only, so it says little. Give it examples in which it "
        "finds {enough} or more."
    )
    no_bert_ner = (
        "The pipeline in '{folder}' has no component made by 'bert_ner', but these: {found}. Allowed: a pipeline "
        "that has one, such as training/model-best."
    )
    no_scores = (
        "'{name}' gives no scores, since spans_key = null, so there is nothing to calibrate. Name a span group: "
        '[components.{name}] spans_key = "bert_ner"'
    )
    foreign_group = (
        "doc.spans[{key!r}] holds spans of another component, which the scores of the entities would replace. Allowed: "
        'a name of its own, as in spans_key = "bert_ner", or null for no scores.'
    )
    extension_taken = (
        "ent._.score is something else here (Span.set_extension), so it does not give the scores of entities. Read "
        "them in the span group's attrs, under 'scores', or set spans_key = null if you want none."
    )
    not_loaded = (
        "The component holds no weights yet. Call nlp.initialize() to train it, nlp.from_disk(...) to load "
        "it, or name a fine-tuned checkpoint in its config."
    )
    window_too_large = (
        "[components.<name>.model] window = {window} is more than the {limit} positions of '{name}'. "
        "Allowed: {least} to {limit}, or null."
    )
    not_finite = (
        "The encoder gave values that are not finite (NaN or infinity), so training has diverged or the weights are "
        "damaged. Try a lower learning rate: --training.optimizer.learn_rate.initial_rate 0.0001"
    )
    forked_cuda = (
        "The weights lie on a GPU, which a forked process cannot use. Allowed: one process (n_process=1), or spawned "
        'ones. For these, before nlp.pipe: import multiprocessing; multiprocessing.set_start_method("spawn")'
    )

    # tags and labels
    unknown_tag = "'{tag}' has no prefix of a tag scheme. Allowed: O, or B-, I-, E-, L-, S-, U- before a label: B-per."
    no_scheme = (
        "These tags are of no scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per, E-, L-, S-, "
        "U-), or O and labels without any (per). If all that is not O is a label as it stands, say so: tag_scheme = "
        '"plain" (one of {allowed}).'
    )
    stray_tags = (
        "These tags are of no scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per), but {bare} "
        "have none. If those mark no entity, write O in their place, in id2label of the checkpoint's config.json."
    )
    wrong_scheme = "The tags {tags} are not of the scheme {scheme}. Allowed: {allowed}. Or name another scheme."
    tags_without_scheme = (
        "The tags of the checkpoint '{name}' cannot be read as entities. {reason} Or train a new head: give it "
        "examples with nlp.initialize()."
    )
    no_labels = (
        "No entity was found in the training data, so '{name}' has no labels to learn. Check that [paths] train "
        'names a .spacy file with entities, or give the labels: [initialize.components.{name}] labels = ["per"]'
    )
    misaligned = (
        "{n} of {total} gold entities ({percent:.1f} %) begin or end inside a token of the pipeline's tokenizer, so "
        "their tokens get no loss in '{name}'. The first: {entity!r} in {text!r}. To train on them too, mend the "
        "annotation or the tokenizer."
    )
    no_label = '{label!r} is no label. Allowed: a name that is not empty and not O, such as "per".'
    labels_in_a_string = 'labels = {labels!r} is not allowed. Allowed: a list, even of one: labels = ["{labels}"]'
    label_of_another_scheme = (
        "The label {label!r} cannot be added to '{name}', whose tags are in the scheme {scheme}. {reason}"
    )
    unknown_label = (
        "The label '{label}' is in the examples, but '{name}' was initialized with {labels}. Run nlp.initialize() "
        "with examples of every label, or give all of them in [initialize.components.{name}] labels."
    )

    # files and names
    file_is_folder = "{path} is a folder; a file of that name is to be written. Name another folder for the output."
    no_such_name = "module 'spacy_bert_ner' has no attribute {name!r}. Allowed: {allowed}"

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
    bad_tag = (
        "{path}, line {line}: {tag!r} is no tag. Allowed: one without white space around it: O, B-per. Mend the row."
    )
    odd_tag = (
        "{path}, line {line}: the tag {tag!r} does not fit those before it ({before}). Allowed: O and tags that all "
        "have prefixes of one scheme (B-per), or O and labels without any (per). Mend the row. If all that is not O is "
        "a label as it stands, say so: --tag-scheme plain (one of {schemes})."
    )
    strange_tag = (
        "{path}, line {line}: the tag {tag!r} is not of the scheme {scheme}. Allowed: {allowed}. Mend the row, or name "
        "another scheme than --tag-scheme {scheme}: one of {schemes}."
    )
    no_outside = (
        "{path}, line {line}: the tag {tag!r} has no prefix, and no word has O, so that all would be entities. "
        "Allowed: B-<label> and its like, or labels with O elsewhere. If all words are in entities, say so: "
        "--tag-scheme plain"
    )
    empty_word = "{path}, line {line}: a row without a word. Mend or remove it."
    no_sentence = "{path}, line {line}: a word before the first sentence number. Begin with 'Sentence: 1'."
    few_columns = (
        "{path}, line {line}: one column only: {text!r}. Allowed: word and tag (the first and the last column), "
        "separated by tabs or spaces."
    )
    bad_split = "--split {split} is not allowed. Allowed: two or three whole percentages that add up to 100: 80/10/10."
    small_split = "{n} sentences are too few for --split {split}: the part '{part}' would be empty. Leave out --split."
    bad_language = "--lang {lang} is not allowed: {reason}"
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
    texts_left_out = "{n} texts were left out that are not annotated, or whose annotation was rejected"
    annotations_unused = "{n} annotations were not read, as their texts have an earlier one"
    span_outside = (
        "{path}, line {line}: a span of {label} from {start} to {end}, in a text of {n} characters. Allowed: whole "
        "numbers of characters, 0 <= start < end <= {n}. Mend the span."
    )
    span_label = (
        "{path}, line {line}: {label} is no label of the span {covered}. Allowed: a string that is not empty: "
        '"per". Mend the span.'
    )
    span_text = (
        "{path}, line {line}: a span is said to be {said}, but at its offsets stands {covered}. Allowed: offsets that "
        "count characters (not bytes, nor UTF-16 units), in the text as it stands. Mend the span."
    )
    one_label = '{path}, line {line}: a span with the labels {found}. Allowed: exactly one: ["per"]. Mend the span.'
    other_labels = (
        "{path}, line {line}: a result with {key}. Allowed: labels of plain text, which Label Studio calls labels. "
        "Label the text as <Text> with <Labels>."
    )
    no_span = (
        '{path}, line {line}: {found} is no span. Allowed: {{"start": 0, "end": 3, "label": "per"}}, or '
        '[0, 3, "per"]. Mend the record.'
    )
    no_spans = "{path}, line {line}: {found} where a list of spans or annotations has to be. Mend the record."
    no_text = "{path}, line {line}: the text is {found}. Allowed: a string. Mend the record."
    long_text = (
        "{path}, line {line}: a text of {n} characters. Allowed: at most {allowed}, as in spaCy (nlp.max_length). "
        "Cut it into documents."
    )
    long_record = "{path}, line {line}: a record of more than {allowed} characters. Cut it into several."
    lone_surrogate = (
        "{path}, line {line}: half of a surrogate pair (U+{code:04X}) at character {position} of a string, which no "
        "text can hold. Mend the program that wrote it."
    )
    bad_json = (
        "{path}, line {line}: not JSON: {reason}. Allowed: a JSON object on each line, or one array of them: {text}"
    )
    no_object = '{path}, line {line}: {found} is no JSON object. Allowed: a record such as {{"text": ...}}. Mend it.'
    missing_key = (
        "{path}, line {line}: a record with the keys {found}. It needs {needed}. Mend it, or name its --format."
    )
    bad_answer = "{path}, line {line}: the answer is {answer}. Allowed: {allowed}. Mend the record."
    no_pair = (
        "{path}: there is no {missing}. brat has texts in .txt files and their annotations in .ann files of the same "
        "name. Name a folder of such pairs, or one of the two files."
    )
    bad_standoff = (
        "{path}, line {line}: not a line of brat: {text}. Allowed for a span: T1, tab, label, start and end, tab, its "
        "text, as in 'T1\\tper 0 3\\tAda'. Mend the line."
    )
    same_id = "{path}, line {line}: {name} again. Allowed: a number of its own for each span. Mend the line."
    text_changed = (
        "{path}, line {line}: the tokenizer of --lang {lang} does not keep this text as it is. Name another language: "
        "--lang xx"
    )
    bad_limit = "--limit {limit} is not allowed. Allowed: a whole number from 1."


def check_setting(section: str, key: str, value: object, allows: bool, allowed: str) -> None:
    """Refuse a setting that is not allowed.

    section (str): of the config.
    allows (bool): whether it is allowed.
    allowed (str): what is, for the message.
    RAISES ConfigError: it names section, key, value and what is allowed.
    """
    if not allows:
        raise ConfigError(Errors.bad_value.format(section=section, key=key, value=value, allowed=allowed))
