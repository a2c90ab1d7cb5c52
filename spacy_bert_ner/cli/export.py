"""Define the command `python -m spacy bert-ner export`."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError
from ._code_option import Code
from ._corpus_options import one_file


def export_cli(
    pipeline: Annotated[Path, typer.Argument(help="Folder of the trained pipeline. It is not changed.")],
    output: Annotated[
        Path, typer.Argument(help="Output folder. It must be new or empty, or contain an unchanged earlier export.")
    ],
    dev: Annotated[
        Path | None,
        typer.Option(
            help="Examples on which to compare the original and the exported pipeline: a .spacy file or a folder "
            "that contains one. Required unless --to is hf or onnx."
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
    from ..corpus.splitting.part_file import COMPARED_ON
    from ..export.exporter import TARGETS, export_checkpoint, export_pipeline

    try:
        if to not in TARGETS:
            raise typer.BadParameter(f"{to!r} is not one of: {', '.join(TARGETS)}", param_hint="--to")
        if to != "pipeline":
            if package or dev:
                raise typer.BadParameter(
                    "these options are only allowed with --to pipeline", param_hint="--package, --dev"
                )
            export_checkpoint(pipeline, output, to, name=component)
            msg.good(f"Wrote {output}")
            return
        if dev is None:
            raise typer.BadParameter("the option is required: --dev corpus/dev.spacy", param_hint="--dev")
        dev = one_file(dev, COMPARED_ON)
        report = export_pipeline(pipeline, output, dev, runtime=runtime, tolerance=tolerance)
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was exported", str(e), exits=1)
    if len(report.tried) > 1:
        msg.table(
            [[name, f"{result.f1:.4f}", f"{result.words:,.0f}"] for name, result in report.tried.items()],
            header=("runtime", "entity F1", "words/s"),
            aligns=("l", "r", "r"),
        )
    before, after = report.before, report.after
    msg.good(
        f"Wrote {output} for {report.runtime}: entity F1 {before.f1:.4f} before, {after.f1:.4f} after; words per "
        f"second {before.words:,.0f} before, {after.words:,.0f} after"
    )
    if package:
        from spacy.cli import package as make_package

        package.mkdir(parents=True, exist_ok=True)
        make_package(output, package, create_sdist=False, create_wheel=True, force=True, silent=True)
        msg.good(f"Wrote a wheel into {package}")
        msg.info(
            "To install the wheel if no package index has spacy-bert-ner: "
            "pip install ./spacy_bert_ner-*.whl PIPELINE.whl"
        )
