"""`python -m spacy bert-ner card`"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError
from .code_option import Code


def card_cli(
    pipeline: Annotated[Path, typer.Argument(help="folder of a saved pipeline, to which README.md is written")],
    metrics: Annotated[Path, typer.Argument(help="metrics.json of a report that evaluate has written on it")],
    guidelines: Annotated[
        Path | None, typer.Option(help='JSON file that says what is marked: {"per": "people"}')
    ] = None,
    name: Annotated[str | None, typer.Option(help="as spacy package is given it, without the language")] = None,
    version: Annotated[str | None, typer.Option(help="as spacy package is given it")] = None,
    code: Code = None,
) -> None:
    """Write the model card of a pipeline, from the numbers of its report; spacy package takes it along."""
    from ..evaluation.card import write_card

    try:
        path = write_card(pipeline, metrics, guidelines, name=name, version=version)
    except (BertNerError, OSError) as e:
        msg.fail("No card was written", str(e), exits=1)
    msg.good(f"Wrote {path}")
