"""`python -m spacy bert-ner evaluate`"""

from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from ..errors import BertNerError
from . import _corpus_options as reading
from ._code_option import Code


def evaluate_cli(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="trained pipelines, of any components that set entities; then test data: a .spacy file, or its folder"
        ),
    ],
    report: Annotated[
        Path | None, typer.Option(help="folder to write numbers, a page, plots and mistakes to, which is replaced")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="training data, to see which entities it has: a .spacy file, or its folder")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="the CSV file of the training, for its curves")] = None,
    precision: Annotated[float, typer.Option(help="that thresholds are to give, from 0 to 1")] = 0.9,
    displacy_path: Annotated[
        Path | None,
        typer.Option(
            "--displacy-path", "-dp", help="folder to write a page to, with documents and their entities in colour"
        ),
    ] = None,
    displacy_limit: Annotated[
        int, typer.Option("--displacy-limit", "-dl", help="number of documents on that page", min=1)
    ] = 25,
    gpu_id: Annotated[int, typer.Option(help="number of the GPU, or -1 for the CPU")] = -1,
    seed: Annotated[int, typer.Option(help="of the documents that are drawn for the intervals", min=0)] = 0,
    code: Code = None,
) -> None:
    """Score pipelines on held-out examples, with intervals and kinds of mistakes; several are compared."""
    from spacy.cli._util import setup_gpu

    from ..corpus.splitting.part_file import EVALUATED, TRAINED_ON
    from ..evaluation.entities_page import ENTITIES
    from ..evaluation.report import PAGE, evaluate
    from ..util.pipelines import describe_unknown_labels

    *pipelines, data = paths
    if not pipelines:
        raise typer.BadParameter("a pipeline, and behind it a .spacy file, are needed", param_hint="PATHS")
    setup_gpu(gpu_id, silent=True)
    try:
        data, train = reading.one_file(data, EVALUATED), train and reading.one_file(train, TRAINED_ON)
        found = evaluate(
            pipelines,
            data,
            report,
            seed,
            train=train,
            log=log,
            wanted_precision=precision,
            displacy=displacy_path,
            displacy_limit=displacy_limit,
        )
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was evaluated", str(e), exits=1)
    for name, one in found["pipelines"].items():
        msg.divider(name)
        rows = [*one["scores"]["per_label"].items(), ("all", one["scores"]["micro"])]
        msg.table(
            [[label, *(_number(row[key]) for key in "prf"), _interval(row), row["gold"]] for label, row in rows],
            header=("label", "P", "R", "F1", "95 %", "entities"),
            aligns=("l", "r", "r", "r", "r", "r"),
        )
        kinds = ", ".join(f"{n} {kind}" for kind, n in one["mistakes"].items() if n)
        accuracies = f"token accuracy {_number(one['iob_acc'])}, mean of documents {_number(one['iob_doc_acc'])}"
        msg.text(f"Macro F1 {_number(one['scores']['macro']['f'])}; {accuracies}")
        msg.text(f"Mistakes: {kinds or 'none'}")
        if one["unknown_labels"]:
            msg.warn(describe_unknown_labels(name, one["unknown_labels"], one["labels"]))
    for pair in found["comparisons"]:
        if pair["difference"] is None:
            msg.warn(f"{pair['from']} and {pair['to']} cannot be compared: one of them has no score")
            continue
        spread = "no interval: all draws are the same"
        if pair["interval"] is not None:
            spread = "95 % {:+.4f} to {:+.4f}".format(*pair["interval"])
        msg.text(f"{pair['to']} - {pair['from']}: F1 {pair['difference']:+.4f} ({spread}), p = {pair['p_value']:.3f}")
    if report:
        msg.good(f"Wrote {report / PAGE}")
    if displacy_path:
        msg.good(f"Wrote {displacy_path / ENTITIES}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _interval(row: dict[str, Any]) -> str:
    return "-" if row["f_interval"] is None else "{:.4f} to {:.4f}".format(*row["f_interval"])
