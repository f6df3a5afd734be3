"""The unit in which a file gives a variable."""

from collections.abc import Sequence

from zonalflow.common.errors import RasterError
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.axes import attribute
from zonalflow.rasters.grib import is_grib
from zonalflow.rasters.read import TimeStep, open_raster, with_band
from zonalflow.tables.year_table import SEVERAL

_SPELLINGS = {
    **dict.fromkeys(("degc", "deg_c", "deg c", "degree_c", "degrees c", "celsius", "degree_celsius", "degrees_celsius",
                     "degrees celsius", "c", "°c"), "°C"),
    **dict.fromkeys(("kelvin", "k"), "K"),
    **dict.fromkeys(("millimeter", "millimeters", "millimetre", "millimetres"), "mm"),
    **dict.fromkeys(("none", "unitless", "dimensionless", "-"), "1"),
}  # fmt: skip


def unit_of_steps(steps: Sequence[TimeStep]) -> str:
    """Return the unit of some time steps, by the first and the last of them; an empty text where files have none.

    Where the two differ, it is both, which only ``raster.units`` can decide.
    """
    first = unit_of(steps[0])
    last = first if len(steps) == 1 else unit_of(steps[-1])
    return first if first == last else SEVERAL.join(unit or "no unit" for unit in (first, last))


def check_one_unit(variable: str, first: TimeStep, last: TimeStep) -> None:
    """Raise RasterError if two time steps of a variable have different units."""
    if SEVERAL in (units := unit_of_steps([first, last])):
        one, other = units.split(SEVERAL)
        raise RasterError(
            f"{first.path} ({first.date}) is in {one}, and {last.path} ({last.date}) in {other}; convert one of them. "
            f"If only the spelling differs, write raster.units: {{{variable}: {one}}}"
        )


def unit_of(step: TimeStep) -> str:
    """Return the unit of a time step as its file gives it: the attribute ``units``, a band's unit, GRIB's."""
    if step.layer is not None:
        with open_array(step.path, step.layer, step.select) as array:
            text = attribute(array.variable, "units")
    else:
        with open_raster(step.path, fetched=step.sha256 is not None) as dataset:
            band = with_band(dataset, step).band
            text = dataset.units[band - 1] or ""
            if is_grib(dataset):
                text = dataset.tags(band).get("GRIB_UNIT", text).strip("[]")
    text = " ".join(text.split())
    return _SPELLINGS.get(text.lower(), text) if text.isprintable() else ""
