"""Wrong numbers that were once computed in silence, each put back by a patch: `verify` must see every one.

The study is computed with the fault, then verified without it, so that nothing but the other reading can tell.
"""

import dataclasses
import itertools
import pkgutil

import geopandas
import netCDF4
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from faults import pipeline
from small import mask_out, write_tif

from zonalflow.common.errors import VerificationError
from zonalflow.geometry.grid import Grid
from zonalflow.timeline.time_axis import _read_time_axis
from zonalflow.verify.verdict import verify

CELLS = Grid("EPSG:4269", (0.25, 0.0, -83.0, 0.0, -0.25, 30.0), 4, 4)  # the demo's box in 16 cells
GRADS = "EPSG:4807"  # NTF (Paris): latitude and longitude in grads


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a function that computes a study with a patch, and verifies it without: the error's text, or ''."""

    number = itertools.count()

    def compute(patches=(), **keys):
        folder = tmp_path / f"study{next(number)}"
        with monkeypatch.context() as patched:
            for name, wrong in patches:
                owner, _, attribute = name.rpartition(".")
                owner = pkgutil.resolve_name(f"zonalflow.{owner}")
                patched.setattr(owner, attribute, wrong(getattr(owner, attribute)))
            made = pipeline.run_in(folder, output={"formats": ["csv"]}, **keys)
        monkeypatch.chdir(folder)
        try:
            verify(made)
        except VerificationError as error:
            assert "0 do not match" in str(error)  # no checksum tells
            return str(error)
        return ""

    return compute


def own_rasters(folder, values, *, suffix="tif", **options):
    """Write a raster of 2000 of the user's own, and return the key ``raster``."""
    path = folder / "rasters" / f"v_2000.{suffix}"
    write_tif(path, values, grid=options.pop("grid", CELLS), **options)
    return {"source": "local", "variables": ["v"], "path": f"{folder}/rasters/{{variable}}_{{year}}.{suffix}"}


