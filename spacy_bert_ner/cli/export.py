"""Define the command `python -m spacy bert-ner export`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, Errors
from ._code_option import Code
from ._corpus_options import one_file
from ._output import exit_with_error, print_message, print_table, runtimes_progress


def export_cli(
    pipeline: Annotated[
        Path, typer.Argument(metavar="PIPELINE", help="Folder of the trained pipeline. It is not changed.")
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT", help="Output folder. It must be new or empty, or contain an unchanged earlier export."
        ),
    ],
    dev: Annotated[
        Path | None,
        typer.Option(
            help="Examples on which to compare the original and the exported pipeline: an annotated file, or a folder "
            "that contains a .spacy file. Required unless --to is hf or onnx."
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="Runtime for the new pipeline. One of: onnx, onnx-int8, torch-bf16, torch-int8, auto (the fastest "
            "on this machine)."
        ),
    ] = "onnx-int8",
    tolerance: Annotated[
        float, typer.Option(help="Maximum decrease in entity F1, from 0 to 1. If it is exceeded, nothing is written.")
    ] = 0.002,
    to: Annotated[
        str,
        typer.Option(
            help="What to export. One of: pipeline, hf (only the Transformers checkpoint), onnx (only the ONNX graph)."
        ),
    ] = "pipeline",
    component: Annotated[
        str | None,
        typer.Option(
            help="Name of the component to export with --to hf or onnx. Required if the pipeline has "
            "several bert_ner components."
        ),
    ] = None,
    package: Annotated[Path | None, typer.Option(help="Folder to write a wheel of the new pipeline to.")] = None,
    code: Code = None,
) -> None:
    """Export a pipeline to a faster runtime, or export only its checkpoint or ONNX graph."""
    from .. import api
    from ..corpus.splitting.part_file import COMPARED_ON
    from ..export.exporter import TARGETS

    try:
        if to not in TARGETS:
            raise BertNerError(Errors.no_export_target.format(to=to, allowed=", ".join(TARGETS)))
        if to != "pipeline":
            if package or dev:
                raise typer.BadParameter(
                    "these options are only allowed with --to pipeline", param_hint="--package, --dev"
                )
        elif dev is None:
            raise typer.BadParameter("the option is required: --dev corpus/dev.spacy", param_hint="--dev")
        report = api.export(
            pipeline,
            output,
            dev=dev and one_file(dev, COMPARED_ON),
            runtime=runtime,
            tolerance=tolerance,
            to=to,
            component=component,
            progress=runtimes_progress,
        )
    except (BertNerError, OSError) as e:
        exit_with_error("Nothing was exported", e)
    if report is None:
        print_message("good", f"Wrote {output}")
        return
    if len(report.tried) > 1:
        print_table(
            [[name, f"{result.f1:.4f}", f"{result.words:,.0f}"] for name, result in report.tried.items()],
            ("runtime", "entity F1", "words/s"),
        )
    before, after = report.before, report.after
    print_message(
        "good",
        f"Wrote {output} for {report.runtime}: entity F1 {before.f1:.4f} before, {after.f1:.4f} after; words per "
        f"second {before.words:,.0f} before, {after.words:,.0f} after",
    )
    if package:
        from spacy.cli import package as make_package

        package.mkdir(parents=True, exist_ok=True)
        make_package(output, package, create_sdist=False, create_wheel=True, force=True, silent=True)
        print_message("good", f"Wrote a wheel into {package}")
        print_message(
            "info",
            "To install the wheel if no package index has spacy-bert-ner: "
            "pip install ./spacy_bert_ner-*.whl PIPELINE.whl",
        )
