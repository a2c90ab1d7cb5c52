"""Test that the objects passed to spaCy's training loop provide everything it uses.

These tests fail if spaCy changes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from spacy.training.loop import create_evaluation_callback, train_while_improving

from spacy_bert_ner.training.resumable_pipeline import EvaluationSteps, ResumablePipeline

USED = {
    train_while_improving: {"update", "pipeline", "use_params"},
    create_evaluation_callback: {"evaluate", "pipe_names"},
}


def uses(function: Callable[..., Any], name: str) -> list[tuple[ast.AST, ast.AST]]:
    """Return each use of an argument in a function's source, with the parent node."""
    tree = ast.parse(inspect.getsource(function))
    pairs = [(child, parent) for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)]
    return [(child, parent) for child, parent in pairs if isinstance(child, ast.Name) and child.id == name]


@pytest.mark.parametrize("function", USED)
def test_spacy_uses_only_what_the_stand_in_for_a_pipeline_has(function: Callable[..., Any]) -> None:
    parents = [parent for _, parent in uses(function, "nlp")]
    assert {parent.attr for parent in parents if isinstance(parent, ast.Attribute)} == USED[function]
    assert all(hasattr(ResumablePipeline, name) for name in USED[function])
    # The pipeline object is only passed to callbacks, to which `Trainer` passes the real pipeline.
    calls = [parent for parent in parents if not isinstance(parent, ast.Attribute)]
    assert {ast.unparse(call) for call in calls} <= {"before_update(nlp, before_update_args)", "dev_corpus(nlp)"}


def test_spacy_uses_only_the_remainder_of_the_stand_in_for_an_integer() -> None:
    parents = [ast.unparse(parent) for _, parent in uses(train_while_improving, "eval_frequency")]
    assert parents == ["step % eval_frequency"]
    assert hasattr(EvaluationSteps, "__rmod__")
