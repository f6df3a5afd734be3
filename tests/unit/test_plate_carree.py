"""Equidistant Cylindrical, which PROJ 9.8 computes on the ellipsoid and earlier versions on a sphere."""

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import xarray
from affine import Affine
from shapely import box

from tests.small import boxes
from zonalflow.common.errors import ConfigError, GridError, ZonesError
from zonalflow.geometry.box import box_window, degrees_of
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.plate_carree import crs_of_degrees, geographic_of, uncertainty
from zonalflow.rasters.read import TimeStep, file_grid
from zonalflow.study.inputs import _check_crs
from zonalflow.verify.outlines import read_outlines
from zonalflow.zones.on_grid import bring_to_grid
from zonalflow.zones.read import read_zones

DEGREE = 111319.49079327358  # m of the equator of WGS 84: 6378137 π / 180
WGS_84 = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]{shift}],'
    'PRIMEM["Greenwich",0],UNIT["{angle}]]'
)


def plate_carree(unit=DEGREE, meridian=0, east=0, shift="", angle='Degree",0.017453292519943295'):
    return (
        f'PROJCS["World_Plate_Carree_Degrees",{WGS_84.format(shift=shift, angle=angle)},PROJECTION["Plate_Carree"],'
        f'PARAMETER["False_Easting",{east}],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",{meridian}],'
        f'UNIT["Degree",{unit}]]'
    )


IN_DEGREES = plate_carree()
TENTHS = (0.1, 0.0, 5.0, 0.0, -0.1, 45.0)  # 100 × 100 cells, west 5, north 45: x from 5 to 15, y from 35 to 45
SPHERE = "+proj=eqc +R=6378137 +units=m"


def grid_of_file(folder, kind):
    """Return the grid of a file in degrees of Plate Carrée: of a GeoTIFF, or of one where the configuration says so."""
    path = folder / ("one.nc" if kind == "NetCDF" else "one.tif")
    if kind == "NetCDF":
        axes = {"lat": 45 - 0.1 * (np.arange(100) + 0.5), "lon": 5 + 0.1 * (np.arange(100) + 0.5)}
        data = xarray.DataArray(np.zeros((100, 100), "f4"), dims=("lat", "lon"), attrs={"grid_mapping": "crs"})
        file = xarray.Dataset({"v": data, "crs": ((), 0, {"crs_wkt": IN_DEGREES})}, axes)
        file.lat.attrs["standard_name"], file.lon.attrs["standard_name"] = "latitude", "longitude"
        file.to_netcdf(path)
        return file_grid(TimeStep("2000", str(path), layer="v"))[0]
    crs = IN_DEGREES if kind == "GeoTIFF" else None
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "width": 100, "height": 100}
    with rasterio.open(path, "w", **profile, crs=crs, transform=Affine(*TENTHS)) as dataset:
        dataset.write(np.zeros((1, 100, 100), np.float32))
    return file_grid(TimeStep("2000", str(path)), None if crs else IN_DEGREES)[0]


@pytest.mark.parametrize("kind", ["GeoTIFF", "NetCDF", "raster.crs"])
def test_degrees_of_plate_carree_are_longitude_and_latitude(tmp_path, kind):
    grid = grid_of_file(tmp_path, kind)
    # 40° N is y = 40; on the ellipsoid it would be 4429529 m / 111319.49 = 39.79, two cells further south.
    assert bring_to_grid(boxes((10, 39, 11, 40), crs=4326), grid).whole[0].bounds == pytest.approx((10, 39, 11, 40))
    assert box_window(grid, [10, 39, 11, 40]) == (50, 60, 50, 60)  # (45 − 40) / 0.1 rows from the north
    assert degrees_of(grid) == pytest.approx((5, 35, 15, 45))
    assert grid.is_geographic and grid.row_areas()[50] == pytest.approx(np.cos(np.radians(39.95)))
    assert grid.matches(Grid("EPSG:4326", TENTHS, 100, 100))


