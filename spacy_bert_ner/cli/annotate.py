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
    output: Annotated[str, typer.Option(help="folder to write shards to; empty, or not there yet")],
    format: Annotated[str, typer.Option(help="of the shards; one of: parquet, jsonl, spacy")] = "parquet",
    text_column: Annotated[str, typer.Option(help="that holds the texts")] = "text",
    id_column: Annotated[
        str | None, typer.Option(help="that holds their ids; if not said: id, if there is one, else file and number")
    ] = None,
    columns: Annotated[str, typer.Option(help="others to keep, with commas between them")] = "",
    text: Annotated[bool, typer.Option(help="whether the shards have the texts")] = True,
    files: Annotated[bool, typer.Option("--files", help="each text file is a document, and not each line")] = False,
    limit: Annotated[int | None, typer.Option(help="so many documents, and no more", min=0)] = None,
    shard_size: Annotated[int, typer.Option(help="documents of a shard", min=1)] = 5000,
    batch_size: Annotated[int | None, typer.Option(help="of nlp.pipe; if not said, the pipeline's", min=1)] = None,
    max_errors: Annotated[int, typer.Option(help="documents that may fail before it stops", min=0)] = 100,
    resume: Annotated[bool, typer.Option("--resume", help="go on where an earlier start stopped")] = False,
    gpu_id: Annotated[int, typer.Option(help="number of the GPU, or -1 for the CPU; without --engine")] = -1,
    engine: Annotated[str | None, typer.Option(help="ray: on Ray Data; if not said, in this process")] = None,
    address: Annotated[str | None, typer.Option(help="of a Ray cluster; if not said, one is started here")] = None,
    num_actors: Annotated[
        int | None, typer.Option(help="of Ray, with a pipeline each; or as many as fit", min=1)
    ] = None,
    gpus_per_actor: Annotated[float, typer.Option(help="of Ray", min=0)] = 0,
    cpus_per_actor: Annotated[float, typer.Option(help="of Ray; so many threads compute in each", min=0)] = 1,
    code: Code = None,
) -> None:
    """Annotate a corpus of any size: entities of each document, in shards; killed, it goes on where it stopped."""
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
        done = annotate(
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
        msg.fail("Not everything was annotated", str(e), exits=1)
    except KeyboardInterrupt:
        msg.fail("Not everything was annotated", "It was interrupted. To go on: the same line with --resume")
        raise typer.Exit(130) from None
    if done.errors:
        msg.warn(f"{done.errors:,} documents failed: {output}/errors has their ids and reasons")
    msg.good(
        f"{output} has {done.documents:,} documents, {done.words:,} words, {done.entities:,} entities; "
        f"{done.seconds:,.1f} seconds"
    )
