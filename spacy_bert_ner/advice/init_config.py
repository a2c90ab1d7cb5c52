"""Write a complete config with comments that suits the data and the encoder."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..corpus.spacy_reader import make_corpus_reader_v1
from ..errors import ConfigError, Errors
from ..inspection.subword_lengths import SubwordCounter
from ..util.atomic_io import atomic_files
from ..util.recipes import recipe_path
from . import choices
from .config_text import ConfigText, Reference
from .facts import DataFacts, EncoderFacts, data_facts, encoder_facts
from .memory import installed_memory, training_memory

_COMPONENT = "components.bert_ner.model"
_MOST_LABELS = 6
"""Maximum number of labels in a line of the report."""


class Plan(NamedTuple):
    """The facts about the data and the encoder, and the settings chosen for them.

    train, dev (DataFacts): facts about the training data and the dev data.
    encoder (EncoderFacts): facts about the encoder.
    layers (Layers): learning rates and numbers of layers to freeze and to reinitialise.
    batch (Batch): batch size and number of passes.
    steps (Steps): length of the training run.
    window (Window): settings for cutting texts into windows.
    mark_case (bool): whether capital letters are marked.
    """

    train: DataFacts
    dev: DataFacts
    encoder: EncoderFacts
    layers: choices.Layers
    batch: choices.Batch
    steps: choices.Steps
    window: choices.Window
    mark_case: bool

    @property
    def epochs(self) -> float:
        """Return the number of training epochs."""
        return self.steps.max_steps * self.batch.size / self.train.n_texts


def make_plan(train: DataFacts, dev: DataFacts, encoder: EncoderFacts, installed: int | None) -> Plan:
    """Choose the training settings.

    train, dev (DataFacts): facts about the training data and the dev data.
    encoder (EncoderFacts): facts about the encoder.
    installed (int | None): see `installed_memory`.
    RETURNS (Plan): the facts and the settings.
    """
    mark_case = choices.marks_case(encoder.is_lower_casing, train.n_cased, train.n_mixed)
    length = choices.length(train.usual_length, mark_case=mark_case)
    layers = choices.layers(encoder.n_layers, encoder.width)
    memory = training_memory(encoder, layers.frozen, min(length, encoder.max_window))
    batch = choices.batch(train.n_texts, length, memory, installed, can_recompute=encoder.can_recompute)
    return Plan(
        train=train,
        dev=dev,
        encoder=encoder,
        layers=layers,
        batch=batch,
        steps=choices.steps(train.n_texts, batch.size),
        window=choices.window(length, encoder.max_window),
        mark_case=mark_case,
    )


def write_config(
    path: Path,
    train: Path,
    dev: Path,
    encoder: str,
    *,
    lang: str = "en",
    gpu: bool = False,
    force: bool = False,
    **reading: Any,
) -> list[str]:
    """Write a config that fits the data and the encoder.

    path (Path): the file to write. It is written completely or not at all.
    train, dev (Path): the training data and the dev data.
    encoder (str): folder or Hub name of the encoder.
    lang (str): language code of the text. Default: "en".
    gpu (bool): whether the training will run on a GPU. Default: False.
    force (bool): whether to replace an existing file. Default: False.
    reading (Any): options for `CorpusStream`, which are also written to the config. None selects the default.
    RETURNS (list[str]): at most ten lines that describe the data, the encoder and the chosen settings, with reasons.
    RAISES ConfigError: the file exists and `force` is False, the path is a folder, the parent folder does not exist, or
        a name cannot be written to a config.
    RAISES CheckpointError: the encoder cannot be found or loaded.
    RAISES CorpusError: the data cannot be read, or contains no entities.
    """
    check_target(path, force=force)
    for name in (str(train), str(dev), encoder):
        if "${" in name:
            raise ConfigError(Errors.name_is_reference.format(name=name))
    options = {key: value for key, value in reading.items() if value is not None and key != "progress"}
    counter = SubwordCounter(encoder)
    facts = [
        data_facts(file, counter, lang=lang, **{**options, "progress": reading.get("progress")})
        for file in (train, dev)
    ]
    plan = make_plan(facts[0], facts[1], encoder_facts(counter.checkpoint), installed_memory(gpu=gpu))
    text = config_text(plan, path, lang, options, gpu=gpu)
    with atomic_files(path.parent, [path.name]) as (temporary,):
        temporary.write_text(text, encoding="utf8")
    return list(report(plan, path, gpu=gpu))


def check_target(path: Path, *, force: bool) -> None:
    """Check that a file may be written.

    path (Path): the file.
    force (bool): whether an existing file may be replaced.
    RAISES ConfigError: the file exists and may not be replaced, the path is a folder, or the parent folder does not
        exist.
    """
    if path.is_dir():
        raise ConfigError(Errors.config_is_folder.format(path=path, file=path / "config.cfg"))
    if not path.parent.is_dir():
        raise ConfigError(Errors.config_folder_missing.format(path=path, folder=shlex.quote(str(path.parent))))
    if path.exists() and not force:
        raise ConfigError(Errors.config_exists.format(path=path))


def config_text(plan: Plan, path: Path, lang: str, options: dict[str, Any], *, gpu: bool) -> str:
    """Return the recipe `bert_ner` with the chosen values, and comments that give the reasons.

    plan (Plan): the facts and the settings.
    path (Path): the file that the config will be written to, for the command in its first lines.
    lang (str): language code of the text.
    options (dict[str, Any]): options for `CorpusStream`.
    gpu (bool): whether the training will run on a GPU.
    RETURNS (str): the text of the config.
    """
    text = ConfigText(recipe_path("bert_ner").read_text(encoding="utf8"))
    start = next_command(path, gpu=gpu)
    text.set_head(["Written by python -m spacy bert-ner init config. The comments explain the values.", start])
    text.set("paths", "train", str(plan.train.path), _about(plan.train))
    text.set("paths", "dev", str(plan.dev.path), _about(plan.dev))
    device = "For a GPU (--gpu)." if gpu else 'For a CPU. For a GPU: "pytorch".'
    text.set("system", "gpu_allocator", "pytorch" if gpu else None, device)
    text.set("nlp", "lang", lang)
    _set_model(text, plan, gpu=gpu)
    for part, data in (("train", plan.train), ("dev", plan.dev)):
        _set_reader(text, part, data, options)
    _set_training(text, plan, gpu=gpu)
    return str(text)


def _set_model(text: ConfigText, plan: Plan, *, gpu: bool) -> None:
    encoder, layers, window = plan.encoder, plan.layers, plan.window
    text.set(_COMPONENT, "name", encoder.name, _about_encoder(encoder))
    text.set(_COMPONENT, "window", window.window, _why_window(plan))
    text.set(_COMPONENT, "overlap", window.overlap)
    text.set(_COMPONENT, "cut_at", window.cut_at)
    text.set(_COMPONENT, "frozen_layers", layers.frozen, _why_frozen(plan))
    text.set(_COMPONENT, "reset_layers", layers.reset, _why_reset(plan))
    text.set(_COMPONENT, "precision", "auto")
    text.set(_COMPONENT, "mark_case", plan.mark_case, _why_case(plan))
    reason = (
        "Recomputed: otherwise, a single text requires more than half of the memory." if plan.batch.recomputes else ""
    )
    text.set(_COMPONENT, "gradient_checkpointing", plan.batch.recomputes, reason)


def _set_reader(text: ConfigText, part: str, data: DataFacts, options: dict[str, Any]) -> None:
    reader = choices.reader(data.format, bool(options))
    section, path = f"corpora.{part}", Reference(f"paths.{part}")
    if reader == choices.SPACY_READER:
        text.set(section, "path", path, "spaCy's reader, because the data is in spaCy's format.")
        return
    parameters = inspect.signature(make_corpus_reader_v1).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    values = {"@readers": reader, "path": path, **defaults, "label_map": {}, **options}
    text.set_section(section, values, f"This reader reads the format {data.format} without conversion.")


def _set_training(text: ConfigText, plan: Plan, *, gpu: bool) -> None:
    batch, steps, layers = plan.batch, plan.steps, plan.layers
    text.set("training", "accumulate_gradient", batch.n_passes, _why_passes(plan, gpu=gpu))
    text.set("training", "max_steps", steps.max_steps, _why_steps(plan))
    n = steps.max_steps // steps.eval_frequency
    text.set("training", "eval_frequency", steps.eval_frequency, f"{n} evaluations.")
    text.set("training", "patience", steps.patience)
    text.set("training.batcher", "size", batch.size, f"Number of {plan.train.unit} per step.")
    text.set("training.optimizer", "layer_decay", layers.layer_decay)
    text.set("training.optimizer.learn_rate", "initial_rate", layers.rate, _why_rate(plan))


def report(plan: Plan, path: Path, *, gpu: bool) -> Iterator[str]:
    """Yield lines that describe the data, the encoder and the chosen settings, with reasons.

    plan (Plan): the facts and the settings.
    path (Path): the config that was written.
    gpu (bool): whether the training will run on a GPU.
    YIELDS (str): at most ten lines.
    """
    yield f"Training data: {_about(plan.train)}"
    yield f"Dev data: {_about(plan.dev)}"
    yield f"Encoder: {_about_encoder(plan.encoder)}"
    yield f"Learning rate: {plan.layers.rate}. {_why_rate(plan)}"
    yield f"Layers: {_why_frozen(plan)} {_why_reset(plan)}"
    passes = "" if plan.batch.n_passes == 1 else f" in {plan.batch.n_passes} passes per step"
    why = f"{_why_steps(plan)} Memory{passes}: {_memory(plan, gpu=gpu)}."
    yield f"Steps: {plan.steps.max_steps}, evaluated every {plan.steps.eval_frequency}. {why}"
    yield f"Windows: {_why_window(plan)}"
    yield f"Case: {_why_case(plan)}"
    yield f"Written: {path}"
    yield f"Next: {next_command(path, gpu=gpu)}"


def next_command(path: Path, *, gpu: bool) -> str:
    """Return the command for training with a config.

    path (Path): the config.
    gpu (bool): whether to train on a GPU.
    """
    return f"python -m spacy bert-ner train {shlex.quote(str(path))} --output training{' --gpu-id 0' if gpu else ''}"


def _about(data: DataFacts) -> str:
    listed = ", ".join(f"{label} {n:,}" for label, n in data.labels[:_MOST_LABELS])
    more = len(data.labels) - _MOST_LABELS
    rest = f" and {more} more" if more > 0 else ""
    documents = f" in {data.n_documents:,} documents" if data.n_documents else ""
    size = f"{data.n_texts:,} {data.unit}{documents}, {data.n_tokens:,} tokens"
    entities = "1 entity" if data.n_entities == 1 else f"{data.n_entities:,} entities"
    return f"{size}, {entities} ({listed}{rest}), format {data.format}."


def _about_encoder(encoder: EncoderFacts) -> str:
    layers = f"{encoder.n_layers} layers" if encoder.n_layers else "an unknown number of layers"
    width = f"width {encoder.width}" if encoder.width else "unknown width"
    case = "a tokenizer that lowercases text" if encoder.is_lower_casing else "a tokenizer that keeps case"
    head = f"a head fine-tuned for {', '.join(encoder.labels)}" if encoder.labels else "no tag head"
    positions = f"at most {encoder.max_window} subwords per window"
    return f"{encoder.name} has {layers}, {width}, {positions}, {case}, and {head}."


def _why_rate(plan: Plan) -> str:
    n_layers = plan.encoder.n_layers or "an unknown number of"
    width = f"width {plan.encoder.width}" if plan.encoder.width else "unknown width"
    size = f"{n_layers} layers of {width}"
    if plan.layers.is_measured:
        return f"Measured for encoders of this size ({size})."
    return f"Usual for this width in the literature, but not measured for this size ({size})."


def _why_frozen(plan: Plan) -> str:
    if plan.layers.frozen:
        return f"Frozen: {plan.layers.frozen}, which was faster and equally accurate in measurements."
    return "Frozen: 0, because no other number was measured for this size."


def _why_reset(plan: Plan) -> str:
    if plan.layers.reset == "auto":
        kept = "none, because the checkpoint is fine-tuned for tags" if plan.encoder.labels else "the highest layer"
        return f'Reinitialised ("auto"): {kept}.'
    return f"Reinitialised: {plan.layers.reset}, because no other number was measured for this size."


def _why_passes(plan: Plan, *, gpu: bool) -> str:
    passes = "One pass" if plan.batch.n_passes == 1 else f"{plan.batch.n_passes} passes"
    memory = _memory(plan, gpu=gpu)
    return f"{passes} per step: {memory}. A larger number requires less memory; the result is the same."


def _memory(plan: Plan, *, gpu: bool) -> str:
    place = "GPU" if gpu else "machine"
    needed = f"a pass requires about {_gigabytes(plan.batch.needed)} (estimated)"
    if plan.batch.installed is None:
        return f"{needed}, and the memory of the {place} is unknown"
    return f"{needed}, and may take half of the {_gigabytes(plan.batch.installed)} of this {place}"


def _gigabytes(n_bytes: int) -> str:
    return f"{max(n_bytes / 1e9, 0.1):,.1f} GB"


def _why_steps(plan: Plan) -> str:
    return f"{plan.epochs:.1f} epochs of {plan.train.n_texts:,} {plan.train.unit} in batches of {plan.batch.size}."


def _why_window(plan: Plan) -> str:
    window, train = plan.window, plan.train
    lengths = f"99% of the {train.unit} have at most {train.usual_length} subwords (longest: {train.longest})"
    if plan.mark_case:
        lengths += ", plus a sixth for case markers"
    if window.window is None:
        return f"{lengths}, so the default is sufficient (null: at most 128)."
    if window.cut_at == "sentences":
        return f"{lengths}, so a window of {window.window} is sufficient."
    return (
        f"{lengths}, but the encoder supports only {window.window}. Longer {train.unit} are cut, and neighbouring "
        f"windows share {window.overlap} subwords."
    )


def _why_case(plan: Plan) -> str:
    mixed = f"{plan.train.n_mixed:,} of {plan.train.n_cased:,} sentences mix upper and lower case"
    if not plan.encoder.is_lower_casing:
        return "Capital letters are not marked, because the tokenizer keeps case."
    if plan.mark_case:
        return f"Capital letters are marked, because the tokenizer lowercases text and {mixed}."
    return f"Capital letters are not marked, because only {mixed}."
