"""Adapt the component configs that spaCy stores, so they can be read as tables, saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, Errors
from ..models.tag_map import survives
from .settings import model_section


class PipeConfigs(dict[str, Any]):
    """The component configs of a pipeline, by name. spaCy writes them when it saves the pipeline.

    A saved config has one section per table and one line per key. Some keys, such as `[PAD]` or `B:per`, cannot be
    written that way. A `tag_map` or `label_map` with such a key is stored as a list of pairs.

    If `model` is the name of a checkpoint, the complete section for that checkpoint is stored.
    """

    named: str | None = None
    """Name of the last component that was created, if its `model` is the name of a checkpoint."""

    def __setitem__(self, name: str, config: Any) -> None:
        if config.get("factory") == "bert_ner":
            _check_name(name, config)
            if name == self.named and isinstance(config.get("model"), str):
                config["model"] = model_section(config["model"])
        for section, key in ((config.get("model"), "tag_map"), (config, "label_map")):
            table = section.get(key) if isinstance(section, dict) else None
            if isinstance(table, Mapping) and not survives(dict(table)):
                section[key] = [[*pair] for pair in table.items()]
        super().__setitem__(name, config)


def keep_configs(nlp: Any, name: str, model: object) -> None:
    """Enable a pipeline to store the config of the component that is being created.

    nlp (Language): the pipeline.
    name (str): name of the component.
    model (object): value of the component's setting `model`, with variables interpolated.
    """
    # spaCy stores the config only after the factory has returned.
    if not isinstance(nlp._pipe_configs, PipeConfigs):
        nlp._pipe_configs = PipeConfigs(nlp._pipe_configs)
    # The stored value may contain a variable, so it does not show whether `model` is a name or a section.
    nlp._pipe_configs.named = name if isinstance(model, str) else None


def _check_name(name: str, config: Any) -> None:
    """Remove the key `name`, which spaCy ignores, from a component's config.

    RAISES ConfigError: the config contains another name, such as the name of a checkpoint.
    """
    value = config.get("name", name)
    if value != name:
        raise ConfigError(Errors.name_in_config.format(name=name, value=value))
    config.pop("name", None)
