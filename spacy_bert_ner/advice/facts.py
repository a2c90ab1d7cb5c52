"""Collect the facts about the data and the encoder that determine the config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..checkpoints.checkpoint import Checkpoint
from ..corpus import FORMATS, CorpusStream
from ..corpus.spacy_reader import DOCBIN, files_in
from ..errors import CorpusError, Errors, TagError
from ..inspection.examples import SplitFile
from ..inspection.statistics import SplitStatistics, quantile
from ..inspection.subword_lengths import SubwordCounter

_TAGGER = "ForTokenClassification"


class DataFacts(NamedTuple):
    """Facts about one split of the data.

    path (Path): the file or folder.
    format (str): the format of its first file.
    unit (str): what is counted as a text: "sentences" or "texts". In a `.spacy` file, each Doc is a text, even if it is
        a single sentence.
    n_texts, n_documents, n_tokens (int): numbers of texts, named documents and tokens.
    labels (tuple[tuple[str, int], ...]): each label with its number of entities, most frequent first.
    usual_length, longest (int): 99th percentile and maximum of the text lengths in subwords, including special
        subwords.
    n_cased, n_mixed (int): number of sentences that were checked for letter case, and number of these that mix upper
        and lower case.
    """

    path: Path
    format: str
    unit: str
    n_texts: int
    n_documents: int
    n_tokens: int
    labels: tuple[tuple[str, int], ...]
    usual_length: int
    longest: int
    n_cased: int
    n_mixed: int

    @property
    def n_entities(self) -> int:
        """Return the total number of entities."""
        return sum(n for _, n in self.labels)


class EncoderFacts(NamedTuple):
    """Facts about an encoder.

    name (str): folder or Hub name of the encoder.
    n_layers (int): number of layers; 0 if they cannot be identified.
    width (int): dimension of its vectors; 0 if unknown.
    is_lower_casing (bool): whether its tokenizer lowercases text.
    max_window (int): maximum number of subwords in a window, including special subwords.
    labels (tuple[str, ...]): labels of the trained tag head; empty if there is none.
    n_heads (int): number of attention heads per layer; 0 if unknown.
    n_weights (tuple[int, ...]): number of weights in the embeddings, in each layer and in the head. *Length:*
        `n_layers + 2`.
    can_recompute (bool): whether it supports gradient checkpointing.
    """

    name: str
    n_layers: int
    width: int
    is_lower_casing: bool
    max_window: int
    labels: tuple[str, ...]
    n_heads: int
    n_weights: tuple[int, ...]
    can_recompute: bool


def encoder_facts(checkpoint: Checkpoint) -> EncoderFacts:
    """Collect the facts about an encoder.

    checkpoint (Checkpoint): the encoder, as returned by `Checkpoint.load_tokenizer_only`.
    RETURNS (EncoderFacts): the facts.
    """
    config = checkpoint.model.config
    normalizer = checkpoint.tokenizer.backend_tokenizer.normalizer
    width, n_heads = (_whole_number(getattr(config, key, 0)) for key in ("hidden_size", "num_attention_heads"))
    n_weights = dict.fromkeys(range(checkpoint.n_layers + 2), 0)
    for name, weight in checkpoint.model.named_parameters():
        n_weights[checkpoint.parameter_depths[name].level] += weight.numel()
    return EncoderFacts(
        name=checkpoint.name,
        n_layers=checkpoint.n_layers,
        width=width,
        is_lower_casing=normalizer is not None and "A" not in normalizer.normalize_str("A"),
        max_window=checkpoint.max_window,
        labels=_labels(checkpoint),
        n_heads=n_heads,
        n_weights=tuple(n_weights.values()),
        can_recompute=bool(checkpoint.model.supports_gradient_checkpointing),
    )


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _labels(checkpoint: Checkpoint) -> tuple[str, ...]:
    if not any(name.endswith(_TAGGER) for name in checkpoint.model.config.architectures or ()):
        return ()
    try:
        return tuple(checkpoint.tags.labels)
    except TagError:
        return ()


def data_facts(path: Path, counter: SubwordCounter, **reading: Any) -> DataFacts:
    """Read a split once to collect the facts about it.

    path (Path): the file, or a folder with `.spacy` files.
    counter (SubwordCounter): counter of subwords for the encoder.
    reading (Any): options for `CorpusStream`.
    RETURNS (DataFacts): the facts.
    RAISES CorpusError: a file cannot be read or contains no sentences, or none of the files contains an entity.
    """
    files = files_in(path, reading.get("format", "auto"))
    streams = [CorpusStream(file, **reading) for file in files]
    split = _count(path, streams, counter)
    if not split.n_entities:
        raise CorpusError(Errors.no_entities_to_learn.format(path=path, n=split.n_sentences, how=split.description))
    return DataFacts(
        path=path,
        format=split.format,
        unit="texts" if split.format == DOCBIN else streams[0].unit,
        n_texts=split.n_sentences,
        n_documents=len(split.documents),
        n_tokens=split.n_tokens,
        labels=tuple(split.entities.most_common()),
        usual_length=quantile(split.subword_lengths, 0.99),
        longest=max(split.subword_lengths),
        n_cased=split.n_cased,
        n_mixed=split.n_cased - split.n_lower - split.n_upper,
    )


def _count(path: Path, streams: Sequence[CorpusStream], counter: SubwordCounter) -> SplitStatistics:
    first = streams[0]
    file = SplitFile(path.stem, str(path), FORMATS[first.format].unit)
    split = SplitStatistics(file, first.format, first.tag_scheme, limit=0, description=first.describe())
    for stream in streams:
        for sentence in stream:
            split.add(sentence)
            counter.add(file, sentence, split)
    counter.flush()
    return split
