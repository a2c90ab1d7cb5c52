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

from typing import TypeGuard

from .checkpoints import CheckpointMessages
from .corpus import CorpusMessages
from .corpus_csv import CsvMessages
from .evaluation import EvaluationMessages
from .scale import ScaleMessages
from .training import TrainingMessages

MODEL_SECTION = "components.<name>.model"
"""Where the settings of a model stand in a config. Which component it will be in it does not know."""

RUNTIME_SECTION = "components.<name>.model.runtime"
"""Where the settings of a runtime stand in a config."""

OPTIMIZER_SECTION = "training.optimizer"
"""Where the settings of the optimizer stand in a config."""


class BertNerError(ValueError):
    """Base of all errors that this package raises on purpose.

    message (object): what half of a surrogate pair is in, as names of files and keys of JSON may hold, is escaped, so
        that every terminal and log takes it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(str(message).encode("utf-8", "backslashreplace").decode())


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


class ExportError(BertNerError):
    """An exported pipeline finds too few of the entities that the original finds."""


class CorpusError(BertNerError):
    """Annotated text cannot be read or split."""


class Errors(CorpusMessages, CsvMessages, CheckpointMessages, EvaluationMessages, ScaleMessages, TrainingMessages):
    """Message templates, filled with `str.format`."""

    # settings
    bad_value = "[{section}] {key} = {value!r} is not allowed. Allowed: {allowed}."
    bad_component_name = (
        "A component cannot be called {name!r}, which would be its folder in a saved pipeline and its section in the "
        'config. Allowed: a name without . / \\ : * ? " < > | $ and control characters, of 200 bytes at most, which is '
        'not "vocab" or "tokenizer": nlp.add_pipe("bert_ner", name="bert_ner_2")'
    )
    unknown_mapped = (
        "[components.<name>.model] tag_map names {unknown}, but the tags of '{name}' are: {tags}. Name some of these."
    )
    not_counted = (
        "weights by label, as no training data was counted: nlp.initialize() does that, and was not called with this "
        'setting. Call it, or give them: class_weights = {"art": 5.0, "O": 0.5}'
    )
    batch_too_small = (
        "[components.<name>.model] max_batch_tokens = {max_batch_tokens} does not hold one window of {window} subwords."
        " Allowed: a whole number from {window}; or name a shorter window: window = {max_batch_tokens}"
    )
    overlap_too_large = (
        "[components.<name>.model] overlap = {overlap} leaves no room in a window of {room} subwords "
        "(window = {window}, of which {special} are special). Allowed: 0 to {allowed}. Name a smaller one: "
        "--components.<name>.model.overlap {smaller}"
    )
    too_many_reset = (
        "[components.<name>.model] reset_layers = {reset} with frozen_layers = {frozen}, but the encoder of '{name}' "
        "has {n} layers that can be told apart. Allowed: 0 to {allowed}. Name fewer: "
        "--components.<name>.model.reset_layers {allowed}"
    )
    too_many_frozen = (
        "[components.<name>.model] frozen_layers = {frozen}, but the encoder of '{name}' has {n} layers that can be "
        "told apart. Allowed: 0 to {n}. Name fewer: --components.<name>.model.frozen_layers {n}"
    )
    no_checkpointing = (
        "[components.<name>.model] gradient_checkpointing = True, but {cls} ('{name}') cannot compute its layers "
        "again. Allowed: false. To save memory take smaller batches: --training.accumulate_gradient 4"
    )
    optimizer_device = (
        "[training.optimizer] spacy_bert_ner.AdamW.v1 does not run on the device {device}. Allowed: cpu, cuda. Train "
        'with --gpu-id -1, or name another: --training.optimizer.@optimizers "Adam.v1"'
    )

    # scores
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
    no_memory = (
        "A batch does not fit in memory ({reason}). Predict in smaller ones: "
        "--components.<name>.model.max_batch_tokens 512; train in smaller ones: --training.accumulate_gradient 4, or "
        "--components.<name>.model.gradient_checkpointing true"
    )
    forked_cuda = (
        "The weights lie on a GPU, which a forked process cannot use. Allowed: one process (n_process=1), or spawned "
        'ones. For these, before nlp.pipe: import multiprocessing; multiprocessing.set_start_method("spawn")'
    )

    # runtimes
    exported = (
        "'{name}' was exported: it holds a graph of ONNX, which predicts and cannot be trained. Train the pipeline "
        "that it was exported from, and export that again: python -m spacy bert-ner export PIPELINE OUT"
    )
    graph_on_torch = (
        "'{name}' holds a graph of ONNX, which torch cannot run. Allowed: [components.<name>.model.runtime] @misc = "
        '"spacy_bert_ner.OnnxRuntime.v1".'
    )
    torch_on_onnx = (
        "'{name}' holds weights for torch, which onnxruntime cannot run as they are. Make a graph of them: python -m "
        "spacy bert-ner export PIPELINE OUT; or run them on torch: [components.<name>.model] runtime = null"
    )
    no_int8 = (
        '"int8" on an x86 CPU with VNNI instructions, for {kinds}; but {reason}. Others: "fp32", "bf16", "fp16", '
        '"auto"; or a graph: python -m spacy bert-ner export PIPELINE OUT --runtime onnx-int8'
    )
    bad_runtime = "runtime = {runtime!r} is not allowed. Allowed: {allowed}."
    too_far_off = (
        "With {runtime}, entity F1 on {data} falls from {before:.4f} to {after:.4f}, by {fall:.4f}, which is more than "
        "the tolerance of {tolerance}. Allow more: --tolerance {allowed}; or try others: --runtime auto"
    )
    no_gold = (
        "{data} has no Doc that is annotated with entities, so that nothing can be scored. Allowed: a .spacy file, as "
        "python -m spacy bert-ner convert writes it, such as corpus/test.spacy."
    )
    no_pipeline = (
        "{path} is no pipeline that spaCy opens. {reason}. Allowed: the folder of a saved pipeline, such as "
        "training/model-best, or the name of an installed package. If it needs a package that is not installed, such "
        "as one with its components, install that."
    )
    pipeline_is_file = (
        "{path} is a file, and no pipeline. Pipelines are folders, or names of installed packages, and the data comes "
        "last: python -m spacy bert-ner evaluate training/model-best corpus/test.spacy"
    )
    no_known_entities = (
        "{path} has no entities, so that none can be told apart by whether training has it. Allowed: --train with the "
        ".spacy file of the training data, such as corpus/train.spacy."
    )
    pipeline_twice = "{path} is named twice. Allowed: each pipeline once."
    text_too_long = (
        "{file}, document {number}: a text of {n:,} characters. Allowed: {most:,}, the max_length of the pipeline. Cut "
        "it into several Docs."
    )
    pipeline_failed = "The pipeline {name} failed on a text. {reason}"
    nothing_typed = "There is no text. Type some, or choose a text file."
    typed_too_much = "The text has {n:,} characters. Allowed: {most:,}. Cut it into several."
    file_not_text = "{name} is no text in UTF-8: byte {byte:,}. Allowed: text files. Save it as UTF-8."
    no_streamlit = "The page takes streamlit, which is not installed. Install it: pip install 'spacy-bert-ner[page]'"
    no_table = "{path} cannot be read: {reason}. Allowed: a table in JSON, encoded as UTF-8."
    bad_metrics = (
        "{path} is no report on a pipeline: {reason}. Allowed: what evaluate writes: "
        "python -m spacy bert-ner evaluate training/model-best corpus/test.spacy --report training/report"
    )
    other_pipelines = (
        "{path} is a report on {found}, and none of them has the files that are in {pipeline} now. Allowed: a report "
        "on that pipeline, since it was trained or changed. Write it: python -m spacy bert-ner evaluate {pipeline} "
        "corpus/test.spacy --report training/report"
    )
    bad_meta = "{path} has no {key}, so that it is no meta.json of a pipeline. Allowed: the folder of a saved pipeline."
    bad_guidelines = '{path} has something else than text. Allowed: a text for each label, as in {{"per": "people"}}.'
    guidelines_of_others = "{path} says what is marked of {unknown}, of which there is no label. Allowed: {labels}."
    card_taken = (
        "{path} is there, and was written or changed by hand, so that it is not replaced. Move it away; or go on with "
        "it, and leave this command out."
    )
    bad_log = (
        "{path} is no log of a training ({reason}). Allowed: a CSV file with a column step, as this logger writes it: "
        "--training.logger.@loggers spacy_bert_ner.CsvLogger.v1 --training.logger.path training/log.csv"
    )
    no_precision = "--precision {value} is not allowed. Allowed: a number from 0 to 1, such as 0.9."
    report_taken = (
        "{output} is there, and is no older report, so that it is not replaced. Allowed: a folder that is not there "
        "yet, an empty one, or one with a report alone. Name another."
    )
    report_in_pipeline = (
        "The report {output} would be in the pipeline {pipeline}, which would be another one then. Allowed: any other "
        "folder, as in --report training/report."
    )
    report_is_here = (
        "The report {output} would replace the folder that this was started in. Allowed: a folder in it, as in "
        "--report report."
    )
    nothing_to_compare = (
        "{data} has no entities, so that nothing can be compared. Allowed: a .spacy file of examples of the kind that "
        "the pipeline in '{folder}' was trained on, such as corpus/dev.spacy."
    )
    which_component = (
        "The pipeline in '{folder}' has these components made by 'bert_ner': {found}. Name one of them: "
        "--component {first}"
    )
    output_is_input = "{output} is where the pipeline lies, which is to stay. Name another folder for the output."
    bad_tolerance = (
        "tolerance = {tolerance!r} is not allowed. Allowed: a number from 0 to 1, by which entity F1 may fall; such as "
        "--tolerance 0.002"
    )
    output_taken = (
        "{output} is there, and no older export, or was changed since. Allowed: a folder that is not there yet, an "
        "empty one, or an older export, which is replaced. Name another."
    )
    head_untrained = (
        "There is no trained head on the shared vectors, which come without one. Train it: "
        "python -m spacy train configs/shared_transformer.cfg --paths.train corpus/train.spacy "
        "--paths.dev corpus/dev.spacy"
    )
    no_vectors = (
        "The component whose vectors are shared has not seen the text {text!r}: its doc._.trf_data is empty. Let it "
        "run first, as nlp(text) does with all components; or give '{name}' an encoder of its own: "
        'nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    shared_encoder = (
        "'{name}' has no encoder of its own, so that rehearsing is not possible. Give it one first: "
        'nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    no_export = (
        "'{name}' is a head on vectors of spaCy, and no checkpoint of transformers, so that it cannot be exported. "
        'Allowed: a component with @architectures = "spacy_bert_ner.TokenClassifier.v1".'
    )
    no_spacy_transformers = (
        "[{section}] names a span getter of spacy-transformers, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[spacy-transformers]'; or write get_spans = null"
    )
    bad_spans = (
        "[{section}] gave something else than the spans of each Doc: {reason}. Allowed: a function that takes a list "
        "of Docs and gives a list with a list of spans for each; or write get_spans = null"
    )
    no_onnxruntime = (
        "'{name}' holds a graph of ONNX, and onnxruntime, which runs it, is not installed. Install it: "
        "pip install 'spacy-bert-ner[onnx]'"
    )
    no_onnx = (
        "A graph of ONNX cannot be made, as {package} is not installed. Install it: "
        "pip install 'spacy-bert-ner[onnx-export]'"
    )
    no_cuda_provider = (
        '[components.<name>.model.runtime] provider = "cuda" is not here: onnxruntime has {found}. Install '
        'onnxruntime-gpu in its place, or name another: provider = "cpu"'
    )

    # tags and labels
    no_component_for_labels = (
        "[initialize.before_init] component = '{component}' names no component made by the factory bert_ner. Allowed: "
        "{found}"
    )
    label_not_kept = (
        "'{name}' does not keep the label '{label}': [components.{name}] labels leaves it out, or label_map renames "
        "it. Change these, or add another label."
    )
    labels_not_in_data = (
        "[components.{name}] labels = {labels}, but the training data has no entity of these. Its labels are: {found}. "
        'Name some of them, or rename them: label_map = {{"PERSON": "per"}}'
    )
    labels_without_entities = (
        "[components.{name}] labels names {missing}, of which the training data has no entity. Its labels are: {found}."
    )
    labels_not_in_head = (
        "[components.{name}] labels names {missing}, which the trained head does not have. Its labels are: {labels}. "
        "Name some of these, or train: nlp.initialize() gives it a head for others."
    )
    no_label_kept = (
        "The settings labels and label_map keep no label of the head, whose labels are: {labels}. Name at least one of "
        "these in labels, or train a new head."
    )
    unknown_tag = (
        "'{tag}' has no prefix of a tag scheme. Allowed: O, or B-, I-, E-, L-, M-, S-, U-, W- before a label: B-per."
    )
    no_scheme = (
        "These tags are of no scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per, E-, L-, M-, "
        "S-, U-, W-), or O and labels without any (per). If all that is not O is a label as it stands, say so: "
        'tag_scheme = "plain" (one of {allowed}). If they stand for tags of a scheme, map them: '
        'tag_map = [["{first}", "B-per"]].'
    )
    stray_tags = (
        "These tags are of no scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per), but {bare} "
        "have none. If those mark no entity, map them to O: [components.<name>.model] "
        'tag_map = [["{first}", "O"]].'
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
    unread_subwords = (
        "In {n} of {total} tokens a later subword is tagged as an entity, and the first subword is not. The first: "
        "{token!r} ({label}) in {text!r}. Only the first subword of a token is read. To find entities inside of tokens "
        'too: [components.{name}] subword_reading = "any"'
    )
    unread_labels = (
        "Entities left out: {n}, in {total} tokens. Each shares a token with a longer entity of another label. The "
        "first: {token!r} ({label}) in {text!r}."
    )
    unspaced = (
        "The tokenizer of spaCy's language '{own}' does not cut this text into words: {token!r} is one token. "
        "'{name}' finds entities of whole tokens, unless subword_reading = \"any\". Allowed: a language that cuts it: "
        'spacy.blank("{lang}")'
    )
    joined_tokens = (
        "Of the first {n} tokens, {percent:.0f} % share a subword with the token before: the tokenizer of spaCy's "
        "language '{own}' cuts finer than that of the checkpoint of '{name}'. Entities take up whole subwords. "
        'Allowed: a tokenizer of longer tokens, as of spacy.blank("xx"); for Chinese, the segmenter "jieba".'
    )
    no_label = '{label!r} is no label. Allowed: a name that is not empty and not O, such as "per".'
    labels_in_a_string = 'labels = {labels!r} is not allowed. Allowed: a list, even of one: labels = ["{labels}"]'
    label_of_another_scheme = (
        "The label {label!r} cannot be added to '{name}', whose tags are in the scheme {scheme}. {reason}"
    )
    unknown_label = (
        "The label '{label}' is in the examples, but '{name}' has only: {labels}. If it is trained from the start, "
        "give all labels: [initialize.components.{name}] labels = [...]. If it comes from another pipeline, add the "
        'label: [initialize.before_init] @callbacks = "spacy_bert_ner.add_labels.v1", component = "{name}", labels = '
        '["{label}"]; or in Python: nlp.get_pipe("{name}").add_label("{label}"). To leave it out: [corpora.train] '
        '@readers = "spacy_bert_ner.Corpus.v1", label_map = {{"{label}": null}}'
    )

    # files and names
    file_is_folder = "{path} is a folder; a file of that name is to be written. Name another folder for the output."
    no_such_name = "module 'spacy_bert_ner' has no attribute {name!r}. Allowed: {allowed}"


def format_exception(e: BaseException, most: int | None = 300) -> str:
    """The kind of an error, and what it says, as a line without a full stop.

    most: characters; None for all.
    """
    return " ".join(f"{type(e).__name__}: {e}".split())[:most].rstrip(".")


def require_setting(section: str, key: str, value: object, allows: bool, allowed: str) -> None:
    """Refuse a setting that is not allowed.

    section (str): of the config.
    allows (bool): whether it is allowed.
    allowed (str): what is, for the message.
    RAISES ConfigError: it names section, key, value and what is allowed.
    """
    if not allows:
        raise ConfigError(Errors.bad_value.format(section=section, key=key, value=value, allowed=allowed))


def is_count(value: object, least: int) -> TypeGuard[int]:
    """Whether a setting is a whole number, and not less than another; a Boolean is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> TypeGuard[float]:
    """Whether a setting is a finite number; a Boolean is none, though Python takes it for one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
