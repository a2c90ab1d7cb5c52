"""Register the corpus reader, which lets `spacy train` read every supported format without conversion."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, dont_augment
from spacy.util import registry

from ..decoding.tag_scheme import find_scheme
from ..errors import CorpusError, Errors
from .join_docs import join_docs
from .readers.docbin import read_docs
from .relabeling import rename_entities
from .sentence import to_doc
from .splitting.part_file import SUFFIX, refuse_split, spacy_files
from .stream import CorpusStream
from .writers.docbin import DOCUMENT

Augmenter = Callable[[Language, Example], Iterable[Example]]
DOCBIN = "spacy"
"""Name of the format whose Docs keep all their annotation."""


@registry.readers("spacy_bert_ner.Corpus.v1")
def make_corpus_reader_v1(
    path: str | Path | list[str | Path] | None,
    format: str = "auto",
    join: int = 0,
    limit: int = 0,
    augmenter: Callable[..., Any] | None = None,
    encoding: str | None = None,
    column: int | None = None,
    word_column: int | None = None,
    tag_scheme: str | None = None,
    document_key: str | None = None,
    text_key: str | None = None,
    skip_invalid: int = 0,
    spacing: str = "natural",
    offsets: str = "auto",
    misaligned: str = "error",
    overlap: str = "error",
    labels: Any = None,
    label_map: Any = None,
) -> Callable[[Language], Iterator[Example]]:
    """Create the registered corpus reader; see `CorpusReader`.

    RAISES CorpusError: `path` specifies no file, or a setting is invalid.
    """
    paths = path if isinstance(path, list) else [path]
    if not paths or not all(paths):
        raise CorpusError(Errors.no_path.format(path=json.dumps(path, default=str)))
    return CorpusReader(
        [Path(file) for file in paths if file],
        join=join,
        limit=limit,
        augmenter=augmenter,
        format=format,
        encoding=encoding,
        column=column,
        word_column=word_column,
        tag_scheme=tag_scheme,
        document_key=document_key,
        text_key=text_key,
        skip_invalid=skip_invalid,
        spacing=spacing,
        offsets=offsets,
        misaligned=misaligned,
        overlap=overlap,
        labels=labels,
        label_map=label_map,
    )


class CorpusReader:
    """A corpus reader that yields Examples. Each call rereads the files, so memory use does not grow with the corpus.

    The first call reads each file one extra time to check it. The pipeline creates predicted Docs from the text only,
    without the gold sentence boundaries. In production, text has no sentence boundaries unless a component predicts
    them. Entities predicted by `bert_ner` never cross sentence boundaries (`respect_sentences`), so gold boundaries
    would make scores better in training than in production.

    paths: files or folders in any format in `FORMATS`, or folders that contain `.spacy` files at any depth. They are
        read in this order.
    join (int): maximum number of tokens in an Example that joins consecutive sentences from one document. They
        remain separate sentences in the reference Doc. A longer sentence gets its own Example. Default: 0, no joining.
    limit (int): maximum number of Examples before augmentation. Default: 0, no limit.
    augmenter: function that creates Examples from an Example. Default: None, no augmentation.
    options: options for `CorpusStream`. The pipeline's tokenizer splits text with offsets. Docs from `.spacy` files
        keep all their annotation, but `labels` and `label_map` rename entities and spans in span groups.
    RAISES CorpusError: a setting is invalid. Calling the reader raises the same error if a file cannot be
        read, a folder contains several splits, or there are no sentences to join.
    """

    def __init__(
        self, paths: list[Path], *, join: int = 0, limit: int = 0, augmenter: Augmenter | None = None, **options: Any
    ) -> None:
        for key, value in (("join", join), ("limit", limit)):
            if type(value) is not int or value < 0:  # `bool` is a subclass of `int`
                allowed = "a whole number of at least 0"
                raise CorpusError(
                    Errors.bad_value.format(section="corpora.{train,dev}", key=key, value=value, allowed=allowed)
                )
        self.paths, self.join, self.limit = paths, join, limit
        self.augmenter = augmenter or dont_augment
        self.options = options
        self._opened: tuple[Callable[[str], Doc], list[CorpusStream]] | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield Examples. The tokens in their reference Docs are the words in the corpus."""
        references = chain.from_iterable(self._references(stream, nlp) for stream in self._streams(nlp))
        for reference in islice(references, self.limit or None):
            yield from self.augmenter(nlp, Example(without_annotation(nlp, reference), reference))

    def _streams(self, nlp: Language) -> list[CorpusStream]:
        """Return the corpus streams. The first call with a pipeline's tokenizer opens and checks the files."""
        if self._opened is None or self._opened[0] is not nlp.tokenizer:
            files = chain.from_iterable(files_in(path, self.options.get("format", "auto")) for path in self.paths)
            streams = [self._stream(file, nlp) for file in files]
            if self.join and not any(stream.has_neighbours for stream in streams):
                listed = ", ".join(map(str, self.paths))
                raise CorpusError(Errors.nothing_to_join.format(path=listed, join=self.join))
            self._opened = nlp.tokenizer, streams
        return self._opened[1]

    def _stream(self, file: Path, nlp: Language) -> CorpusStream:
        stream = _open_stream(file, nlp, Errors.in_config, **self.options)
        scheme = find_scheme(self.options.get("tag_scheme"))
        if stream.format == DOCBIN and scheme not in (None, "IOB2"):
            raise CorpusError(Errors.docbin_scheme.format(path=file, scheme=scheme))
        _warn_of_messages(stream)
        return stream

    def _references(self, stream: CorpusStream, nlp: Language) -> Iterator[Doc]:
        if stream.format == DOCBIN:
            valid_numbers = {sentence.lines[0] for sentence in stream} if stream.invalid else None
            rules = stream.label_rules
            docs: Iterator[Doc] = (doc for _, doc in read_docs(stream.path, nlp.vocab, valid_numbers))
            docs = (rename_entities(doc, rules.rename) for doc in docs) if rules else docs
        else:
            docs = _docs(stream, nlp)
        return join_docs(docs, self.join, nlp.max_length) if self.join else docs


