"""Read a time step of a file in another way than the jobs: by its labels, with NetCDF decoded by xarray's own rules.

The jobs count rows and columns from the file's edge and decode the stored numbers themselves. Here each cell is looked
up by the coordinates of its centre, along the axes that rioxarray takes for x and y, and xarray masks and unpacks. A
grid, an axis or a mask that the jobs misread is therefore seen.
"""

import gzip
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from zonalflow.common.errors import VerificationError
from zonalflow.geometry.grid import Grid

if TYPE_CHECKING:
    import xarray

_NOISE = timedelta(milliseconds=500)  # by which a number of days may miss a whole minute
_NEAR = 0.01  # of a cell: how far a cell's centre may lie from the file's coordinate


@contextmanager
def undecoded(
    path: str, variable: str | None, select: Mapping[str, Any] = MappingProxyType({})
) -> Iterator["xarray.DataArray"]:
    """Open a variable of a NetCDF, HDF5 or Zarr file, or its only one with rows and columns, with its stored numbers.

    Args:
        path: the file.
        variable: its name, with the groups in which it lies.
        select: values of further dimensions, as configured.
    """
    group, _, variable = (variable or "").strip("/").rpartition("/")
    with _open(path) as tree:
        node: Any = tree[f"/{group}"]
        dataset = node.to_dataset(inherit=True)
        if not variable:
            [variable] = (
                str(name) for name, array in dataset.data_vars.items() if array.ndim > 1 and "bnds" not in array.dims
            )
        array = dataset[variable]
        for dimension, value in select.items():
            label = array[dimension] if dimension in dataset.variables else None
            array = array.isel({dimension: value if label is None else _labelled(label, value)})
        yield array


def _labelled(label: "xarray.DataArray", value: Any) -> int:
    """Return the position of a value among the labels of a dimension; of an integer that is none, itself."""
    import xarray

    if " since " in str(label.attrs.get("units", "")):
        coordinate = ("times", label.to_numpy(), label.attrs)
        decoded = xarray.decode_cf(xarray.Dataset(coords={"times": coordinate}))["times"]
        texts = [str(one)[:16].replace(" ", "T") for one in decoded.to_numpy()]
        found = [number for number, text in enumerate(texts) if text.startswith(str(value))]
    elif label.dtype.kind in "iuf":
        numbers = label.to_numpy().astype(float)
        nearest = int(np.abs(numbers - float(value)).argmin())
        return nearest if np.isclose(numbers[nearest], float(value), rtol=1e-4, atol=0.5) else int(value)
    else:
        texts = [one.decode() if isinstance(one, bytes) else str(one) for one in label.to_numpy().tolist()]
        found = [number for number, text in enumerate(texts) if text == str(value)]
    return found[0] if found else int(value)


