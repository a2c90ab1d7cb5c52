"""Validate the setting `tag_map`, which renames a checkpoint's tags.

Use the setting for checkpoints whose `config.json` cannot be edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thinc.api import Config

from ..errors import MODEL_SECTION, require_setting

Pairs = list[list[str]]

ALLOWED = 'null, a table of tags, such as {"LABEL_1": "B-per"}, or a list of pairs of tags, such as [["[PAD]", "O"]]'


def check_tag_map(tag_map: object) -> Pairs | None:
    """Validate the setting `tag_map`.

    tag_map (object): the value to check: a table, a list of pairs or None.
    RETURNS (Pairs | None): pairs of an original tag and its new name. None if the setting is None.
    RAISES ConfigError: the value has another type, contains no tags or cannot be stored in a saved config.
    """
    if tag_map is None:
        return None
    pairs = _pairs(tag_map)
    require_setting(MODEL_SECTION, "tag_map", tag_map, bool(pairs), ALLOWED)
    require_setting(
        MODEL_SECTION, "tag_map", tag_map, survives(pairs), "tags without ${…}, which a config interpolates"
    )
    return pairs


def survives(tag_map: Mapping[str, Any] | Pairs) -> bool:
    """Return whether a tag map is unchanged after it is written to a config and read back.

    tag_map (Mapping[str, Any] | Pairs): the tag map.
    RETURNS (bool): whether the tag map is unchanged.
    """
    section = {"model": {"tag_map": tag_map}}
    try:
        return bool(Config().from_str(Config(section).to_str()) == section)
    except ValueError:
        return False


def _pairs(tag_map: object) -> Pairs:
    """Convert a tag map to pairs. Return an empty list if the value is not a valid tag map."""
    items: Any = tag_map.items() if isinstance(tag_map, Mapping) else tag_map
    if not isinstance(tag_map, Mapping | list | tuple) or not items:
        return []
    pairs = [list(pair) for pair in items if isinstance(pair, list | tuple)]
    are_tags = all(isinstance(tag, str) and tag.strip() for pair in pairs for tag in pair)
    are_pairs = len(pairs) == len(items) and all(len(pair) == 2 for pair in pairs)
    return pairs if are_pairs and are_tags and len({tag for tag, _ in pairs}) == len(pairs) else []
