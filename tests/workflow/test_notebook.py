"""The notebook that a scientist opens next runs on the demo's results, from the first cell to the last."""

import json
from pathlib import Path

import geopandas
import matplotlib.pyplot as plt
import nbclient
import nbformat
import pandas
import pytest

from tests.report.conftest import county_zones, shares, write_results

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
    assert "86 zones, 2000 to 2001, variable: ppt, statistic: mean" in text
    assert "Brantley" in text  # the county without a cell
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_draws_shares_of_land_cover_not_codes(tmp_path, monkeypatch):
    def columns(date, codes):
        return {"majority": codes, **shares(date, codes)}

    config = {"stats": ["majority", "categorical"], "zones": {"id": ["STATEFP", "COUNTYFP"]}}
    results = write_results(tmp_path / "results/demo", county_zones(), [2000, 2002], config=config, columns=columns)
    name = {"GEOID": "STATEFP_COUNTYFP"}  # ids of two columns
    geopandas.read_parquet(results / "zones.parquet").rename(columns=name).to_parquet(results / "zones.parquet")
    table = pandas.read_parquet(results / "zonal_stats.parquet").rename(columns=name)
    table.to_parquet(results / "zonal_stats.parquet", index=False)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    plt.switch_backend("agg")
    names = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    plt.close("all")
    # 0.66 of each zone is forest in even years, and 0.34 at most anything else
    assert names["stat"] == "share_41_Forest"
    assert names["regional"].tolist() == pytest.approx([0.66, 0.66])