def read_references(path: Path, nlp: Language) -> Iterator[tuple[int, Doc]]:
    """Read the annotated Docs in a file, in any supported format.

    path (Path): the path to the file. Docs from a `.spacy` file keep all their annotation.
    nlp (Language): the pipeline whose tokenizer splits text with offsets.
    YIELDS (tuple[int, Doc]): the number of the Doc or sentence in the file (from 1), and the Doc.
    RAISES CorpusError: the file does not exist, cannot be read, or needs options that only `convert` has.
    """
    if path.suffix == SUFFIX:
        yield from read_docs(path, nlp.vocab)
        return
    stream = _open_stream(path, nlp, Errors.to_convert)
    _warn_of_messages(stream)
    yield from enumerate(_docs(stream, nlp), start=1)


def _open_stream(path: Path, nlp: Language, advice: str, **options: Any) -> CorpusStream:
    """Open a file for the tokenizer of a pipeline. `advice` is the template for errors that recommend options."""
    try:
        return CorpusStream(path, lang=nlp.lang or "", tokenize=nlp.tokenizer, **options)
    except CorpusError as e:
        if "--" not in str(e):
            raise
        raise CorpusError(advice.format(message=e)) from e


def _warn_of_messages(stream: CorpusStream) -> None:
    for message in stream.messages():
        warnings.warn(f"{stream.path}: {message}", UserWarning, stacklevel=3)


def _docs(stream: CorpusStream, nlp: Language) -> Iterator[Doc]:
    for sentence in stream:
        doc = to_doc(sentence, nlp.vocab)
        if sentence.document:
            doc.user_data[DOCUMENT] = sentence.document
        yield doc
    if stream.n_repaired:
        message = Errors.tags_repaired.format(path=stream.path, n=stream.n_repaired, scheme=stream.tag_scheme)
        warnings.warn(message, UserWarning, stacklevel=2)


def without_annotation(nlp: Language, reference: Doc) -> Doc:
    """Return an unannotated Doc with the same text, or with the same words if their spaces are unknown."""
    if reference.has_unknown_spaces:
        spaces = [bool(token.whitespace_) for token in reference]
        return Doc(nlp.vocab, words=[token.text for token in reference], spaces=spaces)
    return nlp.make_doc(reference.text)


def files_in(path: Path, format: str) -> list[Path]:
    """Return the `.spacy` files in a folder, except hidden files. If there are none, return `path` itself."""
    if format not in ("auto", DOCBIN) or not path.is_dir():
        return [path]
    refuse_split(path)
    return spacy_files(path) or [path]
