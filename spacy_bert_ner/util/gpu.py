"""Select the GPU or the CPU for a command."""

from __future__ import annotations

from ..errors import BertNerError, Errors


def select_gpu(gpu_id: int, *, silent: bool = True) -> None:
    """Use a GPU, or the CPU if the ID is negative.

    gpu_id (int): GPU ID or -1 for the CPU.
    silent (bool): whether to print nothing. Default: True.
    RAISES BertNerError: there is no such GPU, or CuPy is not installed.
    """
    from spacy.cli._util import setup_gpu  # importing it registers all commands of spaCy

    try:
        setup_gpu(gpu_id, silent=silent)
    except (ValueError, RuntimeError) as e:  # CuPy raises a RuntimeError for an unknown ID
        message = Errors.no_cupy if "CuPy is not installed" in str(e) else Errors.no_gpu
        raise BertNerError(message.format(gpu_id=gpu_id, reason=e)) from e
