"""`python -m spacy bert-ner card`"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError
from ._code_option import Code


def card_cli(
    pipeline: Annotated[Path, typer.Argument(help="folder of a saved pipeline, to which README.md is written")],
    metrics: Annotated[Path, typer.Argument(help="metrics.json of a report that evaluate has written on it")],
    guidelines: Annotated[
        Path | None, typer.Option(help='JSON file that says what is marked: {"per": "people"}')
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="annotated corpus; NAME.labels.json beside it is taken as the guidelines if there is such a file"
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="as spacy package is given it, without the language")] = None,
    version: Annotated[str | None, typer.Option(help="as spacy package is given it")] = None,
    code: Code = None,
) -> None:
    """Write the model card of a pipeline, from the numbers of its report; spacy package takes it along."""
    from ..evaluation.model_card import guidelines_beside, write_card

    if corpus is not None:
        if guidelines is not None:
            raise typer.BadParameter("goes without --guidelines", param_hint="--corpus")
        guidelines = guidelines_beside(corpus)
    try:
        path = write_card(pipeline, metrics, guidelines, name=name, version=version)
    except (BertNerError, OSError) as e:
        msg.fail("No card was written", str(e), exits=1)
    msg.good(f"Wrote {path}")
