"""Choose training settings based on facts about the data and the encoder. All functions are pure."""

from __future__ import annotations

from typing import NamedTuple

from ..optim.rate_by_encoder_size import is_rate_measured, scheduled_rate
from .memory import TrainingMemory

SPACY_READER = "spacy.Corpus.v1"
OWN_READER = "spacy_bert_ner.Corpus.v1"

_MAX_STEPS = 20_000
_MIN_STEPS = 200
_FULL_BATCH, _SMALL_BATCH = 16, 8
_PASS = 4096
"""Number of subwords in a pass if the memory is unknown: two batches of short texts."""
_SHARE = 2
"""A training may take one part in two of the memory. The rest is for the system, other programs and longer texts."""
_SHORT = 128
"""Maximum text length in subwords for which the default window is used; see `token_classifier.default_window`."""


class Layers(NamedTuple):
    """The training settings for the layers of an encoder.

    rate (float): peak learning rate.
    layer_decay (float): ratio of each layer's learning rate to that of the layer above it.
    frozen (int): number of the lowest layers that are not trained.
    reset (int | str): number of the highest layers to reinitialise, or "auto".
    is_measured (bool): whether the rate is based on measurements with an encoder of this size.
    """

    rate: float
    layer_decay: float
    frozen: int
    reset: int | str
    is_measured: bool


_MEASURED: dict[tuple[int, int], tuple[float, int, int | str]] = {
    (6, 384): (0.85, 1, "auto"),
    (12, 768): (0.85, 1, "auto"),
}
"""The layer decay and the numbers of frozen and reinitialised layers, by number of layers and width.

The values for MiniLM-L6 and MPNet are those in `configs/bert_ner.cfg`; see `benchmarks/README.md`.
"""
_USUAL = (1.0, 0, 0)


def layers(n_layers: int, width: int) -> Layers:
    """Choose the learning rates and the numbers of layers to freeze and to reinitialise.

    The rate is the one that `initial_rate = "auto"` gives. For sizes without measurements, all layers are trained with
    this rate.

    n_layers (int): number of layers in the encoder.
    width (int): dimension of its vectors. 0 if unknown: in that case, the rate for BERT-base is used, because it is the
        safest.
    RETURNS (Layers): the chosen values.
    """
    size = (n_layers, width)
    layer_decay, frozen, reset = _MEASURED.get(size, _USUAL)
    return Layers(scheduled_rate(n_layers, width), layer_decay, frozen, reset, is_rate_measured(n_layers, width))


