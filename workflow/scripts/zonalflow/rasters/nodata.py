"""Which values of a raster mean no data, and what a file declares."""

import math
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.errors import RasterError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

DECLARED = "declared"  # in place of a configured value: the value that a file declares, or none if it declares none
MISSING = -1.7976931348623157e308  # the lowest float64, which no measurement has, means a missing cell
Nodata = float | str | None  # the value that means no data; None or "none" where every value but NaN is data
_EXACT = 2**53  # whole numbers below it are exact as float64
_LIMITS = tuple(float(np.finfo(kind).max) for kind in (np.float32, np.float64))


def is_missing(values: np.ndarray, nodata: Nodata, dtype: np.dtype | None = None, *, nan: bool = True) -> np.ndarray:
    """Return which values are nodata or NaN, a bool array of their shape.

    Integers are compared exactly. A floating nodata value has gone through text or another float type, so it is
    compared with a tolerance of two units in the last place, as GDAL does. "The most negative float32" is often written
    with few digits (``-3.4e38``): a nodata value within 1 % of a float type's limit means all cells within 1 % of that
    limit.

    Args:
        values: an array of any number type; a copy of 64-bit integers as floats would not be exact.
        nodata: see :data:`Nodata`.
        dtype: the raster's type, if ``values`` are a copy in another one.
        nan: whether NaN is missing as well.
    """
    dtype = dtype or values.dtype
    missing = np.isnan(values) if nan and dtype.kind == "f" else None
    if nodata is not None and nodata != "none" and not math.isnan(float(nodata)):
        low, high = missing_range(nodata, dtype)
        equal = (values == low) if low == high else (values >= low) & (values <= high)
        missing = equal if missing is None else missing | equal
    return np.zeros(values.shape, bool) if missing is None else missing


def missing_range(nodata: float | str, dtype: np.dtype) -> tuple[float, float]:
    """Return the smallest and largest value of ``dtype`` that means ``nodata``, which is a number."""
    nodata = nodata if isinstance(nodata, int) else float(nodata)
    if dtype.kind != "f":
        whole = int(nodata) if float(nodata).is_integer() else nodata  # 2⁶⁰ as float64 would be equal to 2⁶⁰ + 1
        return whole, whole
    nodata = float(nodata)
    for limit in _LIMITS:
        if 0.99 * limit <= abs(nodata) <= limit:
            outer, inner = np.copysign(limit, nodata), np.copysign(0.99 * limit, nodata)
            return min(outer, inner), max(outer, inner)
    if nodata == np.rint(nodata) and abs(nodata) < 2**24:
        return nodata, nodata  # a whole number is exact in any text and type
    with np.errstate(over="ignore"):
        low = high = dtype.type(nodata)
    if np.isinf(low):
        return (nodata, nodata) if math.isinf(nodata) else (math.nan, math.nan)  # no cell can hold the latter
    for _ in range(2):
        low, high = np.nextafter(low, dtype.type(-np.inf)), np.nextafter(high, dtype.type(np.inf))
    return float(low), float(high)


def can_hold(dtype: np.dtype, value: float | str) -> bool:
    """Return whether a cell of the type can hold the value."""
    if dtype.kind not in "iu":
        return not math.isfinite(float(value)) or abs(float(value)) <= float(np.finfo(dtype).max)
    whole = isinstance(value, int) or float(value).is_integer()
    return whole and np.iinfo(dtype).min <= int(value) <= np.iinfo(dtype).max


def describe_type(dtype: np.dtype) -> str:
    """Return a data type and its range, for messages: ``uint8, whole numbers from 0 to 255``."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return f"{dtype}, whole numbers from {limits.min} to {limits.max}"
    return f"{dtype}, numbers up to ±{np.finfo(dtype).max:g}"


def has_mask(dataset: "DatasetReader", band: int) -> bool:
    """Return whether a raster has a mask beside its values that tells which cells hold data."""
    from rasterio.enums import MaskFlags

    return MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]


def nodata_of(dataset: "DatasetReader", band: int, file: str, nodata: Nodata) -> float | None:
    """Return the nodata value of a band: the configured one, or else the declared one; None where all is data.

    Args:
        dataset: the open file.
        band: from 1.
        file: names the file and its date in messages.
        nodata: as configured, see :func:`zonalflow.readers.opening.open_sources`.

    Raises:
        RasterError: the file declares none although it needs one, or see :func:`declared_nodata`.
    """
    if nodata == "none":
        return None
    if nodata == DECLARED:
        return declared_nodata(dataset, band)
    if nodata is not None:
        return nodata if isinstance(nodata, int) else float(nodata)
    declared = declared_nodata(dataset, band)
    if declared is None and dataset.driver != "GRIB":  # whose messages have a bitmap of what is missing, if anything is
        raise undeclared(file)
    return declared


def undeclared(file: str) -> RasterError:
    """Return the error for a file that should declare what is missing and does not; ``file`` names it."""
    return RasterError(
        f"{file} does not declare its nodata value, so missing cells would count as data; set it in the "
        "configuration: raster.nodata: -9999, or raster.nodata: none when every cell holds data"
    )


def warn_of_nodata(nodata: Nodata, dtype: str, path: str) -> str | None:
    """Return a warning if the configured nodata value cannot occur among the stored values of a file, or None."""
    if nodata in (None, "none", DECLARED) or can_hold(np.dtype(dtype), nodata):
        return None
    return (
        f"WARNING: raster.nodata: {nodata} means a stored value, before scale and offset, which no cell of {path} can "
        f"hold ({describe_type(np.dtype(dtype))}); so no cell of it is missing"
    )


def declared_nodata(dataset: "DatasetReader", band: int) -> float | None:
    """Return the nodata value that a file declares for a band, exactly: an int for 64-bit integers; None if none.

    Raises:
        RasterError: the type of the cells cannot hold the declared value, or it cannot be known exactly.
    """
    declared: float | None = dataset.nodatavals[band - 1]
    dtype = np.dtype(dataset.dtypes[band - 1])
    long = dtype.kind in "iu" and dtype.itemsize == 8
    if declared is not None and (not long or abs(declared) < _EXACT):
        return declared
    text = _declared_text(dataset, band)  # rasterio gives a float, and nothing for what the type cannot hold
    if text is None and declared is None:
        return None
    try:
        value = int(text or "") if long else float(text or "")
    except ValueError:
        raise RasterError(
            f"{dataset.name}: its nodata value, about {declared if text is None else text}, cannot be read exactly; "
            "set it in the configuration: raster.nodata"
        ) from None
    if not can_hold(dtype, value):
        raise RasterError(
            f"{dataset.name} declares the nodata value {text}, which none of its cells can hold "
            f"({describe_type(dtype)}), so missing cells would count as data; set the right one in the configuration, "
            "raster.nodata: 0, or raster.nodata: none when every cell holds data"
        )
    return value


def _declared_text(dataset: "DatasetReader", band: int) -> str | None:
    """Return the nodata value of a band as GDAL writes it into a VRT, which is exact for every type."""
    import rasterio.shutil
    from rasterio.errors import RasterioError
    from rasterio.io import MemoryFile

    with MemoryFile(ext="vrt") as memory:
        try:
            rasterio.shutil.copy(dataset, memory.name, driver="VRT")
        except RasterioError:
            return None
        described = ET.fromstring(memory.read())
    text: str | None = described.findtext(f"VRTRasterBand[@band='{band}']/NoDataValue")
    return text
