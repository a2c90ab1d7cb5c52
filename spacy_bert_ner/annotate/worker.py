"""Annotate one shard. This code runs both in the main process and in Ray actors, so both write the same rows."""

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
from .storage import OutputFolder
from .text_annotator import TextAnnotator
from .writers import SHARDS, ShardWriter, misfit, row_of

FINISHED, ERRORS = "finished", "errors"
_MAX_CHUNK_DOCUMENTS, _MAX_CHUNK_CHARACTERS = 1024, 1 << 21
"""Maximum numbers of documents and characters per chunk. Only one chunk is in memory at a time.

A chunk ends with the document that reaches or exceeds one of these limits.
"""


@dataclass(frozen=True)
class AnnotationJob:
    """The settings for annotating all shards in a run.

    output (str): output folder.
    schema (pa.Schema): schema of the output rows.
    columns (Columns): input columns to read.
    format (str): shard format. One of the keys in `SHARDS`.
    with_text (bool): whether rows contain the document text.
    batch_size (int | None): batch size for `nlp.pipe`, or None for the pipeline's batch size.
    code (bytes | None): contents of a Python file that other processes import before they load the pipeline.
        Default: none.
    """

    output: str
    schema: pa.Schema
    columns: Columns
    format: str
    with_text: bool
    batch_size: int | None
    code: bytes | None = None


class ShardResult(NamedTuple):
    """The counts for a finished shard.

    number (int): index of the shard, counted from 0.
    documents (int): number of annotated documents. Default: 0.
    words (int): number of tokens in the annotated documents. Default: 0.
    entities (int): number of entities in the annotated documents. Default: 0.
    errors (int): number of documents that failed. Default: 0.
    """

    number: int
    documents: int = 0
    words: int = 0
    entities: int = 0
    errors: int = 0


def finished(output: OutputFolder) -> list[ShardResult]:
    """Return the results for all finished shards in an output folder."""
    return [
        ShardResult(**json.loads(output.read(f"{FINISHED}/{name}")))
        for name in output.list_names(FINISHED)
        if name.endswith(".json") and not name.startswith(".")
    ]


class ShardAnnotator:
    """An annotator that writes shards with one pipeline.

    nlp (Language): the pipeline.
    job (AnnotationJob): the annotation job.
    """

    def __init__(self, nlp: Language, job: AnnotationJob) -> None:
        self.nlp, self.job = nlp, job
        self.annotator = TextAnnotator(nlp, job.batch_size)
        self._output = OutputFolder(job.output)

    def run(
        self, spec: ShardSpec, on_progress: Callable[[int, int], None] = lambda documents, words: None
    ) -> ShardResult:
        """Annotate a shard, then write its results, its errors and its completion marker.

        Each file is written completely or not at all. If the shard is already finished, for example because Ray retries
        it, nothing is written.

        spec (ShardSpec): the shard to annotate.
        on_progress (Callable[[int, int], None]): callback that takes the number of documents and the number of words
            annotated since its last call. Default: no callback.
        RETURNS (ShardResult): counts for the shard.
        RAISES BertNerError: an input file is damaged or has changed since its records were counted.
        """
        name = f"{spec.number:06}"
        if self._output.is_file(f"{FINISHED}/{name}.json"):
            return ShardResult(**json.loads(self._output.read(f"{FINISHED}/{name}.json")))
        result = ShardResult(spec.number)
        errors: list[dict[str, str]] = []
        with (
            self._output.write(f"{name}.{self.job.format}") as stream,
            # Always close the shard writer before its stream, even after an error.
            closing(SHARDS[self.job.format](stream, self.job.schema)) as shard,
        ):
            for chunk in _chunks(read_documents(spec, self.job.columns, self.job.schema)):
                # The memory zone frees the strings that a chunk adds. Otherwise, the vocabulary grows with the corpus.
                with self.nlp.memory_zone():
                    counts, reasons = self._write(chunk, shard)
                result = ShardResult(result.number, *(a + b for a, b in zip(result[1:], counts, strict=True)))
                errors += [{"id": chunk[i].id, "reason": reasons[i]} for i in sorted(reasons)]
                on_progress(len(chunk), counts[1])
        self._write_errors(f"{ERRORS}/{name}.jsonl", errors)
        with self._output.write(f"{FINISHED}/{name}.json") as stream:
            stream.write(json.dumps(result._asdict()).encode())
        return result

    def _write(
        self, chunk: Sequence[InputDocument], shard: ShardWriter
    ) -> tuple[tuple[int, int, int, int], dict[int, str]]:
        """Annotate documents and add them to a shard.

        chunk (Sequence[InputDocument]): the documents.
        shard (ShardWriter): writer for the shard.
        RETURNS (tuple[tuple[int, int, int, int], dict[int, str]]): the counts in the order used by `ShardResult`, and
            the reasons why documents failed, by document index.
        """
        docs, reasons = self.annotator.annotate([document.text for document in chunk])
        reasons |= {i: document.reason for i, document in enumerate(chunk) if document.text is None}
        indices = sorted(docs)
        rows = {i: row_of(docs[i], chunk[i].id, chunk[i].kept, with_text=self.job.with_text) for i in indices}
        invalid = {indices[k]: reason for k, reason in misfit(list(rows.values()), self.job.schema).items()}
        indices = [i for i in indices if i not in invalid]
        unwritten = shard.write([rows[i] for i in indices], [docs[i] for i in indices])
        failed = {indices[k]: reason for k, reason in unwritten.items()}
        indices = [i for i in indices if i not in failed]
        reasons |= invalid | failed
        n_words = sum(len(docs[i]) for i in indices)
        n_entities = sum(len(rows[i]["entities"]) for i in indices)
        return (len(indices), n_words, n_entities, len(reasons)), reasons

    def _write_errors(self, name: str, errors: Sequence[dict[str, str]]) -> None:
        if not errors:
            self._output.delete(name)
            return
        with self._output.write(name) as stream:
            for row in errors:
                # A reason can quote text that cannot be encoded as UTF-8.
                stream.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf8", "backslashreplace"))


def _chunks(documents: Iterable[InputDocument]) -> Iterator[list[InputDocument]]:
    """Group documents into chunks that fit in memory."""
    chunk: list[InputDocument] = []
    n_characters = 0
    for document in documents:
        chunk.append(document)
        n_characters += len(document.text or "")
        if len(chunk) >= _MAX_CHUNK_DOCUMENTS or n_characters >= _MAX_CHUNK_CHARACTERS:
            yield chunk
            chunk, n_characters = [], 0
    if chunk:
        yield chunk
