"""Define the message templates that several commands share."""

from __future__ import annotations


class CommandMessages:
    """The message templates that several commands share, to be filled in with `str.format`."""

    small_dev = (
        "{name} has {entities}. With fewer than {enough} entities, F1 is uncertain by more than 0.1, and the best step "
        "is chosen mostly by chance. Annotate more dev data, or increase its share: convert --split 70/20/10"
    )
    no_code_file = (
        "--code {path} does not exist. Specify a Python file with registered functions, such as --code functions.py"
    )
    code_is_not_python = (
        "--code {path} is not a Python file. Allowed: a file whose name ends in .py. Rename the file, or specify "
        "another file."
    )
    bad_code_file = "--code {path} cannot be imported: {reason}. Fix the file, or omit --code."
