"""What annotates a unit, in this process or in an actor: the same for both, so that both write the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
from spacy.language import Language
from spacy.tokens import Doc

from .places import delete, is_file, names_in, one_line, read, whole_file
from .plan import Columns, Unit
from .records import Record, records
from .shards import SHARDS, Shard, misfit, row_of

FINISHED, ERRORS = "finished", "errors"
_MOST_RECORDS, _MOST_CHARACTERS = 1024, 1 << 21
"""Of documents that are in memory at once: these, but one at least."""


@dataclass(frozen=True)
class Work:
    """How units are annotated.

    output: the folder of the shards.
    schema: of their rows.
    format: of `SHARDS`.
    with_text (bool): whether rows have the text of the document.
    batch_size: of `nlp.pipe`; None for that of the pipeline.
    """

    output: str
    schema: pa.Schema
    columns: Columns
    format: str
    with_text: bool
    batch_size: int | None


class Done(NamedTuple):
    """A finished unit, and how many documents, words, entities it has, and documents that failed."""

    number: int
    documents: int = 0
    words: int = 0
    entities: int = 0
    errors: int = 0


def finished(output: str) -> list[Done]:
    """The units whose shards are written."""
    return [Done(**json.loads(read(output, f"{FINISHED}/{name}"))) for name in names_in(output, FINISHED) if _is(name)]


def _is(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


class Worker:
    """Annotates units with one pipeline."""

    def __init__(self, nlp: Language, work: Work) -> None:
        self.nlp, self.work = nlp, work
        self._reasons: dict[int, str] = {}
        self._again: list[int] = []
        fail: Any = self._fail  # spaCy's annotation knows only of those that raise
        nlp.set_error_handler(fail)

    def run(self, unit: Unit, told: Callable[[int, int], None] = lambda documents, words: None) -> Done:
        """Annotate a unit and write its shard, its errors, and then that it is finished, each whole or not at all.

        A unit that is finished already, as after a retry, is left as it is.

        told: is called with documents and words that were annotated since.
        """
        name = f"{unit.number:06}"
        if is_file(self.work.output, f"{FINISHED}/{name}.json"):
            return Done(**json.loads(read(self.work.output, f"{FINISHED}/{name}.json")))
        done = Done(unit.number)
        errors: list[dict[str, str]] = []
        with (
            whole_file(self.work.output, f"{name}.{self.work.format}") as stream,
            # Closed whatever happens, while there is still something to write to.
            closing(SHARDS[self.work.format](stream, self.work.schema)) as shard,
        ):
            for chunk in _chunks(records(unit, self.work.columns, self.work.schema)):
                # What the vocabulary learns of a chunk is forgotten after it, else it would grow with the corpus.
                with self.nlp.memory_zone():
                    more = self._write(chunk, shard)
                done = Done(done.number, *(a + b for a, b in zip(done[1:], more, strict=True)))
                errors += [{"id": chunk[i].id, "reason": self._reasons[i]} for i in sorted(self._reasons)]
                told(len(chunk), more[1])
        self._write_errors(f"{ERRORS}/{name}.jsonl", errors)
        with whole_file(self.work.output, f"{FINISHED}/{name}.json") as stream:
            stream.write(json.dumps(done._asdict()).encode())
        return done

    def _write(self, chunk: Sequence[Record], shard: Shard) -> tuple[int, int, int, int]:
        """Annotate and write documents. RETURNS: as `Done` counts them; why some failed is in `_reasons`."""
        docs = self._annotate(chunk)
        places = sorted(docs)
        rows = [row_of(docs[i], chunk[i].id, chunk[i].kept, with_text=self.work.with_text) for i in places]
        bad = misfit(rows, self.work.schema)
        self._reasons |= {places[k]: reason for k, reason in bad.items()}
        good = [k for k in range(len(rows)) if k not in bad]
        shard.write([rows[k] for k in good], [docs[places[k]] for k in good])
        n_words = sum(len(docs[places[k]]) for k in good)
        return len(good), n_words, sum(len(rows[k]["entities"]) for k in good), len(self._reasons)

    def _annotate(self, chunk: Sequence[Record]) -> dict[int, Doc]:
        """The Docs of those that did not fail; why the others did is in `_reasons`. By their number in the chunk."""
        self._reasons, self._again = {}, []
        docs: dict[int, Doc] = {i: doc for doc, i in self._pipe(self._made(chunk, range(len(chunk))))}
        # Some components tell of their whole batch: one document of it need not take the others along.
        for i in self._again:
            self._reasons.pop(i, None)
            docs |= {j: doc for doc, j in self._pipe(self._made(chunk, [i]))}
        return docs

    def _pipe(self, docs: Iterable[tuple[Doc, int]]) -> Iterator[tuple[Doc, int]]:
        return self.nlp.pipe(docs, as_tuples=True, batch_size=self.work.batch_size)

    def _made(self, chunk: Sequence[Record], numbers: Iterable[int]) -> Iterator[tuple[Doc, int]]:
        for i in numbers:
            text = chunk[i].text
            if text is None:
                self._reasons[i] = chunk[i].reason
                continue
            try:
                if len(text) > self.nlp.max_length:
                    raise ValueError(f"{len(text):,} characters, where the pipeline takes {self.nlp.max_length:,}")
                doc = self.nlp.make_doc(text)
            except Exception as e:  # a tokenizer may raise whatever, and the other documents go on
                self._reasons[i] = one_line(e)
                continue
            yield doc, i

    def _fail(self, name: str, proc: Any, docs: Sequence[Doc], error: Exception) -> None:
        """What spaCy calls where a component raises, with the Docs that are lost by that."""
        for doc in docs:
            self._reasons[doc._context] = f"{name}: {one_line(error)}"
            if len(docs) > 1:
                self._again.append(doc._context)

    def _write_errors(self, name: str, errors: Sequence[dict[str, str]]) -> None:
        if not errors:
            delete(self.work.output, name)
            return
        with whole_file(self.work.output, name) as stream:
            for row in errors:
                # What is wrong with a text may be that it cannot be written.
                stream.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf8", "backslashreplace"))


def _chunks(found: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    n = 0
    for one in found:
        chunk.append(one)
        n += len(one.text or "")
        if len(chunk) >= _MOST_RECORDS or n >= _MOST_CHARACTERS:
            yield chunk
            chunk, n = [], 0
    if chunk:
        yield chunk
