"""Every study of config/examples/, run on small data as it is: nothing but servers' addresses is changed.

The numbers are held against rasterstats, exactextract or arithmetic by hand.
"""

import gzip
import json
import warnings

import geopandas
import numpy as np
import pandas
import pyarrow.parquet
import pytest
import rasterio
import rasterio.shutil
import shapely
import standin
import xarray
from oracles import exact_extract
from small import counting, write_tif

from zonalflow.geometry.grid import Grid

pytestmark = pytest.mark.slow

# 40 × 32 cells of a quarter degree over Florida and its neighbours
GRID = Grid("EPSG:4269", (0.25, 0.0, -89.0, 0.0, -0.25, 33.0), 40, 32)
COARSE = Grid("EPSG:4269", (0.5, 0.0, -89.0, 0.0, -0.5, 33.0), 20, 16)
# two regions, of 4 × 4 and of 8 × 4 cells of GRID; in Albers, so that they must be reprojected, when asked for
REGIONS = geopandas.GeoDataFrame(
    {"region": ["north", "south"]},
    geometry=[shapely.box(-86, 30, -85, 31), shapely.box(-84, 27, -82, 28)],
    crs="EPSG:4269",
)


def field(year: int, grid: Grid = GRID) -> np.ndarray:
    """Return smooth values of a year, with a corner of no data (−9999)."""
    row, column = np.indices(grid.shape)
    values = (1000 + 10 * (year - 2000) + 3 * row + 7 * np.sin(column / 5)).astype(np.float32)
    values[-6:, :6] = -9999
    return values


def run(project, name: str, *arguments: str, server: standin.Server | None = None) -> dict:
    """Run an example, to its end unless the arguments name a part of it, and return its manifest."""
    addresses = []
    if server is not None:
        text = project.path(f"config/examples/{name}.yaml").read_text()
        raster = {"geocdl": server.url, "prism": server.prism_url}["prism" if "source: prism" in text else "geocdl"]
        addresses = ["--config", f"raster={{url: '{raster}'}}", f"zones={{url: '{server.census_url}'}}"]
    done = project.snakemake(*arguments, "--configfile", f"config/examples/{name}.yaml", *addresses, profile="local")
    assert done.code == 0, done.text
    return json.loads(results(project, name, "manifest.json").read_text())


def results(project, name: str, path: str):
    folder = {"tracts_by_state": "tracts"}.get(name, name).replace("_", "-")
    return project.path(f"results/example-{folder}/{path}")


def tidy(project, name: str) -> pandas.DataFrame:
    return pandas.read_parquet(results(project, name, "zonal_stats.parquet"))


def rasterstats(zones, values, grid: Grid, stats, **options) -> pandas.DataFrame:
    from affine import Affine
    from rasterstats import zonal_stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rasterstats' own dependencies
        answer = zonal_stats(
            list(zones.geometry), values, affine=Affine(*grid.transform), nodata=-9999, stats=stats, **options
        )
    return pandas.DataFrame(answer)


def test_geocdl(project):
    with standin.Server() as server:
        manifest = run(project, "geocdl", server=server)
        assert server.count("subset_polygon") == 3
    table = tidy(project, "geocdl")
    zones = geopandas.read_parquet(results(project, "geocdl", "zones.parquet"))
    import rasterio

    for source in [source for source in manifest["sources"] if source["source"] == "geocdl"]:
        (file,) = source["files"]
        with rasterio.open(project.path(f"{source['path']}/{file['name']}")) as dataset:
            grid = Grid("EPSG:4269", tuple(dataset.transform)[:6], dataset.width, dataset.height)
            ours = table[table["date"] == file["date"]]
            theirs = rasterstats(zones, dataset.read(1), grid, ["count", "min", "max", "mean"])
        for name in ("count", "min", "max"):
            np.testing.assert_array_equal(ours[name], theirs[name].astype(float))
        np.testing.assert_allclose(ours["mean"], theirs["mean"].astype(float), rtol=1e-6)
    wide = pandas.read_csv(results(project, "geocdl", "zonal_stats_wide.csv"))
    assert {"ppt_mean_2018", "ppt_min_2019", "ppt_max_2020"} <= set(wide.columns)


