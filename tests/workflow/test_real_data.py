"""Real tracts over real PRISM grids, zips as they came, against rasterstats and exactextract.

Set ZONALFLOW_REAL_DATA to a folder with the tracts of four states (tracts_2018_CO_FL_KS_MT.gpkg) and PRISM's daily
grids of 1 January 1981 and 1991 (PRISM_ppt_stable_4kmD2_<date>_bil.zip).
"""

import os
import warnings
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pytest
import rasterio
from oracles import direct_percentile, exact_extract

from zonalflow.geometry.grid import Grid, grid_of

FOLDER = Path(os.environ.get("ZONALFLOW_REAL_DATA", "unset"))
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="ZONALFLOW_REAL_DATA names no folder")

CONFIG = """
run: tracts
years: 1981,1991
zones: {{source: file, path: {folder}/tracts_2018_CO_FL_KS_MT.gpkg, id: GEOID}}
raster: {{source: local, path: "{folder}/PRISM_ppt_stable_4kmD2_{{year}}0101_bil.zip", variables: [ppt]}}
stats: [mean, sum, min, max, std, median, majority, unique]
method: {method}
output: {{formats: [gpkg, wide]}}
"""


def grid_and_values(year: int) -> tuple[Grid, np.ndarray]:
    stem = f"PRISM_ppt_stable_4kmD2_{year}0101_bil"
    with rasterio.open(f"/vsizip/{FOLDER}/{stem}.zip/{stem}.bil") as dataset:
        return grid_of(dataset), dataset.read(1)


def computed(project, method: str) -> pandas.DataFrame:
    project.path("real.yaml").write_text(CONFIG.format(folder=FOLDER, method=method))
    run = project.snakemake("tables", "vectors", "--configfile", "real.yaml", profile="local")
    assert run.code == 0, run.text
    return pandas.read_parquet(project.path("results/tracts/zonal_stats.parquet"))


def test_6502_tracts_by_coverage(project):
    table = computed(project, "coverage")
    zones = geopandas.read_parquet(project.path("results/tracts/zones.parquet"))
    assert len(zones) == 6502
    for year in (1981, 1991):
        ours = table[table["date"] == str(year)]
        grid, values = grid_and_values(year)
        names = ["count", "mean", "sum", "min", "max", "stdev", "median"]
        theirs = exact_extract(zones.geometry, values, grid, [*names, "values", "coverage"], nodata=-9999)
        # exactextract's median counts cells of equal value as one, and many tracts have several of 0 mm
        cells = zip(theirs["values"], theirs["coverage"], strict=True)
        theirs["median"] = [direct_percentile(*of, 50) if len(of[0]) else np.nan for of in cells]
        for name, own in zip(names, ["count", "mean", "sum", "min", "max", "std", "median"], strict=True):
            expected = theirs[name].astype(float).to_numpy()
            there = np.isfinite(expected) & (theirs["count"] > 0).to_numpy()
            np.testing.assert_array_equal(ours["count"] > 0, theirs["count"] > 0)
            np.testing.assert_allclose(ours[own].to_numpy()[there], expected[there], rtol=1e-5, atol=1e-6, err_msg=own)


def test_6502_tracts_by_cell_centres(project):
    from rasterstats import zonal_stats

    table = computed(project, "center")
    zones = geopandas.read_parquet(project.path("results/tracts/zones.parquet"))
    ours = table[table["date"] == "1991"]
    grid, values = grid_and_values(1991)
    names = ["count", "min", "max", "mean", "sum", "std", "median", "majority", "unique"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rasterstats' own dependencies
        from affine import Affine

        transform = Affine(*grid.transform)
        answer = zonal_stats(list(zones.geometry), values.astype(float), affine=transform, nodata=-9999, stats=names)
    theirs = pandas.DataFrame(answer)
    for name in names:
        exact = name in ("count", "min", "max", "majority", "unique")
        expected = theirs[name].astype(float).to_numpy()
        if name == "unique":
            expected = np.where(theirs["count"] > 0, expected, np.nan)  # rasterstats says 1 for nothing but nodata
        np.testing.assert_allclose(
            ours[name].to_numpy(), expected, rtol=0 if exact else 1e-12, atol=0 if exact else 1e-12
        )
    assert (ours["count"] == 0).sum() > 3000  # more than half of the tracts hold no cell centre at 4 km
