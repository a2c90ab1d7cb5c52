"""No regular expression of the package takes more than linear time, whatever text it meets.

Each is run, by the methods that the code calls it with, on texts that it matches and that were pumped up in one place.
On a hundred thousand characters what is linear takes a few milliseconds, what is quadratic minutes, and what is
exponential does not end. So it is run in a process of its own, which is given up after two minutes.
"""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "spacy_bert_ner"
N = 100_000
METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "split")
NAMED_BY_USERS = {"files.py:remove_orphans", "scale/places.py:_find"}
"""Patterns that hold the name of a file, escaped, or that somebody has typed to name files."""


def patterns():
    """Where a pattern stands, itself with its flags, and the methods it is run by."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")):
                continue
            method = ast.unparse(node.func)[3:]
            place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            if method == "escape":
                continue
            if method != "compile":
                # A string, with the flags behind it that the package uses nowhere.
                yield place, ast.literal_eval(node.args[0]), 0, (method,)
                continue
            name = next(
                (
                    statement.targets[0].id
                    for statement in tree.body
                    if isinstance(statement, ast.Assign) and statement.value is node
                ),
                None,
            )
            if name is None:
                inside = [f.name for f in functions if f.lineno <= node.lineno <= f.end_lineno]
                assert f"{path.relative_to(PACKAGE)}:{inside[-1]}" in NAMED_BY_USERS, f"{place} is read by no test"
                continue
            module = ".".join(["spacy_bert_ner", *path.relative_to(PACKAGE).with_suffix("").parts])
            compiled = getattr(import_module(module), name)
            used = {m for m in METHODS for source in PACKAGE.rglob("*.py") if f"{name}.{m}" in source.read_text()}
            assert used, f"nobody seems to run {place}"
            yield place, compiled.pattern, compiled.flags, tuple(sorted(used))


RUN = """
import json, re, sys
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pattern, flags, methods, n = json.loads(sys.argv[1])
compiled = re.compile(pattern, flags)
seen = set()

@settings(max_examples=25, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))
@given(st.from_regex(compiled))
def collect(text):
    seen.add(text[:30])

collect()
letters = {c for text in seen for c in text} | set("a0 \\t\\n.,;:|_-#'\\"\\\\&/[{(")
pumps = sorted(letters, key=lambda c: (ord(c) > 127, c))[:40]
for text in sorted(seen, key=len)[-6:] + [""]:
    for place in sorted({0, len(text) // 2, len(text)}):
        for pump in pumps:
            long = text[:place] + pump * n + text[place:] + "\\x00"
            for method in methods:
                if method == "sub":
                    compiled.sub("", long)
                elif method == "finditer":
                    list(compiled.finditer(long))
                else:
                    getattr(compiled, method)(long)
"""


def ends(pattern, flags, methods, seconds):
    arguments = json.dumps([pattern, flags, methods, N])
    try:
        subprocess.run([sys.executable, "-W", "ignore", "-c", RUN, arguments], check=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


FOUND = list(patterns())


@pytest.mark.fuzz
@pytest.mark.parametrize(("place", "pattern", "flags", "methods"), FOUND, ids=[place for place, *_ in FOUND])
def test_a_pattern_takes_linear_time(place, pattern, flags, methods):
    assert ends(pattern, flags, methods, 120)


@pytest.mark.fuzz
@pytest.mark.parametrize(("pattern", "method"), [(r"(\w+)*!", "match"), (r"\s+$", "search")])
def test_one_that_does_not_would_be_seen(pattern, method):
    assert not ends(pattern, 0, [method], 8)


def test_all_of_the_package_are_found():
    assert len(FOUND) >= 22
    assert any(pattern == r"\\(.)" and methods == ("sub",) for _, pattern, _, methods in FOUND)
