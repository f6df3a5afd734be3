"""Studies of real files as other projects ship them, each with what is unusual about it (`make test-real`).

The right numbers are means over the cells whose centres lie in a polygon: the centres are brought to the CRS of the
polygons' own file, and values are read by xarray or rasterio alone. Set ZONALFLOW_REAL_FILES to the folder that
tests/real/fetch filled.
"""

import json
import os
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyproj
import pytest
import rasterio
import shapely
import xarray
import yaml

FOLDER = Path(os.environ.get("ZONALFLOW_REAL_FILES", "unset"))
R = FOLDER / "usr/lib/R/site-library"
GRIB = FOLDER / "cfgrib/tests/sample-data"
pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="ZONALFLOW_REAL_FILES names no folder"),
    pytest.mark.filterwarnings("ignore"),  # of libraries that read old files
]


def study(project, *, zones: dict, raster: dict, years, **keys) -> pandas.DataFrame:
    """Run a study as a user does, verify it, and return its tidy table."""
    own = {"source": "local", **raster}
    config = {"run": "real", "years": years, "stats": ["mean"], "zones": {"source": "file", **zones}, "raster": own}
    project.path("real.yaml").write_text(yaml.safe_dump({**config, **keys}))
    for targets in ((), ("verify",)):
        run = project.snakemake(*targets, "--configfile", "real.yaml", profile="local")
        assert run.code == 0, run.text
    return pandas.read_parquet(project.path("results/real/zonal_stats.parquet"))


def refused(project, **keys) -> str:
    """Return the message of a preview that ends with one."""
    config = {"run": "real", "stats": ["mean"], **keys}
    project.path("real.yaml").write_text(yaml.safe_dump(config))
    run = project.snakemake("-n", "--configfile", "real.yaml", profile="local")
    assert run.code != 0 and "Traceback" not in run.text, run.text
    return run.message


def boxes(project, *bounds, crs=4326) -> dict:
    """Write boxes (west, south, east, north) as zones a, b, …, and return what names them."""
    shapes = [shapely.box(*one) for one in bounds]
    frame = geopandas.GeoDataFrame({"id": [*"abcdef"[: len(shapes)]]}, geometry=shapes, crs=crs)
    frame.to_file(project.path("boxes.gpkg"))
    return {"path": "boxes.gpkg", "id": "id"}


def means(polygons: geopandas.GeoDataFrame, x, y, values, crs) -> np.ndarray:
    """Return the mean [zones] of values [rows, columns] at the coordinates x and y in a CRS."""
    across, down = np.meshgrid(np.asarray(x, float), np.asarray(y, float))
    to_file = pyproj.Transformer.from_crs(crs, polygons.crs, always_xy=True)
    across, down = to_file.transform(across, down)
    inside = [shapely.contains_xy(polygon, across, down) for polygon in polygons.geometry]
    return np.array([np.nanmean(values[here]) if np.isfinite(values[here]).any() else np.nan for here in inside])


def test_elevation_of_communes(project):
    zones = R / "terra/ex/lux.shp"
    table = study(
        project, zones={"path": str(zones), "id": ["ID_1", "ID_2"], "name": "NAME_2", "columns": ["AREA"]},
        raster={"path": str(R / "terra/ex/elev.tif"), "variables": {"height": "elevation"}}, years=2000,
    )  # fmt: skip
    with rasterio.open(R / "terra/ex/elev.tif") as dataset:
        values = dataset.read(1, masked=True).astype(float).filled(np.nan)
        x = dataset.transform.c + dataset.transform.a * (np.arange(dataset.width) + 0.5)
        y = dataset.transform.f + dataset.transform.e * (np.arange(dataset.height) + 0.5)
    own = geopandas.read_file(zones)
    np.testing.assert_allclose(table["mean"], means(own, x, y, values, 4326), rtol=1e-12)
    assert table["NAME_2"].tolist() == own["NAME_2"].tolist() and "1-1" in set(table["ID_1_ID_2"])


@pytest.mark.parametrize(("variable", "unit"), [("pr", "mm/m"), ("tas", "°C")])
def test_months_of_a_netcdf_without_crs_by_counties(project, variable, unit):
    """South-up, WGS 84 assumed, a month's mean dated by its last day; counties in NAD 27."""
    path, zones = R / "stars/nc/bcsd_obs_1999.nc", R / "sf/shape/nc.shp"
    table = study(
        project, zones={"path": str(zones), "id": "FIPS"}, raster={
            "path": str(path), "variables": [variable], "grain": "monthly"}, years=1999,
    )  # fmt: skip
    own, data = geopandas.read_file(zones), xarray.open_dataset(path)
    for month in (1, 12):
        right = means(own, data["longitude"], data["latitude"], data[variable].to_numpy()[month - 1], 4326)
        found = table[table["date"] == f"1999-{month:02}"]
        assert (
            (np.abs(found["mean"] / right - 1) < 1e-6).mean() > 0.98
        )  # reprojected edges may be off by 0.05 cells, so a cell centre near one may lie on the other side
        np.testing.assert_allclose(found["mean"], right, rtol=0.05)
    manifest = json.loads(project.path("results/real/manifest.json").read_text())
    assert manifest["units"] == {variable: unit} and manifest["grid"]["crs_is_assumed"]


