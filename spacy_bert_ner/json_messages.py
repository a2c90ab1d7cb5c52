"""The messages about formats of JSON; see `errors`."""

from __future__ import annotations


class JsonMessages:
    """Message templates, filled with `str.format`."""

    many_tag_keys = (
        "{where}: the tags may be under any of {found}. Allowed: one of them, or ner_tags beside others. Rename the "
        "one with the tags of entities to ner_tags."
    )
