"""Message templates and exceptions of spacy-bert-ner.

BertNerError (a ValueError)
├── ConfigError       a setting of the component or the model is not allowed
├── CheckpointError   a checkpoint cannot be found, loaded or used
│   └── EncoderError  the checkpoint is an encoder, but a trained tag head is required
├── TagError          a tag or a label does not fit the tag scheme
├── CalibrationError  the held-out examples are not sufficient to fit a temperature
├── ExportError       an exported pipeline loses more entity F1 than the tolerance allows
└── CorpusError       annotated text cannot be read or split

Each message states what was received, what is allowed, and what to type next.
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
"""Config section of the model settings. A model does not know the name of its component."""

RUNTIME_SECTION = "components.<name>.model.runtime"
"""Config section of the runtime settings."""

OPTIMIZER_SECTION = "training.optimizer"
"""Config section of the optimizer settings."""


class BertNerError(ValueError):
    """Base class of all errors that this package raises deliberately.

    message (object): the error message. Unpaired surrogates, which file names and JSON keys may contain, are escaped:
        every terminal and log can then print the message.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(str(message).encode("utf-8", "backslashreplace").decode())


class ConfigError(BertNerError):
    """A setting of the component or the model is not allowed."""


class CheckpointError(BertNerError):
    """A checkpoint cannot be found, loaded or used."""


class EncoderError(CheckpointError):
    """The checkpoint is an encoder, but a trained tag head is required."""


class TagError(BertNerError):
    """A tag or a label does not fit the tag scheme."""


class CalibrationError(BertNerError):
    """The held-out examples are not sufficient to fit a temperature."""


class ExportError(BertNerError):
    """An exported pipeline loses more entity F1 than the tolerance allows."""


class CorpusError(BertNerError):
    """Annotated text cannot be read or split."""


