"""PRISM's web service: one grid of the contiguous states a request, and never the same twice a day."""

import calendar
import re

import numpy as np

from standin.answers import Answer
from standin.geocdl import packed
from standin.grids import DATASETS

REFUSAL = (
    "You have tried to download the file more than once in 24 hours. This is not allowed. "
    "Repeated offenses may result in your IP address being blocked."
)
_PATH = re.compile(r"us/(4km|800m)/([a-z]+)/(\d{4})(\d\d)?(\d\d)?")
_PRISM = DATASETS["PRISM"]
_COARSENING = 5  # the stand-in's cells are five times as large as PRISM's, to keep tests quick


def answer(path: str, sent: set[str]) -> Answer:
    """Answer a GET of a path below ``/prism/data/get``; `sent` remembers what was sent before."""
    found = _PATH.fullmatch(path)
    if not found or found[2] not in _PRISM.variables or not _is_date(*found.groups()[2:]):
        return _words("Error: the request is not valid.")
    if path in sent:
        return _words(REFUSAL)
    sent.add(path)
    date = "".join(part or "" for part in found.groups()[2:])
    stem = f"prism_{found[2]}_us_{'25m' if found[1] == '4km' else '30s'}_{date}"
    whole = (0, 0, _PRISM.height, _PRISM.width)
    picture = _PRISM.picture(found[2], date, whole)[::_COARSENING, ::_COARSENING]
    raster = _PRISM.geotiff(np.ascontiguousarray(picture), whole, found[2], every=_COARSENING, compress="deflate")
    members = {
        f"{stem}.tif": raster,
        f"{stem}.tif.aux.xml": b"<PAMDataset>\n</PAMDataset>\n",
        f"{stem}.info.csv": b"PRISM_DATASET_FILENAME,stand-in\n",
        f"{stem}.prj": b'GEOGCS["NAD83"]\n',
    }
    return Answer(200, packed(members))


def _is_date(year: str, month: str | None, day: str | None) -> bool:
    if month is None:
        return True
    if not 1 <= int(month) <= 12:
        return False
    return day is None or 1 <= int(day) <= calendar.monthrange(int(year), int(month))[1]


def _words(text: str) -> Answer:
    return Answer(200, text.encode(), "text/html; charset=utf-8")
