"""`python -m spacy bert-ner annotate`"""

from importlib.util import find_spec
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError, Errors
from ._code_option import Code


def annotate_cli(
    pipeline: Annotated[str, typer.Argument(help="folder of a saved pipeline, or name of an installed package")],
    inputs: Annotated[
        list[str],
        typer.Argument(help="files, folders, patterns or addresses: Parquet, JSONL, CSV, TSV, text, .spacy"),
    ],
    output: Annotated[str, typer.Option(help="folder for the shards; must be empty or missing")],
    format: Annotated[str, typer.Option(help="format of the shards: parquet, jsonl or spacy")] = "parquet",
    text_column: Annotated[str, typer.Option(help="column with the texts")] = "text",
    id_column: Annotated[
        str | None,
        typer.Option(help="column with the ids; default: id if all files have it, else file name and record number"),
    ] = None,
    columns: Annotated[str, typer.Option(help="other columns to keep, separated by commas")] = "",
    text: Annotated[bool, typer.Option(help="write the texts to the shards")] = True,
    files: Annotated[bool, typer.Option("--files", help="read each text file as one document, not each line")] = False,
    limit: Annotated[int | None, typer.Option(help="maximum number of documents", min=0)] = None,
    shard_size: Annotated[int, typer.Option(help="documents per shard", min=1)] = 5000,
    batch_size: Annotated[
        int | None, typer.Option(help="batch size of nlp.pipe; default: the pipeline's own", min=1)
    ] = None,
    max_errors: Annotated[int, typer.Option(help="stop if more documents than this fail", min=0)] = 100,
    resume: Annotated[bool, typer.Option("--resume", help="annotate only the shards that are not finished")] = False,
    gpu_id: Annotated[int, typer.Option(help="index of the GPU, or -1 for the CPU; without --engine")] = -1,
    engine: Annotated[str | None, typer.Option(help="ray: on Ray Data; default: in this process")] = None,
    address: Annotated[
        str | None, typer.Option(help="address of a Ray cluster; default: start Ray on this machine")
    ] = None,
    num_actors: Annotated[
        int | None, typer.Option(help="Ray actors, each with a pipeline; default: as many as fit", min=1)
    ] = None,
    gpus_per_actor: Annotated[float, typer.Option(help="GPUs of each Ray actor", min=0)] = 0,
    cpus_per_actor: Annotated[float, typer.Option(help="CPUs, and threads, of each Ray actor", min=0)] = 1,
    code: Code = None,
) -> None:
    """Write the entities of a corpus of any size in shards. An interrupted run can be resumed."""
    from spacy.cli._util import setup_gpu

    if find_spec("pyarrow") is None:
        msg.fail("Nothing was annotated", Errors.annotate_takes_pyarrow, exits=1)
    if engine not in (None, "ray"):
        msg.fail("Nothing was annotated", Errors.no_engine.format(engine=engine), exits=1)
    if engine and find_spec("ray") is None:
        msg.fail("Nothing was annotated", Errors.no_ray, exits=1)
    from ..annotate.annotate import annotate
    from ..annotate.sharding import Columns

    ray = None
    if engine:
        from ..annotate.ray_engine import RayOptions

        ray = RayOptions(address, num_actors, gpus_per_actor, cpus_per_actor)
    else:
        setup_gpu(gpu_id, silent=True)
    kept = tuple(name.strip() for name in columns.split(",") if name.strip())
    try:
        totals = annotate(
            pipeline,
            inputs,
            output,
            columns=Columns(text_column, id_column, kept),
            format=format,
            with_text=text,
            files_are_documents=files,
            limit=limit,
            shard_size=shard_size,
            batch_size=batch_size,
            max_errors=max_errors,
            resume=resume,
            ray=ray,
            code=code,
        )
    except (BertNerError, OSError) as e:
        msg.fail("Not all documents were annotated", str(e), exits=1)
    except KeyboardInterrupt:
        msg.fail(
            "Not all documents were annotated",
            "The run was interrupted. To resume it: the same command with --resume",
        )
        raise typer.Exit(130) from None
    if totals.errors:
        msg.warn(f"{totals.errors:,} documents failed. Their ids and reasons are in {output}/errors")
    msg.good(
        f"{output} has {totals.documents:,} documents, {totals.words:,} words, {totals.entities:,} entities; "
        f"{totals.seconds:,.1f} seconds"
    )
