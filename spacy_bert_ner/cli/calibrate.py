"""Define the command `python -m spacy bert-ner calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BertNerError, CalibrationError
from . import _corpus_options
from ._code_option import Code
from ._output import exit_with_error, print_message, texts_progress


def calibrate_cli(
    pipeline: Annotated[
        Path, typer.Argument(metavar="PIPELINE", help="Folder of a trained pipeline. It is updated in place.")
    ],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Held-out examples, such as dev data: an annotated file, or a folder that contains a .spacy file.",
        ),
    ],
    gpu_id: Annotated[int, typer.Option(help="GPU ID or -1 for CPU.")] = -1,
    code: Code = None,
) -> None:
    """Calibrate the entity scores of a trained pipeline by fitting a temperature on held-out examples."""
    from .. import api
    from ..corpus.splitting.part_file import CALIBRATED_ON

    try:
        file = _corpus_options.one_file(data, CALIBRATED_ON)
        reports = api.calibrate(pipeline, file, gpu_id=gpu_id, progress=texts_progress)
    except CalibrationError as e:
        # Status 0: a pipeline that has learned too little should not stop a spaCy project.
        print_message("warning", f"Not calibrated\n{e}")
        return
    except (BertNerError, OSError) as e:
        exit_with_error("Not calibrated", e)
    for name, report in reports.items():
        print_message(
            "good",
            f"{name}: temperature {report['temperature']:.2f}; expected calibration error on the "
            f"{report['n_entities']} entities used for the fit: {report['ece_before']:.3f} before, "
            f"{report['ece_after']:.3f} after",
        )
