"""A run's results, made without the workflow: the demo's counties, and a field sampled at a point in each."""

import base64
import json
import re
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pytest
import shapely

from zonalflow.common import dates
from zonalflow.geometry.grid import Grid
from zonalflow.sources import synthetic
from zonalflow.steps.write_report import Inputs, Outputs, write_report

ROOT = Path(__file__).resolve().parents[2]
BOX = (-87.5, 24.5, -79.0, 31.0)
GRID_BOX = shapely.box(-87.520833, 24.479167, -78.979167, 31.020833)


def county_zones() -> geopandas.GeoDataFrame:
    """Return the demo's 86 counties, with the share of each inside the box."""
    zones = geopandas.read_file(ROOT / "config/demo/zones.zip")
    zones = zones[zones.intersects(GRID_BOX)].reset_index(drop=True)
    inside = shapely.intersection(zones.geometry.to_numpy(), GRID_BOX)
    share = shapely.area(inside) / shapely.area(zones.geometry.to_numpy())
    return zones.set_geometry(inside, crs=zones.crs).assign(inside_fraction=np.minimum(share.round(9), 1))


def sample(zones, variable: str, date: str) -> tuple[np.ndarray, Grid]:
    """Return the demo raster's value at a point in each zone; NaN at sea."""
    values, grid = synthetic.demo_raster(variable if variable in synthetic.VARIABLES else "ppt", date, BOX)
    a, _, west, _, _, north = grid.transform
    points = shapely.point_on_surface(zones.geometry.to_numpy())
    row = np.clip((north - shapely.get_y(points)) / a, 0, grid.height - 1).astype(int)
    column = np.clip((shapely.get_x(points) - west) / a, 0, grid.width - 1).astype(int)
    found = values[row, column]
    return np.where(found == synthetic.NODATA, np.nan, found.astype(float)), grid


def write_results(
    folder: Path, zones, years, variables=("ppt",), *, grain="annual", config=None, columns=None, count=40, **manifest
) -> Path:
    """Write what the report reads: zones, tidy table, manifest. Some zones have no cell, one lacks some data.

    ``columns(date, mean)`` gives the columns of the statistics instead of ``mean`` alone.
    """
    folder.mkdir(parents=True)
    rows = []
    for variable in variables:
        for year in years:
            for date in dates.dates_of(year, grain):
                values, grid = sample(zones, variable, date)
                values[zones["GEOID"] == "13025"] = np.nan  # Brantley has no cell in the box
                valid = np.where(np.isnan(values), np.nan, 1.0)
                valid[3:4] = 0.75
                rows.append(
                    pandas.DataFrame(
                        {
                            "GEOID": zones["GEOID"],
                            "variable": variable,
                            "date": date,
                            **(columns(date, values) if columns else {"mean": values}),
                            "count": np.where(np.isnan(values), 0, count),
                            "valid_fraction": valid,
                            "inside_fraction": zones["inside_fraction"],
                        }
                    )
                )
    pandas.concat(rows).to_parquet(folder / "zonal_stats.parquet", index=False)
    zones.to_parquet(folder / "zones.parquet")
    whole = {
        "run": "demo",
        "years": list(years),
        "bbox": list(BOX),
        "zones": {"source": "file", "path": "config/demo/zones.zip", "id": "GEOID"},
        "raster": {"source": "demo", "variables": list(variables), "grain": grain, "dataset": "PRISM", "units": {}},
        "stats": ["mean"],
        "method": "center",
        "min_coverage": 0,
        "weights": "none",
        "baseline": None,
        **(config or {}),
    }
    facts = {
        "zonalflow": "0.1.0",
        "config": whole,
        "synthetic": True,
        "attribution": ["Synthetic data."],
        "sources": [
            {"path": "config/demo/zones.zip", "source": "file", "bytes": 31388, "sha256": "bb2fe290"},
            {
                "path": "resources/demo",
                "source": "demo",
                "files": [{"name": "PRISM_ppt_2000.tif", "date": "2000", "sha256": "d545174f", "bytes": 28186}],
                "requests": [{"url": "http://127.0.0.1/a", "accessed": "2026-11-22T14:00:00Z", "retries": 2}],
            },
        ],
        "grid": {"grid": grid.to_dict()},
        "zones": {"repaired": [], "dropped_outside": ["01005", "01011"]},
        "software": {"python": "3.11", "numpy": "2.4"},
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def shares(date, mean):
    """Two thirds of class 41 and one of 95 in even years, the other way in odd ones; 1 % of class 11 in one zone."""
    first = np.full(mean.shape, 0.66 if int(date[:4]) % 2 == 0 else 0.34)
    water = np.where(np.arange(len(mean)) == 0, 0.01, 0.0)
    return {"mean": mean, "share_41_Forest": first, "share_95": 1 - first - water, "share_11_Open_Water": water}


CLASSES = {"landcover": {"41": "Forest", "11": "Open Water"}}


def carried(path) -> dict:
    """Return the data that a page carries."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def unpacked(packed: dict, n_zones: int) -> np.ndarray:
    """Return packed numbers as [n_rows, n_zones]; the format is described in ``data.packed``."""
    raw = base64.b64decode(packed["data"])
    if packed["type"] == "f4":
        return np.frombuffer(raw, "<f4").astype(float).reshape(-1, n_zones)
    steps = np.frombuffer(raw, "<u2").astype(float)
    steps[steps == 65_535] = np.nan
    return ((steps + packed["first"]) / 10 ** packed["digits"]).reshape(-1, n_zones)


def values_of(page: dict, variable=0, layer=0, period="year", what="values") -> np.ndarray:
    """Return a layer of a page: ``values`` [n_years, n_zones], or ``slope``, ``low``, ``p`` [1, n_zones]."""
    return unpacked(page["variables"][variable]["layers"][layer]["periods"][period][what], len(page["zones"]["id"]))


def report_on(results: Path, target: Path) -> None:
    """Write the report on a folder of results, with the verdict of the verification if there is one."""
    names = ("zonal_stats.parquet", "zones.parquet", "manifest.json")
    verification = [str(path) for path in results.glob("verify.json")]
    inputs = Inputs(*(str(results / name) for name in names), verification)
    write_report(inputs, Outputs(str(target), f"{target}.sha256"), log=print)


@pytest.fixture(scope="session")
def counties():
    """The demo's zones; not to be changed."""
    return county_zones()


@pytest.fixture(scope="session")
def results(tmp_path_factory, counties):
    """Results of 21 years of two variables, which tests leave as they are."""
    return write_results(tmp_path_factory.mktemp("run") / "demo", counties, range(2000, 2021), ("ppt", "tmean"))