def test_hourly_wind_at_one_level(project):
    """Packed integers with two levels and ten hours of one day."""
    path = R / "stars/nc/sub.nc"
    zones = boxes(project, (5.1, 50.1, 6.1, 51.1), (6.1, 51.1, 7.1, 52.1))
    table = study(
        project, zones=zones, years=2017,
        raster={"path": str(path), "variables": {"wind": "u"}, "grain": "native", "select": {"level": 850}},
    )  # fmt: skip
    data, own = xarray.open_dataset(path)["u"].sel(level=850), geopandas.read_file(project.path("boxes.gpkg"))
    assert table["date"].unique().tolist() == [f"2017-08-20T{hour:02}:00" for hour in range(1, 11)]
    for hour in (1, 10):
        right = means(own, data["longitude"], data["latitude"], data.to_numpy()[hour - 1], 4326)
        found = table.loc[table["date"] == f"2017-08-20T{hour:02}:00", "mean"]
        np.testing.assert_allclose(found, right, rtol=1e-5)


def test_a_projected_netcdf_in_kilometres(project):
    path = R / "stars/nc/lcc_km.nc"
    zones = boxes(project, (-106.5, 38.1, -105.2, 39.2), (-104.1, 37.3, -103.6, 38.8))
    table = study(project, zones=zones, raster={"path": str(path), "variables": ["prcp"]}, years=1980)
    data, own = xarray.open_dataset(path), geopandas.read_file(project.path("boxes.gpkg"))
    crs = pyproj.CRS.from_cf(data["lambert_conformal_conic"].attrs)
    right = means(own, data["x"] * 1000, data["y"] * 1000, data["prcp"].to_numpy()[0], crs)
    np.testing.assert_allclose(table["mean"], right, rtol=1e-4)


def test_one_band_of_a_satellite_image(project):
    path = R / "stars/tif/L7_ETMs.tif"
    zones = boxes(project, (290000, 9112000, 293000, 9116000), (294000, 9113000, 297000, 9119000), crs=31985)
    raster = {"path": str(path), "variables": ["red"], "band": 3, "nodata": "none"}
    table = study(project, zones=zones, raster=raster, years=2000)
    own = geopandas.read_file(project.path("boxes.gpkg"))
    with rasterio.open(path) as dataset:
        values = dataset.read(3).astype(float)
        x = dataset.transform.c + dataset.transform.a * (np.arange(dataset.width) + 0.5)
        y = dataset.transform.f + dataset.transform.e * (np.arange(dataset.height) + 0.5)
    np.testing.assert_allclose(table["mean"], means(own, x, y, values, 31985), rtol=1e-12)


def test_a_packed_sea_surface_around_the_globe(project):
    """Longitudes from 0 to 360 and a level of size 1; countries cut the sea, so boxes do."""
    path = R / "stars/nc/reduced.nc"
    zones = boxes(project, (-59.5, 20.5, -30.5, 40.5), (150.5, -30.5, 179.5, 10.5))
    table = study(
        project, zones=zones, years=1981,
        raster={"path": str(path), "variables": ["sst", "anom"], "grain": "daily", "missing_dates": "skip"},
    )  # fmt: skip
    data, own = xarray.open_dataset(path), geopandas.read_file(project.path("boxes.gpkg"))
    for name in ("sst", "anom"):
        data[name] = data[name].where(True)
        values, x = data[name].to_numpy()[0, 0], (data["lon"].to_numpy() + 180) % 360 - 180
        right = means(own, x, data["lat"], values, 4326)
        np.testing.assert_allclose(table.loc[table["variable"] == name, "mean"], right, rtol=1e-5)