def own_zones(folder, *shapes, crs=4269):
    frame = geopandas.GeoDataFrame({"id": [f"z{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=crs)
    frame.to_file(folder / "zones.gpkg")
    return {"source": "file", "path": str(folder / "zones.gpkg"), "id": "id"}


def first_zone_empty(add):
    """An index that loses the cells of the first zone, as one of zones with very many vertices did."""

    def wrong(cells, found):
        kept = found.boundary.zone > 0
        boundary, whole = found.boundary.select(kept), found.whole.select(found.whole.zone > 0)
        add(cells, dataclasses.replace(found, whole=whole, boundary=boundary, fraction=found.fraction[kept]))

    return wrong


def without_slightly_touched(covered):
    """`all_touched` without the cells that a zone overlaps a little, as a walk along its edges has it."""

    def wrong(cells, least):
        kept = cells.fraction >= 0.1
        return dataclasses.replace(cells, boundary=cells.boundary.select(kept), fraction=cells.fraction[kept])

    return wrong


@pytest.mark.parametrize(
    ("keys", "patches"),
    [
        ({}, [("index.build:_IndexedCells.add", first_zone_empty)]),
        ({"method": "coverage"}, [("index.build:_IndexedCells.add", first_zone_empty)]),
        # a raster whose corner is taken to be one cell away
        ({}, [("readers.files:FileSource.read", lambda read: lambda *of: _moved(read(*of)))]),
        # a zone whose share of a cell is taken for another's
        ({"method": "coverage"}, [("index.build.cover", lambda cover: lambda edges: _halved(cover(edges)))]),
    ],
    ids=["first-zone-center", "first-zone-coverage", "one-column-off", "fractions"],
)
def test_wrong_cells_are_seen(study, keys, patches):
    assert study(**keys) == ""
    patches = [*patches, ("index.build.check_areas", lambda check: lambda *of: None)]
    assert "the other engine says" in study(patches, **keys)


def _moved(stored):
    return [dataclasses.replace(step, values=np.roll(step.values, 1, axis=1)) for step in stored]


def _halved(cells):
    return dataclasses.replace(cells, fraction=cells.fraction / np.float32(2))


def test_touched_cells_that_a_walk_misses_are_seen(study, tmp_path):
    """The first zone overlaps 3 × 3 cells, of the outer ones a hundredth of their width."""
    keys = {
        "raster": own_rasters(tmp_path, np.arange(16, dtype="float32").reshape(4, 4), nodata=-1),
        "zones": own_zones(tmp_path, shapely.box(-82.7525, 29.2475, -82.4975, 29.5025)),
        "method": "all_touched",
    }
    assert study(**keys) == ""
    patches = [("index.build._find_cells", lambda find: lambda *of: _only_mostly_covered(find, *of))]
    assert "count is 1" in study(patches, **keys)


def _only_mostly_covered(find, geometries, edges, grid, method):
    return without_slightly_touched(None)(find(geometries, edges, grid, "coverage"), 0)


def test_percentiles_over_different_values_are_seen(study, tmp_path):
    """Of 0, 0, 0, 10 the median of the cells is 0; that of the different values is 5."""
    values = np.zeros((4, 4), "float32")
    values[1, 1] = 10
    keys = {
        "raster": own_rasters(tmp_path, values, nodata=-1),
        "zones": own_zones(tmp_path, shapely.box(-82.75, 29.25, -82.25, 29.75)),
        "method": "coverage", "stats": ["median"],
    }  # fmt: skip
    assert study(**keys) == ""
    patches = [("stats.formulas._percentile_of_fractions", lambda _: lambda cells, q: np.array([5.0]))]
    assert "median is 5.0, the other engine says 0.0" in study(patches, **keys)


# --------------------------------------------------------------------------------------------------- values


def test_a_nodata_value_compared_as_a_float_is_seen(study, tmp_path):
    values = 2**60 + np.arange(16, dtype="int64").reshape(4, 4) % 3
    keys = {"raster": own_rasters(tmp_path, values) | {"nodata": 2**60}}
    assert study(**keys) == ""
    patches = [("rasters.nodata.missing_range", lambda _: lambda nodata, _: (float(nodata) - 256, float(nodata) + 256))]
    assert "count is 0" in study(patches, **keys)


def test_a_configured_nodata_value_compared_after_scaling_is_seen(study, tmp_path):
    values = np.where(np.arange(16).reshape(4, 4) % 3, 22, -9999).astype("int16")
    keys = {"raster": own_rasters(tmp_path, values, scale=0.01, offset=0.0) | {"nodata": -9999}}
    assert study(**keys) == ""
    patches = [
        ("readers.files.is_missing", lambda missing: lambda values, nodata, **of: missing(values * 0.01, nodata))
    ]
    assert "mean is" in study(patches, **keys)


def test_a_mask_that_is_not_read_is_seen(study, tmp_path):
    raster = own_rasters(tmp_path, np.arange(16, dtype="uint8").reshape(4, 4))
    mask_out(tmp_path / "rasters/v_2000.tif", 1, 1)
    keys = {"raster": raster, "zones": own_zones(tmp_path, shapely.box(-82.75, 29.25, -82.25, 29.75))}
    assert study(**keys) == ""
    patches = [
        ("readers.files.has_mask", lambda has: lambda *of: False),
        ("readers.files.nodata_of", lambda nodata: lambda *of: None),
    ]
    assert "count is 4.0, the other engine says 3.0" in study(patches, **keys)


def test_a_unit_that_gdal_changed_is_seen(study, tmp_path):
    """A GRIB file holds kelvin, which GDAL turns into °C unless it is told not to."""
    source = write_tif(tmp_path / "a.tif", np.full((4, 4), 300.0), grid=dataclasses.replace(CELLS, crs="EPSG:4326"))
    (tmp_path / "rasters").mkdir()
    with rasterio.open(source) as dataset:
        assembled = {"BAND_1_PDS_TEMPLATE_ASSEMBLED_VALUES": "0 0 2 0 0 0 0 1 0 1 0 0 255 0 0"}
        options = {"DATA_ENCODING": "IEEE_FLOATING_POINT", "DISCIPLINE": "0", "PDS_PDTN": "0", "INPUT_UNIT": "K"}
        rasterio.shutil.copy(dataset, tmp_path / "rasters/v_2000.grb2", driver="GRIB", **options, **assembled)
    path = f"{tmp_path}/rasters/{{variable}}_{{year}}.grb2"
    keys = {"raster": {"source": "local", "variables": ["v"], "path": path, "nodata": "none"}}
    assert study(**keys) == ""
    patches = [("rasters.read._GDAL_OPTIONS", lambda _: {"GRIB_NORMALIZE_UNITS": "YES"})]
    said = study(patches, **keys)
    assert "mean is 26.85" in said and "the other engine says 300.0" in said


def test_a_time_step_of_another_date_is_seen(study, tmp_path, monkeypatch):
    (tmp_path / "rasters").mkdir()
    with netCDF4.Dataset(tmp_path / "rasters/v_2000.nc", "w") as file:
        for name, first, step in (("lon", -82.875, 0.25), ("lat", 29.875, -0.25)):
            file.createDimension(name, 4)
            file.createVariable(name, "f8", (name,))[:] = first + step * np.arange(4)
            file[name].units = {"lon": "degrees_east", "lat": "degrees_north"}[name]
        file.createDimension("time", 12)
        file.createVariable("time", "f8", ("time",))[:] = 15 + 30.5 * np.arange(12)
        file["time"].units = "days since 2000-01-01"
        variable = file.createVariable("v", "f4", ("time", "lat", "lon"), fill_value=-1)
        variable[:] = np.arange(12)[:, None, None]
    raster = {"source": "local", "variables": ["v"], "path": f"{tmp_path}/rasters/{{variable}}_{{year}}.nc"}
    keys = {"raster": {**raster, "grain": "monthly"}}
    assert study(**keys) == ""
    _read_time_axis.cache_clear()
    monkeypatch.setattr("zonalflow.timeline.calendars._text", lambda time: f"{time.year}-{13 - time.month:02}-01T00:00")
    said = study(**keys)  # the jobs and `verify` find the time steps by the same code
    _read_time_axis.cache_clear()
    assert "the time step taken for 2000-" in said and "is that of 2000-" in said


# -------------------------------------------------------------------------------------------------- weights


def test_a_huge_weight_that_empties_other_zones_is_seen(study, tmp_path):
    weights = np.ones((4, 4))
    weights[0, 0] = 3.4e38
    write_tif(tmp_path / "weights.tif", weights, grid=CELLS)
    keys = {
        "raster": own_rasters(tmp_path, np.arange(16, dtype="float32").reshape(4, 4), nodata=-1),
        "zones": own_zones(tmp_path, shapely.box(-82.75, 29.25, -82.25, 29.75), shapely.box(-83, 29.75, -82.75, 30)),
        "weights": {"path": str(tmp_path / "weights.tif")},
    }
    assert study(**keys) == ""

    def cancelled(weight_strips):
        """Weights as differences of a running sum over the cells have them."""

        def wrong(*of):
            for rows, values in weight_strips(*of):
                yield rows, np.diff(np.cumsum(values), prepend=0).reshape(values.shape)

        return wrong

    assert "mean is None" in study([("index.cache.weight_strips", cancelled)], **keys)


def test_the_first_of_two_bands_of_weights_is_seen(study, tmp_path):
    write_tif(tmp_path / "weights.tif", np.ones((2, 4, 4)), grid=CELLS)
    keys = {"weights": {"path": str(tmp_path / "weights.tif")}}
    keys["raster"] = own_rasters(tmp_path, np.arange(16, dtype="float32").reshape(4, 4), nodata=-1)
    said = study([("readers.weights._check_one_band", lambda check: lambda *of: None)], **keys)
    assert "weights.tif has 2 bands, and a raster of weights has one" in said


def test_areas_of_cells_in_grads_are_seen(study, tmp_path):
    """Rows at 60 and 20 grads, 54° and 18°: the areas are as cos 54° to cos 18°, not as cos 60° to cos 20°."""
    grid = Grid(GRADS, (10.0, 0.0, 0.0, 0.0, -40.0, 80.0), 2, 2)
    keys = {
        "raster": own_rasters(tmp_path, np.array([[1, 1], [2, 2]], "float32"), grid=grid, nodata=-1),
        "zones": own_zones(tmp_path, shapely.box(1, 1, 19, 79), crs=GRADS),
        "weights": "area", "bbox": None, "method": "coverage",
    }  # fmt: skip
    assert study(**keys) == ""

    def in_degrees(areas):
        return lambda grid: np.clip(
            np.cos(np.radians(grid.transform[5] + grid.transform[4] * np.array([0.5, 1.5]))), 0, 1
        )

    assert "mean is" in study([("geometry.grid:Grid.row_areas", in_degrees)], **keys)
