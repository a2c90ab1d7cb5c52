"""Define the command `python -m spacy bert-ner push`."""

import warnings
from typing import Annotated

import typer

from ..errors import BertNerError
from ._code_option import Code
from ._output import exit_with_error, print_message


def push_cli(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of a saved pipeline or a checkpoint, or name of an installed pipeline package.",
        ),
    ],
    repo: Annotated[
        str,
        typer.Argument(metavar="OWNER/NAME", help="Repository on the Hub. It is created if it does not exist."),
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Create a private repository. An existing public one is refused.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(metavar="BRANCH", help="Branch to upload to, created if it does not exist. Default: main."),
    ] = None,
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Commit message. Default: a line that names the source.")
    ] = None,
    code: Code = None,
) -> None:
    """Upload a pipeline or a checkpoint to the Hugging Face Hub in one commit. Log in first: hf auth login"""
    from ..export.push import push

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            url = push(source, repo, private=private, revision=revision, message=message)
    except (BertNerError, OSError) as e:
        exit_with_error("Nothing was uploaded", e)
    for warning in caught:
        print_message("warning", str(warning.message))
    print_message("good", f"Uploaded {source}: {url}")
