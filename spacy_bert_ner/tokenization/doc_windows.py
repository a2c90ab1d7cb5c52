"""Where the subwords of a batch of Docs lie: aligned with tokens, and cut into windows."""

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
from .alignment import Alignment, align_tokens_to_subwords
from .windows import NOWHERE, Window, sentence_starts, split_windows, windows_from_spans

SpanGetter = Callable[[list[Doc]], list[list[Span]]]

SECTION = "components.<name>.model.get_spans"


@registry.misc("spacy_bert_ner.SpanGetter.v1")
def make_span_getter_v1(name: Any, settings: Any = None) -> SpanGetter:
    """A span getter of spacy-transformers, whose registry is there only once that is imported.

    name (str): of the getter, such as "spacy-transformers.strided_spans.v1".
    settings (dict | None): what it is made with, such as `{"window": 64, "stride": 48}`, in tokens.
    RAISES ConfigError: spacy-transformers is not installed, or knows no getter of the name.
    """
    check = partial(require_setting, SECTION)
    check("name", name, isinstance(name, str), 'a name, as in "spacy-transformers.strided_spans.v1"')
    check("settings", settings, settings is None or isinstance(settings, dict), "a table, or null")
    try:
        import_module("spacy_transformers")
    except ImportError as e:
        raise ConfigError(Errors.no_spacy_transformers.format(section=SECTION)) from e
    getters: Any = registry.span_getters  # type: ignore[attr-defined]  # which spacy-transformers has made
    known = sorted(getters.get_all())
    check("name", name, name in known, ", ".join(f'"{getter}"' for getter in known))
    getter: SpanGetter = getters.get(name)(**(settings or {}))
    return getter


def align_docs(docs: Sequence[Doc], texts: Sequence[str], encodings: Sequence[Encoding]) -> Alignment:
    """Align all Docs at once, as if their texts were one: no subword lies in two of them."""
    n_characters = np.cumsum([0, *map(len, texts)])
    tables = [doc.to_array([IDX, LENGTH, IS_SPACE]).reshape(-1, 3) for doc in docs]
    begins, lengths, is_space = np.concatenate([np.zeros((0, 3), np.int64), *tables]).astype(np.int64).T
    begins += np.repeat(n_characters[:-1], [len(table) for table in tables])
    offsets = [e.offsets for e in encodings]
    subwords = np.concatenate([np.zeros((0, 2), np.int64), *offsets])
    subwords = subwords + np.repeat(n_characters[:-1], [len(o) for o in offsets])[:, None]
    firsts = np.cumsum([0, *map(len, offsets)])
    markers = np.concatenate([NOWHERE, *(e.markers + first for e, first in zip(encodings, firsts, strict=False))])
    return align_tokens_to_subwords(
        np.stack([begins, begins + lengths], axis=1), is_space, subwords, int(n_characters[-1]), markers
    )


def split_docs(
    docs: list[Doc],
    firsts: Ints1d,
    alignment: Alignment,
    size: int,
    *,
    overlap: int,
    cut_at: str,
    get_spans: SpanGetter | None = None,
) -> list[tuple[int, Window]]:
    """The windows of all Docs, each with the number of its Doc; see `windows.split_windows`.

    firsts: the first subword of each Doc, and one past the last of all. *Shape:* `(n_docs + 1,)`
    alignment: of all Docs.
    size: most subwords in a window, without special ones.
    overlap, cut_at, get_spans: see `token_classifier.build_token_classifier_v1`.
    RAISES ConfigError: `get_spans` gave something else than spans.
    """
    windows: list[tuple[int, Window]] = []
    first_token = 0
    spans = None if get_spans is None else _spans(get_spans, docs)
    starts: Ints1d | None = None
    for i, (doc, (first, last)) in enumerate(zip(docs, pairwise(firsts.tolist()), strict=True)):
        n = last - first
        if 0 < n <= size and spans is None:
            windows.append((i, Window(0, n, 0, n)))
        elif n:
            if starts is None:
                # Of each token the first subword; of one without text, that of the next with some.
                rows = np.cumsum(alignment.lengths) - alignment.lengths
                starts = np.append(alignment.subwords, firsts[-1])[rows]
            own = np.minimum(starts[first_token : first_token + len(doc)] - first, n)
            cuts = np.unique(own[own < n])
            if spans is not None:
                edges = np.append(own, n)
                runs = [(int(edges[start]), int(edges[end])) for start, end in spans[i]]
                windows.extend((i, w) for w in windows_from_spans(n, cuts, size, overlap, runs))
            else:
                sentences = own[sentence_starts(doc)] if cut_at == "sentences" else own[:0]
                sentences = np.unique(sentences[sentences < n])
                windows.extend((i, w) for w in split_windows(n, cuts, size, overlap, sentences))
        first_token += len(doc)
    return windows


def _spans(get_spans: SpanGetter, docs: list[Doc]) -> list[list[tuple[int, int]]]:
    """First and last tokens of the spans of each Doc, of those that hold one."""
    try:
        found = [[(span.start, span.end) for span in spans if len(span)] for spans in get_spans(docs)]
    except (AttributeError, TypeError) as e:
        raise ConfigError(Errors.bad_spans.format(section=SECTION, reason=e)) from e
    if len(found) != len(docs):
        reason = f"spans of {len(found)} Docs for {len(docs)}"
        raise ConfigError(Errors.bad_spans.format(section=SECTION, reason=reason))
    return found
