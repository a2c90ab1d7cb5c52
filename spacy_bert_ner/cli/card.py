"""Define the command `python -m spacy bert-ner card`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError
from ._code_option import Code
from ._output import exit_with_error, print_message


def card_cli(
    pipeline: Annotated[
        Path,
        typer.Argument(metavar="PIPELINE", help="Folder of a saved pipeline. The card is written to its README.md."),
    ],
    metrics: Annotated[
        Path,
        typer.Argument(
            metavar="METRICS", help="The metrics.json that `bert-ner evaluate --report` wrote for this pipeline."
        ),
    ],
    guidelines: Annotated[
        Path | None, typer.Option(help='JSON file that defines each label: {"per": "people"}.')
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="Annotated corpus, such as ner.csv. If ner.labels.json is next to it, "
            "the guidelines are read from that file."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Package name without the language code, as passed to `spacy package`.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Package version, as passed to `spacy package`.")] = None,
    code: Code = None,
) -> None:
    """Write a model card from the metrics in an evaluation report. `spacy package` includes the card."""
    from ..evaluation.model_card import find_guidelines, write_card

    if corpus is not None:
        if guidelines is not None:
            raise typer.BadParameter("the option cannot be combined with --guidelines", param_hint="--corpus")
        guidelines = find_guidelines(corpus)
    try:
        path = write_card(pipeline, metrics, guidelines, name=name, version=version)
    except (BertNerError, OSError) as e:
        exit_with_error("Cannot write the model card", e)
    print_message("good", f"Wrote {path}")
