"""What the stored numbers of a NetCDF variable mean: which are missing, and how they are unpacked.

Source: CF conventions 1.11, sections 2.5.1 (missing data, valid range) and 8.1 (packed data); the NetCDF Users' Guide,
appendix A (attribute conventions), which also has ``_Unsigned``, the default fill values, and says in which units
``valid_range`` is given: in those of the unpacked data where it has their type and the stored numbers have another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zonalflow.rasters.nodata import MISSING, Nodata, is_missing

# NC_FILL_…, by kind and bytes; a byte has none, since all its values are wanted
_DEFAULT_FILL = {
    "i2": -32767, "i4": -2147483647, "i8": -9223372036854775806,
    "u2": 65535, "u4": 4294967295, "u8": 18446744073709551614,
    "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
}  # fmt: skip

Number = int | float


@dataclass(frozen=True)
class Packing:
    """How stored numbers become values.

    Attributes:
        dtype: of the stored numbers, with or without sign as ``_Unsigned`` has it.
        resigned: whether that is another sign than the file's type has.
        scale, offset: value = stored × scale + offset.
        fill: the stored number of a cell without data: ``_FillValue``, else the default of the type; None for bytes.
        missing: other stored numbers that mean no data.
        missing_values: unpacked values that mean no data.
        low, high: the valid range, of stored numbers.
        lowest, highest: the valid range, of unpacked values.
    """

    dtype: np.dtype
    resigned: bool
    scale: float
    offset: float
    fill: Number | None
    missing: tuple[Number, ...]
    missing_values: tuple[Number, ...]
    low: Number | None
    high: Number | None
    lowest: Number | None
    highest: Number | None

    @property
    def is_packed(self) -> bool:
        """Whether values differ from the stored numbers."""
        return (self.scale, self.offset) != (1.0, 0.0)

    @property
    def is_declared(self) -> bool:
        """Whether the file says in any way which cells are missing."""
        return self.fill is not None or self.is_declared_otherwise

    @property
    def is_declared_otherwise(self) -> bool:
        """Whether the file says so by more than the fill value."""
        limits = (self.low, self.high, self.lowest, self.highest)
        return bool(self.missing or self.missing_values) or any(limit is not None for limit in limits)


def numbers_of(attributes: Mapping[str, Any], name: str) -> list[Number]:
    """Return an attribute's numbers, also those that are given as text; none where it holds no numbers."""
    value = attributes.get(name, [])
    if isinstance(value, bytes | str):
        value = value.decode() if isinstance(value, bytes) else value
        try:
            return [float(part) for part in value.replace(",", " ").strip("{} ").split()]
        except ValueError:
            return []
    array = np.ravel(value)
    return array.tolist() if array.dtype.kind in "iuf" else []


def packing_of(attributes: Mapping[str, Any], dtype: np.dtype) -> Packing:
    """Return how the stored numbers of type ``dtype`` become values, by a variable's attributes."""
    native = dtype.newbyteorder("=")
    span = numbers_of(attributes, "valid_range")
    low = next(iter(numbers_of(attributes, "valid_min")), span[0] if len(span) == 2 else None)
    high = next(iter(numbers_of(attributes, "valid_max")), span[1] if len(span) == 2 else None)
    signed = _signed(attributes, native, low, high)
    resigned = signed != native
    scale = next(iter(numbers_of(attributes, "scale_factor")), 1.0)
    offset = next(iter(numbers_of(attributes, "add_offset")), 0.0)
    fill = next(iter(numbers_of(attributes, "_FillValue")), None)
    if fill is None and not resigned:
        fill = _DEFAULT_FILL.get(f"{native.kind}{native.itemsize}")
    missing = [_stored(value, signed, resigned) for value in numbers_of(attributes, "missing_value")]
    unpacked = (float(scale), float(offset)) != (1.0, 0.0) and _limits_are_unpacked(attributes, native)
    if not unpacked:
        low, high = _limit(low, signed, resigned), _limit(high, signed, resigned)
    return Packing(
        dtype=signed,
        resigned=resigned,
        scale=float(scale),
        offset=float(offset),
        fill=None if fill is None else _stored(fill, signed, resigned),
        missing=tuple(value for value in missing if _fits(value, signed)),
        missing_values=tuple(value for value in missing if not _fits(value, signed)),
        low=None if unpacked else low,
        high=None if unpacked else high,
        lowest=low if unpacked else None,
        highest=high if unpacked else None,
    )


