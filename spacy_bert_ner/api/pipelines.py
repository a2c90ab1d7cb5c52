"""Evaluate, calibrate, export and run saved pipelines."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BertNerError, Errors
from ..util.gpu import select_gpu
from ..util.progress import Progress, no_progress
from .arguments import as_list, as_path, check_counts

if TYPE_CHECKING:
    from ..annotate.annotate import Totals
    from ..export.exporter import Report


def evaluate(
    pipelines: str | Path | Iterable[str | Path],
    data: str | Path,
    *,
    report: str | Path | None = None,
    train: str | Path | None = None,
    log: str | Path | None = None,
    precision: float = 0.9,
    displacy_path: str | Path | None = None,
    displacy_limit: int = 25,
    dev: str | Path | None = None,
    export_mistakes: str | Path | None = None,
    export_format: str | None = None,
    gpu_id: int = -1,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score and compare pipelines on held-out examples, with confidence intervals and error types.

    pipelines (str | Path | Iterable[str | Path]): one or more pipelines that set entities: folders or names of
        installed packages.
    data (str | Path): the test data: a file in any format that `convert` reads, or a folder that contains a `.spacy`
        file.
    report (str | Path | None): folder to write the report to. Replaces an older report. Default: none, no report.
    train (str | Path | None): training data, to score seen and unseen entities separately. Default: none.
    log (str | Path | None): CSV training log, whose learning curves are added to the report. Default: none.
    precision (float): target precision for the recommended score thresholds, from 0 to 1. Default: 0.9.
    displacy_path (str | Path | None): folder to write an HTML page with highlighted entities to. Default: none.
    displacy_limit (int): maximum number of documents on that page. Default: 25.
    dev (str | Path | None): dev data, on which the report shows precision and recall by threshold. Default: none.
    export_mistakes (str | Path | None): file to export the mistakes to, for an annotation tool. Default: none.
    export_format (str | None): format of that file: "label-studio", "prodigy" or "doccano". Default: "label-studio" for
        `.json`, "prodigy" for `.jsonl`.
    gpu_id (int): GPU ID, or -1 (default) for the device that spaCy uses already.
    seed (int): random seed for the bootstrap intervals. Default: 0.
    progress (Progress | None): function that shows the progress; see `util.progress`. Default: none.
    RETURNS (dict[str, Any]): the content of `metrics.json`; see `evaluation.report.evaluate`. The scores of a
        pipeline are in `["pipelines"][NAME]["scores"]`.
    RAISES BertNerError: a file does not exist or is damaged, the test split in a folder is ambiguous, there is no
        entity annotation, an option is invalid, `report` is a folder with other files, or matplotlib, which reports
        require, is not installed.
    RAISES OSError: a pipeline or file cannot be read, or the report cannot be written.
    """
    from ..evaluation.report import evaluate

    check_counts("evaluate", 0, seed=seed)
    check_counts("evaluate", 1, displacy_limit=displacy_limit)
    paths = [Path(name) for name in as_list(pipelines)]
    if not paths:
        raise BertNerError(Errors.no_pipelines)
    select_gpu(gpu_id)
    return evaluate(
        paths,
        Path(data),
        as_path(report),
        seed,
        train=as_path(train),
        log=as_path(log),
        wanted_precision=precision,
        displacy=as_path(displacy_path),
        displacy_limit=displacy_limit,
        dev=as_path(dev),
        mistakes_file=as_path(export_mistakes),
        mistakes_format=export_format,
        progress=progress or no_progress,
    )


def calibrate(
    pipeline: str | Path, data: str | Path, *, gpu_id: int = -1, progress: Progress | None = None
) -> dict[str, dict[str, float]]:
    """Calibrate the entity scores of a trained pipeline by fitting a temperature on held-out examples.

    pipeline (str | Path): folder of the pipeline. It is updated in place. A pipeline that is loaded already does not
        change.
    data (str | Path): held-out examples, such as dev data; see `evaluate`.
    gpu_id (int): GPU ID, or -1 (default) for the device that spaCy uses already.
    progress (Progress | None): see `evaluate`.
    RETURNS (dict[str, dict[str, float]]): for each `bert_ner`, its `temperature`, the expected calibration error before
        and after (`ece_before`, `ece_after`), and the number of predicted entities (`n_entities`).
    RAISES CalibrationError: no component predicts both correct and incorrect entities. The command only warns in this
        case.
    RAISES BertNerError: the pipeline has no `bert_ner` that computes scores, or the data cannot be used.
    RAISES OSError: the pipeline or the data cannot be read or written.
    """
    from ..pipeline.calibration import calibrate_pipeline

    select_gpu(gpu_id)
    return calibrate_pipeline(Path(pipeline), Path(data), progress or no_progress)


