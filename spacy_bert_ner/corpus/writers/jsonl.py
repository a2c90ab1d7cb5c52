"""Write JSON with character offsets, an object a line, as Prodigy has it: text, spans, tokens, and the document in
`meta`. The parts of the text whose annotation is not known are listed under `unknown`; spans that are known to be no
entities, under `incorrect_spans`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from ...types import INCORRECT_SPANS, Entity, Ints1d
from ..sentence import Sentence, entities
from .temp_records import RecordBuffer


class JsonlWriter:
    """Collects sentences; `write` makes the file.

    folder (Path): where the temporary file lies, which has no name there.
    """

    def __init__(self, folder: Path) -> None:
        self._spool = RecordBuffer(folder)

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence, whose tags are in IOB2, None where unknown."""
        self._spool.add(f"{json.dumps(_record(sentence), ensure_ascii=False)}\n".encode())

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write the file.

        order: the places of all sentences, that of the first to come first; None for the order of the calls of `add`.
        """
        with path.open("wb") as file:
            file.writelines(self._spool.pieces(order))


def _record(sentence: Sentence) -> dict[str, Any]:
    spaces = sentence.spaces_after()
    shown = sentence.pieces()
    starts = list(accumulate(map(len, shown), initial=0))
    tokens = [
        {"text": word, "start": start, "end": start + len(word), "id": i, "ws": space}
        for i, (word, space, start) in enumerate(zip(sentence.words, spaces, starts, strict=False))
    ]
    record: dict[str, Any] = {
        "text": "".join(shown),
        "spans": _spans(entities(sentence.tags), tokens),
        "tokens": tokens,
        "meta": {"document": sentence.document},
    }
    unknown = []
    for is_unknown, run in groupby(zip(sentence.tags, tokens, strict=True), key=lambda pair: pair[0] is None):
        if is_unknown:
            covered = [token for _, token in run]
            unknown.append([covered[0]["start"], covered[-1]["end"]])
    record |= {"unknown": unknown} if unknown else {}
    return record | {INCORRECT_SPANS: _spans(sentence.incorrect, tokens)} if sentence.incorrect else record


def _spans(found: Iterable[Entity], tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entities: those of Prodigy have the numbers of their first and last token, too."""
    return [
        {
            "start": tokens[start]["start"],
            "end": tokens[end - 1]["end"],
            "token_start": start,
            "token_end": end - 1,
            "label": label,
        }
        for label, start, end in found
    ]
