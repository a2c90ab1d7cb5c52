"""`python -m spacy bert-ner calibrate`"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import BertNerError, CalibrationError
from . import _corpus_options as reading
from ._code_option import Code


def calibrate_cli(
    pipeline: Annotated[Path, typer.Argument(help="folder of the trained pipeline; its scores are changed in place")],
    data: Annotated[Path, typer.Argument(help="held-out examples, such as the dev data: a .spacy file, or its folder")],
    gpu_id: Annotated[int, typer.Option(help="number of the GPU, or -1 for the CPU")] = -1,
    code: Code = None,
) -> None:
    """Make the scores of a trained pipeline honest: fit a temperature on held-out examples."""
    from spacy.cli._util import setup_gpu

    from ..corpus.splitting.part_file import CALIBRATED_ON
    from ..pipeline.calibration import calibrate_pipeline

    setup_gpu(gpu_id, silent=True)
    try:
        reports = calibrate_pipeline(pipeline, reading.one_file(data, CALIBRATED_ON))
    except CalibrationError as e:
        # So it is with a pipeline that has learned too little yet, which shall not stop a project.
        msg.warn("Nothing was calibrated", str(e), exits=0)
    except (BertNerError, OSError) as e:
        msg.fail("Nothing was calibrated", str(e), exits=1)
    for name, report in reports.items():
        msg.good(
            f"{name}: temperature {report['temperature']:.2f}; expected calibration error over the "
            f"{report['n_entities']} entities that it was fitted to {report['ece_before']:.3f} before, "
            f"{report['ece_after']:.3f} after"
        )
