"""Errors about the options of `bert-ner convert` and of `CorpusStream`."""

from __future__ import annotations

from typing import NoReturn

from ..errors import CorpusError, Errors


def reject_option(option: str, value: object, allowed: str) -> NoReturn:
    """Reject the value of an option.

    option (str): as the command has it, such as `--spacing`.
    allowed (str): the values that are allowed, for the message.
    RAISES CorpusError: always.
    """
    raise CorpusError(Errors.bad_value.format(section="convert", key=option, value=value, allowed=allowed))
