"""Find the ONNX graph in the folder of a checkpoint."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.loading import is_folder
from ..checkpoints.safety import has_weights
from ..errors import CheckpointError, Errors
from .onnx_runtime import OnnxRuntime


def find_graph(name: str, runtime: object) -> Path | None:
    """Find the graph to run.

    name (str): folder or Hub name of a checkpoint.
    runtime: `OnnxRuntime` takes a graph also beside weights for torch; others only where there are none.
    RETURNS: the path of the graph; None where there is none to run.
    RAISES CheckpointError: there are several graphs, the one that `file` names is missing, its weights are in another
        file, or the name is no folder although `runtime` is for graphs.
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
            raise CheckpointError(Errors.no_such_graph.format(name=name, file=file, found=_quoted(graphs)))
        graphs = [file]
    if len(graphs) > 1:
        raise CheckpointError(Errors.several_graphs.format(name=name, found=_quoted(graphs), first=graphs[0]))
    return _checked(name, folder / graphs[0]) if graphs else None


def list_graphs(folder: Path) -> list[str]:
    """The graphs of a folder and of its folder `onnx`, as paths that `file` takes."""
    paths = [path for pattern in ("*.onnx", "onnx/*.onnx") for path in folder.glob(pattern) if path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _checked(name: str, graph: Path) -> Path:
    """Refuse a graph whose weights are in another file, which no saved pipeline would hold."""
    beginnings = (f"{graph.name}_data", f"{graph.name}.data")
    data = sorted(path.name for path in graph.parent.iterdir() if path.name.startswith(beginnings))
    if data:
        raise CheckpointError(Errors.graph_data.format(name=name, graph=graph.as_posix(), data=data[0]))
    return graph


def _quoted(graphs: list[str]) -> str:
    return ", ".join(f'"{graph}"' for graph in graphs) or "none, as there is no file *.onnx or onnx/*.onnx"
