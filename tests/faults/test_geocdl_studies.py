"""A small study of every dataset of GeoCDL at each of its grains: numbers by rasterstats, and requests counted."""

import math
import warnings

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from affine import Affine
from faults import pipeline
from standin import grids

from zonalflow.sources.catalogue.datasets import DATASETS, dataset_id
from zonalflow.sources.catalogue.geocdl import box_in_crs
from zonalflow.steps.fetch_rasters import Wildcards, fetch_rasters
from zonalflow.study.resolve import retry_policy

SMALL, MIDDLE, LARGE = (-96.0, 37.0, -95.95, 37.05), (-96.0, 37.0, -95.5, 37.5), (-96.0, 37.0, -93.0, 40.0)
# dataset, grain, variable, years, box, further keys of `raster`; requests, dates
STUDIES = {
    "PRISM annual": ("PRISM", "annual", "ppt", "2000:2001", LARGE, {}, 2, 2),
    "PRISM monthly": ("PRISM", "monthly", "tmax", 2000, LARGE, {}, 1, 12),
    "PRISM monthly in summer": ("PRISM", "monthly", "tmax", 2000, LARGE, {"months": [8, 6, 7]}, 1, 3),
    "PRISM daily in two months": ("PRISM", "daily", "tmin", 2001, MIDDLE, {"months": [2, 11]}, 2, 58),
    "DaymetV4 annual": ("DaymetV4", "annual", "prcp", "2019:2020", MIDDLE, {}, 2, 2),
    "DaymetV4 monthly": ("DaymetV4", "monthly", "prcp", 2020, MIDDLE, {}, 1, 12),
    "GTOPO30": ("GTOPO", "annual", "elev", 2000, MIDDLE, {}, 1, 1),
    "SRTM": ("SRTM", "annual", "elev", 2000, SMALL, {}, 1, 1),
    "MODIS_NDVI daily": ("MODIS_NDVI", "daily", "NDVI", 2001, MIDDLE, {"months": [3]}, 1, 4),
    "NASS_CDL": ("cdl", "annual", "cdl", 2010, SMALL, {}, 1, 1),
    "NLCD": ("NLCD", "annual", "land_cover", "available", SMALL, {}, 8, 8),
    "VIP monthly": ("VIP", "monthly", "NDVI", 1999, LARGE, {"months": [5, 6]}, 1, 2),
    "Soilgrids250mV2": ("Soilgrids250mV2", "annual", "clay_0-5cm_mean", 2000, MIDDLE, {}, 1, 1),
    "SMAP hourly": ("SMAP_HB1km", "hourly", "sm", 2016, MIDDLE, {"months": [2]}, 1, 29 * 4),
    "RAPV3": ("RAPV3", "annual", "cover_tree", 2000, SMALL, {}, 1, 1),
}


def config_of(server, dataset, grain, variable, years, box, keys, zones):
    """Return the configuration of a study that asks the stand-in."""
    return {
        "run": "small",
        "years": years,
        "bbox": list(box),
        "zones": {"source": "file", "path": str(zones), "id": "name"},
        "raster": {
            "source": "geocdl",
            "dataset": dataset,
            "variables": [variable],
            "grain": grain,
            "url": server.url,
            **keys,
        },
        "stats": ["mean", "min", "max", "sum"],
        "output": {"formats": ["csv", "geoparquet"]},
    }


def zones_in(box, path):
    """Write a triangle and a pentagon within a box."""
    west, south, east, north = box
    corners = {
        "triangle": [(0.1, 0.1), (0.8, 0.2), (0.4, 0.9)],
        "pentagon": [(0.5, 0.3), (0.95, 0.35), (0.9, 0.9), (0.7, 0.95), (0.5, 0.6)],
    }
    shapes = [
        shapely.Polygon([(west + x * (east - west), south + y * (north - south)) for x, y in points])
        for points in corners.values()
    ]
    frame = geopandas.GeoDataFrame({"name": list(corners)}, geometry=shapes, crs="EPSG:4269")
    frame.to_file(path, engine="pyogrio")