def test_prism(project):
    with standin.Server() as server:
        manifest = run(project, "prism", server=server)
        assert server.count("prism/data/get") == 2  # each file once: the service refuses a second time
    assert any("PRISM" in line for line in manifest["attribution"])
    table = tidy(project, "prism")
    shapes = geopandas.read_file(results(project, "prism", "tmean/stats_2020.gpkg"))
    ours = table[table["date"] == "2020"]
    np.testing.assert_array_equal(shapes["mean"], ours["mean"])
    assert ours["count"].dtype == np.float64  # the sum of the covered shares


def test_local_tif(project):
    for year in (2018, 2019, 2020):
        write_tif(project.path(f"rasters/ppt_{year}.tif"), field(year), grid=GRID, nodata=-9999)
    west, south = np.meshgrid(np.arange(-88.5, -80), np.arange(25.5, 32))
    squares = shapely.box(west.ravel(), south.ravel(), west.ravel() + 0.8, south.ravel() + 0.7)
    crops = np.where(np.arange(len(squares)) % 3, "maize", "wheat")
    fields = geopandas.GeoDataFrame(
        {"field": np.arange(len(squares)), "crop": crops}, geometry=squares, crs="EPSG:4269"
    )
    project.path("zones").mkdir()
    fields.to_file(project.path("zones/fields.gpkg"))
    run(project, "local_tif")

    table = tidy(project, "local_tif")
    maize = fields[fields["crop"] == "maize"]
    names = ["count", "min", "max", "mean", "sum", "std", "median", "range", "percentile_90"]
    for year in (2018, 2019, 2020):
        ours = table[table["date"] == str(year)]
        assert ours["field"].tolist() == maize["field"].astype(str).tolist()
        theirs = rasterstats(maize, field(year).astype(float), GRID, names)
        for name in names:
            np.testing.assert_allclose(ours[name], theirs[name].astype(float), rtol=1e-12, err_msg=name)
    last = table[table["date"] == "2020"]
    for suffix in ("shp", "gpkg", "geojson", "parquet"):
        path = results(project, "local_tif", f"ppt/stats_2020.{suffix}")
        frame = geopandas.read_parquet(path) if suffix == "parquet" else geopandas.read_file(path)
        assert frame.crs.to_epsg() == 4269
        np.testing.assert_array_equal(frame["mean"], last["mean"], err_msg=suffix)
    wide = pandas.read_csv(results(project, "local_tif", "zonal_stats_wide.csv"))
    np.testing.assert_array_equal(wide["ppt_percentile_90_2020"], last["percentile_90"])


def test_fields(project):
    write_tif(project.path("rasters/ppt_2020.tif"), counting(GRID), grid=GRID, nodata=-1)
    # two cells each: rows 8 and 9 of the columns 12, 13, 14; a hollow feature
    shapes = [shapely.box(-86 + i / 4, 30.5, -85.75 + i / 4, 31) for i in range(3)]
    attributes = {"site": ["A", "A", "B", "B"], "plot": [1, 1, 1, 2], "farm": ["Oak", "Oak", "Elm", "Ash"]}
    attributes |= {"crop": ["rye", "oats", "rye", "rye"], "nitrogen": [20, 20, 30, 40], "soil": ["x"] * 4}
    project.path("zones").mkdir()
    geopandas.GeoDataFrame(attributes, geometry=[*shapes, None], crs="EPSG:4269").to_file(
        project.path("zones/plots.gpkg")
    )
    manifest = run(project, "fields")
    table = tidy(project, "fields")
    assert table.columns.tolist()[:6] == ["site_plot", "farm", "crop", "nitrogen", "variable", "date"]
    assert table["site_plot"].tolist() == ["A-1", "B-1"]
    assert (table["farm"].tolist(), table["nitrogen"].tolist()) == (["Oak", "Elm"], [20, 30])
    assert table["crop"][1] == "rye" and pandas.isna(table["crop"][0])  # the plot has two
    # rows 8 and 9 hold 332, 372 in column 12, and one more in each next column
    assert table["mean"].tolist() == [352.5, 354]
    assert manifest["zones"]["without_geometry"] == ["B-2"] and manifest["zones"]["joined"] == ["A-1"]
    page = results(project, "fields", "report.html").read_text()
    assert "Oak" in page and "in 2 zones, 2020" in page
    verified(project, "fields")


