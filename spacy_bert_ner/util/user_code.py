"""Import Python files that register functions, both in this process and in workers.

spaCy's commands import such files with `--code`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from spacy.util import import_file

from ..errors import BertNerError, Errors, format_exception


def import_code(path: Path) -> None:
    """Import a Python file, so that configs and pipelines can refer to the functions that it registers.

    path (Path): path of the file.
    RAISES BertNerError: the file does not exist, its name does not end in `.py`, or running it raises an error.
    """
    if not path.is_file():
        raise BertNerError(Errors.no_code_file.format(path=path))
    if path.suffix != ".py":
        raise BertNerError(Errors.code_is_not_python.format(path=path))
    try:
        import_file("python_code", path)
    except Exception as e:  # the code can raise any exception
        raise BertNerError(Errors.bad_code_file.format(path=path, reason=format_exception(e))) from e


def import_source(source: bytes) -> None:
    """Import Python code from bytes, for workers on machines that may not have the file.

    source (bytes): content of the Python file.
    RAISES BertNerError: the content is not valid Python, or running it raises an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.py"
        path.write_bytes(source)
        import_code(path)
