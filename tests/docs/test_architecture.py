"""Test that ARCHITECTURE.md mentions every package, and that all files and functions in it exist."""

import ast
import re

import pytest
from support import ROOT

PACKAGE = ROOT / "spacy_bert_ner"
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf8")
PATH = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|html|md|cfg))?|[a-z_]+\.py)`")
REFERENCE = re.compile(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)")


def exists(name: str) -> bool:
    return (PACKAGE / name).exists() or (ROOT / name).exists()


def names_in(file: str) -> set[str]:
    """Return the names of the functions, classes, methods and constants in a module."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    set_names = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return defined | {node.id for node in set_names}


def test_files_and_folders_exist():
    named = PATH.findall(TEXT)
    assert len(named) > 60
    assert sorted({name for name in named if not exists(name)}) == []


def test_functions_exist():
    references = [(file, name) for file, listed in REFERENCE.findall(TEXT) for name in re.findall(r"\w+", listed)]
    assert len(references) > 30
    assert [f"{file}: {name}" for file, name in references if name not in names_in(file)] == []


@pytest.mark.parametrize("package", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_every_package_is_drawn(package):
    if package != "scale":  # `scale` only keeps an import path that was documented before
        assert re.search(rf"^(.*\s)?{package}\s", TEXT, flags=re.MULTILINE)
