"""Test that the fork server's Python behaves like Python in everything that tests check."""

import os
import signal
import subprocess
import sys

import pytest
from fork_server import fast_python

pytestmark = pytest.mark.process


def run(python, *arguments, **options):
    done = subprocess.run([python, *arguments], capture_output=True, text=True, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-c", "print('a')"], (0, "a\n", [])),
        (["-c", "import sys; print(sys.argv)", "b"], (0, "['-c', 'b']\n", [])),
        (["-c", "import sys; sys.exit(3)"], (3, "", [])),
        (["-c", "import sys; sys.exit('why')"], (1, "", ["why"])),
        (["-c", "raise ValueError('x')"], (1, "", ["ValueError: x"])),
        (["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], (-signal.SIGKILL, "", [])),
        (["-c", "import sys; print(sys.stdin.read())"], (0, "in\n", [])),
        (["-c", "import os; print(os.environ['TESTS_X'], os.getcwd() == os.environ['PWD'])"], (0, "é True\n", [])),
        (["-c", "import threading as t; t.Timer(0.05, print, ['late']).start()"], (0, "late\n", [])),
        (["-c", "import atexit; atexit.register(print, 'end')"], (0, "end\n", [])),
        (["-c", "print(__name__, __builtins__.len('ab'))"], (0, "__main__ 2\n", [])),
        (["-W", "error", "-c", "import warnings; warnings.warn('w')"], (1, "", ["UserWarning: w"])),
        (["-m", "calendar", "2026", "13"], None),
    ],
    ids=range(13),
)
def test_it_does_what_python_does(tmp_path, arguments, expected):
    options = {"input": "in", "cwd": tmp_path, "env": {**os.environ, "TESTS_X": "é", "PWD": str(tmp_path)}}
    found = run(fast_python(), *arguments, **options)
    if expected is None:
        expected = run(sys.executable, *arguments, **options)
        assert expected[0] != 0
        found, expected = found[:2], expected[:2]
    assert found == expected


def test_a_script_finds_what_lies_beside_it(tmp_path):
    (tmp_path / "beside.py").write_text("x = 7")
    (tmp_path / "script.py").write_text("import beside, sys; print(beside.x, sys.argv[1:], __file__)")
    path = str(tmp_path / "script.py")
    assert run(fast_python(), path, "a") == (0, f"7 ['a'] {path}\n", [])


def test_a_signal_is_passed_on():
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('go', flush=True); "
        "signal.pause()"
    )
    process = subprocess.Popen([fast_python(), "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"go\n"
    process.terminate()
    assert process.wait(60) == 7
    process.stdout.close()


def test_who_kills_the_client_ends_the_process_and_its_children():
    code = "import os, signal; os.fork(); print('go', flush=True); signal.pause()"
    process = subprocess.Popen([fast_python(), "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"go\n"
    process.kill()
    process.wait()
    # Both processes hold the pipe, so reading ends only when both have ended.
    assert set(process.stdout.read().split()) <= {b"go"}
    process.stdout.close()
