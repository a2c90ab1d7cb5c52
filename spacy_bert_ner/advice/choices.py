"""Choose the settings for a training from the facts about the data and the encoder. All functions are pure."""

from __future__ import annotations

from typing import NamedTuple

from ..optim.default_optimizer import usual_rates

SPACY_READER = "spacy.Corpus.v1"
OWN_READER = "spacy_bert_ner.Corpus.v1"

_MAX_STEPS = 20_000
_MIN_STEPS = 200
_FULL_BATCH, _SMALL_BATCH = 16, 8
_PASS = 4096
"""Number of subwords for which activations are kept in memory at once: two batches of short texts."""
_SHORT = 128
"""Length up to which a window needs no setting, in subwords; see `token_classifier.default_window`."""


class Layers(NamedTuple):
    """How the layers of an encoder are trained.

    rate (float): the highest learning rate.
    layer_decay (float): learning rate of each layer, as a multiple of that of the layer above.
    frozen (int): how many of the lowest layers are not trained.
    reset (int | str): how many of the highest layers are reinitialised.
    is_measured (bool): whether these values were measured for an encoder of this size.
    """

    rate: float
    layer_decay: float
    frozen: int
    reset: int | str
    is_measured: bool


_MEASURED = {(6, 384): Layers(0.00025, 0.85, 1, "auto", True)}
"""The values that `configs/bert_ner.cfg` has for MiniLM, by number of layers and width; see `benchmarks/README.md`."""


def layers(n_layers: int, width: int) -> Layers:
    """Choose learning rates, and which layers to freeze and to reinitialise.

    Sizes that were not measured get the learning rate of the literature, and all their layers are trained alike.

    n_layers (int): number of layers in the encoder.
    width (int): dimension of its vectors. 0 if unknown; it then gets the rate for BERT-base, which is the safest.
    RETURNS (Layers): the values.
    """
    usual = Layers(usual_rates(width or 768)[0], 1.0, 0, 0, False)
    return _MEASURED.get((n_layers, width), usual)


def length(usual_length: int, *, mark_case: bool) -> int:
    """Return the length of a text with the marks for capital letters.

    usual_length (int): length without marks, in subwords.
    mark_case (bool): whether capital letters are marked. Marks add a sixth in news; see `docs/training.md`.
    RETURNS (int): the length.
    """
    return -(-usual_length * 7 // 6) if mark_case else usual_length


class Batch(NamedTuple):
    """The size of a batch.

    size (int): number of texts in a step.
    n_passes (int): number of passes over which the texts of a step are spread, `accumulate_gradient`.
    """

    size: int
    n_passes: int


def batch(n_texts: int, usual_length: int) -> Batch:
    """Choose the batch size by the amount of data, and the number of passes by the memory that long texts need.

    n_texts (int): number of texts in the training data.
    usual_length (int): 99th percentile of their lengths in subwords.
    RETURNS (Batch): the size.
    """
    size = _FULL_BATCH if n_texts >= 10 * _FULL_BATCH else _SMALL_BATCH
    n_passes = 1
    while n_passes < size and size * usual_length > n_passes * _PASS:
        n_passes *= 2
    return Batch(size, n_passes)


class Steps(NamedTuple):
    """The length of a training.

    max_steps (int): number of steps.
    eval_frequency (int): number of steps between two evaluations.
    patience (int): number of steps without a better score after which the training stops.
    """

    max_steps: int
    eval_frequency: int
    patience: int


def steps(n_texts: int, batch_size: int) -> Steps:
    """Choose the length of a training: ten epochs for the first thousand texts, and four for all others.

    The number of steps is from 200 to 20,000, and the training is evaluated 10 to 15 times.

    n_texts (int): number of texts in the training data.
    batch_size (int): number of texts in a step.
    RETURNS (Steps): the numbers of steps. `max_steps` is a multiple of `eval_frequency`.
    """
    n_seen = 10 * min(n_texts, 1000) + 4 * max(0, n_texts - 1000)
    n_steps = max(_MIN_STEPS, min(-(-n_seen // batch_size), _MAX_STEPS))
    eval_frequency = n_steps // 100 * 10
    n_evaluations = min(-(-n_steps // eval_frequency), _MAX_STEPS // eval_frequency)
    return Steps(n_evaluations * eval_frequency, eval_frequency, 5 * eval_frequency)


class Window(NamedTuple):
    """How texts are cut into windows.

    window (int | None): maximum number of subwords in a window; None for the default, which is at most 128.
    overlap (int): number of subwords that neighbouring windows share.
    cut_at (str): where texts are cut: "sentences" or "tokens".
    """

    window: int | None
    overlap: int
    cut_at: str


def window(usual_length: int, max_window: int) -> Window:
    """Choose the window in which 99 % of the texts fit, up to the number of positions of the encoder.

    usual_length (int): 99th percentile of the lengths of the texts in subwords, including special subwords.
    max_window (int): maximum number of subwords in a window of the encoder.
    RETURNS (Window): the window. Texts that do not fit are cut anywhere, with a wide overlap.
    """
    if usual_length <= min(_SHORT, max_window):
        return Window(None, min(32, max_window // 4), "sentences")
    if usual_length <= max_window:
        return Window(min(-(-usual_length // 64) * 64, max_window), min(32, max_window // 4), "sentences")
    return Window(max_window, min(128, max_window // 4), "tokens")


def marks_case(is_lower_casing: bool, n_cased: int, n_mixed: int) -> bool:
    """Choose whether capital letters are marked: for a lower-casing encoder, if case carries information.

    is_lower_casing (bool): whether the tokenizer turns capital letters into small ones.
    n_cased, n_mixed (int): see `DataFacts`.
    RETURNS (bool): True if at least half of the sentences mix small and capital letters, or if none could be checked.
    """
    return is_lower_casing and 2 * n_mixed >= n_cased


def reader(format: str, has_options: bool) -> str:
    """Choose the corpus reader.

    format (str): the format of the data.
    has_options (bool): whether any option says how to read the data.
    RETURNS (str): spaCy's reader for `.spacy` files without options, otherwise the reader of this package.
    """
    return SPACY_READER if format == "spacy" and not has_options else OWN_READER
