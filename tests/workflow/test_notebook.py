"""The notebook that a scientist opens next runs on the demo's results, from the first cell to the last."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "explore.ipynb"


def test_it_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's own, about its folders and event loops
def test_it_runs_on_the_demo(demo):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # from a folder beside `results`, as `docs` is
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": demo.path("config")}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 3
    text = "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "86 zones, 2000 to 2001, variable: ppt, statistics: mean" in text
    assert "Brantley" in text  # the county without a cell
    assert not [output for output in outputs if output.get("name") == "stderr"]
