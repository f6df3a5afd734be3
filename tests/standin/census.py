"""The Census Bureau's files: real ones from a folder, or made-up squares with the real fields."""

import functools
import io
import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from standin.answers import Answer

_NAME = re.compile(
    r"GENZ(\d{4})/(?:shp/)?(?:cb_\1_(us|\d\d)_([a-z]+\d*)|gz_2010_(us|\d\d)_(\d{3}_\w\d))_(500k|5m|20m)\.zip"
)
_NOT_FOUND = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body></body></html>"


def answer(path: str, folder: Path | None) -> Answer:
    """Answer a GET of a file below ``/geo/tiger``."""
    found = _NAME.fullmatch(path)
    if not found or ("/shp/" in path) != (int(found[1]) >= 2014):
        return Answer(404, _NOT_FOUND, "text/html")
    name = path.rsplit("/", 1)[-1]
    if folder is not None and (folder / name).exists():
        return Answer(200, (folder / name).read_bytes())
    state = found[2] or found[4]
    return Answer(200, squares(name.removesuffix(".zip"), "12" if state == "us" else state))


@functools.cache
def squares(name: str, state: str) -> bytes:
    """Return a zipped shapefile of one-degree squares over Florida's box, keyed as counties are."""
    import geopandas
    import shapely

    west, south = np.meshgrid(np.arange(-87, -80), np.arange(25, 31))
    numbers = [f"{number:03}" for number in range(1, 2 * west.size, 2)]
    frame = geopandas.GeoDataFrame(
        {
            "STATEFP": state,
            "COUNTYFP": numbers,
            "GEOID": [state + number for number in numbers],
            "NAME": [f"Square {number}" for number in numbers],
            "STATE_NAME": "Florida",
        },
        geometry=shapely.box(west.ravel(), south.ravel(), west.ravel() + 1, south.ravel() + 1),
        crs="EPSG:4269",
    )
    body = io.BytesIO()
    with (
        tempfile.TemporaryDirectory() as scratch,
        zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        frame.to_file(Path(scratch) / f"{name}.shp", engine="pyogrio")
        for path in sorted(Path(scratch).iterdir()):
            archive.write(path, path.name)
    return body.getvalue()
