"""Import a Python file with registered functions, as `--code` of spaCy's commands does, here and in workers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from spacy.util import import_file

from ..errors import BertNerError, Errors, format_exception


def import_code(path: Path) -> None:
    """Import a Python file. Configs and pipelines can then name the functions that it registers.

    path (Path): the file.
    RAISES BertNerError: the file does not exist, it is not Python, or running it raises an error.
    """
    if not path.is_file():
        raise BertNerError(Errors.no_code_file.format(path=path))
    if path.suffix != ".py":
        raise BertNerError(Errors.code_is_not_python.format(path=path))
    try:
        import_file("python_code", path)
    except Exception as e:  # the file may raise anything
        raise BertNerError(Errors.bad_code_file.format(path=path, reason=format_exception(e))) from e


def import_source(source: bytes) -> None:
    """Import the content of a Python file in a worker, whose machine may not have the file.

    source (bytes): the content of the file.
    RAISES BertNerError: the content is not Python, or running it raises an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.py"
        path.write_bytes(source)
        import_code(path)
