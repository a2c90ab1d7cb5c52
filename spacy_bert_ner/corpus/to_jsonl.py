"""Write JSON with character offsets, an object a line, as Prodigy has it: text, spans, tokens, and the document in
`meta`. The parts of the text whose annotation is not known are listed under `unknown`."""

from __future__ import annotations

import json
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from ..tags import split_tag
from ..types import Ints1d
from .sentence import Sentence
from .spool import Spool


class JsonlWriter:
    """Collects sentences; `write` makes the file.

    folder (Path): where the temporary file lies, which has no name there.
    labels: not used, as the labels are strings.
    """

    def __init__(self, folder: Path, labels: set[str]) -> None:
        self._spool = Spool(folder)

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
    shown = [f"{word} " if space else word for word, space in zip(sentence.words, spaces, strict=True)]
    starts = list(accumulate(map(len, shown), initial=0))
    tokens = [
        {"text": word, "start": start, "end": start + len(word), "id": i, "ws": space}
        for i, (word, space, start) in enumerate(zip(sentence.words, spaces, starts, strict=False))
    ]
    record = {
        "text": "".join(shown),
        "spans": _spans(sentence.tags, tokens),
        "tokens": tokens,
        "meta": {"document": sentence.document},
    }
    unknown = []
    for is_unknown, run in groupby(zip(sentence.tags, tokens, strict=True), key=lambda pair: pair[0] is None):
        if is_unknown:
            covered = [token for _, token in run]
            unknown.append([covered[0]["start"], covered[-1]["end"]])
    return record | {"unknown": unknown} if unknown else record


def _spans(tags: list[str | None], tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entities: those of Prodigy have the numbers of their first and last token, too."""
    spans: list[dict[str, Any]] = []
    for i, (tag, token) in enumerate(zip(tags, tokens, strict=True)):
        prefix, label = split_tag(tag) if tag is not None else ("", "")
        if prefix == "B":
            place = {"start": token["start"], "end": token["end"]}
            spans.append({**place, "token_start": i, "token_end": i, "label": label})
        elif prefix == "I":
            spans[-1] |= {"end": token["end"], "token_end": i}
    return spans
