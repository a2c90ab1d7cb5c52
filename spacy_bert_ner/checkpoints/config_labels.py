"""Read the labels of a trained head from `config.json`, without weights, `transformers` or network access."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..decoding.label_rules import ALL_LABELS, LabelRules
from .hub import folder_at_hand
from .loading import resolve_head
from .safety import CONFIG


def labels_in_config(
    name: str,
    *,
    revision: str | None = None,
    tag_scheme: str | None = None,
    tag_map: Mapping[str, str] | None = None,
    label_rules: LabelRules = ALL_LABELS,
) -> tuple[str, ...]:
    """Return a checkpoint's labels in sorted order, if its config is in a local folder or in the Hub cache.

    name (str): folder or Hub name of the checkpoint.
    revision, tag_scheme, tag_map, label_rules: see `Checkpoint.from_pretrained`.
    RETURNS (tuple[str, ...]): the labels. Empty if they cannot be determined without loading the checkpoint, or if the
        checkpoint cannot be loaded. In the second case, the error is reported when it is loaded.
    """
    try:
        folder = folder_at_hand(name, revision)
        if folder is None:
            return ()
        config = _read_config(json.loads((folder / CONFIG).read_text(encoding="utf8")))
        labels = resolve_head(config, name, None, (), tag_scheme, tag_map, label_rules)[0].labels
    except Exception:  # the Hub client and damaged files raise errors of many classes
        return ()
    return labels if (label_rules.labels or frozenset()) <= {*labels} else ()


def _read_config(config: dict[str, Any]) -> SimpleNamespace:
    """Return the parts of a config that determine the tags, as in `transformers.PretrainedConfig`."""
    id2label = {int(i): tag for i, tag in config["id2label"].items()}
    keys = ("architectures", "tag_scheme")
    return SimpleNamespace(id2label=id2label, **{key: config.get(key) for key in keys})
