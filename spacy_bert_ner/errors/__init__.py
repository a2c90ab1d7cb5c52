"""Define the message templates and exceptions for spacy-bert-ner.

BertNerError (a ValueError)
├── ConfigError       a component or model setting is invalid
├── CheckpointError   a checkpoint cannot be found, loaded or used
│   └── EncoderError  a trained tag head is required, but the checkpoint is only an encoder
├── TagError          a tag or a label does not fit the tag scheme
├── CalibrationError  the held-out examples are insufficient to fit a temperature
├── ExportError       an exported pipeline loses more entity F1 than the tolerance allows
└── CorpusError       annotated text cannot be read or split

Each message states what was received, what is allowed and what to do next.
"""

from __future__ import annotations

from typing import TypeGuard

from .api import ApiMessages
from .checkpoints import CheckpointMessages
from .corpus import CorpusMessages
from .corpus_csv import CsvMessages
from .evaluation import EvaluationMessages
from .push import PushMessages
from .scale import ScaleMessages
from .settings import SettingsMessages
from .training import TrainingMessages

MODEL_SECTION = "components.<name>.model"
"""Config section for model settings. A model does not know its component's name, so `<name>` is a placeholder."""

RUNTIME_SECTION = "components.<name>.model.runtime"
"""Config section for runtime settings."""

OPTIMIZER_SECTION = "training.optimizer"
"""Config section for optimizer settings."""