@contextmanager
def _open(path: str) -> Iterator["xarray.DataTree"]:
    """Open all groups of a file; of one in a zip, a copy."""
    import xarray

    options: dict[str, Any] = {"mask_and_scale": False, "decode_times": False, "cache": False}
    zipped, within, member = path.partition(".zip/") if ".zip/" in path else (path, "", "")
    with tempfile.TemporaryDirectory(prefix="zonalflow-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a Zarr store without consolidated metadata
        file = path
        if within or path.lower().endswith(".zip"):
            zipfile.ZipFile(f"{zipped}.zip" if within else path).extractall(folder)
            found = [member] if within else _datasets(folder)
            file = f"{folder}/{found[0]}"
        if path.lower().endswith(".gz"):
            file = f"{folder}/{Path(path).stem}"
            Path(file).write_bytes(gzip.decompress(Path(path).read_bytes()))
        engine = "zarr" if Path(file).is_dir() else "netcdf4"
        with xarray.open_datatree(file, engine=engine, **options) as tree:
            yield tree


def _datasets(folder: str) -> list[str]:
    """Return what an unpacked zip holds: its NetCDF or HDF5 files, or the root of a Zarr store."""
    paths = sorted(Path(folder).rglob("*"))
    roots = [path.parent for path in paths if path.name in ("zarr.json", ".zgroup")]
    files = [path for path in paths if path.suffix.lower() in (".nc", ".nc4", ".cdf", ".h5", ".hdf5", ".he5", ".hdf")]
    return [str(path.relative_to(folder)) for path in [*sorted(roots, key=lambda path: len(path.parts))[:1], *files]]


def read_by_label(
    array: "xarray.DataArray", band: int, grid: Grid, nodata: float | str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values at the centres of a grid's cells, and which of them the file calls missing.

    Args:
        array: of :func:`undecoded`.
        band: the position along its time dimension, from 1.
        grid: the cells.
        nodata: as configured.

    Returns:
        float64 and bool, both [rows, columns]; a value is NaN where the file holds NaN.

    Raises:
        VerificationError: when the file has no coordinate at the centre of a cell.
    """
    x, y = _spatial(array)
    where: dict[Any, Any] = {name: 0 if array.sizes[name] == 1 else band - 1 for name in array.dims}
    where[x] = positions(_metres(array[x], grid), grid, along_x=True)
    where[y] = positions(_metres(array[y], grid), grid, along_x=False)
    raw = array.isel(where).transpose(y, x).load()
    stored = raw.to_numpy()
    decoded = _decoded(raw, nodata)
    nan = np.isnan(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape, bool)
    missing = np.isnan(decoded) & ~nan
    fill = raw.attrs.get("_FillValue") if nodata is None else nodata
    if nodata is None:
        missing |= _beyond_the_valid_range(raw, decoded) | _never_written(raw)
    if isinstance(fill, float | np.floating) and np.isnan(fill):
        missing |= nan
    return np.where(missing, 0.0, decoded), missing


def dates_of_step(array: "xarray.DataArray", band: int) -> list[str]:
    """Return the time that xarray decodes for a time step, ``2000-01-31T06:00``: none where the file tells no dates.

    A time step with bounds has several: their middle, by which it is dated at the grains of the calendar, and for the
    grain native the file's own time and the begin.
    """
    import xarray

    for name in array.dims:
        coordinate = array.coords.get(name)
        if coordinate is None or " since " not in str(coordinate.attrs.get("units", "")):
            continue
        position = 0 if array.sizes[name] == 1 else band - 1
        numbers = [coordinate.to_numpy()[position]]
        bounds = str(coordinate.attrs.get("bounds", ""))
        source = array.encoding.get("source")
        if bounds and source and str(source).endswith((".nc", ".nc4")):
            with xarray.open_dataset(source, engine="netcdf4", decode_times=False, mask_and_scale=False) as whole:
                if bounds in whole.variables:
                    both = whole[bounds].to_numpy().astype(np.float64)[position]
                    numbers += [both.mean(), both.min()]
        about = {key: coordinate.attrs[key] for key in ("units", "calendar") if key in coordinate.attrs}
        if about.get("calendar") == "360":
            about["calendar"] = "360_day"
        times = xarray.Dataset(coords={name: (name, np.array(numbers, np.float64), about)})
        try:
            decoded = xarray.decode_cf(times, decode_times=xarray.coders.CFDatetimeCoder(use_cftime=True))[name]
        except (ValueError, OverflowError):
            return []  # months and years since a date, which xarray does not count
        return [(time + _NOISE).strftime("%Y-%m-%dT%H:%M") for time in decoded.to_numpy()]
    return []


def _spatial(array: "xarray.DataArray") -> tuple[str, str]:
    """Return the names of the dimensions x and y: those of rioxarray, or else by their units or names."""
    import rioxarray  # noqa: F401 - adds .rio
    from rioxarray.exceptions import MissingSpatialDimensionError

    try:
        return str(array.rio.x_dim), str(array.rio.y_dim)
    except MissingSpatialDimensionError:
        found: dict[str, str] = {}
        for dimension in map(str, array.dims):
            about = f"{dimension} {array[dimension].attrs.get('units', '')}".lower()
            found |= {key: dimension for key, word in (("x", "lon"), ("y", "lat")) if word in about.split()[0]}
            found |= {key: dimension for key, word in (("x", "degrees_e"), ("y", "degrees_n")) if word in about}
        if len(found) < 2:
            raise
        return found["x"], found["y"]


def _metres(coordinate: "xarray.DataArray", grid: Grid) -> np.ndarray:
    """Return a coordinate's values in the unit of the grid's CRS, unpacked."""
    import pyproj

    scale, offset = (np.float64(coordinate.attrs.get(k, v)) for k, v in (("scale_factor", 1), ("add_offset", 0)))
    labels = coordinate.to_numpy() * scale + offset
    units = str(coordinate.attrs.get("units", ""))
    if not grid.is_geographic and units.startswith(("k", "m")):  # km, kilometres; m, metres
        labels = (
            labels * (1000 if units.startswith("k") else 1) / pyproj.CRS(grid.crs).axis_info[0].unit_conversion_factor
        )
    return np.asarray(labels, np.float64)


def positions(labels: np.ndarray, grid: Grid, *, along_x: bool) -> np.ndarray:
    """Return the position of the label that is nearest to the centre of each column (or row) of a grid.

    Args:
        labels: the coordinates of a file's cells along one axis, in the unit of the grid's CRS; longitudes repeat
            after 360°.
        grid: the cells.
        along_x: columns, else rows.

    Raises:
        VerificationError: when no label lies at the centre of a cell, to a hundredth of a cell.
    """
    a, _, c, _, e, f = grid.transform
    cell, edge, size = (a, c, grid.width) if along_x else (e, f, grid.height)
    centres = edge + cell * (np.arange(size) + 0.5)
    if along_x and grid.is_geographic:
        import pyproj

        turn = 2 * np.pi / pyproj.CRS(grid.crs).axis_info[0].unit_conversion_factor  # 360, where the unit is a degree
        labels = (labels - edge) % turn + edge
    order = np.argsort(labels)
    after = np.clip(np.searchsorted(labels[order], centres), 1, max(len(labels) - 1, 1))
    pairs = order[np.stack([after - 1, np.minimum(after, len(labels) - 1)])]
    apart = np.abs(labels[pairs] - centres)
    if apart.min(axis=0).max() > _NEAR * abs(cell):
        far = centres[apart.min(axis=0).argmax()]
        axis = "x" if along_x else "y"
        raise VerificationError(f"it has no cells at {axis} = {far:.10g}, where the results have some")
    found: np.ndarray = np.take_along_axis(pairs, apart.argmin(axis=0)[np.newaxis], axis=0)[0]
    return found


def _decoded(raw: "xarray.DataArray", nodata: float | str | None) -> np.ndarray:
    """Return the values as xarray masks and unpacks them, float64, NaN where they are missing."""
    import xarray

    plain = xarray.DataArray(raw.to_numpy(), dims=raw.dims)
    attributes = {key: value for key, value in raw.attrs.items() if key == "_Unsigned"}
    for key, default in (("scale_factor", 1.0), ("add_offset", 0.0)):
        attributes[key] = np.float64(raw.attrs.get(key, default))  # else xarray unpacks to float32
    if nodata is None:
        masking = {key: raw.attrs[key] for key in ("_FillValue", "missing_value") if key in raw.attrs}
        attributes |= {key: value for key, value in masking.items() if np.asarray(value).dtype.kind in "iuf"}
    elif nodata != "none":
        number = np.float64(nodata)
        if raw.dtype.kind == "f" or number == np.float64(number.astype(raw.dtype)):
            attributes["_FillValue"] = number.astype(raw.dtype)
    if raw.dtype.kind == "f":  # else xarray computes in float32
        plain = plain.astype(np.float64)
        for key in {"_FillValue", "missing_value"} & set(attributes):
            attributes[key] = np.asarray(attributes[key]).astype(raw.dtype).astype(np.float64)
    plain.attrs = attributes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xarray.SerializationWarning)  # several fill values
        decoded = xarray.decode_cf(plain.to_dataset(name="values"), decode_times=False)["values"]
    return decoded.to_numpy().astype(np.float64)


def _beyond_the_valid_range(raw: "xarray.DataArray", decoded: np.ndarray) -> np.ndarray:
    """Return which values lie outside the valid range, of which xarray takes no notice."""
    about, whole = raw.attrs, raw.dtype.kind in "iu"
    scale, offset = np.float64(about.get("scale_factor", 1)), np.float64(about.get("add_offset", 0))
    span = np.ravel(about.get("valid_range", []))
    limits = {"low": span[:1], "high": span[1:2]}
    limits |= {
        key: np.ravel(about[name]) for key, name in (("low", "valid_min"), ("high", "valid_max")) if name in about
    }
    unpacked = whole and any(limit.dtype.kind == "f" for limit in limits.values() if limit.size)
    beyond = np.zeros(decoded.shape, bool)
    for key, limit in limits.items():
        if limit.size == 0 or limit.dtype.kind not in "iuf":
            continue
        upper, value = key == "high", np.float64(limit[0])
        if not unpacked:
            stored = limit.astype(raw.dtype)
            unsigned = str(about.get("_Unsigned", "")).lower() == "true"
            value = np.float64(stored.view(f"u{raw.dtype.itemsize}")[0] if unsigned else stored[0]) * scale + offset
            upper = upper == (scale > 0)
        rounding = abs(scale) / 2 if whole else 0.0
        with np.errstate(invalid="ignore"):
            beyond |= decoded > value + rounding if upper else decoded < value - rounding
    return beyond


def _never_written(raw: "xarray.DataArray") -> np.ndarray:
    """Return which cells hold NetCDF's default fill value: they were never written."""
    import netCDF4

    kind = raw.dtype.str[1:]
    if {"_FillValue", "_Unsigned"} & set(raw.attrs) or raw.dtype.itemsize == 1:
        return np.zeros(raw.shape, bool)
    return np.asarray(raw.to_numpy() == raw.dtype.type(netCDF4.default_fillvals[kind]))
