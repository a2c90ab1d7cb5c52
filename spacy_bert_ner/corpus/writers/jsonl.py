"""Write JSON with character offsets in Prodigy's format, one object per line.

Each object contains `text`, `spans` and `tokens`, and `meta` contains the document name. `unknown` lists the character
ranges with unknown annotation. `incorrect_spans` lists spans that are known not to be entities.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from ...types import INCORRECT_SPANS, Entity, Ints1d
from ..sentence import Sentence, entities
from .record_buffer import RecordBuffer


class JsonlWriter:
    """A writer for JSON Lines files. Add all sentences with `add`, then call `write`.

    folder (Path): folder for the unnamed temporary file.
    """

    def __init__(self, folder: Path) -> None:
        self._buffer = RecordBuffer(folder)

    def close(self) -> None:
        """Delete the temporary file."""
        self._buffer.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags. Unknown tags are None."""
        self._buffer.add(f"{json.dumps(_record(sentence), ensure_ascii=False)}\n".encode())

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write all added sentences to a file.

        path (Path): the output file.
        order: indices of all sentences in output order. Default: None, the order in which they were added. *Shape:*
            `(n_sentences,)`
        """
        with path.open("wb") as file:
            file.writelines(self._buffer.pieces(order))


def _record(sentence: Sentence) -> dict[str, Any]:
    spaces = sentence.spaces_after()
    pieces = sentence.pieces()
    starts = list(accumulate(map(len, pieces), initial=0))
    tokens = [
        {"text": word, "start": start, "end": start + len(word), "id": i, "ws": space}
        for i, (word, space, start) in enumerate(zip(sentence.words, spaces, starts, strict=False))
    ]
    record: dict[str, Any] = {
        "text": "".join(pieces),
        "spans": _spans(entities(sentence.tags), tokens),
        "tokens": tokens,
        "meta": {"document": sentence.document},
    }
    unknown = []
    for is_unknown, run in groupby(zip(sentence.tags, tokens, strict=True), key=lambda pair: pair[0] is None):
        if is_unknown:
            unknown_tokens = [token for _, token in run]
            unknown.append([unknown_tokens[0]["start"], unknown_tokens[-1]["end"]])
    record |= {"unknown": unknown} if unknown else {}
    return record | {INCORRECT_SPANS: _spans(sentence.incorrect, tokens)} if sentence.incorrect else record


def _spans(annotated_entities: Iterable[Entity], tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert entities to Prodigy spans with character offsets and with the indices of their first and last tokens."""
    return [
        {
            "start": tokens[start]["start"],
            "end": tokens[end - 1]["end"],
            "token_start": start,
            "token_end": end - 1,
            "label": label,
        }
        for label, start, end in annotated_entities
    ]