def test_zones_in_degrees_of_plate_carree_too(tmp_path):
    path = tmp_path / "zones.gpkg"
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[box(10, 39, 11, 40)], crs=IN_DEGREES).to_file(path)
    zones = read_zones([str(path)], id_column="name")
    assert zones.crs.equals("EPSG:4326", ignore_axis_order=True)
    assert zones.total_bounds == pytest.approx((10, 39, 11, 40))
    verified = read_outlines([str(path)], {"id": "name", "layer": None, "where": None, "dissolve": False}, {"a"})
    assert verified.crs.is_geographic


@pytest.mark.parametrize(
    "crs",
    [
        plate_carree(unit=1),
        plate_carree(meridian=10),
        plate_carree(east=10),
        plate_carree(angle='Grad",0.015707963267948967'),
        plate_carree(shift=",TOWGS84[100,0,0,0,0,0,0]"),
        "EPSG:4087",
        "EPSG:32662",
        "ESRI:54002",
        "+proj=eqc +datum=WGS84",
    ],
)
def test_all_other_equidistant_cylindrical_on_an_ellipsoid_is_refused(crs):
    assert crs_of_degrees(crs) == crs and geographic_of(pyproj.CRS(crs)) is None
    grid = Grid(crs, (1000.0, 0.0, 0.0, 0.0, -1000.0, 5e6), 2000, 2000)
    with pytest.raises(ZonesError, match=r"CRS of the rasters, .* on an ellipsoid"):
        bring_to_grid(boxes((5, 40, 6, 41), crs=4326), grid)
    with pytest.raises(ZonesError, match=r"CRS of the zones, .* on an ellipsoid"):
        bring_to_grid(boxes((1, 1, 2, 2), crs=crs), Grid("EPSG:4326", TENTHS, 100, 100))
    with pytest.raises(GridError, match=r"bbox .* write raster\.crs: \+proj=eqc .*\+R=6378137"):
        box_window(grid, [5, 40, 6, 41])


def test_zones_in_the_rasters_own_crs_need_no_reprojection():
    grid = Grid("EPSG:4087", (1000.0, 0.0, 0.0, 0.0, -1000.0, 5e6), 2000, 2000)
    placed = bring_to_grid(boxes((5e5, 4e6, 6e5, 4.1e6), crs=4087), grid)
    assert placed.whole[0].bounds == (5e5, 4e6, 6e5, 4.1e6) and placed.fraction[0] == 1


def test_the_sphere_that_the_message_names_is_certain():
    assert f"write raster.crs: {SPHERE};" in uncertainty(pyproj.CRS("EPSG:4087"))
    assert "+lat_ts=60 +R=6378137 +units=m;" in uncertainty(pyproj.CRS("ESRI:54002"))
    grid = Grid(SPHERE, (1000.0, 0.0, 0.0, 0.0, -1000.0, 5e6), 2000, 2000)
    placed = bring_to_grid(boxes((10, 39, 11, 40), crs=4269), grid)
    assert placed.whole[0].bounds == pytest.approx([degrees * DEGREE for degrees in (10, 39, 11, 40)])
    # 10 × 111.319 = 1113.19 km from the west, 5000 − 40 × 111.319 = 547.2 km from the north
    assert box_window(grid, [10, 39, 11, 40]) == (547, 659, 1113, 1225)


def test_geojson_is_refused_where_it_would_be_reprojected():
    grid = Grid("+proj=eqc +datum=WGS84", (1000.0, 0.0, 0.0, 0.0, -1000.0, 5e6), 2000, 2000)
    with pytest.raises(ConfigError, match=r"output\.formats: geojson .* on an ellipsoid"):
        _check_crs(grid, ["geojson"])
    _check_crs(grid, ["geoparquet"])


def test_other_projections_are_what_they_were():
    for crs in ("EPSG:5070", "EPSG:4326", "EPSG:3857", "ESRI:53001", "+proj=eqc +R=6371000"):
        assert crs_of_degrees(crs) == crs and uncertainty(pyproj.CRS(crs)) is None
    assert crs_of_degrees('LOCAL_CS["my plate carree"') == 'LOCAL_CS["my plate carree"'
