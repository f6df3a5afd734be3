"""Zones on a grid: in its CRS, valid, and which share of each lies inside.

Which zones were dropped, repaired or reprojected is always reported. The order of the rows is the order of every array
made from them.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely
from pyproj.exceptions import ProjError

from zonalflow.common.columns import INSIDE
from zonalflow.common.errors import ZonesError
from zonalflow.common.text import count_of, few, format_bounds
from zonalflow.geometry.antimeridian import unwrap, wrap
from zonalflow.geometry.curves import Reprojection
from zonalflow.geometry.grid import Bounds, Grid
from zonalflow.geometry.plane import PlaneSurroundings, plane_around
from zonalflow.geometry.plate_carree import check_certain
from zonalflow.geometry.polygons import polygonal, valid, without_crossings
from zonalflow.geometry.reprojection import folded, reproject
from zonalflow.geometry.surroundings import Surroundings, surroundings_of
from zonalflow.zones.read import CLEAN, CLOSED, EMPTIED, EMPTY, JOINED


@dataclass(frozen=True)
class Preparation:
    """What preparing the zones did: counts, and the ids of every zone that was dropped or changed.

    Attributes:
        read: the number of zones in the files.
        kept: the number of zones that overlap the grid.
        crs_of_file: the CRS of the files.
        reprojected: whether the grid's CRS is another.
        repaired: ids of zones that were invalid.
        across_the_antimeridian: ids of zones whose outline was taken to cross the antimeridian.
        dropped_outside: ids of zones wholly outside the grid.
        cut: ids of zones partly outside the grid.
        without_geometry: ids of features that were dropped because they have no geometry.
        joined: ids of zones made of several features.
        emptied_attributes: attributes in which the features of such a zone differ, so that it has none.
        digest: names the prepared zones, see :func:`_digest`.
    """

    read: int
    kept: int
    crs_of_file: str
    reprojected: bool
    repaired: list[str] = field(default_factory=list)
    across_the_antimeridian: list[str] = field(default_factory=list)
    dropped_outside: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    without_geometry: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    emptied_attributes: list[str] = field(default_factory=list)
    digest: str = ""

    def to_dict(self) -> dict[str, Any]:
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
        unwrapped: which outlines crossed the antimeridian, see :mod:`zonalflow.geometry.antimeridian`.
        reprojected: whether the CRS of the rows read is another than the grid's.
    """

    whole: np.ndarray
    inside: np.ndarray
    fraction: np.ndarray
    repaired: np.ndarray
    unwrapped: np.ndarray
    reprojected: bool


