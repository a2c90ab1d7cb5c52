"""Promises of the package as a whole: what it exports, what it imports, and from where."""

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

MAY_IMPORT = {
    "component": {
        "model",
        "label_rules",
        "label_scope",
        "relabeling",
        "batching",
        "loss",
        "gold",
        "gold_warnings",
        "objective",
        "prediction",
        "calibration",
        "annotations",
        "default_optimizer",
        "saving",
        "settings",
        "shared",
        "stepping",
        "tag_map",
        "tags",
        "tokenizer_fit",
        "weighting",
        "evaluation.given",
        "evaluation.scorer",
    },
    "stepping": {"default_optimizer", "model", "optimizer", "saving", "schedule", "shared", "training_plan"},
    "default_optimizer": set(),
    "schedule": set(),
    "training_plan": {"randomness"},
    "console": {"corpus.small_dev", "pipelines", "randomness", "training_plan"},
    "saving": {"files", "model", "opening", "shim", "size_locks", "sums", "unpacking"},
    "sums": {"files", "size_locks"},
    "size_locks": set(),
    "hub": {"locks", "opening"},
    "locks": {"allowed_settings", "size_locks", "tokenizer_locks"},
    "tokenizer_locks": {"case_marks"},
    "allowed_settings": set(),
    "tokenizer_door": {"locks", "opening", "slow_tokenizers"},
    "calibration": {
        "model",
        "gold",
        "pipelines",
        "prediction",
        "confidence",
        "settings",
        "corpus.part_file",
        "corpus.reader",
        "corpus.spacy_docs",
        "evaluation.given",
        "evaluation.metrics",
    },
    "prediction": {"model", "alignment", "annotations", "decoding", "confidence", "settings", "tags"},
    "model": {
        "alignment",
        "batch_invariance",
        "checkpoint",
        "columns",
        "doc_windows",
        "windows",
        "batching",
        "growth",
        "label_rules",
        "opening",
        "precision",
        "runtimes.graph",
        "runtimes.graph_files",
        "runtimes.on_onnx",
        "runtimes.on_torch",
        "shared",
        "shim",
        "tag_map",
        "tags",
    },
    "label_rules": {"tags"},
    "relabeling": {"label_rules"},
    "label_scope": {"label_rules", "pipelines", "relabeling"},
    "label_callback": set(),
    "columns": {"tags"},
    "tag_map": set(),
    "doc_windows": {"alignment", "windows"},
    "shared": {"dropout", "head", "shim", "tags"},
    "head": {"growth", "label_rules", "layers", "opening", "row_gradients", "tags"},
    "shim": {"checkpoint", "columns", "forks", "gathered", "head", "precision", "runtimes.graph", "updates"},
    "checkpoint": {
        "batch_invariance",
        "batching",
        "case_marks",
        "dropout",
        "files",
        "forks",
        "gathered",
        "growth",
        "hub",
        "label_rules",
        "layers",
        "locks",
        "opening",
        "row_gradients",
        "runtimes.unpadded",
        "special_subwords",
        "slow_tokenizers",
        "tags",
        "tokenizer_door",
    },
    "slow_tokenizers": {"opening"},
    "case_marks": set(),
    "dropout": set(),
    "growth": {"layers"},
    "opening": {"label_rules", "locks", "tags", "unused"},
    "unused": set(),
    "gold": {"alignment", "tags"},
    "gold_warnings": {"gold"},
    "confidence": {"lattice", "tags"},
    "decoding": {"alignment", "lattice", "tags"},
    "lattice": {"tags"},
    "objective": {"gold", "loss", "negatives", "sequence_loss", "settings", "tags", "weighting"},
    "negatives": {"alignment", "loss", "negative_loss", "tags"},
    "negative_loss": {"confidence", "lattice", "tags"},
    "sequence_loss": {"alignment", "confidence", "lattice", "loss", "tags"},
    "loss": {"alignment", "tags"},
    "settings": {"decoding", "label_rules", "tags"},
    "weighting": {"tags"},
    "annotations": {"scored_spans"},
    "scored_spans": set(),
    "special_subwords": set(),
    "tokenizer_fit": set(),
    "tags": {"tag_rules"},
    "tag_rules": set(),
    "windows": set(),
    "alignment": set(),
    "batching": set(),
    "batch_invariance": set(),
    "updates": {"layers", "optimizer"},
    "optimizer": {"layers"},
    "layers": set(),
    "precision": set(),
    "runtimes/on_torch": {"checkpoint", "precision", "products", "unpadded"},
    "runtimes/unpadded": {"heap", "products"},
    "runtimes/heap": set(),
    "runtimes/products": set(),
    "runtimes/on_onnx": set(),
    "runtimes/conversion": {"batch_invariance", "checkpoint", "attention"},
    "runtimes/graph": {"checkpoint", "files", "opening", "on_onnx", "signature", "tags"},
    "runtimes/graph_files": {"locks", "on_onnx", "opening"},
    "runtimes/signature": set(),
    "runtimes/attention": set(),
    "export": {
        "case_marks",
        "component",
        "corpus.part_file",
        "corpus.spacy_docs",
        "files",
        "model",
        "pipelines",
        "precision",
        "runtimes.conversion",
        "runtimes.graph",
        "runtimes.on_onnx",
        "runtimes.on_torch",
    },
    "pipelines": {"pipeline_locks"},
    "pipeline_locks": {"size_locks", "unpacking"},
    "row_gradients": set(),
    "logger": {"console", "files", "loss", "pipelines", "randomness", "shared"},
    "files": set(),
    "pages": set(),
    "plotting": {"pages"},
    "display": {"annotations"},
    "forks": set(),
    "unpacking": set(),
    "errors": {
        *("checkpoint_messages", "csv_messages", "evaluation_messages", "messages", "scale_messages"),
        "training_messages",
    },
    "gathered": set(),
    "command_messages": set(),
    "evaluation_messages": {"command_messages"},
    "training_messages": set(),
    "training/changes": {"evaluation.provenance", "files"},
    "training/loop": {
        *("changes", "parameters", "stage", "states", "watch", "workers"),
        *("console", "files", "logger", "loss", "randomness", "schedule", "training_plan"),
    },
    "training/on_ray": {"loop", "run", "scale.on_ray", "user_code", "watch"},
    "training/parameters": {"shim", "updates"},
    "randomness": set(),
    "training/run": {
        *("changes", "loop", "parameters", "stage", "states", "watch", "workers"),
        *("corpus.part_file", "pipelines"),
    },
    "training/stage": {"parameters", "pipelines", "randomness", "shared", "shim", "workers"},
    "training/states": {"files", "sums"},
    "training/watch": set(),
    "training/workers": set(),
    "checkpoint_messages": set(),
    "csv_messages": set(),
    "messages": {"format_messages", "json_messages", "span_messages"},
    "json_messages": set(),
    "format_messages": set(),
    "span_messages": set(),
    "types": set(),
    "user_code": set(),
}

