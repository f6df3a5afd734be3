"""Checks before any job that the user's own rasters, zones and weights fit together, by their headers."""

from typing import TYPE_CHECKING

from zonalflow.common.columns import column_of_ids
from zonalflow.common.errors import ConfigError
from zonalflow.geometry.box import box_window, check_order, degrees_of
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.plate_carree import uncertainty
from zonalflow.study.study import Study

if TYPE_CHECKING:
    import geopandas

    from zonalflow.rasters.read import TimeStep

_MOST_VERTICES = 300_000  # of zones that are brought to the grid before any job: these take less than a second
_WITHOUT_WKT1 = ("shp", "gpkg")  # formats that store a CRS without a code as WKT 1


def check_local_rasters(study: Study) -> Grid:
    """Return the study's grid after checking that local rasters hold what is asked for.

    Raises:
        RasterError: for dates, bands or variables that are missing, or files that do not say what is missing in them.
        ConfigError: for a format that cannot store their CRS.
    """
    from zonalflow.rasters.read import file_grid
    from zonalflow.timeline.check import check_years
    from zonalflow.timeline.time_steps import local_steps
    from zonalflow.timeline.units import check_one_unit

    raster = study.raster
    firsts = check_years(study.value_keys, study.variables, study.years)
    for variable, first in zip(study.variables, firsts, strict=True):
        _check_values(first, raster["nodata"])
        if variable not in raster["units"]:
            check_one_unit(variable, first, local_steps(study.value_keys, variable, study.years[-1]).steps[-1])
    whole, _ = file_grid(firsts[0], raster["crs"])
    grid = whole.window(*box_window(whole, study.bbox))
    if study.bbox and (extent := degrees_of(whole)):
        check_order(study.bbox, extent)
    _check_crs(grid, study.formats)
    if study.weights_inputs:
        from zonalflow.readers.weights import check_weights

        check_weights(study.weights_inputs[0], grid, raster["crs"])
    return grid


def _check_values(step: "TimeStep", nodata: float | str | None) -> None:
    """Raise RasterError for a file without the band or variable, or that does not say which cells are missing."""
    from zonalflow.rasters.arrays import open_array
    from zonalflow.rasters.nodata import has_mask, nodata_of, undeclared
    from zonalflow.rasters.read import open_raster, with_band

    file = f"{step.path} ({step.date})"
    if step.layer is not None:
        with open_array(step.path, step.layer, step.select) as array:
            if nodata is None and not array.packing.is_declared:
                raise undeclared(file)
        return
    with open_raster(step.path) as dataset:
        band = with_band(dataset, step).band
        if not (nodata is None and has_mask(dataset, band)):
            nodata_of(dataset, band, file, nodata)


def _check_crs(grid: Grid, formats: list[str]) -> None:
    """Raise ConfigError for a format that cannot store a grid's CRS."""
    kinds = [kind for kind in _WITHOUT_WKT1 if kind in formats]
    if not kinds and "geojson" not in formats:
        return
    import pyproj
    from pyproj.exceptions import CRSError

    crs = pyproj.CRS(grid.crs)
    if crs.to_authority() is not None:
        return
    if "geojson" in formats and (reason := uncertainty(crs)):
        raise ConfigError(
            f"output.formats: geojson stores no CRS without a code but WGS 84, and the rasters' CRS, {reason}"
        )
    if not kinds:
        return
    try:
        crs.to_wkt("WKT1_GDAL")
    except CRSError:
        raise ConfigError(
            f"output.formats: {kinds[0]} cannot store the rasters' CRS ({crs.name}); write geoparquet, or only tables"
        ) from None


def check_zones_on_grid(study: Study, zones: "geopandas.GeoDataFrame", grid: Grid) -> None:
    """Raise ZonesError if zones cannot be brought to the grid, or none overlaps it; very many are not checked."""
    import shapely

    from zonalflow.zones.on_grid import prepare

    if shapely.get_num_coordinates(zones.geometry.to_numpy()).sum() <= _MOST_VERTICES:
        prepare(zones, grid, id_column=column_of_ids(study.zones["id"]), keep=study.zones["keep"])
