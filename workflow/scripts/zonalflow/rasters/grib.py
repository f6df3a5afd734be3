"""GRIB files: which message holds which date.

GDAL makes a band of each message, in the order in which they lie in the file, and gives the message's own times in
seconds since 1970. A message about an interval, such as a sum of precipitation, is dated by the middle of it, as in a
NetCDF file, since its valid time is the interval's end.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from zonalflow.common.errors import RasterError
from zonalflow.common.text import count_of, few

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_EPOCH = datetime(1970, 1, 1)


def is_grib(dataset: "DatasetReader") -> bool:
    """Return whether an open raster is a GRIB file."""
    return str(dataset.driver) == "GRIB"


def messages(dataset: "DatasetReader", variable: str, *, exactly: bool = False) -> list[tuple[str, int]]:
    """Return time (``2000-01-31T06:00``) and band, from 1, of the messages of a variable, in the order of the file.

    Args:
        dataset: an open GRIB file.
        variable: its element (``TMP``), needed only where the file holds several, or element and level
            (``TMP:2-HTGL``).
        exactly: whether an only element, too, must be the variable.

    Raises:
        RasterError: the file has several elements and not the variable.
    """
    tags = [dataset.tags(band) for band in range(1, dataset.count + 1)]
    element, _, level = variable.partition(":")
    elements = sorted({tag.get("GRIB_ELEMENT", "") for tag in tags})
    chosen = [
        band
        for band, tag in enumerate(tags, start=1)
        if (tag.get("GRIB_ELEMENT", "").upper() == element.upper() or (len(elements) == 1 and not exactly))
        and level.upper() in ("", tag.get("GRIB_SHORT_NAME", "").upper())
    ]
    if not chosen:
        known = sorted({f"{tag.get('GRIB_ELEMENT', '')}:{tag.get('GRIB_SHORT_NAME', '')}" for tag in tags})
        raise RasterError(
            f"{dataset.name} holds {count_of(dataset.count, 'message')} of {', '.join(elements)}, none of which is "
            f"{variable!r}; it has {few(known, 12)}; name one of them, raster.variables: {{{element}: '{known[0]}'}}"
        )
    return [(_time(tags[band - 1], dataset.name), band) for band in chosen]


def message_bands(dataset: "DatasetReader", variable: str, dates: list[str], *, exactly: bool = False) -> list[int]:
    """Return the bands, from 1, of the messages of a variable at these dates, in the order of `dates`.

    Args:
        dataset: an open GRIB file.
        variable, exactly: as in :func:`messages`.
        dates: ``2000``, ``2000-01`` or ``2000-01-31``; a message belongs to the date in which its time lies.

    Raises:
        RasterError: the file has several elements and not the variable, or not exactly one message for each date.
    """
    found: dict[str, list[int]] = {}
    tags = [dataset.tags(band) for band in range(1, dataset.count + 1)]
    for time, band in messages(dataset, variable, exactly=exactly):
        found.setdefault(time[:10][: len(dates[0])] if len(dates[0]) < 16 else time, []).append(band)
    wrong = next((date for date in dates if len(found.get(date, [])) != 1), None)
    if wrong is not None:
        levels = ", ".join(tags[band - 1].get("GRIB_SHORT_NAME", "?") for band in found.get(wrong, [])[:5])
        what = count_of(len(found.get(wrong, [])), "message") + (f" ({levels})" if levels else "")
        raise RasterError(
            f"{dataset.name} holds {what} of {variable} at {wrong}, but exactly one is needed; by their own times its "
            f"messages are of {min(found)} to {max(found)}"
        )
    return [found[date][0] for date in dates]


def _time(tag: dict[str, str], name: str) -> str:
    """Return the time of a message: the middle between the start of its interval, if it has one, and its end."""
    try:
        valid, reference = (_seconds(tag[key]) for key in ("GRIB_VALID_TIME", "GRIB_REF_TIME"))
        start = reference + _seconds(tag.get("GRIB_FORECAST_SECONDS", str(valid - reference)))
    except (KeyError, ValueError, IndexError):
        raise RasterError(f"{name} has a message without a time that GDAL can tell") from None
    return (_EPOCH + timedelta(seconds=(start + valid) / 2)).isoformat(timespec="minutes")


def _seconds(text: str) -> float:
    return float(text.split()[0])  # older releases of GDAL write "946684800 sec UTC"
