"""`python -m spacy bert-ner convert`"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..corpus import FORMATS
from ..corpus.columns import LAST
from ..corpus.convert import convert
from ..corpus.fitting import MISALIGNED, OVERLAP
from ..corpus.spacing import SPACINGS
from ..errors import BertNerError
from ..tags import PREFIXES

Opt = typer.Option


def convert_cli(
    input: Annotated[Path, typer.Argument(help="annotated text, zipped or not, a binary file, or a folder")],
    output_dir: Annotated[Path, typer.Argument(help="folder for the .spacy files")],
    format: Annotated[str, Opt(help=f"one of: auto, {', '.join(FORMATS)}")] = "auto",
    encoding: Annotated[str | None, Opt(help="of the input; without it UTF-8, or else the format's own")] = None,
    column: Annotated[
        int | None, Opt(help="that of the tags in a file of columns: from 1, or from -1 to count from the last")
    ] = None,
    tag_scheme: Annotated[
        str | None, Opt(help=f"one of: {', '.join(PREFIXES)}; without it, what the tags tell")
    ] = None,
    limit: Annotated[int | None, Opt(help="take this many sentences, from the first")] = None,
    split: Annotated[str | None, Opt(help="percentages for train/dev/test, such as 80/10/10")] = None,
    seed: Annotated[int, Opt(help="of the split's shuffle", min=0, max=2**32 - 1)] = 42,
    by_document: Annotated[bool, Opt("--by-document", help="split so that no document is in two parts")] = False,
    stratify: Annotated[bool, Opt("--stratify", help="split so that each part has its share of every label")] = False,
    lang: Annotated[str, Opt(help="language code of the text")] = "en",
    spacing: Annotated[
        str, Opt(help=f"spaces between words where the format does not say; one of: {', '.join(SPACINGS)}")
    ] = "single",
    misaligned: Annotated[
        str, Opt(help=f"spans that do not begin and end where tokens do; one of: {', '.join(MISALIGNED)}")
    ] = "error",
    overlap: Annotated[str, Opt(help=f"spans that share tokens; one of: {', '.join(OVERLAP)}")] = "error",
) -> None:
    """Convert annotated text to .spacy files for `spacy train`."""
    try:
        done = convert(
            input,
            output_dir,
            format=format,
            encoding=encoding,
            column=column,
            limit=limit,
            tag_scheme=tag_scheme,
            split=split,
            seed=seed,
            by_document=by_document,
            stratify=stratify,
            lang=lang,
            spacing=spacing,
            misaligned=misaligned,
            overlap=overlap,
        )
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was converted", str(e), exits=1)
    place = "" if done.column in (None, LAST) else f" in column {done.column}"
    msg.info(f"{input}: format {done.format}, tags{place} in {done.tag_scheme}")
    if done.n_repaired:
        msg.warn(f"{done.n_repaired} tags were repaired that broke the rules of {done.tag_scheme}")
    for message in done.messages:
        msg.warn(message)
    for path, count in done.counts.items():
        msg.good(f"{path}: {count} sentences")