def decode(stored: np.ndarray, packing: Packing, nodata: Nodata) -> tuple[np.ndarray, float | None]:
    """Return values, and the value among them that means no data, or None.

    Args:
        stored: as the file holds them.
        packing: what they mean.
        nodata: as configured: the stored number that means no data, in place of all that the file declares; ``"none"``
            where every number is data; None where the file declares what is missing.

    Returns:
        The stored numbers themselves where they are values and at most one of them means no data; else float64 with
        :data:`zonalflow.rasters.nodata.MISSING` in the cells without data.
    """
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False).view(packing.dtype)
    one = one_missing_number(packing, nodata)
    more = _declared(stored, packing) if nodata is None else None
    if more is None and not packing.is_packed:
        return stored, one
    missing = is_missing(stored, one, nan=one is not None and bool(np.isnan(one)))
    if more is not None:
        missing |= more
    return np.where(missing, MISSING, stored * np.float64(packing.scale) + packing.offset), MISSING


def one_missing_number(packing: Packing, nodata: Nodata) -> Number | None:
    """Return the stored number that means no data: the configured one, else the fill value; None if there is none."""
    if nodata is None or nodata == "none":
        return packing.fill if nodata is None else None
    return _stored(nodata if isinstance(nodata, int) else float(nodata), packing.dtype, packing.resigned)


def _declared(stored: np.ndarray, packing: Packing) -> np.ndarray | None:
    """Return which stored numbers the file calls missing besides its fill value; None if it names no others."""
    if not packing.is_declared_otherwise:
        return None
    missing = np.zeros(stored.shape, bool)
    for number in packing.missing:
        missing |= is_missing(stored, number, nan=bool(np.isnan(number)))
    with np.errstate(invalid="ignore"):
        if packing.low is not None:
            missing |= stored < packing.low
        if packing.high is not None:
            missing |= stored > packing.high
        values = stored * np.float64(packing.scale) + packing.offset
        half = abs(packing.scale) / 2 if packing.dtype.kind in "iu" else 0.0  # no rounding puts a limit out of reach
        if packing.lowest is not None:
            missing |= values < packing.lowest - half
        if packing.highest is not None:
            missing |= values > packing.highest + half
        for number in packing.missing_values:
            missing |= is_missing(values, number, nan=False)
    return missing


def _signed(attributes: Mapping[str, Any], dtype: np.dtype, low: Number | None, high: Number | None) -> np.dtype:
    """Return the type of the stored numbers with the sign that ``_Unsigned``, or a valid range beyond them, gives."""
    if dtype.kind not in "iu":
        return dtype
    said = attributes.get("_Unsigned", "")
    said = said.decode() if isinstance(said, bytes) else str(said)
    if said.lower() in ("true", "1") or (not said and dtype.kind == "i" and _beyond(dtype, low, high)):
        return np.dtype(f"u{dtype.itemsize}")
    return np.dtype(f"i{dtype.itemsize}") if said.lower() in ("false", "0") else dtype


def _beyond(dtype: np.dtype, low: Number | None, high: Number | None) -> bool:
    """Return whether a valid range is that of the type without its sign, as NetCDF-3 says it of bytes."""
    return low == 0 and high == 2 ** (8 * dtype.itemsize) - 1


def _stored(number: Number, dtype: np.dtype, resigned: bool) -> Number:
    """Return a number as the type has it: with the sign taken away, −1 is 255 in a byte; with one given, 255 is −1."""
    if not resigned or _fits(number, dtype) or not np.isfinite(number) or number != int(number):
        return number
    whole = 2 ** (8 * dtype.itemsize)
    wrapped = int(number) + (whole if number < 0 else -whole)
    return wrapped if _fits(wrapped, dtype) else number


def _fits(number: Number, dtype: np.dtype) -> bool:
    """Return whether a stored number can be this one."""
    if dtype.kind not in "iu":
        return True
    return bool(np.isfinite(number)) and number == int(number) and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max


def _limit(limit: Number | None, dtype: np.dtype, resigned: bool) -> Number | None:
    """Return a limit as the stored type rounds it, or a stored value equal to it could lie beyond it."""
    if limit is None:
        return None
    with np.errstate(over="ignore"):
        return float(dtype.type(limit)) if dtype.kind == "f" else _stored(limit, dtype, resigned)


def _limits_are_unpacked(attributes: Mapping[str, Any], dtype: np.dtype) -> bool:
    """Return whether the valid range is given in the unit of the unpacked data: in their type, not the stored one."""
    names = [name for name in ("valid_range", "valid_min", "valid_max") if name in attributes]
    kinds = {np.asarray(attributes[name]).dtype for name in names}
    return dtype.kind in "iu" and any(kind.kind == "f" for kind in kinds)
