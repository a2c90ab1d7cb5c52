"""`python -m spacy bert-ner export`"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError
from . import _corpus_options as reading
from ._code_option import Code


def export_cli(
    pipeline: Annotated[Path, typer.Argument(help="folder of the trained pipeline, which stays as it is")],
    output: Annotated[Path, typer.Argument(help="folder to write; not there yet, or an older export")],
    dev: Annotated[
        Path | None,
        typer.Option(help="examples, on which both pipelines are compared: a .spacy file, or its folder"),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(help="what it runs on; one of: onnx, onnx-int8, torch-bf16, torch-int8, auto (the fastest here)"),
    ] = "onnx-int8",
    tolerance: Annotated[
        float, typer.Option(help="by how much entity F1, from 0 to 1, may fall; else nothing is written")
    ] = 0.002,
    to: Annotated[
        str, typer.Option(help="what to write; one of: pipeline, hf (a plain checkpoint), onnx (a graph)")
    ] = "pipeline",
    component: Annotated[
        str | None, typer.Option(help="name of the bert_ner, with hf and onnx, if there are more")
    ] = None,
    package: Annotated[Path | None, typer.Option(help="folder to write a wheel of the new pipeline to as well")] = None,
    code: Code = None,
) -> None:
    """Make a pipeline that runs faster, on another runtime; or give away the checkpoint of one."""
    from ..corpus.splitting.part_file import COMPARED_ON
    from ..export.exporter import TARGETS, export_checkpoint, export_pipeline

    try:
        if to not in TARGETS:
            raise typer.BadParameter(f"{to!r} is none of: {', '.join(TARGETS)}", param_hint="--to")
        if to != "pipeline":
            if package or dev:
                raise typer.BadParameter("goes with --to pipeline alone", param_hint="--package, --dev")
            export_checkpoint(pipeline, output, to, name=component)
            msg.good(f"Wrote {output}")
            return
        if dev is None:
            raise typer.BadParameter("is needed, to compare: --dev corpus/dev.spacy", param_hint="--dev")
        dev = reading.one_file(dev, COMPARED_ON)
        report = export_pipeline(pipeline, output, dev, runtime=runtime, tolerance=tolerance)
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was exported", str(e), exits=1)
    if len(report.tried) > 1:
        msg.table(
            [[name, f"{measured.f1:.4f}", f"{measured.words:,.0f}"] for name, measured in report.tried.items()],
            header=("runtime", "entity F1", "words/s"),
            aligns=("l", "r", "r"),
        )
    before, after = report.before, report.after
    msg.good(
        f"Wrote {output}, on {report.runtime}: entity F1 {before.f1:.4f} before, {after.f1:.4f} after; words a second "
        f"{before.words:,.0f} before, {after.words:,.0f} after"
    )
    if package:
        from spacy.cli import package as make_package

        package.mkdir(parents=True, exist_ok=True)
        make_package(output, package, create_sdist=False, create_wheel=True, force=True, silent=True)
        msg.good(f"Wrote a wheel into {package}")
        msg.info("Where no package index has spacy-bert-ner: pip install ./spacy_bert_ner-*.whl PIPELINE.whl")
