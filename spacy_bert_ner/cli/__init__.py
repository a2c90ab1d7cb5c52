"""Define the `python -m spacy bert-ner` commands. Each module only parses options and prints results."""

from importlib.metadata import version as installed_version
from typing import Annotated, Any

import typer
from spacy.cli import app as spacy_app
from typer.core import TyperCommand, TyperGroup

from ._output import plain_output
from .annotate import annotate_cli
from .calibrate import calibrate_cli
from .card import card_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .export import export_cli
from .init_config import init_config_cli
from .inspect import inspect_cli
from .push import push_cli
from .serve import serve_cli
from .train import EXTRA, train_cli
from .visualize import visualize_cli


class _Group(TyperGroup):
    """A group that lists its commands in the order in which this module adds them, which is the order of work."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return sorted(self.commands, key=_names.index)


_names: list[str] = []
app = typer.Typer(
    name="bert-ner",
    help="Train, evaluate, export and serve BERT named entity recognizers.",
    no_args_is_help=True,
    cls=_Group,
    rich_markup_mode=None,  # as in spaCy
    context_settings={"help_option_names": ["-h", "--help"]},
)
init_app = typer.Typer(name="init", no_args_is_help=True)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        names = {"spaCy": "spacy", "torch": "torch", "transformers": "transformers"}
        others = ", ".join(f"{name} {installed_version(package)}" for name, package in names.items())
        typer.echo(f"spacy-bert-ner {installed_version('spacy-bert-ner')}\n{others}")
        raise typer.Exit


@app.callback()
def _group(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the versions and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    ctx.with_resource(plain_output())


class _Command(TyperCommand):
    """A command whose usage line also shows its required options. Ctrl+C ends it with status 130."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the text that follows the command name in the usage line."""
        return [self.options_metavar or ""]

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def _add(name: str, function: Any, usage: str, summary: str, **settings: Any) -> None:
    """Add a command. `--help` lists the commands in this order.

    name (str): name of the command, after the name of its group if it belongs to one.
    function (Any): the function that Typer calls.
    usage (str): the required arguments and options, for the usage line.
    summary (str): a line for the list of commands, at most 63 characters long.
    **settings: other arguments for `typer.Typer.command`.
    """
    usage = f"{usage} [OPTIONS]"
    group, _, name = name.rpartition(" ")
    _names.append(group or name)
    added_to = init_app if group else app
    added_to.command(name, cls=_Command, options_metavar=usage, short_help=summary, **settings)(function)


_add("inspect", inspect_cli, "FILES...", "Find annotation errors in annotated text.")
_add("convert", convert_cli, "INPUT OUTPUT_DIR", "Convert annotated text to .spacy files or other formats.")
_add(
    "init config",
    init_config_cli,
    "OUT --train DATA --dev DATA --encoder NAME",
    "Write a config that fits the data and the encoder.",
)
_add(
    "train",
    train_cli,
    "(CONFIG|--recipe NAME)",
    "Train a pipeline, or resume an interrupted run.",
    context_settings=EXTRA,
)
_add("calibrate", calibrate_cli, "PIPELINE DATA", "Adjust entity scores to reflect how often entities are right.")
_add("evaluate", evaluate_cli, "PIPELINE... DATA", "Score and compare pipelines, and write a report.")
_add("card", card_cli, "PIPELINE METRICS", "Write a model card from the metrics of a report.")
_add("export", export_cli, "PIPELINE OUTPUT (--dev DATA|--to FORMAT)", "Export a pipeline to a faster runtime.")
_add("push", push_cli, "SOURCE OWNER/NAME", "Upload a pipeline or a checkpoint to the Hugging Face Hub.")
_add("annotate", annotate_cli, "PIPELINE INPUTS... --output FOLDER", "Annotate a corpus of any size.")
_add("serve", serve_cli, "PIPELINE", "Serve a pipeline over HTTP.")
_add("visualize", visualize_cli, "PIPELINES...", "Serve a web page for trying out pipelines.")

app.add_typer(init_app, help="Create starter files.")
spacy_app.add_typer(app)