def verified(project, name: str) -> None:
    done = project.snakemake("verify", "--configfile", f"config/examples/{name}.yaml", profile="local")
    assert done.code == 0, done.text


def of_regions(project) -> None:
    """Write the two regions as zones."""
    project.path("zones").mkdir()
    REGIONS.to_file(project.path("zones/regions.gpkg"))


def test_satellite(project):
    # days 153 and 161 are 2 and 10 June 2019, or 1 and 9 June 2020; NDVI is the day / 1000, stored times 10,000
    for year in (2019, 2020):
        for day in (145, 153, 161):
            stored = np.full(GRID.shape, day * 10, np.int16)
            stored[8, 12] = -3000  # the first of the 16 cells in the north
            bands = np.stack([stored, np.full(GRID.shape, day % 7, np.int16)])
            path = write_tif(project.path(f"rasters/MOD_A{year}{day}_h10v05.tif"), bands, grid=GRID, crs="EPSG:3857")
            with rasterio.open(path, "r+") as dataset:
                dataset.descriptions, dataset.scales = ("NDVI", "pixel reliability"), (1e-4, 1)
    of_regions(project)
    manifest = run(project, "satellite")
    north = tidy(project, "satellite").query("region == 'north'").set_index(["variable", "date"])
    assert north.loc["ndvi"].index.tolist() == ["2019-06-02", "2019-06-10", "2020-06-01", "2020-06-09"]
    np.testing.assert_allclose(north.loc["ndvi"]["mean"], [0.153, 0.161, 0.153, 0.161])
    assert set(north.loc["ndvi"]["count"]) == {15}
    assert north.loc["quality"]["mean"].tolist() == [6, 0, 6, 0]  # 153 = 21 × 7 + 6, 161 = 23 × 7
    assert manifest["units"] == {"ndvi": "1"} and "Mercator" in manifest["grid"]["crs_of_file"]
    verified(project, "satellite")


def test_one_band(project):
    project.path("rasters").mkdir()
    for year in (2019, 2020):
        bands = np.stack([counting(GRID), counting(GRID) + year, counting(GRID)])
        tif = write_tif(project.path(f"rasters/image_{year}.tif"), bands, grid=GRID, nodata=-1)
        tif.with_suffix(".tif.gz").write_bytes(gzip.compress(tif.read_bytes()))
        tif.unlink()
    of_regions(project)
    run(project, "one_band")
    table = tidy(project, "one_band").query("region == 'north'")
    # rows 8 to 11, columns 12 to 15 hold 40 × 9.5 + 13.5 on average
    assert table["mean"].tolist() == [393.5 + 2019, 393.5 + 2020]
    verified(project, "one_band")


def test_hourly(project):
    times = pandas.date_range("2020-07-31", "2020-08-02 23:00", freq="h")
    lat, lon = np.arange(24.25, 33, 0.5), np.arange(-88.75, -79, 0.5)
    values = np.arange(72, dtype="f4")[:, None, None] * np.ones((18, 20), "f4")
    data = xarray.Dataset({"t2m": (("time", "lat", "lon"), values)}, {"time": times, "lat": lat, "lon": lon})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # consolidated metadata are not in version 3's specification
        data.to_zarr(project.path("rasters/era5_2020.zarr"), zarr_format=3)
    of_regions(project)
    manifest = run(project, "hourly")
    table = tidy(project, "hourly").query("region == 'south'")
    assert table["date"].tolist()[::23] == ["2020-08-01T00:00", "2020-08-01T23:00", "2020-08-02T22:00"]
    assert table["mean"].tolist() == [*range(24, 72)]  # the hours of August
    assert len(manifest["missing_dates"]["temperature"]["2020"]) == 29 * 24
    verified(project, "hourly")


