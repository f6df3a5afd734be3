"""The checks before the first job, so that a mistake costs seconds and not a night.

A preview must send no request, so only :func:`check_catalogue`, which a real run calls, goes to the network.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zonalflow.common.columns import check_attributes
from zonalflow.common.dates import FULL_DAY, dates_of
from zonalflow.common.errors import ConfigError
from zonalflow.geometry.box import check_order, other_order
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.plate_carree import check_certain
from zonalflow.rasters.containers import exists
from zonalflow.sources.catalogue import geocdl as geocdl_catalogue
from zonalflow.sources.catalogue import prism as prism_catalogue
from zonalflow.sources.catalogue.datasets import describe_dataset
from zonalflow.sources.geocdl.listing import catalogue_range
from zonalflow.sources.http import RetryPolicy
from zonalflow.study.inputs import check_local_rasters, check_zones_on_grid
from zonalflow.study.study import Study
from zonalflow.timeline.patterns import NATIVE, check_pattern
from zonalflow.vectors.shapefile import check_size, record_bytes, table_size

if TYPE_CHECKING:
    import geopandas

MOST_COLUMNS = 1900  # of a shapefile or GeoPackage, which hold 2,046 and 2,000 with the zones' attributes
_MOST_COLUMNS_OF_A_SHEET = 16_384  # in Excel


def check_inputs(study: Study) -> None:
    """Check the zones, the rasters and the box of a study as far as they are here.

    Raises:
        ZonalflowError: with the first mistake found.
    """
    weights = study.config["weights"]
    if isinstance(weights, dict) and not exists(weights["path"]):
        raise ConfigError(f"weights.path: {weights['path']}: no such file")
    if study.zones["source"] == "census":
        study.boundaries  # noqa: B018 - raises for what the Census Bureau never published
    check_columns(study)
    grid = check_rasters(study)
    zones = check_zones(study)
    if grid is not None and zones is not None:
        check_zones_on_grid(study, zones, grid)
    elif zones is not None and zones.crs is not None:
        check_certain(zones.crs, "zones")  # rasters of the other sources are in another CRS


def check_columns(study: Study) -> None:
    """Check that a year's columns fit into the vector formats asked for: a year of days with many statistics does not.

    Classes, which only the rasters know, are not counted here.

    Raises:
        ConfigError: with the number of columns, and what to write instead.
    """
    if study.raster["grain"] == NATIVE:
        return  # only the files know their dates
    stats, dates = _stats_and_dates(study)
    columns = dates * (len(stats) + 2) + 1  # count, valid_fraction; inside_fraction
    narrow = [kind for kind in ("shp", "gpkg") if kind in study.formats]
    if narrow and columns > MOST_COLUMNS:
        raise ConfigError(
            f"output.formats: {columns} columns a year ({dates} dates × {len(stats) + 2} statistics) are more than "
            f"{narrow[0]} holds; write geoparquet, or only the tables, or ask for fewer statistics"
        )
    wide = len(study.variables) * len(study.years) * dates * max(len(stats), 1)
    if "xlsx" in study.formats and wide > _MOST_COLUMNS_OF_A_SHEET - 10:  # the zone's own columns
        raise ConfigError(
            f"output.formats: a workbook holds {_MOST_COLUMNS_OF_A_SHEET:,} columns, and this study has {wide:,} dates "
            "and statistics; write csv or parquet instead of xlsx"
        )


def _stats_and_dates(study: Study) -> tuple[list[str], int]:
    """Return the statistics that are columns of their own, besides ``count``, and the dates of a leap year."""
    stats = [name for name in study.config["stats"] if name not in ("count", "categorical")]
    hours = describe_dataset(study.raster["dataset"]).hours if study.raster["source"] == "geocdl" else ()
    if study.raster["grain"] == NATIVE:
        return stats, 1  # or more
    return stats, len(dates_of(2000, study.raster["grain"], study.raster["months"], hours or FULL_DAY))


def year_bytes(study: Study) -> int:
    """Return the bytes that a year adds to each record of a shapefile, at least; 0 where none is asked for."""
    if "shp" not in study.formats:
        return 0
    stats, dates = _stats_and_dates(study)
    return record_bytes(floats=dates * (len(stats) + 1) + 1, integers=dates)  # valid_fraction, inside_fraction; count


def check_shapefile(study: Study, zones: int | None = None) -> None:
    """Check that a year's shapefile holds the zones: those that are prepared, or so many, as far as they are known."""
    added, table = year_bytes(study), Path(f"{study.template}.dbf")
    if added and table.is_file():
        with suppress(OSError, struct.error):
            records, record = table_size(table)
            check_size(records, record + added)
    elif added and zones:
        check_size(zones, added)


def check_zones(study: Study) -> "geopandas.GeoDataFrame | None":
    """Return the user's own zones, after every check of :func:`zonalflow.zones.read.read_zones`."""
    if study.zones["source"] != "file":
        check_shapefile(study)
        return None
    from zonalflow.zones.read import read_zones, zone_options  # brings geopandas

    zones = read_zones([study.zones["path"]], **zone_options(study.zones))
    check_shapefile(study, len(zones))
    for key in ("name", "columns"):
        wanted = study.zones[key]
        if wanted not in (None, "all"):
            check_attributes(zones.columns, [wanted] if isinstance(wanted, str) else wanted, f"zones.{key}")
    return zones


def check_rasters(study: Study) -> Grid | None:
    """Check that the box touches what the source covers; return the grid of local rasters, after checking these.

    Raises:
        ZonalflowError: for a box outside, or what the source does not have; see :func:`check_local_rasters`.
    """
    raster = study.raster
    if raster["source"] == "local":
        check_pattern(raster["path"], study.years, raster["grain"])
        return check_local_rasters(study)
    if raster["source"] == "geocdl":
        geocdl_catalogue.check_request(raster["dataset"], study.variables, raster["grain"], study.bbox)
        geocdl_catalogue.check_years(raster["dataset"], raster["grain"], study.years, months=raster["months"])
        extent = describe_dataset(raster["dataset"]).extent
    else:
        if raster["source"] == "demo":
            from zonalflow.sources.synthetic import check_variables

            check_variables(study.variables)
        prism_catalogue.check_request(study.variables, raster["resolution"], raster["grain"], study.years)
        extent = describe_dataset("PRISM").extent
    if study.bbox and extent and not _overlap(study.bbox, extent):
        hint = other_order(study.bbox, extent)
        raise ConfigError(
            f"bbox: {study.bbox} lies outside {raster['dataset']}, which covers west {extent[0]:g}, "
            f"south {extent[1]:g}, east {extent[2]:g}, north {extent[3]:g}; write a box inside"
            f"{hint and '. '}{hint}"
        )
    if study.bbox and extent:
        check_order(study.bbox, extent)
    return None


def check_catalogue(study: Study) -> None:
    """Ask GeoCDL which dates it holds, if it can be reached and any year is still to be fetched, and check the years.

    Raises:
        ConfigError: naming the years outside the catalogue, and its range.
    """
    raster = study.raster
    if raster["source"] != "geocdl" or all(Path(path).exists() for path in study.all_rasters):
        return
    quick = RetryPolicy(connect=3.0, read=10.0, total=10.0, attempts=1)
    held = catalogue_range(raster["url"], raster["dataset"], raster["grain"], policy=quick)
    if held is not None:
        geocdl_catalogue.check_years(
            raster["dataset"], raster["grain"], study.years, held.span, raster["months"], held.years
        )


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether two boxes (west, south, east, north) overlap."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
