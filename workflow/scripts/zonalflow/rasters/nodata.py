"""Which values of a raster mean no data."""

import numpy as np

Nodata = float | str | None  # the value that means no data; None or "none" where every value but NaN is data
_LIMITS = tuple(float(np.finfo(kind).max) for kind in (np.float32, np.float64))


def is_missing(values: np.ndarray, nodata: Nodata, dtype: np.dtype | None = None, *, nan: bool = True) -> np.ndarray:
    """Return which values are nodata or NaN, a bool array of their shape.

    A floating nodata value has gone through text or another float type, so it is compared with a tolerance of two units
    in the last place, as GDAL does. "The most negative float32" is often written with few digits (``-3.4e38``): a
    nodata value within 1 % of a float type's limit means all cells within 1 % of that limit.

    Args:
        values: an array of any number type.
        nodata: see :data:`Nodata`.
        dtype: the raster's type, if ``values`` are a copy in another one.
        nan: whether NaN is missing as well.
    """
    dtype = dtype or values.dtype
    missing = np.isnan(values) if nan and dtype.kind == "f" else None
    if nodata is not None and nodata != "none" and not np.isnan(nodata):
        low, high = _range(float(nodata), dtype)
        equal = (values == low) if low == high else (values >= low) & (values <= high)
        missing = equal if missing is None else missing | equal
    return np.zeros(values.shape, bool) if missing is None else missing


def _range(nodata: float, dtype: np.dtype) -> tuple[float, float]:
    """Return the smallest and largest value of ``dtype`` that means ``nodata``."""
    if dtype.kind != "f":
        return nodata, nodata
    for limit in _LIMITS:
        if 0.99 * limit <= abs(nodata) <= limit:
            outer, inner = np.copysign(limit, nodata), np.copysign(0.99 * limit, nodata)
            return min(outer, inner), max(outer, inner)
    if nodata == np.rint(nodata) and abs(nodata) < 2**24:
        return nodata, nodata  # a whole number is exact in any text and type
    low = high = dtype.type(nodata)
    for _ in range(2):
        low, high = np.nextafter(low, dtype.type(-np.inf)), np.nextafter(high, dtype.type(np.inf))
    return float(low), float(high)


def declared_missing(values: np.ndarray, tags: dict[str, str]) -> np.ndarray | None:
    """Return which stored values a NetCDF variable's attributes call missing besides its ``_FillValue``.

    Source: CF conventions 1.11, section 2.5.1: ``missing_value``, ``valid_min``, ``valid_max``, ``valid_range``. GDAL
    takes only ``_FillValue`` for the nodata value.

    Args:
        values: before scale and offset are applied.
        tags: the variable's attributes, as text.

    Returns:
        A bool array of the values' shape, or None if no attribute names a value.
    """

    def numbers(name: str) -> list[float]:
        try:
            return [float(text) for text in tags[name].strip("{}").split(",")]
        except (KeyError, ValueError):
            return []

    span = numbers("valid_range")
    low, high = numbers("valid_min") or span[:1], numbers("valid_max") or span[1:]
    with np.errstate(invalid="ignore"):
        parts = [is_missing(values, value, nan=False) for value in numbers("missing_value")]
        parts += [values < limit for limit in low] + [values > limit for limit in high]
    return np.logical_or.reduce(parts) if parts else None
