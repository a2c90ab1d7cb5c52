"""Test the package as a whole: its exported names, its imports, and which modules may import them."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import spacy_bert_ner
from spacy_bert_ner.errors import Errors

PACKAGE = Path(spacy_bert_ner.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> frozenset[tuple[int, str]]:
    """Return the level (0 for an absolute import) and name of every import in a module, including nested imports."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            found |= {(node.level, node.module or alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(0, alias.name) for alias in node.names}
    return frozenset(found)


def rooms(path: Path, level: int) -> set[str]:
    """Return the first parts of the names that a module imports at a level."""
    return {module.partition(".")[0] for at, module in imports(path) if at == level}


def offenders(forbidden: Callable[[Path], Iterable[str]], paths: Iterable[Path] = MODULES) -> dict[str, list[str]]:
    """Return the forbidden items found in each module, by the module's path in the package."""
    found = {path.relative_to(PACKAGE).as_posix(): sorted(forbidden(path)) for path in paths}
    assert found, "no module was looked at"
    return {name: names for name, names in found.items() if names}


def test_every_exported_name_is_there():
    for name in spacy_bert_ner.__all__:
        assert getattr(spacy_bert_ner, name).__name__.rpartition(".")[2] == name


@pytest.mark.process
def test_the_names_are_listed_before_they_are_used():
    listed = subprocess.run(
        [sys.executable, "-c", "import spacy_bert_ner; print(*dir(spacy_bert_ner))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"BertNer", "load", "make_bert_ner", "score_bert_ner", "show", "__version__"} <= set(listed)
    assert set(spacy_bert_ner.__all__) <= set(listed)
    assert listed == sorted(set(listed))


def test_no_message_takes_the_place_of_another():
    """Test that message names are unique across the message classes, which `Errors` inherits."""
    names = [name for cls in Errors.__mro__[:-1] for name in vars(cls) if not name.startswith("_")]
    assert len(names) > 200
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'Bert'. Allowed: BertNer, "):
        spacy_bert_ner.Bert  # noqa: B018
    with pytest.raises(AttributeError, match=r"spacy_bert_ner\.api: spacy_bert_ner\.api\.convert\(\.\.\.\)$"):
        spacy_bert_ner.convert  # noqa: B018


def test_only_the_page_knows_streamlit():
    assert set(offenders(lambda path: rooms(path, 0) & {"streamlit"})) <= {"demo/app.py"}


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("transformers", {"checkpoint.py"}),
        ("huggingface_hub", {"hub.py", "front_matter.py", "push.py"}),  # downloads, metadata of cards, uploads
    ],
)
def test_only_few_modules_import_transformers_and_the_hub(library, doors):
    def forbidden(path):
        return {module for level, module in imports(path) if not level and module.startswith(library)}

    assert {name for name in offenders(forbidden) if Path(name).name not in doors} == set()


RUN_CODE = {"cloudpickle", "code", "dill", "joblib", "marshal", "pickle", "runpy", "shelve"}
"""Modules that run, or can run, the data they read."""
CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.hub.load", "yaml.load", "os.system"}


def called(path):
    """Return the names of all functions that a module calls, such as `torch.load`."""
    return {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}


def runs_code(path):
    """Return everything in a module that runs, or can run, the data it reads."""
    text = path.read_text()
    options = {option for option in ("trust_remote_code=True", "shell=True") if option in text}
    return rooms(path, 0) & RUN_CODE | called(path) & CALLS | options


def test_nothing_that_is_read_is_run():
    assert offenders(runs_code) == {}


def test_what_runs_code_would_be_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import pickle, torch\nfrom dill import loads\nx = torch.load(eval('file'))\nmodel.eval()\n"
        "run(x, shell=True)\nopen_model(x, trust_remote_code=True)\n"
    )
    assert runs_code(path) == {"pickle", "dill", "torch.load", "eval", "shell=True", "trust_remote_code=True"}


@pytest.mark.process
def test_importing_the_package_does_no_work():
    code = (
        "import sys, spacy_bert_ner as s; s.api.convert; print({'torch', 'spacy', 'transformers'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.process
def test_a_blank_pipeline_does_not_import_transformers():
    # When spaCy creates components, it imports spacy-transformers if it is installed.
    code = (
        "import sys, spacy; nlp = spacy.blank('en'); before = set(sys.modules); nlp.add_pipe('bert_ner'); "
        "print('transformers' in set(sys.modules) - before)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_entry_point_loads():
    groups = {"spacy_factories", "spacy_architectures", "spacy_scorers", "spacy_readers", "spacy_loggers", "spacy_cli"}
    groups |= {"thinc_optimizers", "thinc_schedules", "spacy_misc"}
    ours = [e for group in groups for e in entry_points(group=group) if e.value.startswith("spacy_bert_ner")]
    assert {e.group for e in ours} == groups
    for entry_point in ours:
        assert callable(entry_point.load())
