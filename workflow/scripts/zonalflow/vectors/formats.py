"""A year's zones as GeoPackage, GeoJSON or GeoParquet."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zonalflow.common.columns import INSIDE
from zonalflow.common.errors import ZonesError
from zonalflow.common.files import atomic_path, check_written
from zonalflow.vectors.columns import attribute_names
from zonalflow.vectors.comments import add_comments
from zonalflow.vectors.shapefile import FIXED_DATE

if TYPE_CHECKING:
    import geopandas

_DRIVERS = {"gpkg": "GPKG", "geojson": "GeoJSON"}


def write_vector(
    path: Path,
    kind: str,
    zones: "geopandas.GeoDataFrame",
    columns: dict[str, np.ndarray],
    meanings: dict[str, dict[str, str]] | None = None,
) -> None:
    """Write the zones with a year's columns to one file, whole or not at all.

    Args:
        path: the file to write.
        kind: ``gpkg``, ``geojson`` or ``geoparquet``.
        zones: the prepared zones.
        columns: name to array [n_zones], from :func:`zonalflow.vectors.columns.year_columns`.
        meanings: what columns mean, for a GeoPackage, see :func:`zonalflow.vectors.comments.add_comments`.

    Raises:
        ZonesError: when the format cannot store the CRS.
    """
    import pandas
    import pyogrio
    from pyproj.exceptions import CRSError

    frame = zones.drop(columns=INSIDE)
    attributes = [name for name in frame.columns if name != frame.geometry.name]
    frame = frame.rename(columns=attribute_names(attributes, columns, kind))
    frame = frame.join(pandas.DataFrame(columns, index=frame.index))
    if kind == "geojson" and frame.crs is not None and frame.crs.to_authority() is None:
        frame = frame.to_crs("EPSG:4326")  # GeoJSON stores only a CRS that has a code
    with atomic_path(path) as temporary:
        if kind == "geoparquet":
            frame.to_parquet(temporary, compression="zstd")
            return
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{FIXED_DATE}T00:00:00.000Z"})
        try:
            frame.to_file(temporary, driver=_DRIVERS[kind], layer=path.stem)
        except CRSError as error:
            raise ZonesError(
                f"output.formats: {kind} cannot store the rasters' CRS ({error}); write geoparquet instead"
            ) from error
        if kind == "gpkg" and meanings:
            add_comments(temporary, path.stem, {name: of for name, of in meanings.items() if name in frame.columns})
        check_written(temporary)
