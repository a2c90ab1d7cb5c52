"""Annotate corpora of any size, in this process or on a Ray cluster. Interrupted runs can be resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from ..errors import BertNerError, Errors
from ..util.pipelines import load
from ..util.provenance import pipeline_sum, versions
from .sharding import Columns, ShardSpec, have_column, plan_shards, schema_of
from .storage import OutputFolder, absolute, find_inputs
from .worker import ERRORS, FINISHED, AnnotationJob, ShardAnnotator, ShardResult, finished
from .writers import SHARDS

if TYPE_CHECKING:
    from .ray_engine import RayOptions

MANIFEST = "manifest.json"


class Totals(NamedTuple):
    """The totals for an annotated corpus.

    documents (int): number of annotated documents.
    words (int): number of tokens in the annotated documents.
    entities (int): number of entities in the annotated documents.
    errors (int): number of documents that failed.
    seconds (float): duration of this run in seconds, excluding the runs that it resumed.
    """

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
    """Annotate documents and write them to shards. Each shard is written completely or not at all.

    The output folder contains:

    - `manifest.json`, which describes the job;
    - one shard for every `shard_size` records, in record order;
    - `errors/`, with one file for each shard that has failed documents (`id` and `reason` per document);
    - `finished/`, with one file for each finished shard.

    A job produces the same shards on every machine and with every engine.

    pipeline (str): pipeline folder, or name of an installed package.
    inputs (Sequence[str]): files, folders, patterns or addresses. See `storage.find_inputs`. Formats: Parquet, JSONL,
        CSV, TSV, text with one document per line, and `.spacy`.
    output (str): output folder. It must be new or empty. If `resume` is True, it can contain output of the same job.
    columns (Columns | None): columns to read. If no ID column is specified and all files have an `id` column, that
        column is used. Default: the defaults of `Columns`.
    format (str): shard format: `parquet`, `jsonl` or `spacy`. Default: `parquet`.
    with_text (bool): whether to write the texts to the shards. Default: True.
    files_are_documents (bool): whether each text file is one document. If False (default), each line is one document.
    limit (int | None): maximum number of records. Default: no limit.
    shard_size (int): number of records per shard. Default: 5000.
    batch_size (int | None): batch size for `nlp.pipe`. Default: the pipeline's batch size.
    max_errors (int): maximum number of failed documents, including those in resumed runs. If more documents fail, the
        run stops. Default: 100.
    resume (bool): whether to resume a job by annotating only its unfinished shards. Default: False.
    ray (RayOptions | None): options for running on Ray. Default: annotate in this process.
    code (Path | None): Python file that this process has imported. Actors import it before they load the pipeline.
        Default: none.
    progress (bool): whether to show a progress bar. Default: True.
    RETURNS (Totals): totals for the whole output, including resumed runs.
    RAISES BertNerError: an argument is invalid, a file is missing or damaged, or too many documents failed.
    """
    start = time.monotonic()
    if format not in SHARDS:
        raise BertNerError(Errors.no_shard_format.format(format=format, allowed=", ".join(SHARDS)))
    # A Ray actor can have a different working directory.
    output = absolute(output)
    files = [file._replace(address=absolute(file.address)) for file in find_inputs(inputs)]
    columns = columns or Columns()
    if columns.id is None and have_column(files, "id"):
        columns = replace(columns, id="id")
    schema = schema_of(files, columns, with_text=with_text)
    plan = list(plan_shards(files, shard_size, files_are_documents=files_are_documents, limit=limit))
    is_folder = Path(pipeline).exists()
    source = None if code is None else code.read_bytes()
    manifest = {
        "pipeline": {"name": pipeline, "sha256": pipeline_sum(Path(pipeline)) if is_folder else None},
        "files": [[file.address, file.size] for file in files],
        "columns": asdict(columns),
        "code": None if source is None else sha256(source).hexdigest(),
        "format": format,
        "with_text": with_text,
        "files_are_documents": files_are_documents,
        "limit": limit,
        "shard_size": shard_size,
        "schema": {field.name: str(field.type) for field in schema},
        "n_records": sum(spec.n for spec in plan),
        "n_units": len(plan),
    }
    job = AnnotationJob(output, schema, columns, format, with_text, batch_size, source)
    annotator = ShardAnnotator(load(pipeline), job) if ray is None else None
    if annotator is None and is_folder:
        # Report a broken pipeline once, before actors start. A package does not have to be installed on this machine.
        load(pipeline)
    folder = OutputFolder(output)
    _begin(folder, manifest, resume=resume)
    results = {result.number: result for result in finished(folder)}
    pending = [spec for spec in plan if spec.number not in results]
    n_errors = sum(result.errors for result in results.values())
    with _ProgressBar(plan, results.values(), disable=not progress) as bar:
        for result in _run(annotator, pipeline, job, pending, ray, bar.update):
            results[result.number] = result
            if ray is not None:
                bar.finish_shard(result)
            n_errors += result.errors
            if n_errors > max_errors:
                errors_folder = f"{output}/{ERRORS}"
                raise BertNerError(Errors.too_many_errors.format(n=n_errors, most=max_errors, folder=errors_folder))
    _remove_temporary_files(folder)
    counts = {
        key: sum(getattr(result, key) for result in results.values())
        for key in ("documents", "words", "entities", "errors")
    }
    return Totals(**counts, seconds=time.monotonic() - start)


def _run(
    annotator: ShardAnnotator | None,
    pipeline: str,
    job: AnnotationJob,
    pending: Sequence[ShardSpec],
    ray: RayOptions | None,
    on_progress: Callable[[int, int], None],
) -> Iterator[ShardResult]:
    if annotator is not None:
        for spec in pending:
            yield annotator.run(spec, on_progress)
    elif pending and ray is not None:
        from .ray_engine import run

        yield from run(pipeline, job, pending, ray)


def _begin(output: OutputFolder, manifest: dict[str, Any], *, resume: bool) -> None:
    """Create the output folder and its manifest, or check that an existing output belongs to the same job.

    output (OutputFolder): the output folder.
    manifest (dict[str, Any]): description of the job.
    resume (bool): whether the folder may already contain output for this job.
    RAISES BertNerError: the folder contains other files or output for another job, `resume` is False and the folder
        contains output, or the manifest in the folder cannot be read.
    """
    output.create()
    names = output.list_names()
    if output.is_file(MANIFEST):
        if not resume:
            raise BertNerError(Errors.output_begun.format(output=output.address))
        try:
            old = json.loads(output.read(MANIFEST))
            changed = sorted(key for key, value in manifest.items() if old.get(key) != json.loads(json.dumps(value)))
        except (OSError, ValueError, AttributeError) as e:
            raise BertNerError(Errors.no_table.format(path=f"{output.address}/{MANIFEST}", reason=e)) from e
        if changed:
            raise BertNerError(Errors.other_job.format(output=output.address, changed=", ".join(changed)))
        _remove_temporary_files(output)
    elif [name for name in names if not name.startswith(f".{MANIFEST}.")]:
        raise BertNerError(Errors.output_not_empty.format(output=output.address, files=", ".join(names[:5])))
    output.create(ERRORS, FINISHED)
    if not output.is_file(MANIFEST):
        with output.write(MANIFEST) as stream:
            stream.write(json.dumps({**manifest, "versions": versions()}, indent=1).encode() + b"\n")


def _remove_temporary_files(output: OutputFolder) -> None:
    """Delete temporary files left behind by killed processes and by actors whose shard another actor has finished."""
    for folder in ("", f"{ERRORS}/", f"{FINISHED}/"):
        for name in output.list_names(folder):
            if name.startswith(".") and name.endswith(".tmp"):
                output.delete(f"{folder}{name}")


class _ProgressBar:
    """A progress bar that shows the number of documents, the words per second and the remaining time."""

    def __init__(self, plan: Sequence[ShardSpec], results: Iterable[ShardResult], *, disable: bool) -> None:
        self._sizes = {spec.number: spec.n for spec in plan}
        self._words, self._start = 0, time.monotonic()
        self._bar = tqdm(
            total=sum(self._sizes.values()),
            initial=sum(self._sizes.get(result.number, 0) for result in results),
            unit=" documents",
            disable=disable,
            mininterval=0.5,
            smoothing=0.1,
        )

    def update(self, documents: int, words: int) -> None:
        """Add the numbers of documents and words that were annotated since the last call."""
        self._words += words
        self._bar.set_postfix_str(f"{self._words / (time.monotonic() - self._start):,.0f} words/s", refresh=False)
        self._bar.update(documents)

    def finish_shard(self, result: ShardResult) -> None:
        """Add a finished shard, for engines that do not report progress within a shard."""
        self.update(self._sizes[result.number], result.words)

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
