"""Test that the process keeps freed memory."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, torch
from spacy_bert_ner.nn.malloc import keep_freed_memory

class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

count = ctypes.CDLL(None).mallinfo
count.restype = Mallinfo

def blocks_of_their_own():
    before = count().hblks
    tensor = torch.empty(30 << 20, dtype=torch.uint8)
    return count().hblks - before

for before in (False, True):
    if os.fork():
        os.wait()
        continue
    first = blocks_of_their_own() if before else None
    keep_freed_memory()
    print(first, blocks_of_their_own(), flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is how glibc does it")
@pytest.mark.process
def test_large_tensors_come_from_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that the process keeps large blocks, up to twice the threshold for blocks with separate pages."""
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == "None 0\n1 0\n"