def test_a_transposed_day_whose_name_gives_the_date(project):
    """Dimensions (lon, lat) and no time."""
    name = "3B42_Daily.{year}{month}{day}.7.test.nc"
    data = xarray.open_dataset(R / "stars/nc" / name.format(year=1999, month=12, day=31))
    x, y = data["lon"].to_numpy(), data["lat"].to_numpy()
    zones = boxes(project, (x[0] - 0.1, y[0] - 0.1, x[1] + 0.1, y[2] + 0.1))
    raster = {
        "path": str(R / "stars/nc" / name), "variables": ["precipitation"], "grain": "daily", "missing_dates": "skip"
    }  # fmt: skip
    table = study(project, zones=zones, raster=raster, years=1999)
    assert table["date"].tolist() == ["1999-12-31"]
    np.testing.assert_allclose(table["mean"], data["precipitation"].to_numpy()[:2, :3].mean(), rtol=1e-6)


def test_elements_and_levels_of_grib(project):
    """ERA5 in edition 1; the other copy of the numbers is in NetCDF, in which 10 members remain."""
    path = GRIB / "multi_param_on_multi_dims.grib"
    zones = boxes(project, (-21, -41, 33, 52), (-121, 11, -61, 61))
    table = study(
        project, zones=zones, years=2018,
        raster={"path": str(path), "variables": {"t850": "T:850-ISBL", "u300": "U:300-ISBL"}, "grain": "native"},
    )  # fmt: skip
    own = geopandas.read_file(project.path("boxes.gpkg"))
    with rasterio.Env(GRIB_NORMALIZE_UNITS="NO"), rasterio.open(path) as dataset:
        for label, element, level in (("t850", "T", "850-ISBL"), ("u300", "U", "300-ISBL")):
            tags = {band: dataset.tags(band) for band in dataset.indexes}
            bands = [b for b, tag in tags.items() if (tag["GRIB_ELEMENT"], tag["GRIB_SHORT_NAME"]) == (element, level)]
            times = {pandas.Timestamp(int(tags[b]["GRIB_VALID_TIME"].split()[0]), unit="s"): b for b in bands}
            found = table[table["variable"] == label]
            assert len(times) == found["date"].nunique() == len(bands)
            x = dataset.transform.c + dataset.transform.a * (np.arange(dataset.width) + 0.5)
            y = dataset.transform.f + dataset.transform.e * (np.arange(dataset.height) + 0.5)
            for time, band in times.items():
                right = means(own, x, y, dataset.read(band), 4326)
                of_date = found.loc[found["date"] == f"{time:%Y-%m-%dT%H:%M}", "mean"]
                np.testing.assert_allclose(of_date, right, rtol=1e-6)
    assert 200 < table["mean"].max() < 320  # kelvin


@pytest.mark.parametrize(
    ("path", "raster", "message"),
    [
        (GRIB / "regular_gg_sfc.grib", {"variables": ["10U"]}, "Gaussian latitudes"),
        (GRIB / "tp_on_different_grid_resolutions.grib", {"variables": ["TP"]}, "messages on 2 grids"),
        (GRIB / "regular_ll_wrong_increment.grib", {"variables": ["TMP"]}, "contradicts itself"),
        (GRIB / "era5-levels-members.grib", {"variables": {"t": "T:850-ISBL"}}, "several messages of T:850-ISBL"),
        (R / "stars/nc/test_stageiv_xyt.nc", {"variables": {
            "ppt": "Total_precipitation_surface_1_Hour_Accumulation"}}, "curved or rotated grid"),
        (R / "stars/nc/timeseries.nc", {"variables": ["pr"]}, "no dimension that is known to be x"),
        (R / "stars/tif/L7_ETMs.tif", {"variables": ["red"]}, "has 6 bands"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_rightly_is_refused_before_any_job(project, path, raster, message):
    own = {"source": "local", "grain": "native", "path": str(path), **raster}
    own |= {"grain": "annual"} if path.suffix == ".tif" else {}
    zones = {"source": "file", **boxes(project, (-21, -41, 33, 52))}
    years = {"test_stageiv_xyt": 2018}.get(path.stem, 2017)
    found = refused(project, zones=zones, raster=own, years=years)
    assert message in found


def test_rasterstats_own_polygons_and_slopes(project):
    data = FOLDER / "rasterstats/tests/data"
    from rasterstats import zonal_stats

    table = study(
        project, zones={"path": str(data / "polygons.shp"), "id": "row"}, years=2000,
        raster={"path": str(data / "slope.tif"), "variables": ["slope"]}, stats=["mean", "min", "max", "std"],
    )  # fmt: skip
    theirs = zonal_stats(
        str(data / "polygons.shp"), str(data / "slope.tif"), stats=["mean", "min", "max", "std", "count"]
    )
    for name in ("count", "min", "max", "mean", "std"):
        np.testing.assert_allclose(table[name], [zone[name] for zone in theirs], rtol=1e-6, err_msg=name)
