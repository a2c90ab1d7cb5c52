"""Load a saved pipeline, or a checkpoint in a new pipeline."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import spacy
from spacy.language import Language
from spacy.util import is_package

from ..checkpoints.loading import is_folder
from ..errors import ConfigError, Errors, format_exception
from ..util import pipelines
from ..util.pipeline_safety import is_pipeline
from .bert_ner import BertNer
from .settings import Settings, model_section

_COMPONENT_KEYS = frozenset({field.name for field in fields(Settings)} | {"scorer"})
_MODEL_KEYS = frozenset(model_section("")) - {"@architectures", "name"}


def load(name: str | Path, lang: str = "en", **settings: Any) -> Language:
    """Load a saved pipeline, or a checkpoint in a new pipeline.

    name (str | Path): folder of a saved pipeline, name of an installed pipeline package, or a checkpoint. A checkpoint
        is a folder or the name of a model on the Hugging Face Hub.
    lang (str): language code for the new pipeline, such as "de". Ignored for a saved pipeline, which has its own
        language. Default: "en".
    **settings: settings of the component `bert_ner` and its model in the new pipeline, such as `overwrite=True` or
        `window=256`; see `settings.Settings` and `token_classifier.build_token_classifier_v1`.
    RETURNS (Language): the pipeline, with its weights loaded.
    RAISES BertNerError: the pipeline or the checkpoint cannot be loaded.
    RAISES ConfigError: a setting is invalid, or settings are given for a saved pipeline.
    """
    unknown = sorted(settings.keys() - _COMPONENT_KEYS - _MODEL_KEYS)
    if unknown:
        allowed = ", ".join(sorted(_COMPONENT_KEYS | _MODEL_KEYS))
        raise ConfigError(Errors.unknown_setting.format(key=unknown[0], allowed=allowed))
    model = {key: value for key, value in settings.items() if key in _MODEL_KEYS}
    component = {key: value for key, value in settings.items() if key in _COMPONENT_KEYS}
    if _is_saved(name):
        if settings:
            overrides = {f"components.bert_ner.{key}": value for key, value in component.items()}
            overrides |= {f"components.bert_ner.model.{key}": value for key, value in model.items()}
            message = Errors.settings_of_pipeline.format(name=name, keys=", ".join(settings), overrides=overrides)
            raise ConfigError(message)
        return pipelines.load(name)
    nlp = _blank(lang)
    checkpoint: Any = str(name) if isinstance(name, Path) else name
    config = {"model": {"name": checkpoint, **model}, **component}
    cast(BertNer, nlp.add_pipe("bert_ner", config=config))._ensure_loaded()
    return nlp


def _blank(lang: object) -> Language:
    try:
        return spacy.blank(str(lang))
    except ImportError as e:  # some languages require a package for their tokenizer
        raise ConfigError(Errors.no_language.format(lang=lang, reason=format_exception(e, None))) from e


def _is_saved(name: object) -> bool:
    """Return whether a name refers to a saved pipeline or an installed package rather than to a checkpoint."""
    if isinstance(name, str | Path) and is_folder(str(name)):
        return is_pipeline(Path(name))
    return isinstance(name, str) and is_package(name)