LANGUAGE_ROOMS = {
    "component.py",
    "label_callback.py",
    "label_scope.py",
    "console.py",
    "logger.py",
    "reader.py",
    "pipelines.py",
    "export.py",
    "measure.py",
    "report.py",
}
LANGUAGE_ROOMS |= {"annotator.py", "on_ray.py", "worker.py", "loop.py", "parameters.py", "run.py", "stage.py"}
EXAMPLE_ROOMS = {"component.py", "objective.py", "gold.py", "calibration.py", "logger.py", "scorer.py", "reader.py"}
EXAMPLE_ROOMS |= {"label_scope.py", "relabeling.py", "export.py", "given.py", "gold_warnings.py", "measure.py"}
EXAMPLE_ROOMS |= {"negatives.py", "stage.py"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> frozenset[tuple[int, str]]:
    """Level (0: absolute) and name of every import in a module, wherever it stands."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            found |= {(node.level, node.module or alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(0, alias.name) for alias in node.names}
    return frozenset(found)


def rooms(path: Path, level: int) -> set[str]:
    """First parts of the names that a module imports at a level."""
    return {module.partition(".")[0] for at, module in imports(path) if at == level}


def offenders(forbidden: Callable[[Path], Iterable[str]], paths: Iterable[Path] = MODULES) -> dict[str, list[str]]:
    """What a module has of what it may not have, by its path in the package."""
    found = {path.relative_to(PACKAGE).as_posix(): sorted(forbidden(path)) for path in paths}
    assert found, "no module was looked at"
    return {name: names for name, names in found.items() if names}


def test_every_exported_name_is_there():
    for name in spacy_bert_ner.__all__:
        assert getattr(spacy_bert_ner, name).__name__ == name


def test_no_message_takes_the_place_of_another():
    """They stand in several classes, one of which inherits the others."""
    names = [name for cls in Errors.__mro__[:-1] for name in vars(cls) if not name.startswith("_")]
    assert len(names) > 200
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'Bert'. Allowed: BertNer, "):
        spacy_bert_ner.Bert  # noqa: B018


def test_imports_point_one_way():
    def forbidden(path):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        own = {module for level, module in imports(path) if level}
        return own - {"errors", "types"} - MAY_IMPORT[name]

    assert offenders(forbidden, [PACKAGE / f"{name}.py" for name in MAY_IMPORT]) == {}


def test_inspection_knows_corpora_and_what_measures_them():
    allowed = {"corpus", "tags", "types", "errors", "files", "pages", "plotting"}

    def forbidden(path):
        measuring = {"alignment", "checkpoint", "model"} if path.name == "subwords.py" else set()
        return rooms(path, 2) - allowed - measuring

    assert offenders(forbidden, PACKAGE.glob("inspection/*.py")) == {}


def test_only_the_page_knows_streamlit():
    assert set(offenders(lambda path: rooms(path, 0) & {"streamlit"})) <= {"demo/app.py"}


def test_evaluation_knows_no_model():
    """It takes pipelines of any components."""
    allowed = {
        "annotations",
        "corpus",
        "display",
        "errors",
        "files",
        "label_scope",
        "pages",
        "pipelines",
        "plotting",
        "tags",
        "types",
    }
    assert offenders(lambda path: rooms(path, 2) - allowed, PACKAGE.glob("evaluation/*.py")) == {}


@pytest.mark.parametrize(("library", "door"), [("transformers", "checkpoint.py"), ("huggingface_hub", "hub.py")])
def test_transformers_and_the_hub_have_one_door_each(library, door):
    def forbidden(path):
        return {module for level, module in imports(path) if not level and module.startswith(library)}

    assert {name for name in offenders(forbidden) if Path(name).name != door} == set()


@pytest.mark.parametrize(("module", "allowed"), [("spacy.language", LANGUAGE_ROOMS), ("spacy.training", EXAMPLE_ROOMS)])
def test_few_rooms_know_language_and_example(module, allowed):
    found = offenders(lambda path: {name for _, name in imports(path)} & {module})
    assert {name for name in found if Path(name).name not in allowed} == set()


def test_a_module_fits_on_a_few_pages():
    assert {path.name: n for path in MODULES if (n := len(path.read_text().splitlines())) > 450} == {}


RUN_CODE = {"cloudpickle", "code", "dill", "joblib", "marshal", "pickle", "runpy", "shelve"}
"""Modules that run what they read, or may."""
CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.hub.load", "yaml.load", "os.system"}


def called(path):
    """Names of what a module calls, as in `torch.load`."""
    return {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}


def runs_code(path):
    """What in a module runs code that it reads, or may."""
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
    code = "import sys, spacy_bert_ner; print({'torch', 'spacy', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.process
def test_a_blank_pipeline_does_not_import_transformers():
    # spaCy imports what makes components, which is spacy-transformers too where it is installed.
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
