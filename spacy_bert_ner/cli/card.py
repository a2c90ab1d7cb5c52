"""Run `python -m spacy bert-ner card`."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError
from ._code_option import Code


def card_cli(
    pipeline: Annotated[Path, typer.Argument(help="folder of a saved pipeline; README.md is written to it")],
    metrics: Annotated[Path, typer.Argument(help="metrics.json of a report on this pipeline, written by evaluate")],
    guidelines: Annotated[
        Path | None, typer.Option(help='JSON file with a definition of each label: {"per": "people"}')
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="annotated corpus; uses NAME.labels.json next to it as the guidelines, if it exists"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="name of the package without the language, as passed to spacy package")
    ] = None,
    version: Annotated[str | None, typer.Option(help="version of the package, as passed to spacy package")] = None,
    code: Code = None,
) -> None:
    """Write the model card of a pipeline from the metrics of its report; spacy package includes it."""
    from ..evaluation.model_card import find_guidelines, write_card

    if corpus is not None:
        if guidelines is not None:
            raise typer.BadParameter("cannot be combined with --guidelines", param_hint="--corpus")
        guidelines = find_guidelines(corpus)
    try:
        path = write_card(pipeline, metrics, guidelines, name=name, version=version)
    except (BertNerError, OSError) as e:
        msg.fail("Cannot write the model card", str(e), exits=1)
    msg.good(f"Wrote {path}")
