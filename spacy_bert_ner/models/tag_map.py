"""The setting `tag_map`: other names for the tags of a checkpoint, whose `config.json` may be out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thinc.api import Config

from ..errors import MODEL_SECTION, require_setting

Pairs = list[list[str]]

ALLOWED = 'null, a table of tags, as in {"LABEL_1": "B-per"}, or a list of pairs of them, as in [["[PAD]", "O"]]'


def check_tag_map(tag_map: object) -> Pairs | None:
    """Refuse what is no map of tags.

    tag_map: of the config: a table, a list of pairs, or None.
    RETURNS: the pairs, each of the checkpoint's tag and the one that it stands for.
    RAISES ConfigError: it is something else, holds no tags, or has what no saved config can hold.
    """
    if tag_map is None:
        return None
    pairs = _pairs(tag_map)
    require_setting(MODEL_SECTION, "tag_map", tag_map, bool(pairs), ALLOWED)
    require_setting(MODEL_SECTION, "tag_map", tag_map, _survives(pairs), "tags without ${…}, which configs replace")
    return pairs


class PipeConfigs(dict[str, Any]):
    """The configs of the components of a pipeline, by name, as spaCy keeps them to save them.

    A saved config has a section for each table, and a line for each of its keys. There it cannot hold keys such as
    `[PAD]` and `B:per`. A `tag_map` or `label_map` with such a key is kept as a list of pairs, which means the same.
    """

    def __setitem__(self, name: str, config: Any) -> None:
        for section, key in ((config.get("model"), "tag_map"), (config, "label_map")):
            table = section.get(key) if isinstance(section, dict) else None
            if isinstance(table, Mapping) and not _survives(dict(table)):
                section[key] = [[*pair] for pair in table.items()]
        super().__setitem__(name, config)


def keep_tag_map(nlp: Any) -> None:
    """Let a pipeline keep the `tag_map` of the component that is made now, whatever its keys are."""
    # spaCy hands the config over only after the factory has returned.
    if not isinstance(nlp._pipe_configs, PipeConfigs):
        nlp._pipe_configs = PipeConfigs(nlp._pipe_configs)


def _pairs(tag_map: object) -> Pairs:
    """Empty where it is no map of tags."""
    items: Any = tag_map.items() if isinstance(tag_map, Mapping) else tag_map
    if not isinstance(tag_map, Mapping | list | tuple) or not items:
        return []
    pairs = [list(pair) for pair in items if isinstance(pair, list | tuple)]
    are_tags = all(isinstance(tag, str) and tag.strip() for pair in pairs for tag in pair)
    are_pairs = len(pairs) == len(items) and all(len(pair) == 2 for pair in pairs)
    return pairs if are_pairs and are_tags and len({tag for tag, _ in pairs}) == len(pairs) else []


def _survives(tag_map: Mapping[str, Any] | Pairs) -> bool:
    """Whether a config still has it once it was written and read: tables are sections there, with a line for a key."""
    section = {"model": {"tag_map": tag_map}}
    try:
        return bool(Config().from_str(Config(section).to_str()) == section)
    except ValueError:
        return False