class Errors(CorpusMessages, CsvMessages, CheckpointMessages, EvaluationMessages, ScaleMessages, TrainingMessages):
    """Message templates, filled with `str.format`."""

    # settings
    bad_value = "[{section}] {key} = {value!r} is not allowed. Allowed: {allowed}."
    bad_component_name = (
        "Invalid component name {name!r}: the name is also a folder in the saved pipeline and a section of the config. "
        'Allowed: a name of at most 200 bytes, without . / \\ : * ? " < > | $ or control characters, other than '
        '"vocab" and "tokenizer": nlp.add_pipe("bert_ner", name="bert_ner_2")'
    )
    unknown_mapped = (
        "[components.<name>.model] tag_map contains {unknown}, but '{name}' has only these tags: {tags}. Use some of "
        "these."
    )
    not_counted = (
        "weights by label, because the training data was not counted: nlp.initialize() counts it, but was not called "
        'with this setting. Call it, or set the weights: class_weights = {"art": 5.0, "O": 0.5}'
    )
    batch_too_small = (
        "[components.<name>.model] max_batch_tokens = {max_batch_tokens} is smaller than one window of {window} "
        "subwords. Allowed: a whole number from {window}; or set a shorter window: window = {max_batch_tokens}"
    )
    overlap_too_large = (
        "[components.<name>.model] overlap = {overlap} is too large for a window that holds {room} subwords of text "
        "(window = {window}, including {special} special subwords). Allowed: 0 to {allowed}. Set a smaller overlap: "
        "--components.<name>.model.overlap {smaller}"
    )
    too_many_reset = (
        "[components.<name>.model] reset_layers = {reset} with frozen_layers = {frozen}, but '{name}' has an encoder "
        "with {n} distinguishable layers. Allowed: 0 to {allowed}. Reset fewer layers: "
        "--components.<name>.model.reset_layers {allowed}"
    )
    too_many_frozen = (
        "[components.<name>.model] frozen_layers = {frozen}, but '{name}' has an encoder with {n} distinguishable "
        "layers. Allowed: 0 to {n}. Freeze fewer layers: --components.<name>.model.frozen_layers {n}"
    )
    no_checkpointing = (
        "[components.<name>.model] gradient_checkpointing = True, but {cls} ('{name}') does not support gradient "
        "checkpointing. Allowed: false. To save memory, use smaller batches: --training.accumulate_gradient 4"
    )
    optimizer_device = (
        "[training.optimizer] spacy_bert_ner.AdamW.v1 does not run on the device {device}. Allowed: cpu, cuda. Train "
        'with --gpu-id -1, or use another optimizer: --training.optimizer.@optimizers "Adam.v1"'
    )

    # scores
    nothing_to_calibrate = (
        "Cannot fit the temperature of '{name}': {correct} of {total} predicted entities are correct. Allowed: "
        "held-out examples with both correct and incorrect predictions. Pass examples with more text."
    )
    few_to_calibrate = (
        "The temperature of '{name}' was fitted to only {n} entities, so it is unreliable. Pass examples in which the "
        "component finds at least {enough} entities."
    )
    no_bert_ner = (
        "The pipeline in '{folder}' has no component made by 'bert_ner'. Its components are: {found}. Allowed: a "
        "pipeline with such a component, such as training/model-best."
    )
    no_scores = (
        "'{name}' computes no scores because spans_key = null, so there is nothing to calibrate. Set a span group: "
        '[components.{name}] spans_key = "bert_ner"'
    )
    foreign_group = (
        "doc.spans[{key!r}] contains spans of another component, and writing the entity scores would replace them. "
        'Allowed: a key that no other component uses, such as spans_key = "bert_ner", or null for no scores.'
    )
    extension_taken = (
        "ent._.score is already registered for another purpose (Span.set_extension), so it does not return entity "
        "scores. Read the scores from the attrs of the span group, under 'scores', or set spans_key = null to turn "
        "scores off."
    )
    not_loaded = (
        "The component has no weights yet. Call nlp.initialize() to train it or nlp.from_disk(...) to load it, or set "
        "a fine-tuned checkpoint in its config."
    )
    window_too_large = (
        "[components.<name>.model] window = {window} exceeds the {limit} positions of '{name}'. "
        "Allowed: {least} to {limit}, or null."
    )
    not_finite = (
        "The encoder returned values that are not finite (NaN or infinity): training has diverged, or the weights are "
        "damaged. Try a lower learning rate: --training.optimizer.learn_rate.initial_rate 0.0001"
    )
    no_memory = (
        "A batch does not fit in memory ({reason}). To predict in smaller batches: "
        "--components.<name>.model.max_batch_tokens 512. To train in smaller batches: --training.accumulate_gradient "
        "4, or --components.<name>.model.gradient_checkpointing true"
    )
    forked_cuda = (
        "The weights are on a GPU, which a forked process cannot use. Allowed: one process (n_process=1), or spawned "
        'processes. To spawn them, before nlp.pipe: import multiprocessing; multiprocessing.set_start_method("spawn")'
    )

    # runtimes
    exported = (
        "'{name}' is an exported ONNX graph, which can predict but not train. Train the pipeline that it was exported "
        "from, then export that pipeline again: python -m spacy bert-ner export PIPELINE OUT"
    )
    graph_on_torch = (
        "'{name}' is an ONNX graph, which torch cannot run. Allowed: [components.<name>.model.runtime] @misc = "
        '"spacy_bert_ner.OnnxRuntime.v1".'
    )
    torch_on_onnx = (
        "'{name}' has torch weights, which onnxruntime cannot run directly. Convert them to an ONNX graph: python -m "
        "spacy bert-ner export PIPELINE OUT; or run them on torch: [components.<name>.model] runtime = null"
    )
    no_int8 = (
        '"int8" on an x86 CPU with VNNI instructions, for {kinds}; but {reason}. Other values: "fp32", "bf16", "fp16", '
        '"auto"; or export an ONNX graph: python -m spacy bert-ner export PIPELINE OUT --runtime onnx-int8'
    )
    bad_runtime = "runtime = {runtime!r} is not allowed. Allowed: {allowed}."
    too_far_off = (
        "With {runtime}, entity F1 on {data} falls from {before:.4f} to {after:.4f}, by {fall:.4f}, which is more than "
        "the tolerance of {tolerance}. Allow a larger fall: --tolerance {allowed}; or try other runtimes: --runtime "
        "auto"
    )
    no_gold = (
        "{data} has no Doc with entity annotation, so there is nothing to score. Allowed: a .spacy file that python -m "
        "spacy bert-ner convert writes, such as corpus/test.spacy."
    )
    no_pipeline = (
        "spaCy cannot load {path} as a pipeline. {reason}. Allowed: the folder of a saved pipeline, such as "
        "training/model-best, or the name of an installed package. If the pipeline needs a package that is not "
        "installed, such as one that provides its components, install that package."
    )
    pipeline_is_file = (
        "{path} is a file, not a pipeline. A pipeline is a folder or the name of an installed package, and the data is "
        "the last argument: python -m spacy bert-ner evaluate training/model-best corpus/test.spacy"
    )
    no_known_entities = (
        "{path} has no entities, so entities cannot be divided into seen and unseen in training. Allowed: --train with "
        "the .spacy file of the training data, such as corpus/train.spacy."
    )
    pipeline_twice = "{path} is given twice. Allowed: each pipeline once."
    text_too_long = (
        "{file}, document {number}: the text has {n:,} characters. Allowed: {most:,}, the max_length of the pipeline. "
        "Split it into several Docs."
    )
    pipeline_failed = "The pipeline {name} failed on a text. {reason}"
    nothing_typed = "There is no text. Type some text, or choose a text file."
    typed_too_much = "The text has {n:,} characters. Allowed: {most:,}. Split it into several texts."
    file_not_text = "{name} is not UTF-8 text: invalid byte {byte:,}. Allowed: text files. Save the file as UTF-8."
    no_streamlit = "The page requires streamlit, which is not installed. Install it: pip install 'spacy-bert-ner[page]'"
    no_table = "{path} cannot be read: {reason}. Allowed: a JSON object, encoded as UTF-8."
    bad_metrics = (
        "{path} is not an evaluation report: {reason}. Allowed: a report that evaluate writes: "
        "python -m spacy bert-ner evaluate training/model-best corpus/test.spacy --report training/report"
    )
    other_pipelines = (
        "{path} is a report on {found}, but none of these has the current files of {pipeline}. Allowed: a report on "
        "that pipeline, written after it was last trained or changed. Write one: python -m spacy bert-ner evaluate "
        "{pipeline} corpus/test.spacy --report training/report"
    )
    bad_meta = "{path} has no {key}, so it is not the meta.json of a pipeline. Allowed: the folder of a saved pipeline."
    bad_guidelines = (
        '{path} has a value that is not text. Allowed: one text for each label, such as {{"per": "people"}}.'
    )
    guidelines_of_others = "{path} has guidelines for {unknown}, which are not labels. Allowed: {labels}."
    card_taken = (
        "{path} already exists and was written or edited by hand, so it is not replaced. Move it to another place; or "
        "keep it and skip this command."
    )
    bad_log = (
        "{path} is not a training log ({reason}). Allowed: a CSV file with a column step, which this logger writes: "
        "--training.logger.@loggers spacy_bert_ner.CsvLogger.v1 --training.logger.path training/log.csv"
    )
    no_precision = "--precision {value} is not allowed. Allowed: a number from 0 to 1, such as 0.9."
    report_taken = (
        "{output} already exists and is not an earlier report, so it is not replaced. Allowed: a new folder, an empty "
        "folder, or a folder that contains only a report. Choose another folder."
    )
    report_in_pipeline = (
        "The report {output} would be inside the pipeline {pipeline} and change it. Allowed: any other folder, such as "
        "--report training/report."
    )
    report_is_here = (
        "The report {output} would replace the current working directory. Allowed: a folder in it, such as "
        "--report report."
    )
    nothing_to_compare = (
        "{data} has no entities, so there is nothing to compare. Allowed: a .spacy file with examples like those that "
        "the pipeline in '{folder}' was trained on, such as corpus/dev.spacy."
    )
    which_component = (
        "The pipeline in '{folder}' has these components made by 'bert_ner': {found}. Choose one of them: "
        "--component {first}"
    )
    output_is_input = "{output} is the folder of the pipeline, which is not replaced. Choose another output folder."
    bad_tolerance = (
        "tolerance = {tolerance!r} is not allowed. Allowed: a number from 0 to 1, the largest allowed fall in entity "
        "F1, such as --tolerance 0.002"
    )
    output_taken = (
        "{output} already exists and is not an earlier export, or was changed since. Allowed: a new folder, an empty "
        "folder, or an earlier export, which is replaced. Choose another folder."
    )
    head_untrained = (
        "There is no trained head on the shared vectors, which come without a head. Train one: "
        "python -m spacy train configs/shared_transformer.cfg --paths.train corpus/train.spacy "
        "--paths.dev corpus/dev.spacy"
    )
    no_vectors = (
        "The component that provides the shared vectors has not processed the text {text!r}: its doc._.trf_data is "
        "empty. Run that component first, such as with nlp(text), which runs all components; or give '{name}' a "
        'separate encoder: nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    shared_encoder = (
        "'{name}' has no separate encoder, so it cannot be rehearsed. Give it one first: "
        'nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    no_export = (
        "'{name}' is a head on spaCy vectors, not a transformers checkpoint, so it cannot be exported. "
        'Allowed: a component with @architectures = "spacy_bert_ner.TokenClassifier.v1".'
    )
    no_spacy_transformers = (
        "[{section}] uses a span getter of spacy-transformers, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[spacy-transformers]'; or set get_spans = null"
    )
    bad_spans = (
        "[{section}] did not return the spans of each Doc: {reason}. Allowed: a function that takes a list of Docs and "
        "returns a list with one list of spans for each Doc; or set get_spans = null"
    )
    no_onnxruntime = (
        "'{name}' is an ONNX graph, and running it requires onnxruntime, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[onnx]'"
    )
    no_onnx = (
        "Exporting an ONNX graph requires {package}, which is not installed. Install it: "
        "pip install 'spacy-bert-ner[onnx-export]'"
    )
    no_cuda_provider = (
        '[components.<name>.model.runtime] provider = "cuda" is not available: onnxruntime has {found}. Replace '
        'onnxruntime with onnxruntime-gpu, or use another provider: provider = "cpu"'
    )

    # tags and labels
    no_component_for_labels = (
        "[initialize.before_init] component = '{component}' is not a component made by the factory bert_ner. Allowed: "
        "{found}"
    )
    label_not_kept = (
        "'{name}' does not keep the label '{label}': [components.{name}] labels leaves it out, or label_map renames "
        "it. Change these settings, or add another label."
    )
    labels_not_in_data = (
        "[components.{name}] labels = {labels}, but the training data has no entity with these labels. Its labels are: "
        '{found}. Use some of them, or rename them: label_map = {{"PERSON": "per"}}'
    )
    labels_without_entities = (
        "[components.{name}] labels contains {missing}, but the training data has no such entity. Its labels are: "
        "{found}."
    )
    labels_not_in_head = (
        "[components.{name}] labels contains {missing}, which the trained head does not have. Its labels are: "
        "{labels}. Use some of these, or train: nlp.initialize() creates a head for other labels."
    )
    no_label_kept = (
        "The settings labels and label_map keep no label of the head, whose labels are: {labels}. Add at least one of "
        "these to labels, or train a new head."
    )
    unknown_tag = (
        "'{tag}' has no prefix of a tag scheme. Allowed: O, or B-, I-, E-, L-, M-, S-, U-, W- before a label: B-per."
    )
    no_scheme = (
        "These tags do not form a tag scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per, E-, "
        "L-, M-, S-, U-, W-), or O and labels without prefixes (per). If every tag except O is itself a label: "
        'tag_scheme = "plain" (one of {allowed}). If the tags stand for tags of a scheme, map them: '
        'tag_map = [["{first}", "B-per"]].'
    )
    stray_tags = (
        "These tags do not form a tag scheme: {tags}. Allowed: O and tags that all have prefixes (B-per, I-per), but "
        "{bare} have none. If those mark no entity, map them to O: [components.<name>.model] "
        'tag_map = [["{first}", "O"]].'
    )
    wrong_scheme = "The tags {tags} do not belong to the scheme {scheme}. Allowed: {allowed}. Or set another scheme."
    tags_without_scheme = (
        "The tags of the checkpoint '{name}' cannot be interpreted as entities. {reason} Or train a new head: call "
        "nlp.initialize() with examples."
    )
    no_labels = (
        "The training data has no entity, so '{name}' has no labels to learn. Check that [paths] train is a .spacy "
        'file with entities, or set the labels: [initialize.components.{name}] labels = ["per"]'
    )
    misaligned = (
        "{n} of {total} gold entities ({percent:.1f} %) begin or end inside a token of the pipeline's tokenizer, so "
        "their tokens have no loss in '{name}'. The first: {entity!r} in {text!r}. To train on them too, fix the "
        "annotation or the tokenizer."
    )
    unread_subwords = (
        "In {n} of {total} tokens a later subword is tagged as an entity but the first subword is not. The first: "
        "{token!r} ({label}) in {text!r}. Only the first subword of a token is used. To find entities inside tokens "
        'too: [components.{name}] subword_reading = "any"'
    )
    unread_labels = (
        "Entities omitted: {n}, in {total} tokens. Each shares a token with a longer entity of another label. The "
        "first: {token!r} ({label}) in {text!r}."
    )
    unspaced = (
        "The tokenizer of spaCy's language '{own}' does not split this text into words: {token!r} is one token. "
        "'{name}' finds entities of whole tokens, unless subword_reading = \"any\". Allowed: a language that splits "
        'it: spacy.blank("{lang}")'
    )
    joined_tokens = (
        "Of the first {n} tokens, {percent:.0f} % share a subword with the previous token: the tokenizer of spaCy's "
        "language '{own}' splits text into shorter units than the tokenizer of the checkpoint of '{name}'. Entities "
        'consist of whole subwords. Allowed: a tokenizer with longer tokens, such as spacy.blank("xx"); for Chinese, '
        'the segmenter "jieba".'
    )
    no_label = '{label!r} is not a label. Allowed: a name that is not empty and not O, such as "per".'
    labels_in_a_string = (
        'labels = {labels!r} is not allowed. Allowed: a list, even for one label: labels = ["{labels}"]'
    )
    label_of_another_scheme = (
        "The label {label!r} cannot be added to '{name}', whose tags use the scheme {scheme}. {reason}"
    )
    unknown_label = (
        "The examples contain the label '{label}', but '{name}' has only: {labels}. If you train from scratch, "
        "list all labels: [initialize.components.{name}] labels = [...]. If you train a component of another pipeline, "
        'add the label: [initialize.before_init] @callbacks = "spacy_bert_ner.add_labels.v1", component = "{name}", '
        'labels = ["{label}"]; or in Python: nlp.get_pipe("{name}").add_label("{label}"). To ignore the label: '
        '[corpora.train] @readers = "spacy_bert_ner.Corpus.v1", label_map = {{"{label}": null}}'
    )

    # files and names
    file_is_folder = "{path} is a folder, but a file of that name must be written. Choose another output folder."
    no_such_name = "module 'spacy_bert_ner' has no attribute {name!r}. Allowed: {allowed}"


