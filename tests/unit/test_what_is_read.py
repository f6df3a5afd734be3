"""The table of config/README.md, "What is read": each row is made, and its first date read by hand's arithmetic."""

import gzip
import re
import warnings
import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import pandas
import pytest
import rasterio
import rasterio.shutil
import xarray
from small import counting, write_tif

from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.read import open_raster, with_band
from zonalflow.timeline.time_steps import local_steps

README = (Path(__file__).parents[2] / "config" / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| [^|`]*(?:`(?:raster\.band|{[^|`]*})`)?[^|`]* \| `([^`]+)` \| `(\w+)` \|", README, re.MULTILINE)
MONTHS = pandas.date_range("2000-01-01", "2000-12-01", freq="MS")
DAYS = pandas.date_range("2000-01-01", "2000-12-31")
HOURS = pandas.date_range("2000-01-01", "2000-12-31 23:00", freq="h")
EIGHTS = pandas.date_range("2000-01-01", "2000-12-31", freq="8D")


def tif(path, *values, names=(), **options):
    """Write bands of one value each."""
    write_tif(path, np.stack([counting() * 0 + value for value in values]), nodata=-1, **options)
    if names:
        with rasterio.open(path, "r+") as dataset:
            dataset.descriptions = names


def array(times=None, first=1):
    """Return a variable v whose n-th time step has the value first + n, of 4 × 6 cells, or less for very many."""
    coordinates = {"lat": np.arange(3.5, 0, -1.0), "lon": np.arange(0.5, 6)}
    if times is None:
        return xarray.Dataset({"v": (("lat", "lon"), np.full((4, 6), first, "f4"))}, coordinates)
    values = np.arange(first, first + len(times), dtype="f4")[:, None, None] * np.ones((4, 6), "f4")
    return xarray.Dataset({"v": (("time", "lat", "lon"), values)}, {"time": times, **coordinates})


def zipped(path, *files):
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
            file.unlink()


def made(folder: Path) -> dict:
    """Return path to what makes its files, further keys, and how many dates 2000 has; the n-th date has the value n."""

    def months_apart():
        for month in range(1, 13):
            tif(folder / f"v_2000{month:02}.tif", month)

    def every_eight_days():
        for n, day in enumerate(EIGHTS, 1):
            tif(folder / f"v_2000{day.day_of_year:03}.tif", n)

    def gzipped():
        tif(folder / "v_2000.tif", 1)
        (folder / "v_2000.tif.gz").write_bytes(gzip.compress((folder / "v_2000.tif").read_bytes()))

    def bil():
        write_tif(folder / "v.bil", counting() * 0 + 1, driver="ENVI", interleave="BIL", nodata=-1)
        zipped(folder / "v_2000_bil.zip", *folder.glob("v.*"))

    def months_in_a_zip():
        for month in range(1, 13):
            tif(folder / f"v_{month:02}.tif", month)
        zipped(folder / "v_2000.zip", *sorted(folder.glob("v_??.tif")))

    def grib():
        write_tif(folder / "g.tif", np.stack([counting() * 0.0 + m for m in range(12, 0, -1)]), crs="EPSG:4326")
        options = {"DATA_ENCODING": "IEEE_FLOATING_POINT", "DISCIPLINE": "0", "PDS_PDTN": "0"}
        for band, month in enumerate(range(12, 0, -1), 1):
            options[f"BAND_{band}_IDS"] = f"REF_TIME=2000-{month:02}-15T00:00:00Z"
            options[f"BAND_{band}_PDS_TEMPLATE_ASSEMBLED_VALUES"] = "1 8 2 0 0 0 0 1 0 1 0 0 255 0 0"
        with rasterio.open(folder / "g.tif") as source:
            rasterio.shutil.copy(source, folder / "v_2000.grb2", driver="GRIB", **options)

    def decades():
        years = pandas.date_range("1990-01-01", "2009-12-01", freq="MS")
        array(years[:120], first=-119).to_netcdf(folder / "v_199001-199912.nc")
        array(years[120:]).to_netcdf(folder / "v_200001-200912.nc")

    def in_a_zip():
        array(MONTHS[:1]).to_netcdf(folder / "v.nc")
        zipped(folder / "v_2000_nc.zip", folder / "v.nc")

    def groups():
        array(EIGHTS).to_netcdf(folder / "v_2000.h5", group="Grid")
        assert "Grid" in netCDF4.Dataset(folder / "v_2000.h5").groups

    def gzipped_array():
        array(MONTHS).to_netcdf(folder / "v.nc")
        (folder / "v_2000.nc.gz").write_bytes(gzip.compress((folder / "v.nc").read_bytes()))

    def months_alone():
        for month in range(1, 13):
            tif(folder / f"v_{month:02}.tif", month)

    def zarr():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array(EIGHTS).to_zarr(folder / "v.zarr", zarr_format=3)

    described = [f"v_{day:%Y-%m}" for day in MONTHS[::-1]]
    return {
        "v_{year}{month}.tif": (months_apart, {}, 12),
        "v_{year}{doy}.tif": (every_eight_days, {}, 46),
        "v_*_{year}.tif": (lambda: tif(folder / "v_of_farms_2000.tif", 1), {}, 1),
        "v_{year}.tif": (lambda: tif(folder / "v_2000.tif", *range(1, 13)), {}, 12),
        "v.tif": (lambda: tif(folder / "v.tif", 0, 1, 2), {"of_years": [1999, 2000, 2001]}, 1),
        "described.tif": (
            lambda: tif(folder / "described.tif", *range(12, 0, -1), names=described), {"of_years": [2000]}, 12,
        ),
        "bands_{year}.tif": (lambda: tif(folder / "bands_2000.tif", 3, 1, 2), {"band": 2}, 1),
        "static.tif": (lambda: tif(folder / "static.tif", 1), {"of_years": [2000]}, 1),
        "v_{year}.tif.gz": (gzipped, {}, 1),
        "v_{year}_bil.zip": (bil, {}, 1),
        "v_{year}.zip/v_{month}.tif": (months_in_a_zip, {}, 12),
        "v_{year}.grb2": (grib, {}, 12),
        "v_{year}.nc": (lambda: array(DAYS).to_netcdf(folder / "v_2000.nc"), {}, 366),
        "v_*.nc": (decades, {}, 12),
        "all.nc": (lambda: array(HOURS).to_netcdf(folder / "all.nc"), {}, 8784),
        "plain_{year}.nc": (lambda: array().to_netcdf(folder / "plain_2000.nc"), {}, 1),
        "v_{year}_nc.zip": (in_a_zip, {}, 1),
        "v_{year}.nc.gz": (gzipped_array, {}, 12),
        "v_{month}.tif": (months_alone, {"of_years": [2000]}, 12),
        "several_{year}.tif": (
            lambda: tif(folder / "several_2000.tif", 3, 1, names="ab"), {"names": {"v": "b"}, "shared": True}, 1,
        ),
        "v_{year}.h5": (groups, {"names": {"v": "Grid/v"}}, 46),
        "v.zarr": (zarr, {}, 46),
    }  # fmt: skip


def value(step) -> float:
    if step.layer is None:
        with open_raster(step.path) as dataset:
            return float(dataset.read(with_band(dataset, step).band)[0, 0])
    with open_array(step.path, step.layer, step.select) as variable:
        return float(variable.stored(slice(step.band - 1, step.band), (0, 1, 0, 1))[0, 0, 0])


def test_the_table_has_a_row_for_each_layout():
    assert sorted(path for path, _ in ROWS) == sorted(made(Path()))


@pytest.mark.parametrize(("path", "grain"), ROWS)
def test_each_row_is_read(tmp_path, path, grain):
    make, keys, n = made(tmp_path)[path]
    make()
    steps = local_steps({"path": f"{tmp_path}/{path}", "grain": grain, **keys}, "v", 2000).steps
    assert len(steps) == n and [step.date for step in steps] == sorted({step.date for step in steps})
    assert all(step.date.startswith("2000") for step in steps)
    for position in (0, n // 2, n - 1):
        assert value(steps[position]) == position + 1
