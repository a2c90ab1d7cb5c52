"""Define the command `python -m spacy bert-ner train`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, Errors
from ._code_option import Code
from ._output import exit_with_error, print_message

EXTRA = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Command settings to accept every config setting as an option, for example `--training.max_steps 800`."""


def _config_file(ctx: typer.Context, config: str | None, recipe: str | None) -> Path:
    """Return the config file to train with.

    ctx (Context): the context. A setting that was parsed as CONFIG is moved back to its `args`.
    config (str | None): the argument CONFIG.
    recipe (str | None): the option `--recipe`.
    RETURNS (Path): the file.
    RAISES BadParameter: both or neither are specified, or the file or recipe does not exist.
    """
    from ..util.recipes import recipe_names, recipe_path

    if config is not None and config.startswith("--"):  # without CONFIG, the first setting takes its place
        ctx.args.insert(0, config)
        config = None
    names = ", ".join(recipe_names())
    if config is None and recipe is None:
        raise typer.BadParameter(Errors.no_config.format(names=names))
    if config is not None and recipe is not None:
        raise typer.BadParameter(Errors.recipe_and_config.format(config=config, recipe=recipe))
    if recipe is not None:
        try:
            return recipe_path(recipe)
        except BertNerError as e:
            raise typer.BadParameter(str(e)) from e
    path = Path(str(config))
    if config != "-" and not path.exists():
        raise typer.BadParameter(Errors.config_missing.format(config=config, names=names))
    return path


def train_cli(
    ctx: typer.Context,
    config_path: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG", show_default=False, help="Config file, or - to read standard input. Or use --recipe."
        ),
    ] = None,
    output_path: Annotated[
        Path | None,
        typer.Option("--output", "--output-path", "-o", help="Folder to write pipelines and training checkpoints to."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Recipe to use in place of a config file, such as bert_ner.")
    ] = None,
    code: Code = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-V", "-VV", help="Print debug messages.")] = False,
    use_gpu: Annotated[
        int,
        typer.Option(
            "--gpu-id",
            "-g",
            help="GPU ID or -1 for CPU. If there are several workers, they use consecutive IDs, starting with this "
            "one.",
        ),
    ] = -1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the latest training checkpoint, if there is one.")
    ] = False,
    allow_changes: Annotated[
        bool,
        typer.Option("--allow-changes", help="Resume even if the config, the data or package versions have changed."),
    ] = False,
    keep: Annotated[int, typer.Option(help="Number of training checkpoints to keep.", min=1)] = 2,
    minutes: Annotated[
        float,
        typer.Option(help="Minutes between training checkpoints. 0: write them only after evaluations.", min=0),
    ] = 10,
    workers: Annotated[int | None, typer.Option(help="Number of Ray Train workers to start.", min=1)] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster address. Default: start Ray on this machine.")
    ] = None,
    progress: Annotated[
        bool, typer.Option(help="Show a progress bar with steps, words/s, loss and remaining time.")
    ] = True,
) -> None:
    """Train a pipeline as `spacy train` does, but with training checkpoints and optionally on several workers."""
    import logging

    from spacy import util
    from spacy.cli._util import NoSuchOption, parse_config_overrides

    from ..training.checkpointer import CheckpointPolicy
    from ..training.distributed import from_environment
    from ..training.progress import StopSignal
    from ..training.run import TrainingJob, train
    from ..training.trainer import TrainingInterrupted

    if verbose:
        util.logger.setLevel(logging.DEBUG)
    config_file = _config_file(ctx, config_path, recipe)
    try:
        overrides = parse_config_overrides(ctx.args)
    except NoSuchOption as e:  # this click may be another than that of Typer, which would not catch it
        raise typer.BadParameter(Errors.no_train_option, param_hint=e.option_name) from e
    if workers is None and address is not None:
        raise typer.BadParameter(Errors.address_requires_workers, param_hint="--address")
    job = TrainingJob(
        config_file,
        output_path,
        overrides,
        code,
        use_gpu,
        CheckpointPolicy(keep, minutes),
        resume=resume,
        allow_changes=allow_changes,
        shows_progress=progress,
    )
    started = from_environment()
    try:
        if workers is None:
            train(job, StopSignal())
        elif started is not None:
            raise BertNerError(Errors.two_starters)
        elif find_spec("ray") is None:
            raise BertNerError(Errors.train_requires_ray.format(n=workers))
        else:
            from ..training.ray_launcher import train_on_ray

            train_on_ray(job, workers, address)
    except TrainingInterrupted as e:
        if started is None or started[0] == 0:
            resume_hint = "To resume: run the same command with --resume"
            hint = resume_hint if output_path else "Without --output, no training checkpoint was written"
            print_message("warning", f"Training stopped as requested\n{hint}")
        raise typer.Exit(128 + e.signal if e.signal else 1) from None
    except (BertNerError, OSError) as e:
        exit_with_error("Training failed", e)
