"""Run a notebook from top to bottom and store the cell outputs in it.

    python scripts/run_notebook.py docs/tour.ipynb            run the notebook and store the outputs in it
    python scripts/run_notebook.py docs/tour.ipynb --check    run the notebook without changing it

Cells run in order, in this process, as plain Python. Jupyter is not required, so its magic commands are not supported.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def main(path: Path, check: bool) -> None:
    """Run the notebook. If a cell raises an exception, stop and leave the notebook unchanged."""
    notebook = json.loads(path.read_text("utf8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["outputs"] = run("".join(cell["source"]), names, number)
            cell["execution_count"] = number
    if not check:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(f"{path}: {number} cells ran")


def run(code: str, names: dict[str, Any], number: int) -> list[Cell]:
    """Run a cell.

    code (str): source code of the cell.
    names (dict[str, Any]): global variables of the notebook. The cell's variables are added to them.
    number (int): number of the code cell, counted from 1.
    RETURNS: the cell's outputs in notebook format: the printed text and the value of the last expression.
    """
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    printed = io.StringIO()
    outputs: list[Cell] = []
    value: Any = None
    with contextlib.redirect_stdout(printed):
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, f"<cell {number}>", "exec"), names)  # noqa: S102, running notebook code is the purpose
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)  # noqa: S307
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)}
        )
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
        shown = {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        outputs.append(shown)
    return outputs


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--check" in sys.argv[2:])
