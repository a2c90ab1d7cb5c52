"""Find the recipes, which are training configs that are installed with the package."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError, Errors

_FOLDER = Path(__file__).parents[1] / "recipes"


def recipe_names() -> list[str]:
    """Return the names of all recipes in alphabetical order, such as `bert_ner`."""
    return sorted(path.stem for path in _FOLDER.glob("*.cfg"))


def recipe_path(name: str) -> Path:
    """Return the path to the config file of a recipe.

    name (str): name of the recipe, which is the name of its file without `.cfg`.
    RETURNS (Path): path to the file.
    RAISES ConfigError: there is no such recipe. The message lists the recipes.
    """
    names = recipe_names()
    if name not in names:
        raise ConfigError(Errors.unknown_recipe.format(name=name, names=", ".join(names)))
    return _FOLDER / f"{name}.cfg"