def export(
    pipeline: str | Path,
    output: str | Path,
    *,
    dev: str | Path | None = None,
    runtime: str = "onnx-int8",
    tolerance: float = 0.002,
    to: str = "pipeline",
    component: str | None = None,
    progress: Progress | None = None,
) -> Report | None:
    """Export a pipeline to a faster runtime, or export only its checkpoint or ONNX graph.

    pipeline (str | Path): folder of the trained pipeline. It is not changed.
    output (str | Path): output folder. It must be new or empty, or contain an unchanged earlier export.
    dev (str | Path | None): examples on which to compare the original and the exported pipeline; see `evaluate`.
        Required unless `to` is "hf" or "onnx".
    runtime (str): runtime for the new pipeline: "onnx", "onnx-int8" (default), "torch-bf16", "torch-int8" or "auto",
        the fastest on this machine.
    tolerance (float): maximum decrease in entity F1, from 0 to 1. If it is exceeded, nothing is written. Default:
        0.002.
    to (str): what to export: "pipeline" (default), "hf" (only the Transformers checkpoint) or "onnx" (only the graph).
    component (str | None): name of the component to export with "hf" or "onnx". Required if the pipeline has several.
    progress (Progress | None): see `evaluate`.
    RETURNS (Report | None): accuracy and speed before and after. None for "hf" and "onnx", which measure nothing.
    RAISES ExportError: the exported pipeline loses more than the tolerance.
    RAISES BertNerError: an option is invalid or missing, the pipeline has no `bert_ner` to export, or a package that
        the runtime requires is missing.
    RAISES OSError: the pipeline or the data cannot be read, or the output cannot be written.
    """
    from ..export.exporter import TARGETS, export_checkpoint, export_pipeline

    if to not in TARGETS:
        raise BertNerError(Errors.export_target.format(to=to, allowed=", ".join(TARGETS)))
    if to != "pipeline":
        if dev is not None:
            raise BertNerError(Errors.dev_not_used.format(to=to))
        export_checkpoint(Path(pipeline), Path(output), to, name=component)
        return None
    if dev is None:
        raise BertNerError(Errors.dev_missing)
    return export_pipeline(
        Path(pipeline),
        Path(output),
        Path(dev),
        runtime=runtime,
        tolerance=tolerance,
        progress=progress or no_progress,
    )


def annotate(
    pipeline: str | Path,
    inputs: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    format: str = "parquet",
    text_column: str = "text",
    id_column: str | None = None,
    columns: str | Iterable[str] = (),
    text: bool = True,
    files: bool = False,
    limit: int | None = None,
    shard_size: int = 5000,
    batch_size: int | None = None,
    max_errors: int = 100,
    resume: bool = False,
    gpu_id: int = -1,
    engine: str | None = None,
    address: str | None = None,
    num_actors: int | None = None,
    gpus_per_actor: float = 0,
    cpus_per_actor: float = 1,
    code: str | Path | None = None,
    progress: bool = False,
) -> Totals:
    """Annotate a corpus of any size and write its entities to shards. Interrupted runs can be resumed.

    pipeline (str | Path): folder of a saved pipeline, or name of an installed package.
    inputs (str | Path | Iterable[str | Path]): one or more files, folders, glob patterns or URLs of Parquet, JSONL,
        CSV, TSV, plain text or `.spacy` files.
    output (str | Path): output folder for the shards. It must be new or empty, except with `resume`.
    format (str): shard format: "parquet" (default), "jsonl" or "spacy".
    text_column (str): column that contains the texts. Default: "text".
    id_column (str | None): column that contains the document IDs. Default: `id` if every file has it, otherwise file
        name and record number.
    columns (str | Iterable[str]): names of further columns to copy to the output. Default: none.
    text (bool): whether to include the texts in the output. Default: True.
    files (bool): whether each text file is one document. Default: False, each line is one.
    limit (int | None): maximum number of documents. Default: no limit.
    shard_size (int): number of documents per shard. Default: 5000.
    batch_size (int | None): batch size for `nlp.pipe`. Default: the batch size in the pipeline's config.
    max_errors (int): maximum number of documents that may fail. Default: 100.
    resume (bool): whether to resume an interrupted run, by skipping finished shards. Default: False.
    gpu_id (int): GPU ID, or -1 (default) for the device that spaCy uses already. Ignored with `engine`.
    engine (str | None): "ray" to run on Ray Data. Default: run in this process.
    address (str | None): Ray cluster address. Default: start Ray on this machine.
    num_actors (int | None): number of Ray actors. Default: as many as the cluster can run.
    gpus_per_actor, cpus_per_actor (float): GPUs and CPUs per Ray actor. Default: 0 and 1.
    code (str | Path | None): Python file that Ray actors import before they load the pipeline. This process must have
        imported it already. Default: none.
    progress (bool): whether to show a progress bar on standard error. Default: False.
    RETURNS (Totals): number of documents, words, entities and failed documents in the output, and seconds.
    RAISES BertNerError: an option is invalid, a file is missing or damaged, too many documents failed, or a package is
        not installed: pyarrow, or Ray for the engine "ray".
    RAISES OSError: a file cannot be read or written.
    """
    if find_spec("pyarrow") is None:
        raise BertNerError(Errors.annotate_takes_pyarrow)
    if engine not in (None, "ray"):
        raise BertNerError(Errors.no_engine.format(engine=engine))
    if engine and find_spec("ray") is None:
        raise BertNerError(Errors.no_ray)
    check_counts("annotate", 0, limit=limit, max_errors=max_errors)
    check_counts("annotate", 1, shard_size=shard_size, batch_size=batch_size, num_actors=num_actors)
    from ..annotate.annotate import annotate
    from ..annotate.sharding import Columns

    ray = None
    if engine:
        from ..annotate.ray_engine import RayOptions

        ray = RayOptions(address, num_actors, gpus_per_actor, cpus_per_actor)
    else:
        select_gpu(gpu_id)
    return annotate(
        str(pipeline),
        [str(name) for name in as_list(inputs)],
        str(output),
        columns=Columns(text_column, id_column, tuple(as_list(columns))),
        format=format,
        with_text=text,
        files_are_documents=files,
        limit=limit,
        shard_size=shard_size,
        batch_size=batch_size,
        max_errors=max_errors,
        resume=resume,
        ray=ray,
        code=as_path(code),
        progress=progress,
    )
