"""Provide the first lines of each program that a test kills.

See `test_killed_writers.py` and `test_killed_training.py`.
"""

BEGIN = """
import os, signal, shutil, sys
from pathlib import Path

def kill(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)

def after(real):
    def run(*args, **options):
        real(*args, **options)
        kill()
    return run

def at_call(number, real, do=kill):
    calls = []
    def run(*args, **options):
        calls.append(1)
        return do(*args, **options) if len(calls) == number else real(*args, **options)
    return run

def half_weights(self, folder):
    Path(folder).mkdir()
    Path(folder, "model.safetensors").write_bytes(b"half")
    kill()
"""
