"""Define the `python -m spacy bert-ner` commands. Each module only parses options and prints results."""

import typer
from spacy.cli import app as spacy_app

from .annotate import annotate_cli
from .calibrate import calibrate_cli
from .card import card_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .export import export_cli
from .init_config import init_config_cli
from .inspect import inspect_cli
from .serve import serve_cli
from .train import EXTRA, train_cli
from .visualize import visualize_cli

app = typer.Typer(
    name="bert-ner",
    help="Train, evaluate, export and serve BERT named entity recognizers.",
    no_args_is_help=True,
)
init_app = typer.Typer(name="init", help="Write files to begin with.", no_args_is_help=True)
init_app.command("config")(init_config_cli)
app.add_typer(init_app)
app.command("convert")(convert_cli)
app.command("train", context_settings=EXTRA)(train_cli)
app.command("calibrate")(calibrate_cli)
app.command("evaluate")(evaluate_cli)
app.command("card")(card_cli)
app.command("inspect")(inspect_cli)
app.command("annotate")(annotate_cli)
app.command("export")(export_cli)
app.command("serve")(serve_cli)
app.command("visualize")(visualize_cli)

spacy_app.add_typer(app)
