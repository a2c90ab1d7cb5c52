"""Align a batch of Docs with their subwords, and split the Docs into windows."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from spacy.attrs import IDX, IS_SPACE, LENGTH
from spacy.tokens import Doc, Span
from spacy.util import registry

from ..errors import ConfigError, Errors, require_setting
from ..types import Encoding, Ints1d
from .alignment import NO_MARKERS, Alignment, align_tokens_to_subwords
from .window_cuts import Window, sentence_starts, split_windows, windows_from_spans

SpanGetter = Callable[[list[Doc]], list[list[Span]]]

SECTION = "components.<name>.model.get_spans"


@registry.misc("spacy_bert_ner.SpanGetter.v1")
def make_span_getter_v1(name: Any, settings: Any = None) -> SpanGetter:
    """Return a span getter from spacy-transformers.

    spacy-transformers must be imported first, because it creates the registry of span getters.

    name (str): registered name of the span getter, such as "spacy-transformers.strided_spans.v1".
    settings (dict | None): arguments for the span getter, such as `{"window": 64, "stride": 48}` in tokens. None means
        no arguments. Default: None.
    RETURNS (SpanGetter): function that takes a list of Docs and returns a list of spans for each Doc.
    RAISES ConfigError: spacy-transformers is not installed, or it has no span getter with this name.
    """
    check = partial(require_setting, SECTION)
    check(
        "name", name, isinstance(name, str), 'the name of a span getter, such as "spacy-transformers.strided_spans.v1"'
    )
    check("settings", settings, settings is None or isinstance(settings, dict), "a table, or null")
    try:
        import_module("spacy_transformers")
    except ImportError as e:
        raise ConfigError(Errors.no_spacy_transformers.format(section=SECTION)) from e
    getters: Any = registry.span_getters  # type: ignore[attr-defined]  # created by spacy-transformers
    known = sorted(getters.get_all())
    check("name", name, name in known, ", ".join(f'"{getter}"' for getter in known))
    getter: SpanGetter = getters.get(name)(**(settings or {}))
    return getter


def align_docs(docs: Sequence[Doc], texts: Sequence[str], encodings: Sequence[Encoding]) -> Alignment:
    """Align all Docs in a batch at once, as if their texts were concatenated. No subword spans two texts.

    docs (Sequence[Doc]): Docs in the batch.
    texts (Sequence[str]): text of each Doc.
    encodings (Sequence[Encoding]): encoding of each text.
    RETURNS (Alignment): alignment of all tokens with all subwords in the batch.
    """
    n_characters = np.cumsum([0, *map(len, texts)])
    tables = [doc.to_array([IDX, LENGTH, IS_SPACE]).reshape(-1, 3) for doc in docs]
    starts, lengths, is_space = np.concatenate([np.zeros((0, 3), np.int64), *tables]).astype(np.int64).T
    starts += np.repeat(n_characters[:-1], [len(table) for table in tables])
    offsets = [e.offsets for e in encodings]
    subwords = np.concatenate([np.zeros((0, 2), np.int64), *offsets])
    subwords = subwords + np.repeat(n_characters[:-1], [len(o) for o in offsets])[:, None]
    doc_starts = np.cumsum([0, *map(len, offsets)])
    markers = np.concatenate([NO_MARKERS, *(e.markers + i for e, i in zip(encodings, doc_starts, strict=False))])
    return align_tokens_to_subwords(
        np.stack([starts, starts + lengths], axis=1), is_space, subwords, int(n_characters[-1]), markers
    )


def split_docs(
    docs: list[Doc],
    doc_starts: Ints1d,
    alignment: Alignment,
    size: int,
    *,
    overlap: int,
    cut_at: str,
    get_spans: SpanGetter | None = None,
) -> list[tuple[int, Window]]:
    """Split Docs into windows with at most `size` subwords. See `window_cuts.split_windows`.

    docs (list[Doc]): Docs in the batch.
    doc_starts (Ints1d): index of each Doc's first subword, followed by the total number of subwords.
        *Shape:* `(n_docs + 1,)`
    alignment (Alignment): alignment for all Docs, as returned by `align_docs`.
    size (int): maximum number of subwords in a window, without special subwords.
    overlap (int): see `token_classifier.build_token_classifier_v1`.
    cut_at (str): see `token_classifier.build_token_classifier_v1`.
    get_spans (SpanGetter | None): see `token_classifier.build_token_classifier_v1`. Default: None.
    RETURNS (list[tuple[int, Window]]): the windows in text order, each preceded by the index of its Doc.
    RAISES ConfigError: `get_spans` did not return a list of spans for each Doc.
    """
    windows: list[tuple[int, Window]] = []
    first_token = 0
    spans = None if get_spans is None else _span_tokens(get_spans, docs)
    token_starts: Ints1d | None = None
    for i, (doc, (first, last)) in enumerate(zip(docs, pairwise(doc_starts.tolist()), strict=True)):
        n = last - first
        if 0 < n <= size and spans is None:
            windows.append((i, Window(0, n, 0, n)))
        elif n:
            if token_starts is None:
                # Find the first subword of each token. A token without subwords gets the next token's first subword.
                rows = np.cumsum(alignment.lengths) - alignment.lengths
                token_starts = np.append(alignment.subwords, doc_starts[-1])[rows]
            starts_in_doc = np.minimum(token_starts[first_token : first_token + len(doc)] - first, n)
            cuts = np.unique(starts_in_doc[starts_in_doc < n])
            if spans is not None:
                edges = np.append(starts_in_doc, n)
                runs = [(int(edges[start]), int(edges[end])) for start, end in spans[i]]
                windows.extend((i, w) for w in windows_from_spans(n, cuts, size, overlap, runs))
            else:
                sentences = starts_in_doc[sentence_starts(doc)] if cut_at == "sentences" else starts_in_doc[:0]
                sentences = np.unique(sentences[sentences < n])
                windows.extend((i, w) for w in split_windows(n, cuts, size, overlap, sentences))
        first_token += len(doc)
    return windows


def _span_tokens(get_spans: SpanGetter, docs: list[Doc]) -> list[list[tuple[int, int]]]:
    """Return the non-empty spans for each Doc, as pairs of start and end token indices."""
    try:
        spans = [[(span.start, span.end) for span in spans if len(span)] for spans in get_spans(docs)]
    except (AttributeError, TypeError) as e:
        raise ConfigError(Errors.bad_spans.format(section=SECTION, reason=e)) from e
    if len(spans) != len(docs):
        reason = f"it returned {len(spans)} lists of spans for {len(docs)} Docs"
        raise ConfigError(Errors.bad_spans.format(section=SECTION, reason=reason))
    return spans
