"""The messages about options that several commands have; see `errors`, which has all others."""

from __future__ import annotations


class CommandMessages:
    """Message templates, filled with `str.format`."""

    no_code_file = (
        "--code {path}: no such file. Allowed: a Python file with registered functions, such as --code functions.py"
    )
    code_is_not_python = "--code {path} is not Python. Allowed: a file whose name ends in .py. Rename it."
    bad_code_file = "--code {path} cannot be imported: {reason}. Fix the file, or leave out --code."
