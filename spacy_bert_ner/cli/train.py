"""`python -m spacy bert-ner train`"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError, Errors
from ._code_option import Code

EXTRA = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Settings of the config are options too, as in --training.max_steps 800."""


def train_cli(
    ctx: typer.Context,
    config_path: Annotated[
        Path, typer.Argument(help="config file, or - for standard input", exists=True, allow_dash=True)
    ],
    output_path: Annotated[
        Path | None,
        typer.Option("--output", "--output-path", "-o", help="folder for the trained pipelines, and to go on from"),
    ] = None,
    code: Code = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-V", "-VV", help="tell more")] = False,
    use_gpu: Annotated[
        int, typer.Option("--gpu-id", "-g", help="number of the GPU, the first of several workers; -1 for the CPU")
    ] = -1,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the newest state, if there is one")] = False,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="go on though config, data or versions have changed")
    ] = False,
    keep: Annotated[int, typer.Option(help="newest states that are kept", min=1)] = 2,
    minutes: Annotated[
        float,
        typer.Option(help="between states, beside those at evaluations; 0 for these alone", min=0),
    ] = 10,
    workers: Annotated[int | None, typer.Option(help="to train with, on Ray Train", min=1)] = None,
    address: Annotated[str | None, typer.Option(help="of a Ray cluster; if not said, one is started here")] = None,
    progress: Annotated[bool, typer.Option(help="whether steps, words/s, loss and time left are shown")] = True,
) -> None:
    """Train as `spacy train` does, with states to go on from, alone or with several workers."""
    import logging

    from spacy import util
    from spacy.cli._util import parse_config_overrides

    from ..training.distributed import from_environment
    from ..training.progress import StopSignal
    from ..training.run import TrainingJob, train
    from ..training.trainer import CheckpointPolicy, TrainingInterrupted

    if verbose:
        util.logger.setLevel(logging.DEBUG)
    order = TrainingJob(
        config_path,
        output_path,
        parse_config_overrides(ctx.args),
        code,
        use_gpu,
        CheckpointPolicy(keep, minutes),
        resume=resume,
        allow_changes=allow_changes,
        is_watched=progress,
    )
    started = from_environment()
    try:
        if workers is None:
            if address is not None:
                raise BertNerError(Errors.address_takes_workers)
            train(order, StopSignal())
        elif started is not None:
            raise BertNerError(Errors.two_starters)
        elif find_spec("ray") is None:
            raise BertNerError(Errors.train_takes_ray.format(n=workers))
        else:
            from ..training.ray_launcher import train_on_ray

            train_on_ray(order, workers, address)
    except TrainingInterrupted as e:
        if started is None or started[0] == 0:
            how = "To go on: the same line with --resume" if output_path else "Without --output there is no state of it"
            msg.warn("The training stopped, as it was asked to", how)
        raise typer.Exit(128 + e.signal if e.signal else 1) from None
    except (BertNerError, OSError) as e:
        msg.fail("The training did not end as it should", str(e), exits=1)
