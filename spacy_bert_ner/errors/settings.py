"""Define the message templates for settings of components, models and optimizers."""

from __future__ import annotations


class SettingsMessages:
    """The templates for messages about settings, to be filled in with `str.format`."""

    bad_value = "[{section}] {key} = {value!r} is invalid. Allowed: {allowed}."
    bad_component_name = (
        "Invalid component name {name!r}. The name is also used for a folder in the saved pipeline and for a config "
        'section. Allowed: a name of at most 200 bytes, other than "vocab" and "tokenizer", without control characters '
        'and without . / \\ : * ? " < > | $. Choose another name: nlp.add_pipe("bert_ner", name="bert_ner_2"). To '
        'choose a checkpoint, set model: nlp.add_pipe("bert_ner", config={{"model": "dslim/bert-base-NER"}})'
    )
    name_in_config = (
        "[components.{name}] name = {value!r} is invalid, because spaCy names a component after its section. Allowed: "
        "the name of the section, or no name. If the value is the name of a checkpoint, set model instead: "
        '[components.{name}] model = "{value}", or in Python: nlp.add_pipe("bert_ner", config={{"model": "{value}"}})'
    )
    unknown_setting = "{key} is not a setting of bert_ner. Allowed: {allowed}."
    no_language = (
        "spaCy cannot create a pipeline for the language {lang!r}: {reason}. Allowed: the code of a language that "
        'spaCy supports, such as "en" or "de", or "xx" for any language.'
    )
    settings_of_pipeline = (
        "'{name}' is a saved pipeline, which has its own settings, so {keys} cannot be set here. Allowed: settings for "
        "a checkpoint. To change the settings of the pipeline: spacy.load('{name}', config={overrides})"
    )
    unknown_mapped = (
        "[components.<name>.model] tag_map contains {unknown}, but '{name}' has no such tags. Allowed: {tags}. Map "
        "only these tags."
    )
    not_counted = (
        "a weight for each label, because the labels in the training data have not been counted. To count them, call "
        'nlp.initialize() with this setting. Alternatively, set the weights: class_weights = {"art": 5.0, "O": 0.5}'
    )
    batch_too_small = (
        "[components.<name>.model] max_batch_tokens = {max_batch_tokens} is less than the window of {window} subwords. "
        "Allowed: a whole number of at least {window}. Increase it, or set a shorter window: window = "
        "{max_batch_tokens}"
    )
    overlap_too_large = (
        "[components.<name>.model] overlap = {overlap} is too large, because a window holds only {room} subwords of "
        "text (window = {window}, including {special} special subwords). Allowed: 0 to {allowed}. Set a smaller "
        "overlap: --components.<name>.model.overlap {smaller}"
    )
    too_many_reset = (
        "[components.<name>.model] reset_layers = {reset} is too large with frozen_layers = {frozen}, because the "
        "encoder of '{name}' has {n} separate layers. Allowed: 0 to {allowed}. Reset fewer layers: "
        "--components.<name>.model.reset_layers {allowed}"
    )
    too_many_frozen = (
        "[components.<name>.model] frozen_layers = {frozen} is too large, because the encoder of '{name}' has {n} "
        "separate layers. Allowed: 0 to {n}. Freeze fewer layers: --components.<name>.model.frozen_layers {n}"
    )
    no_checkpointing = (
        "[components.<name>.model] gradient_checkpointing = true is invalid, because {cls} ('{name}') does not support "
        "gradient checkpointing. Allowed: false. To save memory, use smaller batches: --training.accumulate_gradient 4"
    )
    optimizer_device = (
        "[training.optimizer] spacy_bert_ner.AdamW.v1 does not support the device {device}. Allowed: cpu, cuda. Train "
        'on the CPU (--gpu-id -1), or use another optimizer: --training.optimizer.@optimizers "Adam.v1"'
    )
