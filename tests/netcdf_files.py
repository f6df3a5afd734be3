"""Small NetCDF files, written attribute by attribute, and their values as the engine reads them."""

import netCDF4
import numpy as np
import pyproj
import pytest

from zonalflow.common.errors import RasterError
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.read import TimeStep, file_grid
from zonalflow.readers.arrays import ArraySource

WHOLE = (0, 4, 0, 6)
LATITUDE = {"units": "degrees_north", "standard_name": "latitude"}
LONGITUDE = {"units": "degrees_east", "standard_name": "longitude"}
LAT, LON = np.arange(3.5, 0, -1), np.arange(0.5, 6)  # of GRID
LATLON = {"lat": (LAT, LATITUDE), "lon": (LON, LONGITUDE)}
PLACES = 10 * LAT[:, None] + LON  # a value that tells its row and column


def write(path, axes, values=PLACES, *, crs="EPSG:4269", attributes=None, fill=-1, kind="NETCDF4", **more):
    """Write v over ``axes``: name to (coordinates or None, attributes), in the order of its dimensions."""
    values = np.asarray(values)
    with netCDF4.Dataset(path, "w", format=kind) as file:
        for name, (coordinates, about) in axes.items():
            file.createDimension(name, values.shape[list(axes).index(name)])
            if coordinates is not None:
                coordinate = file.createVariable(name, np.asarray(coordinates).dtype, (name,))
                coordinate[:] = coordinates
                coordinate.setncatts(about)
        variable = file.createVariable("v", values.dtype, tuple(axes), fill_value=fill)
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes or {})
        variable[:] = values
        if crs:
            file.createVariable("crs", "i4", ()).setncatts({**pyproj.CRS(crs).to_cf(), **more})
            variable.grid_mapping = "crs"
    return str(path)


def plain(path, values, attributes=None, fill=None, **more):
    """Write v [4, 6] on GRID with attributes."""
    return write(
        path, {"lat": (LAT, LATITUDE), "lon": (LON, LONGITUDE)}, values, attributes=attributes, fill=fill, **more
    )


def grid(path, crs=None):
    return file_grid(TimeStep("2000", path, 1, "v"), crs)[0]


def window_of(array, band, window, nodata=None):
    """Return the values of a window at a time step, and the value among them that means no data."""
    source = ArraySource(array, [TimeStep("2000", array.path, band, array.name)], "EPSG:4269", nodata)
    (stored,) = source.read([0], window[:2], window[2:])
    return stored.decode(stored.values, stored.mask)


def read(path, nodata=None):
    """Return the values of the whole grid, float64 with NaN where they are missing."""
    with open_array(path, "v") as array:
        values, missing = window_of(array, 1, WHOLE, nodata)
    values = values.astype("float64")
    return values if missing is None else np.where(values == float(missing), np.nan, values)


def refused(path, crs=None):
    with pytest.raises(RasterError) as caught:
        grid(path, crs)
    return str(caught.value)
