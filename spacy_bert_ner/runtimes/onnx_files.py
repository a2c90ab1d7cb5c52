"""Find the ONNX graph in a checkpoint's folder."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.loading import is_folder
from ..checkpoints.safety import has_weights
from ..errors import CheckpointError, Errors
from .onnx_runtime import OnnxRuntime


def find_graph(name: str, runtime: object) -> Path | None:
    """Find the graph that a runtime should run.

    name (str): folder or Hub name of the checkpoint.
    runtime (object): the configured runtime. `OnnxRuntime` runs a graph even if the folder contains weights for
        `torch`. Any other runtime runs a graph only if there are no such weights.
    RETURNS (Path | None): path of the graph, or None if there is no graph to run.
    RAISES CheckpointError: there are several graphs, the graph that `file` names is missing, or its weights are in
        another file. An `OnnxRuntime` also raises this error if `name` is not a folder.
    """
    if not is_folder(name):
        if isinstance(runtime, OnnxRuntime):
            raise CheckpointError(Errors.graph_on_hub.format(name=name, folder=name.rpartition("/")[2] or "model"))
        return None
    folder = Path(name)
    file = runtime.file if isinstance(runtime, OnnxRuntime) else None
    if not isinstance(runtime, OnnxRuntime) and has_weights(folder):
        return None
    graphs = list_graphs(folder)
    if file is not None:
        if not (folder / file).is_file():
            raise CheckpointError(Errors.no_such_graph.format(name=name, file=file, graphs=_quoted(graphs)))
        graphs = [file]
    if len(graphs) > 1:
        raise CheckpointError(Errors.several_graphs.format(name=name, graphs=_quoted(graphs), first=graphs[0]))
    return _checked(name, folder / graphs[0]) if graphs else None


def list_graphs(folder: Path) -> list[str]:
    """Return the graphs in a folder and its subfolder `onnx`, as paths that the setting `file` accepts."""
    paths = [path for pattern in ("*.onnx", "onnx/*.onnx") for path in folder.glob(pattern) if path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _checked(name: str, graph: Path) -> Path:
    """Return the path of a graph after checking that its weights are not in another file.

    A saved pipeline would lack that file.
    """
    prefixes = (f"{graph.name}_data", f"{graph.name}.data")
    data_files = sorted(path.name for path in graph.parent.iterdir() if path.name.startswith(prefixes))
    if data_files:
        raise CheckpointError(Errors.graph_data.format(name=name, graph=graph.as_posix(), data=data_files[0]))
    return graph


def _quoted(graphs: list[str]) -> str:
    return ", ".join(f'"{graph}"' for graph in graphs) or "none, because no file matches *.onnx or onnx/*.onnx"