class BertNerError(ValueError):
    """The base class for all errors that this package raises deliberately.

    message (object): error message. Unpaired surrogates, which file names and JSON keys can contain, are escaped,
        because many terminals and logs cannot print them. Default: an empty message.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(str(message).encode("utf-8", "backslashreplace").decode())


class ConfigError(BertNerError):
    """Raised when a component or model setting is invalid."""


class CheckpointError(BertNerError):
    """Raised when a checkpoint cannot be found, loaded or used."""


class EncoderError(CheckpointError):
    """Raised when a trained tag head is required, but the checkpoint is only an encoder."""


class TagError(BertNerError):
    """Raised when a tag or a label does not fit the tag scheme."""


class CalibrationError(BertNerError):
    """Raised when the held-out examples are insufficient to fit a temperature."""


class ExportError(BertNerError):
    """Raised when an exported pipeline loses more entity F1 than the tolerance allows."""


class CorpusError(BertNerError):
    """Raised when annotated text cannot be read or split."""


class Errors(
    ApiMessages,
    CorpusMessages,
    CsvMessages,
    CheckpointMessages,
    EvaluationMessages,
    PushMessages,
    ScaleMessages,
    SettingsMessages,
    TrainingMessages,
):
    """The templates for all error and warning messages, to be filled in with `str.format`."""

    # scores
    nothing_to_calibrate = (
        "Cannot fit a temperature for '{name}': {correct} of {total} predicted entities are correct. Allowed: held-out "
        "examples that yield both correct and incorrect predictions. Pass more examples."
    )
    few_to_calibrate = (
        "The temperature for '{name}' was fitted on only {n} predicted entities, so it is unreliable. Pass examples in "
        "which the component predicts at least {enough} entities."
    )
    no_bert_ner = (
        "The pipeline in '{folder}' has no component created by the factory 'bert_ner'. Its components are: {found}. "
        "Allowed: a pipeline with such a component. Specify another pipeline, such as training/model-best."
    )
    no_scores = (
        "'{name}' computes no entity scores because spans_key = null, so it cannot be calibrated. Set the key of a "
        'span group: [components.{name}] spans_key = "bert_ner"'
    )
    foreign_group = (
        "doc.spans[{key!r}] contains spans from another component, and the entity scores would replace them. Allowed: "
        "a key that no other component uses, or null to turn off scores. Set another key, such as spans_key = "
        '"bert_ner".'
    )
    extension_taken = (
        "ent._.{attribute} does not return entity scores, because other code has already registered this extension "
        "(Span.set_extension). The other extension is kept. Allowed: a name that no other code uses, or null for no "
        'extension. Set another name: nlp.add_pipe("bert_ner", config={{"score_attribute": "bert_ner_score"}}). The '
        'span group contains the scores too: doc.spans[spans_key].attrs["scores"].'
    )
    not_loaded = (
        "The component has no weights yet. To prepare it for training, call nlp.initialize(). To load saved weights, "
        "call nlp.from_disk(...), or set a fine-tuned checkpoint in its config."
    )
    window_too_large = (
        "[components.<name>.model] window = {window} exceeds the {limit} positions that '{name}' supports. Allowed: "
        "{least} to {limit}, or null. Set a shorter window: --components.<name>.model.window {limit}"
    )
    not_finite = (
        "The encoder returned NaN or infinite values, because its weights are damaged or training has diverged. If the "
        "weights are damaged, restore them from the original. If training has diverged, lower the learning rate: "
        "--training.optimizer.learn_rate.initial_rate 0.0001"
    )
    no_memory = (
        "A batch does not fit in memory ({reason}). For prediction, use smaller batches: "
        "--components.<name>.model.max_batch_tokens 512. For training, use smaller batches "
        "(--training.accumulate_gradient 4) or gradient checkpointing: "
        "--components.<name>.model.gradient_checkpointing true"
    )
    forked_cuda = (
        "The weights are on a GPU, which a forked process cannot use. Allowed: a single process (n_process=1), or "
        "spawned processes. To spawn processes, run this before nlp.pipe: import multiprocessing; "
        'multiprocessing.set_start_method("spawn")'
    )

    # runtimes
    exported = (
        "'{name}' is an exported ONNX graph, which can predict but cannot be trained. Train the pipeline from which it "
        "was exported, then export that pipeline again: python -m spacy bert-ner export PIPELINE OUT"
    )
    graph_on_torch = (
        "'{name}' is an ONNX graph, which torch cannot run. Allowed: onnxruntime. Set this runtime: "
        '[components.<name>.model.runtime] @misc = "spacy_bert_ner.OnnxRuntime.v1"'
    )
    torch_on_onnx = (
        "'{name}' has torch weights, which onnxruntime cannot run directly. Convert them to an ONNX graph (python -m "
        "spacy bert-ner export PIPELINE OUT), or run them with torch: [components.<name>.model] runtime = null"
    )
    no_int8 = (
        '"fp32", "bf16", "fp16" or "auto", because {reason}. "int8" requires an x86 CPU with VNNI instructions and one '
        "of these architectures: {kinds}. If these requirements are not met, export an int8 ONNX graph: python -m "
        "spacy bert-ner export PIPELINE OUT --runtime onnx-int8"
    )
    bad_runtime = "runtime = {runtime!r} is invalid. Allowed: {allowed}."
    too_far_off = (
        "With {runtime}, entity F1 on {data} falls by {fall:.4f}, from {before:.4f} to {after:.4f}. Allowed: a fall of "
        "at most {tolerance} (the tolerance). Allow a larger fall (--tolerance {allowed}), or try other runtimes: "
        "--runtime auto"
    )
    no_gold = (
        "{data} has no Doc with entity annotations, so there is nothing to score. Allowed: a file with annotated "
        "entities, such as corpus/test.spacy or test.csv."
    )
    no_pipeline = (
        "spaCy cannot load {path} as a pipeline. {reason}. Allowed: the folder of a saved pipeline, such as "
        "training/model-best, or the name of an installed pipeline package. If the pipeline requires other packages, "
        "such as those that provide its components, install them."
    )
    pipeline_is_file = (
        "{path} is a file, not a pipeline. Allowed: the folder of a saved pipeline, or the name of an installed "
        "package. Specify the data as the last argument: python -m spacy bert-ner evaluate training/model-best "
        "corpus/test.spacy"
    )
    no_known_entities = (
        "{path} has no entities, so entities seen and unseen in training cannot be distinguished. Allowed: the file "
        "with the training data. Specify that file: --train corpus/train.spacy"
    )
    pipeline_twice = "{path} is specified twice. Allowed: each pipeline once. Remove one of the two."
    text_too_long = (
        "{file}, document {number}: the text has {n:,} characters. Allowed: at most {most:,}, the pipeline's "
        "max_length. Split the text into several Docs."
    )
    pipeline_failed = "The pipeline {name} failed on a text. Check the component that raised this error: {reason}"
    nothing_typed = "There is no text. Enter some text, or choose a text file."
    typed_too_much = "The text has {n:,} characters. Allowed: at most {most:,}. Split it into several texts."
    file_not_text = (
        "{name} is not a UTF-8 text file: the byte at offset {byte:,} is invalid. Allowed: text files. Save the file "
        "as UTF-8."
    )
    no_streamlit = (
        "The page requires streamlit, which is not installed. Install it: pip install 'spacy-bert-ner[visualize]'"
    )
    no_table = "{path} cannot be read: {reason}. Allowed: a JSON object, encoded as UTF-8. Correct or restore the file."
    bad_metrics = (
        "{path} is not an evaluation report: {reason}. Allowed: a report that the evaluate command writes. Write one: "
        "python -m spacy bert-ner evaluate training/model-best corpus/test.spacy --report training/report"
    )
    other_pipelines = (
        "{path} is a report on {found}, but not on the current files of {pipeline}. Allowed: a report on that "
        "pipeline, written after its last change. Write one: python -m spacy bert-ner evaluate {pipeline} "
        "corpus/test.spacy --report training/report"
    )
    bad_meta = (
        "{path} has no valid {key}, so it is not the meta.json of a pipeline. Allowed: the folder of a saved pipeline. "
        "Specify such a folder, for example training/model-best."
    )
    bad_guidelines = (
        '{path} contains a value that is not text. Allowed: one text for each label, such as {{"per": "people"}}. '
        "Correct the value."
    )
    guidelines_of_others = (
        "{path} has guidelines for {unknown}, which the pipeline does not predict. Allowed: {labels}. Remove or rename "
        "these guidelines."
    )
    card_taken = (
        "{path} was written or edited by hand, so it is not replaced. Allowed: a model card that this command wrote, "
        "or no file. Move or rename the file, then run the command again."
    )
    bad_log = (
        "{path} is not a training log: {reason}. Allowed: a CSV file with a column named step. Write one with this "
        "logger: --training.logger.@loggers spacy_bert_ner.CsvLogger.v1 --training.logger.path training/log.csv"
    )
    no_precision = "--precision {value} is invalid. Allowed: a number from 0 to 1, such as 0.9."
    report_taken = (
        "{output} already exists and is not an earlier report, so it is not replaced. Allowed: a new folder, an empty "
        "folder, or a folder that contains only an earlier report. Choose another folder."
    )
    report_in_pipeline = (
        "The report {output} would be inside the pipeline {pipeline} and would change it. Allowed: a folder outside "
        "all pipelines. Choose another folder: --report training/report"
    )
    report_is_here = (
        "The report {output} would replace the current folder. Allowed: another folder. Choose a subfolder: --report "
        "report"
    )
    nothing_to_compare = (
        "{data} has no entities, so there is nothing to compare. Allowed: a file that contains entities and whose text "
        "resembles the training data of the pipeline in '{folder}'. Specify one, such as corpus/dev.spacy."
    )
    which_component = (
        "The pipeline in '{folder}' has several components created by the factory 'bert_ner': {found}. Choose one: "
        "--component {first}"
    )
    output_is_input = (
        "{output} is the folder of the pipeline to be exported, so it is not replaced. Allowed: any other folder. "
        "Choose another output folder."
    )
    bad_tolerance = (
        "tolerance = {tolerance!r} is invalid. Allowed: a number from 0 to 1, the largest acceptable fall in entity "
        "F1. Set a valid tolerance: --tolerance 0.002"
    )
    output_taken = (
        "{output} already exists and is not an unchanged earlier export, so it is not replaced. Allowed: a new folder, "
        "an empty folder, or an unchanged earlier export. Choose another folder."
    )
    head_untrained = (
        "The component is a head on shared vectors, and this head has not been trained. Train it: python -m spacy "
        "train configs/shared_transformer.cfg --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy"
    )
    no_vectors = (
        "The component that provides the shared vectors has not processed the text {text!r}, so doc._.trf_data is "
        "empty. Run that component first. For example, nlp(text) runs all components. Alternatively, give '{name}' a "
        'separate encoder: nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    shared_encoder = (
        "'{name}' has no separate encoder, so it cannot be rehearsed. Give it a separate encoder first: "
        'nlp.replace_listeners("transformer", "{name}", ["model.tok2vec"])'
    )
    no_export = (
        "'{name}' cannot be exported, because it is only a head on shared vectors and has no transformers checkpoint. "
        'Allowed: a component with @architectures = "spacy_bert_ner.TokenClassifier.v1". Train such a component, then '
        "export it."
    )
    no_spacy_transformers = (
        "[{section}] uses a span getter from spacy-transformers, which is not installed. Install it (pip install "
        "'spacy-bert-ner[spacy-transformers]'), or set get_spans = null"
    )
    bad_spans = (
        "The function in [{section}] did not return the spans for each Doc: {reason}. Allowed: a function that takes a "
        "list of Docs and returns one list of spans for each Doc. Correct the function, or set get_spans = null"
    )
    no_onnxruntime = (
        "'{name}' is an ONNX graph, which requires onnxruntime, but onnxruntime is not installed. Install it: pip "
        "install 'spacy-bert-ner[onnx]'"
    )
    no_onnx = (
        "Exporting an ONNX graph requires {package}, which is not installed. Install it: pip install "
        "'spacy-bert-ner[export]'"
    )
    no_cuda_provider = (
        '[components.<name>.model.runtime] provider = "cuda" is not available. Allowed: the providers in the installed '
        'onnxruntime ({found}). Replace onnxruntime with onnxruntime-gpu, or use the CPU: provider = "cpu"'
    )

    # tags and labels
    no_component_for_labels = (
        "[initialize.before_init] component = '{component}' does not name a component created by the factory "
        "'bert_ner'. Allowed: {found}. Set the name of such a component."
    )
    label_not_kept = (
        "The label '{label}' cannot be added to '{name}', because [components.{name}] labels does not contain it or "
        "label_map renames it. Change these settings, or add another label."
    )
    labels_not_in_data = (
        "[components.{name}] labels = {labels}, but the training data has no entities with these labels. Allowed: "
        '{found}. Use some of these labels, or rename them: label_map = {{"PERSON": "per"}}'
    )
    labels_without_entities = (
        "[components.{name}] labels contains {missing}, but the training data has no entities with these labels. Its "
        "labels are: {found}. Add examples, or remove these labels from the setting."
    )
    labels_not_in_head = (
        "[components.{name}] labels contains {missing}, but the trained head has no such labels. Allowed: {labels}. "
        "Use some of these labels, or call nlp.initialize() to create a head for other labels, and train it."
    )
    no_label_kept = (
        "The settings labels and label_map keep none of the head's labels. Allowed: {labels}. Add at least one of "
        "these to labels, or train a new head."
    )
    unknown_tag = (
        "The tag '{tag}' does not begin with a tag scheme prefix. Allowed: O, or one of the prefixes B-, I-, E-, L-, "
        "M-, S-, U- and W- followed by a label, such as B-per."
    )
    no_scheme = (
        "These tags do not form a tag scheme: {tags}. Allowed: O with tags that all have prefixes (B-per, I-per, E-, "
        "L-, M-, S-, U-, W-), or O with labels that all lack prefixes (per). The schemes are {allowed}. If every tag "
        'except O is a label, set tag_scheme = "plain". If the tags represent tags in another scheme, map them: '
        'tag_map = [["{first}", "B-per"]].'
    )
    stray_tags = (
        "These tags do not form a tag scheme: {tags}. These tags have no prefix: {bare}. Allowed: O, and "
        "tags that all have a prefix (B-per, I-per). If the tags without a prefix do not mark entities, map them to O: "
        "[components.<name>.model] tag_map = "
        '[["{first}", "O"]].'
    )
    wrong_scheme = (
        "The tags {tags} do not belong to the scheme {scheme}. Allowed: {allowed}. Correct the tags, or set another "
        "scheme."
    )
    tags_without_scheme = (
        "The tags of the checkpoint '{name}' cannot be interpreted as entities. {reason} Alternatively, train a new "
        "head: call nlp.initialize() with examples."
    )
    no_labels = (
        "The training data has no entities, so '{name}' has no labels to learn. Check that [paths] train is a .spacy "
        'file with entities, or set the labels: [initialize.components.{name}] labels = ["per"]'
    )
    misaligned = (
        "{n} of {total} gold entities ({percent:.1f}%) start or end inside a token of the pipeline's tokenizer, so "
        "'{name}' computes no loss for their tokens. The first is {entity!r} in {text!r}. To train on these entities, "
        "correct the annotations or the tokenizer."
    )
    unread_subwords = (
        "In {n} of {total} tokens, a later subword is tagged as an entity but the first subword is not. The first such "
        "token is {token!r} ({label}) in {text!r}. By default, only the first subword of each token is used. To find "
        'entities inside tokens too, set [components.{name}] subword_reading = "any".'
    )
    unread_labels = (
        "Some entities were omitted ({n} in {total} tokens), because each shares a token with a longer entity that has "
        "another label. The first is {token!r} ({label}) in {text!r}. To keep them, use a tokenizer that splits such "
        "tokens."
    )
    unspaced = (
        "The tokenizer for spaCy's language '{own}' does not split this text into words: {token!r} is one token. "
        "'{name}' only finds entities that consist of whole tokens, unless subword_reading = \"any\". Allowed: a "
        'language whose tokenizer splits this text. Use it: spacy.blank("{lang}")'
    )
    joined_tokens = (
        "Of the first {n} tokens, {percent:.0f}% share a subword with the previous token, because the tokenizer for "
        "spaCy's language '{own}' splits text into shorter units than the checkpoint's tokenizer in '{name}'. Entities "
        'consist of whole subwords. Allowed: a tokenizer with longer tokens. Use spacy.blank("xx"), or the segmenter '
        '"jieba" for Chinese.'
    )
    no_label = '{label!r} is not a valid label. Allowed: a non-empty name other than O, such as "per".'
    labels_in_a_string = 'labels = {labels!r} is invalid. Allowed: a list, even for one label: labels = ["{labels}"]'
    label_of_another_scheme = (
        "The label {label!r} cannot be added to '{name}', because its tags use the scheme {scheme}. {reason}"
    )
    unknown_label = (
        "The examples contain the label '{label}', but '{name}' has only these labels: {labels}. To train from "
        "scratch, list all labels: [initialize.components.{name}] labels = [...]. To train a component from another "
        'pipeline, add the label in the config: [initialize.before_init] @callbacks = "spacy_bert_ner.add_labels.v1", '
        'component = "{name}", labels = ["{label}"]. To add it in Python: nlp.get_pipe("{name}").add_label("{label}"). '
        'To ignore it: [corpora.train] @readers = "spacy_bert_ner.Corpus.v1", label_map = {{"{label}": null}}'
    )

    # files and names
    file_is_folder = (
        "{path} is a folder, so no file with that name can be written. Remove the folder, or choose another output "
        "folder."
    )
    no_such_name = "module 'spacy_bert_ner' has no attribute {name!r}. Allowed: {allowed}"


def format_exception(e: BaseException, most: int | None = 300) -> str:
    """Return the type and message of an exception on one line, without a trailing period.

    e (BaseException): exception to format.
    most (int | None): maximum number of characters. None means no limit. Default: 300.
    RETURNS (str): formatted exception, such as `ValueError: no such file`.
    """
    return " ".join(f"{type(e).__name__}: {e}".split())[:most].rstrip(".")


def require_setting(section: str, key: str, value: object, allows: bool, allowed: str) -> None:
    """Raise an error if a setting is invalid.

    section (str): config section that contains the setting.
    key (str): name of the setting.
    value (object): value of the setting, for the error message.
    allows (bool): True if the value is valid.
    allowed (str): description of the allowed values, for the error message.
    RAISES ConfigError: the value is invalid. The message gives the section, the key, the value and the allowed values.
    """
    if not allows:
        raise ConfigError(Errors.bad_value.format(section=section, key=key, value=value, allowed=allowed))


def is_count(value: object, least: int) -> TypeGuard[int]:
    """Return whether a setting is an `int` that is at least `least`. Booleans do not count as numbers.

    value (object): value of the setting.
    least (int): smallest allowed number.
    RETURNS (bool): True if the value is such an `int`.
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a setting is a finite number. Booleans do not count as numbers.

    value (object): value of the setting.
    RETURNS (bool): True if the value is a finite `int` or `float`.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