def test_forecast(project):
    # 2 and 10 m, humidity; at 00:00 and 06:00
    project.path("rasters").mkdir()
    bands = np.stack([np.full(GRID.shape, float(value)) for value in (280, 270, 60, 282, 272, 50)])
    source = write_tif(project.path("source.tif"), bands, grid=GRID, crs="EPSG:4326")
    at, level = "0 0 2 0 0 0 0 1 0 1 0 0 255 0 0", "0 0 2 0 0 0 0 1 0 103 0 {} 255 0 0"
    products = [level.format(2), level.format(10), "1 1" + at[3:]]
    options = {"DATA_ENCODING": "IEEE_FLOATING_POINT", "DISCIPLINE": "0", "PDS_PDTN": "0", "INPUT_UNIT": "K"}
    for i in range(6):
        options[f"BAND_{i + 1}_IDS"] = f"REF_TIME=2020-08-01T{6 * (i // 3):02}:00:00Z"
        options[f"BAND_{i + 1}_PDS_TEMPLATE_ASSEMBLED_VALUES"] = products[i % 3]
    with rasterio.open(source) as dataset:
        rasterio.shutil.copy(dataset, project.path("rasters/forecast_2020.grb2"), driver="GRIB", **options)
    of_regions(project)
    run(project, "forecast")
    table = tidy(project, "forecast").query("region == 'north'").set_index(["variable", "date"])
    assert table.loc["t2m"].index.tolist() == ["2020-08-01T00:00", "2020-08-01T06:00"]
    np.testing.assert_allclose(table.loc["t2m"]["mean"], [280, 282])
    np.testing.assert_allclose(table.loc["humidity"]["mean"], [60, 50])
    verified(project, "forecast")


def test_local_netcdf(project):
    times = xarray.date_range("2000-01-01", "2001-12-31", freq="MS", calendar="noleap", use_cftime=True)
    lat, lon = np.arange(24.25, 33, 0.5), np.arange(-88.75, -79, 0.5)  # the first row is the southernmost
    values = 280 + np.arange(24)[:, None, None] + lat[:, None] / 10 + np.sin(lon)
    values[:, :3, :3] = np.nan
    data = xarray.Dataset({"tas": (("time", "lat", "lon"), values)}, {"time": times, "lat": lat, "lon": lon})
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    project.path("rasters").mkdir()
    data.to_netcdf(project.path("rasters/model.nc"), encoding={"tas": {"_FillValue": 1e20}})
    run(project, "local_netcdf")

    table = tidy(project, "local_netcdf")
    assert table["date"].unique().tolist() == [f"{year}-{month:02}" for year in (2000, 2001) for month in range(1, 13)]
    zones = geopandas.read_parquet(results(project, "local_netcdf", "zones.parquet"))
    assert zones.crs.to_epsg() == 4326
    grid = Grid("EPSG:4326", (0.5, 0, -89.0, 0, -0.5, 33.0), 20, 18)
    for step in (0, 13):
        theirs = exact_extract(zones.geometry, values[step, ::-1].copy(), grid, ["mean", "count"])
        ours = table[table["date"] == f"{2000 + step // 12}-{step % 12 + 1:02}"]
        np.testing.assert_allclose(ours["count"], theirs["count"], rtol=1e-6)
        np.testing.assert_allclose(ours["mean"], theirs["mean"], rtol=1e-9)

    # years that the file lacks are named in a preview, before any job
    preview = project.snakemake(
        "-n", "--configfile", "config/examples/local_netcdf.yaml", "--config", "years=1998:2002", profile="local"
    )
    assert preview.code != 0
    assert (
        "tas lacks 3 of 5 years: 1998–1999, 2002; it holds 2000-01-01 to 2001-12-01, 24 time steps" in preview.message
    )


