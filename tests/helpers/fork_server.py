"""Provide a Python command that starts in milliseconds.

The command is forked from a process that has already imported spaCy and torch:

    subprocess.run([fast_python(), "-m", "spacy", "train", ...])

The command accepts the same arguments as `sys.executable` and has the same output and exit status. Most tests that
start a process check its output and files. Tests that check Python's startup, or that set variables which libraries
read on import, must use `sys.executable`.

The command is a small client. It sends its arguments, working folder, environment and standard streams to the server,
which forks. The client forwards signals. If the client is killed, the process and its whole group are killed, too.

When run as a script, this file is the server: `fork_server.py SOCKET`. The server stops when its standard input is
closed.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
import warnings
from functools import cache
from pathlib import Path

PRELOADED = [
    "spacy.cli",
    "spacy_bert_ner.cli",
    "spacy_bert_ner.pipeline.bert_ner",
    "spacy_bert_ner.checkpoints.checkpoint",
    "spacy_bert_ner.corpus.convert",
    "spacy_bert_ner.evaluation.report",
    "spacy_bert_ner.export.exporter",
    "spacy_bert_ner.inspection.report",
    "spacy_bert_ner.training.run",
    "transformers.models.bert.modeling_bert",
    "transformers.models.auto.tokenization_auto",
    "matplotlib.figure",
    "safetensors.torch",
    "torch._dynamo",
]

CLIENT = """#!{python} -IS
import array, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
parts = [os.getcwd(), *sys.argv[1:], "", *(f"{{k}}={{v}}" for k, v in os.environ.items())]
content = b"\\0".join(os.fsencode(part) for part in parts)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: server.send(bytes([number])))
message = len(content).to_bytes(4, "little") + len(sys.argv).to_bytes(4, "little")
server.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
server.sendall(content)
status = int.from_bytes(server.recv(4), "little")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
"""


@cache
def fast_python() -> str:
    """Return the path of the command. The first call starts the server, which stops at the end of this process."""
    folder = Path(tempfile.mkdtemp(prefix="fork-server-"))
    address, command = folder / "socket", folder / "python"
    command.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    command.chmod(0o755)
    line = [sys.executable, "-W", "ignore", __file__, str(address)]
    server = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(_stop, server, folder)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n", "the fork server did not start; see what it printed"
    return str(command)


def _stop(server: subprocess.Popen[bytes], folder: Path) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _serve(address: str) -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    import gc

    gc.collect()
    gc.freeze()  # prevent garbage collection in child processes from copying memory pages
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    os.write(1, b"ready\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        readable, _, _ = select.select([0, listening], [], [])
        if 0 in readable:
            return  # standard input was closed
        client, _ = listening.accept()
        while _waited():
            pass
        if not os.fork():
            listening.close()
            _supervise(client)
        client.close()


def _waited() -> bool:
    """Reap one terminated child process. Return whether there was one."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    return False


def _supervise(client: socket.socket) -> None:
    """Run a client's command in a child process, forward signals to it, and send its exit status to the client."""
    header, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    size, n_arguments = int.from_bytes(header[:4], "little"), int.from_bytes(header[4:], "little")
    streams = array.array("i")
    streams.frombytes(ancillary[0][2])
    content = b""
    while len(content) < size:
        content += client.recv(size - len(content))
    cwd, *parts = map(os.fsdecode, content.split(b"\0"))
    arguments, environment = parts[: n_arguments - 1], dict(part.split("=", 1) for part in parts[n_arguments:])
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        client.close()
        os.close(reads)
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, writes)
        os.set_inheritable(writes, False)
        _become(arguments, cwd, environment)
    os.close(writes)
    for stream in [*streams, 0, 1, 2]:
        os.close(stream)
    ended = False
    while not ended:
        for source in select.select([client, reads], [], [])[0]:
            if source is reads:
                ended = True  # the pipe, which only the child keeps open, was closed
            elif sent := client.recv(1):
                os.kill(child, sent[0])
            else:
                os.killpg(child, signal.SIGKILL)
                ended = True
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        client.sendall(status.to_bytes(4, "little"))
    os._exit(0)


def _become(arguments: list[str], cwd: str, environment: dict[str, str]) -> None:
    """Run `python ARGUMENTS` in this process and exit with its status."""
    code = 1
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        # Child processes started by this process also start quickly.
        sys.executable = str(Path(sys.argv[1]).with_name("python"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # This process is not forked from one that has run a model, so torch can use threads here.
        importlib.import_module("spacy_bert_ner.util.multiprocess")._prepared_pid = os.getpid()
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            mode = "r" if number == 0 else "w"
            stream = open(number, mode, encoding=environment.get("PYTHONIOENCODING"), closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        sys.path[1:1] = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
        importlib.invalidate_caches()
        if threads := environment.get("OMP_NUM_THREADS"):
            sys.modules["torch"].set_num_threads(int(threads))  # torch read this variable when the server imported it
        _execute(arguments)
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
        if e.code is not None and not isinstance(e.code, int):
            sys.stderr.write(f"{e.code}\n")
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does at its end
    atexit._run_exitfuncs()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)


def _execute(arguments: list[str]) -> None:
    filters = [part for part in os.environ.get("PYTHONWARNINGS", "").split(",") if part]
    while arguments[0].startswith("-") and arguments[0] not in ("-c", "-m", "-"):
        option, *arguments = arguments
        if option == "-W":
            filters.append(arguments.pop(0))
        elif option.startswith("-W"):
            filters.append(option[2:])
        elif option == "-u":
            sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
        else:
            raise SystemExit(f"the fork server does not know {option}; take sys.executable")
    warnings.resetwarnings()
    warnings._processoptions([*DEFAULT_FILTERS, *filters])  # type: ignore[attr-defined]
    kind, *rest = arguments
    import runpy

    if kind == "-m":
        name, *sys.argv[1:] = rest
        sys.argv[0] = name
        sys.path[0] = str(Path.cwd())
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif kind in ("-c", "-"):
        code, *sys.argv[1:] = rest if kind == "-c" else [sys.stdin.read(), *rest]
        sys.argv[0] = kind
        sys.path[0] = ""
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = main
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv[:] = [kind, *rest]
        sys.path[0] = str(Path(kind).absolute().parent)
        runpy.run_path(kind, run_name="__main__")


DEFAULT_FILTERS = [
    "ignore::ResourceWarning",
    "ignore::ImportWarning",
    "ignore::PendingDeprecationWarning",
    "ignore::DeprecationWarning",
    "default::DeprecationWarning:__main__",
]


if __name__ == "__main__":
    _serve(sys.argv[1])
