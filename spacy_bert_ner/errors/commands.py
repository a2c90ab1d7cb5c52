"""Message templates about options that several commands share; `errors` has all others."""

from __future__ import annotations


class CommandMessages:
    """Message templates, filled with `str.format`."""

    small_dev = (
        "{name} has {entities}. With fewer than {enough}, F1 is uncertain by more than 0.1, and chance picks the best "
        "step. Annotate more dev data, or give it a larger share: convert --split 70/20/10"
    )
    no_code_file = (
        "--code {path}: no such file. Allowed: a Python file with registered functions, such as --code functions.py"
    )
    code_is_not_python = "--code {path} is not Python. Allowed: a file whose name ends in .py. Rename it."
    bad_code_file = "--code {path} cannot be imported: {reason}. Fix the file, or omit --code."