def test_climate_model(project):
    # decades of months from July 2000 on, on two levels; the value of a month is its number since January 2000
    project.path("rasters").mkdir()
    lat, lon = np.arange(24.25, 33, 0.5), np.arange(-88.75, -79, 0.5)
    for first, last in (("2000-07", "2001-12"), ("2002-01", "2003-12")):
        times = xarray.date_range(f"{first}-01", f"{last}-28", freq="MS", calendar="360_day", use_cftime=True)
        number = np.array([12 * (time.year - 2000) + time.month - 1 for time in times], "f4")
        values = np.stack([number * 0, number], axis=1)[..., None, None] * np.ones((18, 20), "f4")
        axes = {"time": times, "plev": [100000.0, 85000.0], "lat": lat, "lon": lon}
        data = xarray.Dataset({"ta": (("time", "plev", "lat", "lon"), values)}, axes)
        data["ta"].attrs["units"] = "K"
        data.to_netcdf(project.path(f"rasters/ta_Amon_{first.replace('-', '')}-{last.replace('-', '')}.nc"))
    project.path("zones").mkdir()
    REGIONS.to_file(project.path("zones/regions.gpkg"))
    manifest = run(project, "climate_model")
    table = tidy(project, "climate_model")
    dates = ["2000-07", "2000-08", *(f"{year}-{month:02}" for year in (2001, 2002, 2003) for month in (6, 7, 8))]
    assert table["date"].unique().tolist() == dates
    assert table["row"].unique().tolist() == ["1", "2"] and set(table["variable"]) == {"temperature"}
    assert table.loc[table["row"] == "1", "mean"].tolist() == [6, 7, 17, 18, 19, 29, 30, 31, 41, 42, 43]
    assert manifest["grid"]["crs_is_assumed"] and manifest["units"] == {"temperature": "K"}
    assert manifest["missing_dates"] == {"temperature": {"2000": ["2000-06"]}}
    fields = pyarrow.parquet.read_schema(results(project, "climate_model", "zonal_stats.parquet"))
    assert fields.field("mean").metadata[b"unit"] == b"K"
    page = results(project, "climate_model", "report.html").read_text()
    assert "temperature 2000: 2000-06" in page
    assert (
        "1 date without data, left out: 2000-06"
        in project.path("logs/example-climate-model/zonal_stats/temperature_2000.log").read_text()
    )
    verified(project, "climate_model")


def test_monthly(project):
    with standin.Server() as server:
        manifest = run(project, "monthly", server=server)
        assert server.count("subset_polygon") == 2  # a request for each variable and year
    table = tidy(project, "monthly")
    shapes = geopandas.read_file(results(project, "monthly", "tmean/stats_2020.shp"))
    december = table[(table["variable"] == "tmean") & (table["date"] == "2020-12")]
    np.testing.assert_array_equal(shapes["mean_12"], december["mean"])
    np.testing.assert_array_equal(shapes["valid_12"], december["valid_fraction"])
    assert manifest["shapefile_fields"]["valid_fraction_12"] == "valid_12"
    wide = pandas.read_csv(results(project, "monthly", "zonal_stats_wide.csv"))
    np.testing.assert_array_equal(wide["tmean_mean_2020-12"], december["mean"])
    assert len(wide.columns) == len({"GEOID", "NAME", "STATE_NAME", "inside_fraction"}) + 2 * 12


def test_daily(project):
    with standin.Server() as server:
        run(project, "daily", server=server)
        assert server.count("subset_polygon") == 12  # a month at a time
    table = tidy(project, "daily")
    assert table["date"].nunique() == 366
    shapes = geopandas.read_parquet(results(project, "daily", "tmax/stats_2020.parquet"))
    leap_day = table[table["date"] == "2020-02-29"]
    np.testing.assert_array_equal(shapes["max_0229"], leap_day["max"])
    land = table[table["count"] > 0]
    assert (land["max"] >= land["mean"]).all()