def format_exception(e: BaseException, most: int | None = 300) -> str:
    """Return the type and the message of an exception as one line without a final full stop.

    e (BaseException): the exception.
    most (int | None): maximum number of characters, default 300; None for no limit.
    RETURNS (str): for example `ValueError: no such file`.
    """
    return " ".join(f"{type(e).__name__}: {e}".split())[:most].rstrip(".")


def require_setting(section: str, key: str, value: object, allows: bool, allowed: str) -> None:
    """Raise an error if a setting is not allowed.

    section (str): section of the config.
    key (str): name of the setting.
    value (object): value of the setting, for the message.
    allows (bool): whether the value is allowed.
    allowed (str): the allowed values, for the message.
    RAISES ConfigError: the value is not allowed. The message states section, key, value and the allowed values.
    """
    if not allows:
        raise ConfigError(Errors.bad_value.format(section=section, key=key, value=value, allowed=allowed))


def is_count(value: object, least: int) -> TypeGuard[int]:
    """Return whether a setting is a whole number of at least `least`. A Boolean is not a number here.

    value (object): the value of the setting.
    least (int): the smallest allowed number.
    RETURNS (bool): True for an `int` of at least `least`.
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a setting is a finite number. A Boolean is not a number here, although it is an `int` in Python.

    value (object): the value of the setting.
    RETURNS (bool): True for a finite `int` or `float`.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
