"""Raise errors about the options of `bert-ner convert` and of `CorpusStream`."""

from __future__ import annotations

from typing import NoReturn

from ..errors import CorpusError, Errors


def reject_option(option: str, value: object, allowed: str) -> NoReturn:
    """Reject the value of an option.

    option (str): the option as on the command line, such as `--spacing`.
    value: the value that was received.
    allowed (str): the allowed values, for the message.
    RAISES CorpusError: always.
    """
    raise CorpusError(Errors.bad_value.format(section="convert", key=option, value=value, allowed=allowed))