def fetch(study):
    """Fetch what a study needs, as its jobs do; return the lines that they log."""
    lines = []
    for variable, year in study.year_keys:
        what = Wildcards(variable, str(year))
        policy = retry_policy(study.config["fetch"])
        fetch_rasters(study.receipt(variable, year), what, study.config, policy, lines.append)
    return lines


def truth(dataset, variable, date, box):
    """Return what the server's own raster holds in the cells that a box touches, NaN where nothing, and its grid."""
    data = grids.DATASETS[dataset]
    window = data.window(*box_in_crs(dataset, box))
    values = data.picture(variable, date, window).astype(float)
    if data.nodata is not None and not math.isnan(data.nodata):
        values[values == data.nodata] = np.nan
    row, column = window[:2]
    return values, Affine(data.cell, 0, data.west + column * data.cell, 0, -data.cell, data.north - row * data.cell)


def by_rasterstats(shapes, values, affine):
    from rasterstats import zonal_stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rasterstats' own dependencies
        names = ["count", "mean", "min", "max", "sum"]
        return pandas.DataFrame(zonal_stats(list(shapes), values, affine=affine, nodata=-999999, stats=names))


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_each_dataset_and_grain_agrees_with_rasterstats(name, server, tmp_path, monkeypatch):
    dataset, grain, variable, years, box, keys, requests, n_dates = STUDIES[name]
    monkeypatch.chdir(tmp_path)
    zones_in(box, tmp_path / "zones.gpkg")
    config = config_of(server, dataset, grain, variable, years, box, keys, tmp_path / "zones.gpkg")
    fetch(pipeline.study_of(config))
    assert server.count() == server.count("subset_polygon") == requests
    study = pipeline.run(config)
    table = pandas.read_parquet(study.tables["parquet"])
    dates = sorted(table["date"].unique())
    assert len(dates) == n_dates
    shapes = geopandas.read_parquet(study.prepared)
    for date in dates if n_dates < 20 else [dates[0], dates[5], dates[-1]]:
        asked = "" if not DATASETS[study.raster["dataset"]].grains else date.replace("T", "-").removesuffix(":00")
        values, affine = truth(study.raster["dataset"], variable, asked, box)
        theirs = by_rasterstats(shapes.geometry, values, affine)
        ours = table[table["date"] == date]
        assert ours["name"].tolist() == shapes["name"].tolist()
        assert (ours["count"] > 0).all()
        for stat in ("count", "min", "max"):
            np.testing.assert_array_equal(ours[stat], theirs[stat].astype(float), err_msg=f"{date} {stat}")
        for stat in ("mean", "sum"):
            np.testing.assert_allclose(ours[stat], theirs[stat].astype(float), rtol=1e-6, err_msg=f"{date} {stat}")
    fetch(study)
    assert server.count() == requests  # nothing is asked for twice


def test_every_dataset_and_grain_is_in_a_study():
    tried = {(dataset_id(dataset), grain) for dataset, grain, *_ in STUDIES.values()}
    assert tried == {(name, grain) for name, known in DATASETS.items() for grain in known.grains or ("annual",)}


def test_class_names_come_from_the_attribute_table_by_row(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zones_in(SMALL, tmp_path / "zones.gpkg")
    config = config_of(server, "NASS_CDL", "annual", "cdl", 2010, SMALL, {}, tmp_path / "zones.gpkg")
    config["stats"] = ["categorical"]
    fetch(pipeline.study_of(config))
    table = pandas.read_parquet(pipeline.run(config).tables["parquet"])
    names = {"class_0_Background", "class_1_Corn", "class_5_Soybeans", "class_24_Winter_Wheat"}
    assert names <= set(table.columns)
    values, affine = truth("NASS_CDL", "cdl", "2010", SMALL)
    shapes = geopandas.read_parquet("results/small/zones.parquet").geometry
    corn = by_rasterstats(shapes, (values == 1).astype(float), affine)["sum"]
    np.testing.assert_array_equal(table["class_1_Corn"], corn)
    soy_is_missing = {**config, "run": "none", "raster": {**config["raster"], "nodata": 5}}
    table = pandas.read_parquet(pipeline.run(soy_is_missing).tables["parquet"])
    assert "class_5_Soybeans" not in table.columns  # raster.nodata works for what is fetched as well
    assert (table["valid_fraction"] < 1).all()
