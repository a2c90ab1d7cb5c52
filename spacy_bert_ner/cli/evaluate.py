"""Define the command `python -m spacy bert-ner evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError
from ..reporting.text import interval, score
from . import _corpus_options
from ._code_option import Code
from ._output import exit_with_error, print_heading, print_message, print_table, texts_progress


def evaluate_cli(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PIPELINE... DATA",
            help="One or more pipelines that set entities, followed by the test data: an annotated file in any format "
            "that convert reads, or a folder that contains a .spacy file.",
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write the report to: metrics, HTML page, plots and mistakes. Replaces an older report."
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(
            help="Training data: an annotated file, or a folder that contains a .spacy file. Used to score seen and "
            "unseen entities separately."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="CSV training log. Its learning curves are added to the report.")
    ] = None,
    precision: Annotated[
        float, typer.Option(help="Target precision for the recommended score thresholds, from 0 to 1.")
    ] = 0.9,
    displacy_path: Annotated[
        Path | None,
        typer.Option("--displacy-path", "-dp", help="Folder to write an HTML page with highlighted entities to."),
    ] = None,
    displacy_limit: Annotated[
        int,
        typer.Option(
            "--displacy-limit",
            "-dl",
            help="Maximum number of documents on the page that --displacy-path writes.",
            min=1,
        ),
    ] = 25,
    dev: Annotated[
        Path | None,
        typer.Option(
            help="Dev data: an annotated file, or a folder that contains a .spacy file. The report then shows "
            "precision and recall for any score threshold."
        ),
    ] = None,
    export_mistakes: Annotated[
        Path | None, typer.Option(help="File to export the mistakes to, for an annotation tool. Replaces the file.")
    ] = None,
    export_format: Annotated[
        str | None,
        typer.Option(
            help="Format of that file. One of: label-studio, prodigy, doccano. Default: label-studio for .json, "
            "prodigy for .jsonl."
        ),
    ] = None,
    gpu_id: Annotated[int, typer.Option(help="GPU ID or -1 for CPU.")] = -1,
    seed: Annotated[int, typer.Option(help="Random seed for the bootstrap intervals.", min=0)] = 0,
    code: Code = None,
) -> None:
    """Score and compare pipelines on held-out examples. Report confidence intervals and error types."""
    from .. import api
    from ..corpus.splitting.part_file import EVALUATED, THRESHOLDS_ON, TRAINED_ON
    from ..evaluation.entities_page import ENTITIES
    from ..evaluation.report import PAGE
    from ..util.pipelines import describe_unknown_labels

    *pipelines, data = paths
    if not pipelines:
        raise typer.BadParameter(
            "expected at least one pipeline, followed by the test data", param_hint="PIPELINE... DATA"
        )
    try:
        data, train = _corpus_options.one_file(data, EVALUATED), train and _corpus_options.one_file(train, TRAINED_ON)
        dev = dev and _corpus_options.one_file(dev, THRESHOLDS_ON)
        results = api.evaluate(
            pipelines,
            data,
            report=report,
            train=train,
            log=log,
            precision=precision,
            displacy_path=displacy_path,
            displacy_limit=displacy_limit,
            dev=dev,
            export_mistakes=export_mistakes,
            export_format=export_format,
            gpu_id=gpu_id,
            seed=seed,
            progress=texts_progress,
        )
    except (BertNerError, OSError) as e:
        exit_with_error("Cannot evaluate", e)
    for name, metrics in results["pipelines"].items():
        print_heading(name)
        rows = [*metrics["scores"]["per_label"].items(), ("all", metrics["scores"]["micro"])]
        print_table(
            [
                [label, *(_score(row[key]) for key in "prf"), interval(row["f_interval"], 4, "-"), row["gold"]]
                for label, row in rows
            ],
            ("label", "P", "R", "F1", "95 % interval", "entities"),
        )
        kinds = ", ".join(f"{n} {kind}" for kind, n in metrics["mistakes"].items() if n)
        accuracies = f"token accuracy {_score(metrics['iob_acc'])}, document mean {_score(metrics['iob_doc_acc'])}"
        print_message("", f"Macro F1 {_score(metrics['scores']['macro']['f'])}; {accuracies}")
        print_message("", f"Mistakes: {kinds or 'none'}")
        if metrics["unknown_labels"]:
            print_message("warning", describe_unknown_labels(name, metrics["unknown_labels"], metrics["labels"]))
    for pair in results["comparisons"]:
        if pair["difference"] is None:
            print_message(
                "warning", f"{pair['from']} and {pair['to']} cannot be compared: at least one of them has no score"
            )
            continue
        spread = "no interval: all resamples have the same difference"
        if pair["interval"] is not None:
            spread = "95% interval {:+.4f} to {:+.4f}".format(*pair["interval"])
        print_message(
            "", f"{pair['to']} - {pair['from']}: F1 {pair['difference']:+.4f} ({spread}), p = {pair['p_value']:.3f}"
        )
    if report:
        print_message("good", f"Wrote {report / PAGE}")
    if export_mistakes:
        print_message("good", f"Wrote {export_mistakes}")
    if displacy_path:
        print_message("good", f"Wrote {displacy_path / ENTITIES}")


def _score(value: float | None) -> str:
    return score(value, 4, "-")
