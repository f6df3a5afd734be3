"""The unit in which a file gives a variable."""

from collections.abc import Sequence

from zonalflow.common.errors import RasterError
from zonalflow.rasters.arrays import open_array
from zonalflow.rasters.axes import attribute
from zonalflow.rasters.grib import is_grib
from zonalflow.rasters.read import TimeStep, open_raster, with_band

_SPELLINGS = {
    **dict.fromkeys(("degc", "deg_c", "deg c", "degree_c", "degrees c", "celsius", "degree_celsius", "degrees_celsius",
                     "degrees celsius", "c", "°c"), "°C"),
    **dict.fromkeys(("kelvin", "k"), "K"),
    **dict.fromkeys(("millimeter", "millimeters", "millimetre", "millimetres"), "mm"),
    **dict.fromkeys(("none", "unitless", "dimensionless", "-"), "1"),
}  # fmt: skip


def unit_of_steps(steps: Sequence[TimeStep]) -> str:
    """Return the unit of some time steps, by the first and the last of them; an empty text where files have none.

    Raises:
        RasterError: when the two have different units.
    """
    first, last = unit_of(steps[0]), unit_of(steps[-1])
    if first != last:
        raise RasterError(
            f"{steps[0].path} ({steps[0].date}) is in {first or 'no unit'}, and {steps[-1].path} ({steps[-1].date}) in "
            f"{last or 'no unit'}; write all dates of a year in one unit"
        )
    return first


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