def bring_to_grid(frame: geopandas.GeoDataFrame, grid: Grid) -> ZonesOnGrid:
    """Return zones in a grid's CRS and longitudes, made valid, with the part and the share of each inside the grid.

    The share is measured in the plane of the grid's CRS, in which cells are counted too.

    Args:
        frame: the zones; its index names them in messages.
        grid: where they go.

    Raises:
        ZonesError: for zones that the grid's CRS cannot show, or that have no area.
    """
    crs = _crs_of(frame)
    reprojected = not crs.equals(grid.crs, ignore_axis_order=True)
    unwrapped = np.zeros(len(frame), bool)
    if crs.is_geographic:
        geometry, unwrapped, unclear = unwrap(frame.geometry.to_numpy())
        _check_clear(unclear, frame.index.to_numpy())
        frame = frame.set_geometry(geometry, crs=crs)
    repaired, frame = _repair(frame)
    geometry, names = frame.geometry.to_numpy(), frame.index.to_numpy()
    _check_areas(geometry, names)
    share = np.ones(len(geometry))
    if reprojected:
        try:
            geometry, share = _reprojected(geometry, names, crs, grid)
        except ProjError as error:
            raise ZonesError(
                f"the zones' CRS ({crs.name}) cannot be brought to the rasters' ({grid.crs[:60]}): {error}; set the "
                "right one with zones.crs"
            ) from error
    if grid.is_geographic:
        geometry = wrap(geometry, grid.bounds[0], grid.bounds[2])
    inside = _clipped(geometry, grid.bounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.nan_to_num(shapely.area(inside) / shapely.area(geometry) * share)
    whole = shapely.within(geometry, shapely.box(*grid.bounds)) & (share == 1)  # these get exactly 1, without rounding
    return ZonesOnGrid(
        whole=geometry,
        inside=np.where(whole, geometry, inside),
        fraction=np.where(whole, 1.0, np.minimum(fraction, 1.0)),
        repaired=repaired,
        unwrapped=unwrapped,
        reprojected=reprojected,
    )


def _crs_of(frame: geopandas.GeoDataFrame) -> pyproj.CRS:
    if frame.crs is None:
        raise ZonesError("the zones have no CRS, so they cannot be brought to the grid; set zones.crs")
    crs: pyproj.CRS = frame.crs
    return crs


def _reprojected(geometry: np.ndarray, names: np.ndarray, crs: pyproj.CRS, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return valid polygons [n] in a grid's CRS, and which share of the area of each they are, mostly 1: float64 [n].

    Zones that lie far from the grid become empty. Zones that reach to where its projection has no coordinates, or
    folds, are cut to the surroundings of the grid.

    Raises:
        ZonesError: for zones that cannot be shown there even so.
    """
    check_certain(crs, "zones")
    check_certain(pyproj.CRS(grid.crs), "rasters")
    way = Reprojection(crs, pyproj.CRS(grid.crs), (grid.transform[0], abs(grid.transform[4])))
    result, share = np.full(len(geometry), shapely.Polygon(), object), np.ones(len(geometry))
    near = np.ones(len(geometry), bool)
    around: Surroundings | PlaneSurroundings | None = None
    if not crs.is_geographic:
        around = plane_around(grid, crs)
    elif not crs.is_derived:
        around = surroundings_of(grid, crs)
    if around is not None:
        near = around.overlap(geometry)
        geometry = around.cut_at_tear(geometry)
    result[near], broken_near = reproject(geometry[near], way)
    broken = np.zeros(len(geometry), bool)
    broken[near] = broken_near
    if around is not None:
        far = np.flatnonzero(near & ~around.hold(geometry))
        broken[far] |= folded(geometry[far], way)
        some = np.flatnonzero(broken)
        if len(some):
            parts = around.clip(geometry[some])
            share[some] = around.share(parts, geometry[some])
            result[some], still = reproject(parts, way)
            broken[some] = still
    if broken.any():
        raise ZonesError(
            f"{count_of(int(broken.sum()), 'zone reaches', 'zones reach')} to where the rasters' CRS ({grid.crs[:60]}) "
            f"has no coordinates: {few(names[broken])}; cut such zones to the surroundings of the rasters, or leave "
            "them out with zones.where"
        )
    return without_crossings(result), share


def _check_clear(unclear: np.ndarray, names: np.ndarray) -> None:
    """Raise ZonesError for outlines of which it is unclear how they run around the earth."""
    if unclear.any():
        raise ZonesError(
            f"{count_of(int(unclear.sum()), 'zone runs', 'zones run')} around the earth or across the antimeridian in "
            f"a way that can be read as different areas, or as none: {few(names[unclear])}; cut such zones at 180 "
            "degrees, or leave them out with zones.where"
        )


def _check_areas(geometry: np.ndarray, names: np.ndarray) -> None:
    """Raise ZonesError for zones without an area, which may be what repair leaves."""
    flat = shapely.area(geometry) == 0
    if flat.any():
        raise ZonesError(
            f"{count_of(int(flat.sum()), 'zone has', 'zones have')} no area, because the outline is a line or a point: "
            f"{few(names[flat])}; repair such zones, or leave them out with zones.where"
        )


def prepare(
    frame: geopandas.GeoDataFrame, grid: Grid, *, id_column: str, keep: str = "clipped"
) -> tuple[geopandas.GeoDataFrame, Preparation]:
    """Return the zones that overlap ``grid``, in its CRS and with ``inside_fraction``, and the report on them.

    Rows keep the file's order.

    Args:
        frame: the zones as :func:`zonalflow.zones.read.read_zones` returns them.
        grid: the study's grid.
        id_column: the column that names a zone.
        keep: ``clipped`` cuts the polygons at the grid's bounds, ``whole`` leaves them; their cells are the same.

    Raises:
        ZonesError: when no zone overlaps the grid, and as :func:`bring_to_grid`.
    """
    notes = frame.attrs
    frame = frame.rename(columns={INSIDE: f"{INSIDE}_1"})  # that of an earlier study is an attribute like any other
    placed, ids = bring_to_grid(frame.set_index(id_column, drop=False), grid), frame[id_column].to_numpy()
    kept = placed.fraction > 0
    if not kept.any():
        raise _none_overlaps(placed, grid)
    geometry = placed.inside if keep == "clipped" else placed.whole
    zones = frame[kept].set_geometry(geometry[kept], crs=grid.crs)
    zones = zones.assign(**{INSIDE: placed.fraction[kept]}).reset_index(drop=True)
    repaired = placed.repaired & ~np.isin(ids, notes.get(CLEAN, []))  # features with a common edge need no repair
    report = Preparation(
        read=len(frame) + len(notes.get(EMPTY, [])),
        kept=len(zones),
        crs_of_file=_crs_of(frame).to_string(),
        reprojected=placed.reprojected,
        repaired=ids[repaired | np.isin(ids, notes.get(CLOSED, []))].tolist(),
        across_the_antimeridian=ids[placed.unwrapped].tolist(),
        dropped_outside=ids[~kept].tolist(),
        cut=ids[kept & (placed.fraction < 1)].tolist(),
        without_geometry=notes.get(EMPTY, []),
        joined=notes.get(JOINED, []),
        emptied_attributes=notes.get(EMPTIED, []),
        digest=_digest(zones, id_column),
    )
    return zones, report


def _none_overlaps(placed: ZonesOnGrid, grid: Grid) -> ZonesError:
    bounds = shapely.total_bounds(placed.whole)  # not finite where all zones lie too far away to be reprojected
    hint = "Check bbox, and the zones' CRS"
    if np.isfinite(bounds).all():
        zones, box = shapely.box(*bounds), shapely.box(*grid.bounds)
        turned = shapely.box(*bounds[[1, 0, 3, 2]])
        if shapely.intersects(turned, box) and not shapely.intersects(zones, box):
            hint = "Longitudes and latitudes seem to be swapped, in the zones or in bbox"
        lie = format_bounds(bounds)
    else:
        lie = "far from it"
    return ZonesError(
        f"no zone overlaps the grid; {count_of(len(placed.whole), 'zone was', 'zones were')} read.\n"
        f"  zones: {lie}\n  grid:  {format_bounds(grid.bounds)}\n{hint}"
    )


def _clipped(geometry: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Return the polygonal part of each geometry inside a box."""
    return polygonal(shapely.intersection(geometry, shapely.box(*bounds)))


def _repair(frame: geopandas.GeoDataFrame) -> tuple[np.ndarray, geopandas.GeoDataFrame]:
    """Return which geometries were invalid (bool [n]), and the frame with those made valid and polygonal."""
    geometry = frame.geometry.to_numpy()
    broken = ~shapely.is_valid(geometry)
    if not broken.any():
        return broken, frame
    fixed = geometry.copy()
    fixed[broken] = valid(geometry[broken])
    return broken, frame.set_geometry(fixed, crs=frame.crs)


def _digest(zones: geopandas.GeoDataFrame, id_column: str) -> str:
    """Return the sha256 of the zones' ids, coordinates and order, on which an index on a grid depends."""
    text = hashlib.sha256()
    for name, wkb in zip(zones[id_column], shapely.to_wkb(zones.geometry.to_numpy()), strict=True):
        text.update(f"{name}\0{len(wkb)}\0".encode())
        text.update(wkb)
    return text.hexdigest()
