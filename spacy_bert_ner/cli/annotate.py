"""Define the command `python -m spacy bert-ner annotate`."""

from typing import Annotated

import typer

from ..errors import BertNerError
from ._code_option import Code
from ._output import exit_with_error, print_message


def annotate_cli(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help="Folder of a saved pipeline, or name of an installed package.")
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUTS...",
            help="Files, folders, glob patterns or URLs of Parquet, JSONL, CSV, TSV, plain text or .spacy files.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            metavar="FOLDER", help="Output folder for the shards. It must be new or empty, except with --resume."
        ),
    ],
    format: Annotated[str, typer.Option(help="Shard format. One of: parquet, jsonl, spacy.")] = "parquet",
    text_column: Annotated[str, typer.Option(help="Column that contains the texts.")] = "text",
    id_column: Annotated[
        str | None,
        typer.Option(
            help="Column that contains the document IDs. Default: id if every file has it, otherwise file name and "
            "record number."
        ),
    ] = None,
    columns: Annotated[str, typer.Option(help="Comma-separated names of further columns to copy to the output.")] = "",
    text: Annotated[bool, typer.Option(help="Include the texts in the output.")] = True,
    files: Annotated[
        bool, typer.Option("--files", help="Treat each text file as one document. By default, each line is one.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Annotate at most this many documents.", min=0)] = None,
    shard_size: Annotated[int, typer.Option(help="Number of documents per shard.", min=1)] = 5000,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Batch size for nlp.pipe. Default: the batch size in the pipeline's config.", min=1),
    ] = None,
    max_errors: Annotated[int, typer.Option(help="Stop if more than this many documents fail.", min=0)] = 100,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted run: skip finished shards.")] = False,
    gpu_id: Annotated[int, typer.Option(help="GPU ID or -1 for CPU. Ignored with --engine.")] = -1,
    engine: Annotated[
        str | None, typer.Option(help="Set to ray to run on Ray Data. Default: run in this process.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster address. Default: start Ray on this machine.")
    ] = None,
    num_actors: Annotated[
        int | None,
        typer.Option(
            help="Number of Ray actors. Each loads the pipeline. Default: as many as the cluster can run.", min=1
        ),
    ] = None,
    gpus_per_actor: Annotated[float, typer.Option(help="GPUs per Ray actor.", min=0)] = 0,
    cpus_per_actor: Annotated[float, typer.Option(help="CPUs and threads per Ray actor.", min=0)] = 1,
    code: Code = None,
) -> None:
    """Annotate a corpus of any size and write its entities to shards. Interrupted runs can be resumed."""
    from .. import api

    try:
        totals = api.annotate(
            pipeline,
            inputs,
            output,
            format=format,
            text_column=text_column,
            id_column=id_column,
            columns=[name.strip() for name in columns.split(",") if name.strip()],
            text=text,
            files=files,
            limit=limit,
            shard_size=shard_size,
            batch_size=batch_size,
            max_errors=max_errors,
            resume=resume,
            gpu_id=gpu_id,
            engine=engine,
            address=address,
            num_actors=num_actors,
            gpus_per_actor=gpus_per_actor,
            cpus_per_actor=cpus_per_actor,
            code=code,
            progress=True,
        )
    except (BertNerError, OSError) as e:
        exit_with_error("Not all documents were annotated", e)
    except KeyboardInterrupt:
        print_message(
            "error",
            "Not all documents were annotated\nThe run was interrupted. To resume: run the same command with --resume",
        )
        raise typer.Exit(130) from None
    if totals.errors:
        print_message(
            "warning", f"{totals.errors:,} documents failed. Their IDs and the reasons are in {output}/errors"
        )
    print_message(
        "good",
        f"{output} has {totals.documents:,} documents, {totals.words:,} words, {totals.entities:,} entities; "
        f"{totals.seconds:,.1f} seconds",
    )
