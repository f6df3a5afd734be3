"""Zones on a grid: in its CRS, valid, and which share of each lies inside.

What was dropped, repaired or reprojected is reported, never silent. The order of the rows is the order of every array
made from them.
"""

import hashlib
from dataclasses import asdict, dataclass, field

import geopandas
import numpy as np
import shapely

from zonalflow.common.columns import INSIDE
from zonalflow.common.errors import ZonesError
from zonalflow.common.text import few, format_bounds
from zonalflow.geometry.antimeridian import unwrap, wrap
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.polygons import polygonal, valid


@dataclass(frozen=True)
class Preparation:
    """What preparing the zones did: counts, and the ids of every zone that was dropped or changed."""

    read: int
    kept: int
    crs_of_file: str
    reprojected: bool
    repaired: list[str] = field(default_factory=list)
    across_the_antimeridian: list[str] = field(default_factory=list)
    dropped_outside: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    digest: str = ""

    def to_dict(self) -> dict:
        """Return the report as plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ZonesOnGrid:
    """Zones on a grid, before any is dropped: arrays [n] in the order of the rows read.

    Attributes:
        whole: the valid polygons in the grid's CRS and, on a geographic grid, in its longitudes.
        inside: the part of each within the grid's bounds.
        fraction: the share of its area inside, exactly 1 for a zone wholly inside and 0 for one wholly outside.
        repaired: which polygons were invalid.
        unwrapped: which outlines jumped across the antimeridian, see :mod:`zonalflow.geometry.antimeridian`.
        reprojected: whether the file's CRS is another.
    """

    whole: np.ndarray
    inside: np.ndarray
    fraction: np.ndarray
    repaired: np.ndarray
    unwrapped: np.ndarray
    reprojected: bool


def bring_to_grid(frame: geopandas.GeoDataFrame, grid: Grid) -> ZonesOnGrid:
    """Bring zones to a grid: its CRS, its longitudes, valid, with the part and the share of each inside it.

    The share is measured in the plane of the grid's CRS, in which cells are counted too.
    """
    reprojected = not frame.crs.equals(grid.crs, ignore_axis_order=True)
    unwrapped = np.zeros(len(frame), bool)
    if frame.crs.is_geographic:
        geometry, unwrapped = unwrap(frame.geometry.to_numpy())
        frame = frame.set_geometry(geometry, crs=frame.crs)
    repaired, frame = _repair(frame)
    if reprojected:
        frame = frame.to_crs(grid.crs)
    geometry = frame.geometry.to_numpy()
    _check_projected(geometry, frame.index.to_numpy(), grid)
    if grid.is_geographic:
        geometry = wrap(geometry, grid.bounds[0], grid.bounds[2])
    _check_areas(geometry, frame.index.to_numpy())
    if reprojected:
        again, frame = _repair(frame.set_geometry(geometry, crs=grid.crs))
        geometry, repaired = frame.geometry.to_numpy(), repaired | again
    inside = clip_to_bounds(geometry, grid.bounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.nan_to_num(shapely.area(inside) / shapely.area(geometry))
    whole = shapely.within(geometry, shapely.box(*grid.bounds))  # untouched by the clip: say exactly 1
    return ZonesOnGrid(
        whole=geometry,
        inside=np.where(whole, geometry, inside),
        fraction=np.where(whole, 1.0, np.minimum(fraction, 1.0)),
        repaired=repaired,
        unwrapped=unwrapped,
        reprojected=reprojected,
    )


def _check_projected(geometry: np.ndarray, rows: np.ndarray, grid: Grid) -> None:
    """Raise ZonesError for zones for which the grid's CRS has no coordinates."""
    lost = ~np.isfinite(shapely.bounds(geometry)).all(axis=1) & ~shapely.is_empty(geometry)
    if lost.any():
        raise ZonesError(
            f"{int(lost.sum())} zones reach to where the rasters' CRS ({grid.crs[:60]}) has no place for them: rows "
            f"{few(rows[lost] + 1)} of the zones; cut them to the rasters' surroundings, or leave them out with "
            "zones.where"
        )


def _check_areas(geometry: np.ndarray, rows: np.ndarray) -> None:
    """Raise ZonesError for zones of which repair leaves nothing to measure."""
    flat = shapely.area(geometry) == 0
    if flat.any():
        raise ZonesError(
            f"{int(flat.sum())} zones have no area, their outline being a line or a point: rows {few(rows[flat] + 1)} "
            "of the zones; mend them, or leave them out with zones.where"
        )


def prepare(frame: geopandas.GeoDataFrame, grid: Grid, *, id_column: str, keep: str = "clipped"):
    """Return ``(zones, report)``: the zones that overlap ``grid``, in its CRS, with ``inside_fraction``.

    ``keep="clipped"`` cuts the output geometry at the grid's bounds, ``"whole"`` leaves it; the cells of a zone are the
    same. Rows keep the file's order.

    Raises:
        ZonesError: when no zone overlaps the grid.
    """
    frame = frame.rename(columns={INSIDE: f"{INSIDE}_1"})  # one of an earlier study is an attribute like any other
    placed, ids = bring_to_grid(frame, grid), frame[id_column].to_numpy()
    kept = placed.fraction > 0
    if not kept.any():
        bounds = shapely.total_bounds(placed.whole)
        there = np.isfinite(bounds).all()  # nothing is left of zones that the grid's CRS cannot show
        swapped = there and shapely.box(*bounds[[1, 0, 3, 2]]).intersects(shapely.box(*grid.bounds))
        hint = "The zones' longitudes and latitudes seem to be swapped" if swapped else "Check bbox, and the zones' CRS"
        raise ZonesError(
            f"none of the {len(frame)} zones overlaps the grid.\n  zones: {format_bounds(bounds)}\n"
            f"  grid:  {format_bounds(grid.bounds)}\n{hint}"
        )
    geometry = placed.inside if keep == "clipped" else placed.whole
    zones = frame[kept].set_geometry(geometry[kept], crs=grid.crs)
    zones = zones.assign(**{INSIDE: placed.fraction[kept]}).reset_index(drop=True)
    report = Preparation(
        read=len(frame),
        kept=len(zones),
        crs_of_file=frame.crs.to_string(),
        reprojected=placed.reprojected,
        repaired=ids[placed.repaired].tolist(),
        across_the_antimeridian=ids[placed.unwrapped].tolist(),
        dropped_outside=ids[~kept].tolist(),
        cut=ids[kept & (placed.fraction < 1)].tolist(),
        digest=digest(zones, id_column),
    )
    return zones, report


def clip_to_bounds(geometry: np.ndarray, bounds) -> np.ndarray:
    """Return the polygonal part of each geometry inside the box ``bounds`` (west, south, east, north)."""
    return polygonal(shapely.intersection(geometry, shapely.box(*bounds)))


def _repair(frame):
    """Return which geometries were invalid, and the frame with those made valid and polygonal."""
    geometry = frame.geometry.to_numpy()
    broken = ~shapely.is_valid(geometry)
    if not broken.any():
        return broken, frame
    fixed = geometry.copy()
    fixed[broken] = valid(geometry[broken])
    return broken, frame.set_geometry(fixed, crs=frame.crs)


def digest(zones: geopandas.GeoDataFrame, id_column: str) -> str:
    """Return the sha256 of the zones' ids, coordinates and order: what an index on a grid depends on."""
    text = hashlib.sha256()
    for name, wkb in zip(zones[id_column], shapely.to_wkb(zones.geometry.to_numpy()), strict=True):
        text.update(f"{name}\0{len(wkb)}\0".encode())
        text.update(wkb)
    return text.hexdigest()
