"""Define the command `python -m spacy bert-ner calibrate`."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError, CalibrationError
from . import _corpus_options
from ._code_option import Code


def calibrate_cli(
    pipeline: Annotated[Path, typer.Argument(help="Folder of a trained pipeline. It is updated in place.")],
    data: Annotated[
        Path, typer.Argument(help="Held-out examples, such as dev data: a .spacy file or a folder that contains one.")
    ],
    gpu_id: Annotated[int, typer.Option(help="GPU ID or -1 for CPU.")] = -1,
    code: Code = None,
) -> None:
    """Calibrate the entity scores of a trained pipeline by fitting a temperature on held-out examples."""
    from spacy.cli._util import setup_gpu

    from ..corpus.splitting.part_file import CALIBRATED_ON
    from ..pipeline.calibration import calibrate_pipeline

    setup_gpu(gpu_id, silent=True)
    try:
        reports = calibrate_pipeline(pipeline, _corpus_options.one_file(data, CALIBRATED_ON))
    except CalibrationError as e:
        # Status 0: a pipeline that has learned too little should not stop a spaCy project.
        msg.warn("Not calibrated", str(e), exits=0)
    except (BertNerError, OSError) as e:
        msg.fail("Not calibrated", str(e), exits=1)
    for name, report in reports.items():
        msg.good(
            f"{name}: temperature {report['temperature']:.2f}; expected calibration error on the "
            f"{report['n_entities']} entities used for the fit: {report['ece_before']:.3f} before, "
            f"{report['ece_after']:.3f} after"
        )
