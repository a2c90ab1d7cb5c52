"""Reject invalid options for `bert-ner convert` and `CorpusStream`."""

from __future__ import annotations

from typing import NoReturn

from ..errors import CorpusError, Errors


def reject_option(option: str, value: object, allowed: str) -> NoReturn:
    """Reject an option value.

    option (str): the command-line option, such as `--spacing`.
    value: the invalid value.
    allowed (str): the allowed values, for the error message.
    RAISES CorpusError: always.
    """
    raise CorpusError(Errors.bad_value.format(section="convert", key=option, value=value, allowed=allowed))
