"""The setting `tag_map`: other names for the tags of a checkpoint, whose `config.json` may be out of reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from thinc.api import Config

from .errors import MODEL_SECTION, ConfigError, Errors, check_setting

Pairs = list[list[str]]

ALLOWED = 'null, a table of tags, as in {"LABEL_1": "B-per"}, or a list of pairs of them, as in [["[PAD]", "O"]]'


def check_tag_map(tag_map: object) -> Pairs | None:
    """Refuse what is no map of tags.

    tag_map: of the config: a table, a list of pairs, or None.
    RETURNS: the pairs, each of the checkpoint's tag and the one that it stands for.
    RAISES ConfigError: it is something else, holds no tags, or would be another one in a saved config.
    """
    if tag_map is None:
        return None
    pairs = _pairs(tag_map)
    check_setting(MODEL_SECTION, "tag_map", tag_map, bool(pairs), ALLOWED)
    if isinstance(tag_map, Mapping):
        for key, tag in pairs:
            if not _survives({key: tag}):
                shown = json.dumps(pairs, ensure_ascii=False)
                raise ConfigError(Errors.lost_tag.format(key=key, pairs=shown))
    check_setting(MODEL_SECTION, "tag_map", tag_map, _survives(pairs), "tags without ${…}, which configs replace")
    return pairs


def _pairs(tag_map: object) -> Pairs:
    """Empty where it is no map of tags."""
    items: Any = tag_map.items() if isinstance(tag_map, Mapping) else tag_map
    if not isinstance(tag_map, Mapping | list | tuple) or not items:
        return []
    pairs = [list(pair) for pair in items if isinstance(pair, list | tuple)]
    are_tags = all(isinstance(tag, str) and tag.strip() for pair in pairs for tag in pair)
    are_pairs = len(pairs) == len(items) and all(len(pair) == 2 for pair in pairs)
    return pairs if are_pairs and are_tags and len({tag for tag, _ in pairs}) == len(pairs) else []


def _survives(tag_map: dict[str, str] | Pairs) -> bool:
    """Whether a config still has it once it was written and read: tables are sections there, with a line for a key."""
    section = {"model": {"tag_map": tag_map}}
    try:
        return bool(Config().from_str(Config(section).to_str()) == section)
    except ValueError:
        return False