def test_categorical(project):
    for year, south in ((2016, 42), (2019, 82)):
        cover = np.full(GRID.shape, 41, np.uint8)
        cover[:, 20:] = 11
        cover[16:] = south  # from 29 degrees on southwards
        path = write_tif(project.path(f"rasters/nlcd_{year}.tif"), cover, grid=GRID, nodata=0)
        path.with_name(f"{path.name}.aux.xml").write_text(
            '<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable>'
            '<FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>'
            '<FieldDefn index="1"><Name>Class_Name</Name><Type>2</Type><Usage>2</Usage></FieldDefn>'
            '<Row index="0"><F>11</F><F>Open Water</F></Row><Row index="1"><F>41</F><F>Deciduous Forest</F></Row>'
            '<Row index="2"><F>82</F><F>Cultivated Crops</F></Row>'
            "</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"
        )
    # 4 × 8 cells around the corner at 84 west, 29 north: 1 × 4 of forest, 3 × 4 of water, 4 × 4 of the south
    shapes = [shapely.box(-84.25, 28, -83.25, 30), shapely.box(-88, 32, -87, 33)]
    project.path("zones").mkdir()
    geopandas.GeoDataFrame({"huc": ["03", "04"]}, geometry=shapes, crs="EPSG:4269").to_file(
        project.path("zones/watersheds.gpkg")
    )
    manifest = run(project, "categorical")
    table = tidy(project, "categorical").set_index(["date", "huc"])
    row = table.loc[("2019", "03")]
    assert row["class_41_Deciduous_Forest"] == 4
    assert row["class_11_Open_Water"] == 12
    assert row["class_82_Cultivated_Crops"] == 16
    assert row["class_42"] == 0  # occurs in 2016 only, and its name is nowhere
    assert row["share_11_Open_Water"] == 12 / 32
    assert row["majority"] == 82
    assert table.loc[("2016", "03")]["class_42"] == 16
    assert table.loc[("2016", "04")]["share_41_Deciduous_Forest"] == 1
    classes = {"11": "Open Water", "41": "Deciduous Forest", "82": "Cultivated Crops"}
    assert list(manifest["classes"].values()) == [classes]
    frame = geopandas.read_file(results(project, "categorical", "landcover/stats_2019.shp"))
    assert frame["class_11"].tolist() == [12, 0]
    assert frame["share_11"].tolist() == [12 / 32, 0]


def test_weights(project):
    tmean = np.full(GRID.shape, 10, np.float32)
    tmean[8, 12:16] = 20, 30, 40, 50  # the first row of the region in the north
    for year in (2019, 2020):
        write_tif(project.path(f"rasters/tmean_{year}.tif"), tmean + (year - 2019), grid=GRID)
    people = np.full(GRID.shape, -1, np.int32)
    people[8, 12:16] = 0, 100, 300, 0
    people[9, 12] = 600
    write_tif(project.path("rasters/population.tif"), people, grid=GRID, nodata=-1)
    project.path("zones").mkdir()
    REGIONS.to_file(project.path("zones/regions.gpkg"))
    manifest = run(project, "weights")
    table = tidy(project, "weights").set_index(["date", "region"])
    north = table.loc[("2019", "north")]
    # (100 × 30 + 300 × 40 + 600 × 10) / 1000, and the spread around it
    assert north["mean"] == 21
    assert north["sum"] == 21000
    assert north["std"] == pytest.approx(np.sqrt((100 * 81 + 300 * 361 + 600 * 121) / 1000), rel=1e-12)
    assert north["count"] == 16
    assert table.loc[("2020", "north")]["mean"] == 22
    assert np.isnan(table.loc[("2020", "south")]["mean"])  # nobody lives there
    assert any(source["path"] == "rasters/population.tif" for source in manifest["sources"])

    # other weights, other numbers: nothing stale
    people[9, 12] = 0
    write_tif(project.path("rasters/population.tif"), people, grid=GRID, nodata=-1)
    run(project, "weights", "tables")
    assert tidy(project, "weights")["mean"][0] == (100 * 30 + 300 * 40) / 400


