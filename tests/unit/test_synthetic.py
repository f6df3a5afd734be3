"""The demo's rasters: on PRISM's grid, the same every time, plausible, and marked as synthetic."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from zonalflow.common.errors import ConfigError, GridError
from zonalflow.common.files import sha256
from zonalflow.sources import synthetic
from zonalflow.study.preflight import check_inputs
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

TUTORIAL = (-87.5, 24.5, -79.0, 31.0)
ZONES = Path(__file__).parents[2] / "config/demo/zones.zip"
KNOWN = {
    "cell": 1314.79,
    "land": 9639,
    "mean": 1389.1597,
}  # ppt, 2000: the cell at 82° W 28° N, cells on land, their mean


def on_land(values):
    return values[values != synthetic.NODATA]


def test_the_tutorials_box_is_extended_to_geocdls_cells():
    values, grid = synthetic.demo_raster("ppt", "2000", TUTORIAL)
    assert values.dtype == "float32"
    assert values.shape == grid.shape == (157, 205)
    assert grid.bounds == pytest.approx((-87.520833, 24.479167, -78.979167, 31.020833), abs=1e-6)


def test_a_box_on_cell_edges_does_not_grow():
    _, grid = synthetic.demo_raster("ppt", "2000", TUTORIAL)
    for digits in (9, 12, 17):  # as people and programs round them
        assert synthetic.demo_raster("ppt", "2000", tuple(round(edge, digits) for edge in grid.bounds))[1] == grid


def test_a_box_cuts_prisms_whole_grid():
    whole, grid = synthetic.demo_raster("tmean", "2001-07")
    assert whole.shape == grid.shape == (621, 1405)
    assert grid.transform[2] == pytest.approx(-125.0208333, abs=1e-6)
    assert grid.transform[5] == pytest.approx(49.9375, abs=1e-6)
    part, _ = synthetic.demo_raster("tmean", "2001-07", TUTORIAL)
    # 49.9375 − 31 = 18.9375 degrees = 454.5 cells; 125.0208 − 87.5 = 37.5208 degrees = 900.5 cells.
    np.testing.assert_array_equal(part, whole[454 : 454 + 157, 900 : 900 + 205])


def test_order_does_not_matter_and_years_variables_and_days_differ():
    first = synthetic.demo_raster("ppt", "2003", TUTORIAL)[0]
    others = [
        synthetic.demo_raster(variable, date, TUTORIAL)[0]
        for variable, date in [("ppt", "2004"), ("tmean", "2003"), ("ppt", "2003-01"), ("ppt", "2003-01-01")]
    ]
    np.testing.assert_array_equal(first, synthetic.demo_raster("ppt", "2003", TUTORIAL)[0])
    assert not any(np.array_equal(first, other) for other in others)


def test_known_answers_hold_on_any_machine():
    # A change here changes every number of the demo: the README's pictures and figures with it.
    values, grid = synthetic.demo_raster("ppt", "2000", TUTORIAL)
    column, row = round((-82.0 - grid.bounds[0]) * 24), round((grid.bounds[3] - 28.0) * 24)
    assert values[row, column] == pytest.approx(KNOWN["cell"], abs=0.011)
    assert on_land(values).size == KNOWN["land"]
    assert on_land(values).mean(dtype="float64") == pytest.approx(KNOWN["mean"], abs=1e-3)


@pytest.mark.parametrize(("variable", "lowest", "highest"), [("ppt", 600, 3000), ("tmean", 15, 30)])
def test_florida_is_plausible(variable, lowest, highest):
    values = on_land(synthetic.demo_raster(variable, "2010", TUTORIAL)[0])
    assert lowest < values.min() < values.max() < highest
    assert values.std() > 0


@pytest.mark.parametrize("date", ["1981", "1981-01", "1981-07-04"])
def test_precipitation_is_never_negative(date):
    assert on_land(synthetic.demo_raster("ppt", date)[0]).min() >= 0


def test_a_day_has_dry_regions_and_leap_days_exist():
    day = on_land(synthetic.demo_raster("ppt", "2000-02-29")[0])
    assert 0.2 < (day == 0).mean() < 0.9
    assert on_land(synthetic.demo_raster("tmean", "2000-02-29", TUTORIAL)[0]).size


def test_the_sea_is_nodata_and_the_counties_are_land():
    values, grid = synthetic.demo_raster("ppt", "2000", TUTORIAL)
    sea = values == synthetic.NODATA
    west, _, _, north = grid.bounds
    at = lambda lon, lat: sea[int((north - lat) * 24), int((lon - west) * 24)]  # noqa: E731
    assert at(-86, 27) and at(-79.5, 29)  # the Gulf, the Atlantic
    assert not at(-81.5, 28) and not at(-84.3, 30.4) and not at(-80.5, 25.8)  # Orlando, Tallahassee, Everglades
    counties = shapely.union_all(pyogrio.read_dataframe(f"/vsizip/{ZONES}").geometry)
    rows, columns = np.indices(grid.shape)
    a, _, c, _, e, f = grid.transform
    inside = shapely.contains_xy(counties, c + a * (columns + 0.5), f + e * (rows + 0.5))
    assert 0 < (inside & sea).sum() < 0.01 * inside.sum()  # a little is missing, as at real coasts


def test_an_unknown_variable_and_a_box_elsewhere_are_refused():
    with pytest.raises(ConfigError, match=r"the demo has no 'rain'; it has ppt and tmean"):
        synthetic.demo_raster("rain", "2000", TUTORIAL)
    with pytest.raises(GridError, match="outside the demo's rasters"):
        synthetic.demo_raster("ppt", "2000", (5, 45, 10, 50))


def test_a_study_of_another_variable_is_refused_before_it_starts():
    config = {
        "run": "other", "years": 2000, "zones": {"source": "file", "path": str(ZONES), "id": "GEOID"},
        "raster": {"source": "demo", "variables": ["ppt", "tmin"]},
    }  # fmt: skip
    study = Study(resolve(config, load_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")))
    with pytest.raises(ConfigError, match=r"raster\.variables: the demo has no 'tmin'; it has ppt and tmean"):
        check_inputs(study)


@pytest.mark.parametrize(("grain", "count", "last"), [("annual", 1, "2001"), ("monthly", 12, "2001-12")])
def test_a_year_is_written_with_its_receipt(tmp_path, grain, count, last):
    receipt = tmp_path / "ppt" / "2001.json"
    returned = synthetic.write_year("ppt", 2001, grain, TUTORIAL, receipt)
    written = json.loads(receipt.read_text())
    assert written == returned
    assert written["synthetic"] is True and written["source"] == "demo" and written["requests"] == []
    assert len(written["files"]) == count and written["files"][-1]["date"] == last
    for file in written["files"]:
        path = receipt.parent / file["name"]
        assert file["sha256"] == sha256(path) and file["bytes"] == path.stat().st_size
    assert {path.name for path in receipt.parent.iterdir()} == {receipt.name} | {f["name"] for f in written["files"]}
    with rasterio.open(path) as source:
        values, grid = synthetic.demo_raster("ppt", last, TUTORIAL)
        np.testing.assert_array_equal(source.read(1), values)
        assert source.tags()["SYNTHETIC"] == "YES"
        assert source.nodata == -9999 and source.crs.to_epsg() == 4269 and source.descriptions == ("ppt",)
        assert tuple(source.transform)[:6] == pytest.approx(grid.transform, abs=1e-12)


def test_writing_twice_gives_the_same_bytes(tmp_path):
    receipts = [synthetic.write_year("tmean", 2020, "annual", TUTORIAL, tmp_path / d / "2020.json") for d in "ab"]
    assert receipts[0] == receipts[1]


def test_the_demos_zones_are_the_tutorials_counties():
    zones = pyogrio.read_dataframe(f"/vsizip/{ZONES}")
    box = shapely.box(-87.520833, 24.479167, -78.979167, 31.020833)
    touching = zones[zones.intersects(box)]
    assert len(zones) == 146 and len(touching) == 86 and (~touching.within(box)).sum() == 19
    assert zones.crs.to_epsg() == 4269 and zones.is_valid.all() and zones["GEOID"].is_unique
    assert " ".join(zones.columns[:-1]) == (
        "STATEFP COUNTYFP COUNTYNS AFFGEOID GEOID NAME NAMELSAD STUSPS STATE_NAME LSAD ALAND AWATER"
    )
    assert zones.set_index("GEOID").loc["13025", "NAME"] == "Brantley"
    assert (zones["GEOID"] == zones["STATEFP"] + zones["COUNTYFP"]).all()
    with zipfile.ZipFile(ZONES) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2019, 11, 22, 0, 0, 0)}
