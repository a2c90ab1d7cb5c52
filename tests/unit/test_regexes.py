"""Test that every regular expression in the package takes linear time for any text.

Each pattern is run with the methods that the code uses, on texts that it matches and that are extended at one position.
For twice the text, a linear pattern takes twice the time, and a quadratic pattern takes four times as long. Texts start
with a few characters, so that even an exponential pattern is detected within milliseconds.
"""

import ast
import re
from importlib import import_module
from time import perf_counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import ROOT

pytestmark = pytest.mark.fuzz

PACKAGE = ROOT / "spacy_bert_ner"
METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "split")
NAMED_BY_USERS = {"util/atomic_io.py:remove_stale_temp", "annotate/storage.py:_split_pattern"}
"""Functions whose patterns contain an escaped file name, or a file pattern that a user has typed."""


def patterns():
    """Yield the location of each pattern, the pattern, its flags, and the methods with which it is run."""
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
                # A string. The package never passes flags after it.
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


# Each step multiplies an exponential time by a few dozen at most. From 64 on, the length doubles.
SIZES = (4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 41, 51, 64, 128, 256, 512, 1024, 2048)
LEAST, ENOUGH = 1e-4, 5e-3
"""Minimum and sufficient duration of a run in seconds.

Shorter runs cannot be timed. For longer runs, the text does not have to grow further. On the longest text, a quadratic
pattern takes a multiple of the minimum, and a linear pattern takes a fraction of it.
"""
N_REPEATS = 15


def runner(compiled, method):
    if method == "sub":
        return lambda text: compiled.sub("", text)
    if method == "finditer":
        return lambda text: list(compiled.finditer(text))
    return getattr(compiled, method)


def seconds(run, text):
    """Return the minimum of up to three durations because other processes can slow down a run.

    Short runs are measured only once.
    """
    least = float("inf")
    for _ in range(3):
        start = perf_counter()
        run(text)
        least = min(least, perf_counter() - start)
        if least < LEAST:
            break
    return least


def is_linear(run, make):
    """Return whether the run time grows no faster than the text length.

    make: function that returns a text whose length grows with the given number.
    """
    times = []
    for n in SIZES:
        times.append(seconds(run, make(n)))
        if times[-1] >= ENOUGH:
            break
    if times[-1] < LEAST:
        return True
    short, long = (make(n) for n in SIZES[max(0, len(times) - 2) : len(times)])
    # Between linear and quadratic
    most = (len(long) / len(short)) ** 1.7
    if times[-1] <= most * times[-2]:
        return True
    fastest = [times[-2], times[-1]]
    for _ in range(N_REPEATS):
        fastest = [min(old, seconds(run, text)) for old, text in zip(fastest, (short, long), strict=True)]
        if fastest[1] <= most * fastest[0]:
            return True
    return False


def samples(compiled):
    """Return texts that match a pattern. The result is deterministic."""
    seen = set()

    @settings(
        max_examples=25,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(compiled))
    def collect(text):
        seen.add(text[:30])

    collect()
    return sorted(seen, key=lambda text: (len(text), text))


def hardest(pattern, flags, methods):
    """Return a text for which a pattern takes more than linear time, or None.

    The text is given as its prefix, the repeated part, and its suffix.
    """
    compiled = re.compile(pattern, flags)
    texts = samples(compiled)
    letters = {c for text in texts for c in text} | set("a0 \t\n.,;:|_-#'\"\\&/[{(")
    pumps = sorted(letters, key=lambda c: (ord(c) > 127, c))[:40]
    runs = [runner(compiled, method) for method in methods]
    # Try short texts first. This detects patterns that are exponential without a prefix before a long prefix causes a
    # hang.
    for text in ["", *texts[-6:]]:
        for run in runs:
            if not is_linear(run, lambda n, text=text: f"{text[:n]}\0"):
                return text, "", ""
        for place in sorted({0, len(text) // 2, len(text)}):
            for pump in pumps:
                for run in runs:
                    before, behind = text[:place], text[place:]
                    if not is_linear(run, lambda n, a=before, p=pump, b=behind: f"{a}{p * n}{b}\0"):
                        return before, pump, behind
    return None


FOUND = list(patterns())


@pytest.mark.parametrize(("place", "pattern", "flags", "methods"), FOUND, ids=[place for place, *_ in FOUND])
def test_a_pattern_takes_linear_time(place, pattern, flags, methods):
    assert hardest(pattern, flags, methods) is None


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(\w+)*!", "match"),
        (r"x(\w+)*!", "search"),
        (r"(a|aa)+$", "fullmatch"),
        (r"\s+$", "search"),
        (r"\s+$", "sub"),
        (r"\w+@", "findall"),
        (r"\w*\w*\w*!", "match"),
    ],
)
def test_one_that_does_not_would_be_seen(pattern, method):
    assert hardest(pattern, 0, [method]) is not None


@pytest.mark.parametrize(("pattern", "method"), [(r"\s{1,30}$", "search"), (r"[a-z ]+", "match"), (r"\w", "sub")])
def test_one_that_does_is_not_suspected(pattern, method):
    assert hardest(pattern, 0, [method]) is None


def test_all_of_the_package_are_found():
    assert len(FOUND) >= 22
    assert any(pattern == r"\\(.)" and methods == ("sub",) for _, pattern, _, methods in FOUND)