def test_tracts_by_state(project):
    with standin.Server() as server:
        run(project, "tracts_by_state", server=server)
        assert sorted(path.rsplit("/", 1)[1] for path in server.requests if "GENZ" in path) == [
            "cb_2018_12_tract_500k.zip", "cb_2018_13_tract_500k.zip",
        ]  # fmt: skip
    table = tidy(project, "tracts_by_state")
    assert set(table["GEOID"].str[:2]) == {"12", "13"}
    assert table["GEOID"].is_unique
    zones = geopandas.read_parquet(results(project, "tracts_by_state", "zones.parquet"))
    # the stand-in's tracts are squares of a degree, and stay so where the box cuts them
    np.testing.assert_allclose(shapely.area(zones.geometry.to_numpy()), 1)


def test_changing_grid(project):
    for year, grid in ((2018, COARSE), (2019, COARSE), (2020, GRID)):
        write_tif(project.path(f"rasters/ppt_{year}.tif"), counting(grid), grid=grid, nodata=-1)
    project.path("zones").mkdir()
    REGIONS.to_crs("EPSG:5070").to_file(project.path("zones/regions.gpkg"))
    manifest = run(project, "changing_grid")
    table = tidy(project, "changing_grid").set_index(["date", "region"])
    assert table["count"].tolist() == [4, 8, 4, 8, 16, 32]
    # COARSE: rows 4, 5 and columns 6, 7 hold 86, 87, 106, 107; GRID: rows 8 … 11, columns 12 … 15
    assert table.loc[("2019", "north")]["mean"] == 96.5
    assert table.loc[("2020", "north")]["mean"] == 9.5 * 40 + 13.5
    assert table["grid"].tolist()[:4] == ["study"] * 4
    (name,) = manifest["other_grids"]
    assert table.loc[("2020", "south")]["grid"] == name
    assert manifest["other_grids"][name]["dates"] == ["2020"]
    assert manifest["other_grids"][name]["file_grid"]["width"] == 40

    # without reindex the same study stops at the year, and says why
    stopped = project.snakemake(
        "--configfile", "config/examples/changing_grid.yaml", "--config", "raster={on_grid_change: error}",
        "run=strict", profile="local",
    )  # fmt: skip
    assert stopped.code != 0
    log = project.path("logs/strict/zonal_stats/ppt_2020.log").read_text()
    assert "rasters/ppt_2020.tif (2020) is not on the study's grid" in log
    assert "40 × 32 cells of 0.25" in log
    assert "20 × 16 cells of 0.5" in log


def test_a_long_daily_study_has_a_row_group_a_year(project):
    # three years of one file with a band a day: 1,096 days of two regions
    days = {2000: 366, 2001: 365, 2002: 365}
    for year, n in days.items():
        values = np.full((n, *GRID.shape), 1.0, np.float32) * np.arange(1, n + 1, dtype=np.float32)[:, None, None]
        write_tif(project.path(f"rasters/tmax_{year}.tif"), values, grid=GRID, nodata=-9999, compress="deflate")
    REGIONS.to_file(project.path("regions.gpkg"))
    text = project.path("config/examples/changing_grid.yaml").read_text()
    text = (
        text.replace("ppt", "tmax")
        .replace("annual", "daily")
        .replace("zones/", "")
        .replace("formats: [shp, csv, wide]", "formats: [wide]")
    )
    project.path("config/examples/long.yaml").write_text(
        text.replace("2018:2020", "2000:2002").replace("-changing-grid", "-long")
    )
    manifest = run(project, "long")
    path = results(project, "long", "zonal_stats.parquet")
    groups = pyarrow.parquet.ParquetFile(path).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [732, 730, 730]
    one = pandas.read_parquet(path, filters=[("date", "==", "2001-12-31"), ("region", "==", "south")])
    assert one["mean"].tolist() == [365.0]
    assert "results/example-long/zonal_stats.parquet" in [result["path"] for result in manifest["results"]]
    assert project.path("results/example-long/report.html").exists()
