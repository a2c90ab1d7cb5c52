"""Annotate a corpus of any size, in this process or on a cluster; killed, it goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from ..errors import BertNerError, Errors
from ..util.pipelines import load
from ..util.provenance import pipeline_sum, versions
from .sharding import Columns, ShardSpec, have_column, plan_shards, schema_of
from .storage import absolute, delete, find, is_file, make_folders, names_in, read, whole_file
from .worker import ERRORS, FINISHED, AnnotationJob, ShardAnnotator, ShardResult, finished
from .writers import SHARDS

if TYPE_CHECKING:
    from .ray_engine import RayOptions

MANIFEST = "manifest.json"


class Totals(NamedTuple):
    """What an output has: documents, words, entities, and documents that failed; and `seconds` that this start took."""

    documents: int
    words: int
    entities: int
    errors: int
    seconds: float


def annotate(
    pipeline: str,
    inputs: Sequence[str],
    output: str,
    *,
    columns: Columns | None = None,
    format: str = "parquet",
    with_text: bool = True,
    files_are_documents: bool = False,
    limit: int | None = None,
    shard_size: int = 5000,
    batch_size: int | None = None,
    max_errors: int = 100,
    resume: bool = False,
    ray: RayOptions | None = None,
    code: Path | None = None,
    progress: bool = True,
) -> Totals:
    """Annotate documents, and write them in shards, each of which appears whole or not at all.

    The output has a `manifest.json` that says what was to be done, a shard for every `shard_size` records in their
    order, `errors/` with a file for every shard some documents of which failed (`id` and `reason`), and `finished/`
    with a file for every shard that is done. The same work has the same shards, wherever it runs.

    pipeline: its folder, or the name of an installed package.
    inputs: see `storage.find`: Parquet, JSONL, CSV, TSV, text with a document a line, `.spacy`.
    output: a folder that is empty or not there yet, or with `resume`, of the same work.
    columns: see `sharding.Columns`; where no id is named, a column `id` is one, if all files have it.
    format: of the shards: `parquet`, `jsonl` or `spacy`.
    with_text (bool): whether the shards have the texts.
    files_are_documents (bool): whether each text file is one document.
    limit: of records; None for none.
    batch_size: of `nlp.pipe`; None for that of the pipeline.
    max_errors: documents that may fail before it stops; those that failed before count.
    resume (bool): go on with the units that are not finished.
    ray: on Ray, and how; None for this process.
    code: a Python file that was imported here, and that actors import before they open the pipeline; None for none.
    RAISES BertNerError: something of that is not there, damaged or not allowed, or too many documents failed.
    """
    start = time.monotonic()
    if format not in SHARDS:
        raise BertNerError(Errors.no_shard_format.format(format=format, allowed=", ".join(SHARDS)))
    # Actors of Ray may be in another folder.
    output = absolute(output)
    files = [file._replace(address=absolute(file.address)) for file in find(inputs)]
    columns = columns or Columns()
    if columns.id is None and have_column(files, "id"):
        columns = replace(columns, id="id")
    schema = schema_of(files, columns, with_text=with_text)
    plan = list(plan_shards(files, shard_size, files_are_documents=files_are_documents, limit=limit))
    local = Path(pipeline).exists()
    source = None if code is None else code.read_bytes()
    manifest = {
        "pipeline": {"name": pipeline, "sha256": pipeline_sum(Path(pipeline)) if local else None},
        "files": [[file.address, file.size] for file in files],
        "columns": asdict(columns),
        "code": None if source is None else sha256(source).hexdigest(),
        "format": format,
        "with_text": with_text,
        "files_are_documents": files_are_documents,
        "limit": limit,
        "shard_size": shard_size,
        "schema": {field.name: str(field.type) for field in schema},
        "n_records": sum(unit.n for unit in plan),
        "n_units": len(plan),
    }
    work = AnnotationJob(output, schema, columns, format, with_text, batch_size, source)
    worker = ShardAnnotator(load(pipeline), work) if ray is None else None
    if worker is None and local:
        load(pipeline)  # what is wrong with it is told here, and once; a package need not be installed here
    _begin(output, manifest, resume=resume)
    done = {one.number: one for one in finished(output)}
    left = [unit for unit in plan if unit.number not in done]
    n_errors = sum(one.errors for one in done.values())
    with _Bar(plan, done.values(), disable=not progress) as bar:
        for one in _run(worker, pipeline, work, left, ray, bar.told):
            done[one.number] = one
            bar.finished(one, is_told=ray is None)
            n_errors += one.errors
            if n_errors > max_errors:
                lists = {"n": n_errors, "most": max_errors, "folder": f"{output}/{ERRORS}"}
                raise BertNerError(Errors.too_many_errors.format(**lists))
    _tidy(output)
    n = {key: sum(getattr(one, key) for one in done.values()) for key in ("documents", "words", "entities", "errors")}
    return Totals(**n, seconds=time.monotonic() - start)


def _run(
    worker: ShardAnnotator | None,
    pipeline: str,
    work: AnnotationJob,
    left: Sequence[ShardSpec],
    ray: RayOptions | None,
    told: Callable[[int, int], None],
) -> Iterator[ShardResult]:
    if worker is not None:
        for unit in left:
            yield worker.run(unit, told)
    elif left and ray is not None:
        from .ray_engine import run

        yield from run(pipeline, work, left, ray)


def _begin(output: str, manifest: dict[str, Any], *, resume: bool) -> None:
    """Make the folder, or see that it is one of the same work."""
    make_folders(output)
    there = names_in(output)
    if is_file(output, MANIFEST):
        if not resume:
            raise BertNerError(Errors.output_begun.format(output=output))
        try:
            old = json.loads(read(output, MANIFEST))
            differ = sorted(key for key, value in manifest.items() if old.get(key) != json.loads(json.dumps(value)))
        except (OSError, ValueError, AttributeError) as e:
            raise BertNerError(Errors.no_table.format(path=f"{output}/{MANIFEST}", reason=e)) from e
        if differ:
            raise BertNerError(Errors.other_work.format(output=output, differ=", ".join(differ)))
        _tidy(output)
    elif [name for name in there if not name.startswith(f".{MANIFEST}.")]:
        raise BertNerError(Errors.output_of_others.format(output=output, found=", ".join(there[:5])))
    make_folders(output, ERRORS, FINISHED)
    if not is_file(output, MANIFEST):
        with whole_file(output, MANIFEST) as stream:
            stream.write(json.dumps({**manifest, "versions": versions()}, indent=1).encode() + b"\n")


def _tidy(output: str) -> None:
    """Delete what was being written when a process, or an actor whose unit another has done since, was killed."""
    for folder in ("", f"{ERRORS}/", f"{FINISHED}/"):
        for name in names_in(output, folder):
            if name.startswith(".") and name.endswith(".tmp"):
                delete(output, f"{folder}{name}")


class _Bar:
    """Documents, words a second, and the time that is left."""

    def __init__(self, plan: Sequence[ShardSpec], done: Any, *, disable: bool) -> None:
        sizes = {unit.number: unit.n for unit in plan}
        before = sum(sizes[one.number] for one in done if one.number in sizes)
        self.sizes, self.words, self.start = sizes, 0, time.monotonic()
        self.bar = tqdm(
            total=sum(sizes.values()),
            initial=before,
            unit=" documents",
            disable=disable,
            mininterval=0.5,
            smoothing=0.1,
        )

    def told(self, documents: int, words: int) -> None:
        self.words += words
        self.bar.set_postfix_str(f"{self.words / (time.monotonic() - self.start):,.0f} words/s", refresh=False)
        self.bar.update(documents)

    def finished(self, done: ShardResult, *, is_told: bool) -> None:
        if not is_told:
            self.told(self.sizes[done.number], done.words)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()