def length(usual_length: int, *, mark_case: bool) -> int:
    """Return the length of a text including case markers.

    usual_length (int): length without case markers, in subwords.
    mark_case (bool): whether capital letters are marked. In news, the markers add a sixth; see `docs/training.md`.
    RETURNS (int): the length.
    """
    return -(-usual_length * 7 // 6) if mark_case else usual_length


class Batch(NamedTuple):
    """The batch size and the number of passes per step.

    size (int): number of texts per step.
    n_passes (int): number of passes into which a step is divided, for the setting `accumulate_gradient`.
    recomputes (bool): whether to recompute activations in the backward pass, for the setting `gradient_checkpointing`.
    needed (int): estimated memory for a pass, in bytes.
    installed (int | None): the memory of the machine or GPU, in bytes; None if it is unknown.
    """

    size: int
    n_passes: int
    recomputes: bool
    needed: int
    installed: int | None


def batch(
    n_texts: int, usual_length: int, memory: TrainingMemory, installed: int | None, *, can_recompute: bool = True
) -> Batch:
    """Choose the batch size based on the amount of data, and the number of passes based on memory.

    A pass may take half of the memory. If a single text takes more, its activations are recomputed. If the memory is
    unknown, a pass has at most 4,096 subwords.

    n_texts (int): number of texts in the training data.
    usual_length (int): 99th percentile of their lengths in subwords.
    memory (TrainingMemory): the memory that the training needs.
    installed (int | None): the memory that there is, in bytes; None if it is unknown.
    can_recompute (bool): whether the encoder supports gradient checkpointing. Default: True.
    RETURNS (Batch): the batch size and the number of passes.
    """
    size = _FULL_BATCH if n_texts >= 10 * _FULL_BATCH else _SMALL_BATCH

    def fits(n_passes: int) -> bool:
        n_subwords = size * usual_length // n_passes
        return n_subwords <= _PASS if installed is None else memory.needed(n_subwords) * _SHARE <= installed

    n_passes = 1
    while n_passes < size and not fits(n_passes):
        n_passes *= 2
    recomputes = can_recompute and installed is not None and not fits(n_passes)
    needed = memory.needed(size * usual_length // n_passes, recomputes=recomputes)
    return Batch(size, n_passes, recomputes, needed, installed)


class Steps(NamedTuple):
    """The length of a training run.

    max_steps (int): number of steps.
    eval_frequency (int): number of steps between two evaluations.
    patience (int): number of steps without a better score after which training stops.
    """

    max_steps: int
    eval_frequency: int
    patience: int


def steps(n_texts: int, batch_size: int) -> Steps:
    """Choose the length of a training run: ten epochs for the first thousand texts, and four for all further texts.

    The run has 200 to 20,000 steps and is evaluated 10 to 15 times.

    n_texts (int): number of texts in the training data.
    batch_size (int): number of texts per step.
    RETURNS (Steps): the numbers of steps. `max_steps` is a multiple of `eval_frequency`.
    """
    n_seen = 10 * min(n_texts, 1000) + 4 * max(0, n_texts - 1000)
    n_steps = max(_MIN_STEPS, min(-(-n_seen // batch_size), _MAX_STEPS))
    eval_frequency = n_steps // 100 * 10
    n_evaluations = min(-(-n_steps // eval_frequency), _MAX_STEPS // eval_frequency)
    return Steps(n_evaluations * eval_frequency, eval_frequency, 5 * eval_frequency)


class Window(NamedTuple):
    """The settings for cutting texts into windows.

    window (int | None): maximum number of subwords in a window; None for the default, which is at most 128.
    overlap (int): number of subwords that neighbouring windows share.
    cut_at (str): boundaries at which texts are cut: "sentences" or "tokens".
    """

    window: int | None
    overlap: int
    cut_at: str


def window(usual_length: int, max_window: int) -> Window:
    """Choose a window that fits 99% of the texts, up to the maximum that the encoder supports.

    usual_length (int): 99th percentile of the lengths of the texts in subwords, including special subwords.
    max_window (int): maximum number of subwords in a window that the encoder supports.
    RETURNS (Window): the window. If the texts do not fit, they are cut at any token, with a large overlap.
    """
    if usual_length <= min(_SHORT, max_window):
        return Window(None, min(32, max_window // 4), "sentences")
    if usual_length <= max_window:
        return Window(min(-(-usual_length // 64) * 64, max_window), min(32, max_window // 4), "sentences")
    return Window(max_window, min(128, max_window // 4), "tokens")


def marks_case(is_lower_casing: bool, n_cased: int, n_mixed: int) -> bool:
    """Choose whether to mark capital letters. This helps an encoder that lowercases text if case carries information.

    is_lower_casing (bool): whether the tokenizer lowercases text.
    n_cased, n_mixed (int): see `DataFacts`.
    RETURNS (bool): whether to mark them. Always False if the tokenizer keeps case. Otherwise True if at least half of
        the checked sentences mix upper and lower case, or if no sentences could be checked.
    """
    return is_lower_casing and 2 * n_mixed >= n_cased


def reader(format: str, has_options: bool) -> str:
    """Choose the corpus reader.

    format (str): the format of the data.
    has_options (bool): whether any options for reading the data are set.
    RETURNS (str): spaCy's reader for `.spacy` files without options, otherwise the reader of this package.
    """
    return SPACY_READER if format == "spacy" and not has_options else OWN_READER
