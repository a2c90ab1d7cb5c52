"""What annotates a unit, in this process or in an actor: the same for both, so that both write the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
from spacy.language import Language

from .readers import InputDocument, read_documents
from .sharding import Columns, ShardSpec
from .storage import delete, is_file, names_in, read, whole_file
from .text_annotator import TextAnnotator
from .writers import SHARDS, ShardWriter, misfit, row_of

FINISHED, ERRORS = "finished", "errors"
_MOST_RECORDS, _MOST_CHARACTERS = 1024, 1 << 21
"""Of documents that are in memory at once: these, but one at least."""


@dataclass(frozen=True)
class AnnotationJob:
    """How units are annotated.

    output: the folder of the shards.
    schema: of their rows.
    format: of `SHARDS`.
    with_text (bool): whether rows have the text of the document.
    batch_size: of `nlp.pipe`; None for that of the pipeline.
    code: content of a Python file that other processes import before they open the pipeline; None for none.
    """

    output: str
    schema: pa.Schema
    columns: Columns
    format: str
    with_text: bool
    batch_size: int | None
    code: bytes | None = None


class ShardResult(NamedTuple):
    """A finished unit, and how many documents, words, entities it has, and documents that failed."""

    number: int
    documents: int = 0
    words: int = 0
    entities: int = 0
    errors: int = 0


def finished(output: str) -> list[ShardResult]:
    """The units whose shards are written."""
    return [
        ShardResult(**json.loads(read(output, f"{FINISHED}/{name}")))
        for name in names_in(output, FINISHED)
        if _is(name)
    ]


def _is(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


class ShardAnnotator:
    """Annotates units with one pipeline."""

    def __init__(self, nlp: Language, work: AnnotationJob) -> None:
        self.nlp, self.work = nlp, work
        self.annotator = TextAnnotator(nlp, work.batch_size)

    def run(self, unit: ShardSpec, told: Callable[[int, int], None] = lambda documents, words: None) -> ShardResult:
        """Annotate a unit and write its shard, its errors, and then that it is finished, each whole or not at all.

        A unit that is finished already, as after a retry, is left as it is.

        told: is called with documents and words that were annotated since.
        """
        name = f"{unit.number:06}"
        if is_file(self.work.output, f"{FINISHED}/{name}.json"):
            return ShardResult(**json.loads(read(self.work.output, f"{FINISHED}/{name}.json")))
        done = ShardResult(unit.number)
        errors: list[dict[str, str]] = []
        with (
            whole_file(self.work.output, f"{name}.{self.work.format}") as stream,
            # Closed whatever happens, while there is still something to write to.
            closing(SHARDS[self.work.format](stream, self.work.schema)) as shard,
        ):
            for chunk in _chunks(read_documents(unit, self.work.columns, self.work.schema)):
                # What the vocabulary learns of a chunk is forgotten after it, else it would grow with the corpus.
                with self.nlp.memory_zone():
                    more, reasons = self._write(chunk, shard)
                done = ShardResult(done.number, *(a + b for a, b in zip(done[1:], more, strict=True)))
                errors += [{"id": chunk[i].id, "reason": reasons[i]} for i in sorted(reasons)]
                told(len(chunk), more[1])
        self._write_errors(f"{ERRORS}/{name}.jsonl", errors)
        with whole_file(self.work.output, f"{FINISHED}/{name}.json") as stream:
            stream.write(json.dumps(done._asdict()).encode())
        return done

    def _write(
        self, chunk: Sequence[InputDocument], shard: ShardWriter
    ) -> tuple[tuple[int, int, int, int], dict[int, str]]:
        """Annotate and write documents. RETURNS: their numbers, as `ShardResult` has them, and why some failed."""
        docs, reasons = self.annotator.annotate([one.text for one in chunk])
        reasons |= {i: one.reason for i, one in enumerate(chunk) if one.text is None}
        places = sorted(docs)
        rows = [row_of(docs[i], chunk[i].id, chunk[i].kept, with_text=self.work.with_text) for i in places]
        bad = misfit(rows, self.work.schema)
        reasons |= {places[k]: reason for k, reason in bad.items()}
        good = [k for k in range(len(rows)) if k not in bad]
        failed = shard.write([rows[k] for k in good], [docs[places[k]] for k in good])
        reasons |= {places[good[j]]: reason for j, reason in failed.items()}
        good = [k for j, k in enumerate(good) if j not in failed]
        n_words = sum(len(docs[places[k]]) for k in good)
        return (len(good), n_words, sum(len(rows[k]["entities"]) for k in good), len(reasons)), reasons

    def _write_errors(self, name: str, errors: Sequence[dict[str, str]]) -> None:
        if not errors:
            delete(self.work.output, name)
            return
        with whole_file(self.work.output, name) as stream:
            for row in errors:
                # What is wrong with a text may be that it cannot be written.
                stream.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf8", "backslashreplace"))


def _chunks(found: Iterable[InputDocument]) -> Iterator[list[InputDocument]]:
    chunk: list[InputDocument] = []
    n = 0
    for one in found:
        chunk.append(one)
        n += len(one.text or "")
        if len(chunk) >= _MOST_RECORDS or n >= _MOST_CHARACTERS:
            yield chunk
            chunk, n = [], 0
    if chunk:
        yield chunk
