"""Run the notebooks in ``docs/notebooks`` and store what their cells show.

python docs/run_notebooks.py [NAME ...]
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((Path(__file__).parent / "notebooks").glob("*.ipynb"))
SHOWN = ("text/html", "image/png", "text/plain")
"""Forms of an output, the best first. The others of it are not stored, nor widgets, which need a kernel."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
TIMEOUT = 300  # seconds for one cell


def shortened(text: str, iterations: int) -> str:
    """The source of a cell with trainings of fewer iterations, each of which is printed."""
    return re.sub(r"(\.number % )\d+", r"\g<1>1", re.sub(r"\b(iterations=)\d+", rf"\g<1>{iterations}", text))


def run(path: Path, folder: Path, *, iterations: int | None = None) -> NotebookNode:
    """A notebook with its outputs, run in a folder.

    Args:
        path: of the notebook, which stays as it is.
        folder: where its cells write.
        iterations: of each training in it; those in its text by default.

    Raises:
        CellExecutionError: of nbclient, with the traceback of the cell.
    """
    notebook = nbformat.read(path, as_version=4)
    if iterations is not None:
        for cell in notebook.cells:
            cell.source = shortened(cell.source, iterations)
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where !ganzoo is found
    own = {f"{name}_DIR": str(folder / ".jupyter") for name in ("JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTER_RUNTIME")}
    environment = os.environ | own | {"PATH": commands, "IPYTHONDIR": str(folder / ".ipython"), "OMP_NUM_THREADS": "1"}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
    )
    return client.execute(env=environment)


def tidy(notebook: NotebookNode) -> None:
    """Leave out what differs from run to run, and what no page shows."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)
            for output in cell.outputs:
                if "data" in output:
                    best = next(form for form in SHOWN if form in output.data)
                    output.data = {best: output.data[best].replace(f"{ROOT}/", "")}
                    output.metadata = nbformat.from_dict({})


def merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs with one text where a stream came in parts."""
    found: list[NotebookNode] = []
    for output in outputs:
        if found and output.output_type == "stream" and output.name == found[-1].get("name"):
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def main(names: list[str]) -> None:
    for path in NOTEBOOKS:
        if names and path.stem not in names:
            continue
        with TemporaryDirectory() as folder:
            notebook = run(path, Path(folder))
        tidy(notebook)
        nbformat.validate(notebook)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        temporary.replace(path)
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
