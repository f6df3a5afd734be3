"""The maps of a variable, and that the README still shows what the demo draws."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from zonalflow.index.build import build_index
from zonalflow.sources import synthetic
from zonalflow.stats.statistics import zonal_statistics
from zonalflow.steps.draw_maps import Inputs, Outputs, Params, draw_maps
from zonalflow.tables.year_table import YearTable, save_year
from zonalflow.zones.on_grid import prepare
from zonalflow.zones.read import read_zones

ROOT = Path(__file__).resolve().parents[2]
BOX = (-87.5, 24.5, -79.0, 31.0)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The demo's maps of 21 years, drawn from its zones and rasters without the workflow."""
    folder = tmp_path_factory.mktemp("pictures")
    years = list(range(2000, 2021))
    _, grid = synthetic.demo_raster("ppt", "2000", BOX)
    frame = read_zones([str(ROOT / "config/demo/zones.zip")], id_column="GEOID")
    zones, _ = prepare(frame, grid, id_column="GEOID")
    zones.to_parquet(folder / "zones.parquet")
    index = build_index(zones.geometry.to_numpy(), grid, "center")
    for year in years:
        values, _ = synthetic.demo_raster("ppt", str(year), BOX)
        found = zonal_statistics(index, values, synthetic.NODATA, ["mean"])
        save_year(folder / f"{year}.npz", YearTable([str(year)], {k: v[None] for k, v in found.items()}))
    inputs = Inputs([str(folder / f"{year}.npz") for year in years], str(folder / "zones.parquet"))
    pictures = [str(folder / f"{year}.png") for year in years]
    outputs = Outputs(pictures, str(folder / "overview.png"), str(folder / "maps.sha256"))
    draw_maps(inputs, outputs, Params("ppt", years, ["mean"], "annual", None, {}, True), print)
    return folder


def test_a_map_for_each_year_and_each_is_different(drawn):
    pictures = [(drawn / f"{year}.png").read_bytes() for year in range(2000, 2021)]
    assert len(set(pictures)) == 21


def test_the_readme_shows_what_the_demo_draws(drawn):
    shown = matplotlib.image.imread(ROOT / "docs/img/demo.png")
    now = matplotlib.image.imread(drawn / "overview.png")
    assert shown.shape == now.shape, "make pictures"
    # Fonts may be smoothed otherwise on another machine; a colour, a year or an outline that moved is far more.
    assert np.abs(shown - now).mean() < 0.002, "make pictures"
