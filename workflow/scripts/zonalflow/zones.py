"""The zones: reading polygons, checking them, and preparing them for one grid.

Prepared zones are in the grid's CRS, valid, keyed by a unique text id, and overlap the grid; what was dropped,
repaired or reprojected is reported, never silent. The order of their rows is the order of every array made from them.
"""

import hashlib
import io
from dataclasses import asdict, dataclass, field
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyogrio
import shapely

from zonalflow.errors import ZonesError
from zonalflow.grid import Grid
from zonalflow.longitudes import turn, unwrap
from zonalflow.polygons import polygonal, valid
from zonalflow.spelling import nearest
from zonalflow.states import words_for

INSIDE = "inside_fraction"
_TINY = 1e-9  # degrees


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


def read_zones(paths: list[str], *, id_column: str, layer=None, crs=None, where=None, states=None):
    """Return the checked zones of vector files (any GDAL format, also zipped, or GeoParquet) as a GeoDataFrame.

    Args:
        paths: the files; more than one when a geography comes in one file a state.
        id_column: the column whose values name the zones; read as text, unique, not empty.
        layer: the layer's name; by default the first layer that has features.
        crs: the CRS of a file that names none.
        where: an SQL condition on the attributes, as in ``"STATE_NAME = 'Florida'"``.
        states: keep the zones whose STUSPS, STATEFP or STATE_NAME is one of these.

    Raises:
        ZonesError: for a missing or unreadable file, layer or column, duplicate or empty ids, no CRS, a geometry that
            is empty or not a polygon, or when nothing is left; the message names ids or rows.
    """
    frame = pandas.concat([_read(path, layer, where) for path in paths], ignore_index=True)
    path = ", ".join(map(str, paths))
    if states:
        frame = _in_states(frame, states, path)
    if frame.empty:
        condition = " that match zones.where" if where else ""
        raise ZonesError(f"{path} has no zones{condition}")
    frame = _with_text_id(frame, id_column, path)
    if frame.crs is None:
        if crs is None:
            raise ZonesError(f"{path} has no CRS; say it in the configuration, for example zones.crs: EPSG:4269")
        frame = frame.set_crs(crs)
    _check_geometry(frame, id_column, path)
    return frame.reset_index(drop=True)


def zone_options(zones: dict) -> dict:
    """Return the keyword arguments of :func:`read_zones` that the configuration's ``zones`` mean."""
    return {
        "id_column": zones["id"], "layer": zones["layer"], "crs": zones["crs"], "where": zones["where"],
        "states": zones["states"],
    }  # fmt: skip


def _read(path: str, layer, where) -> geopandas.GeoDataFrame:
    if not Path(path).exists():
        raise ZonesError(f"{path}: no such file (zones.path)")
    if str(path).lower().endswith((".parquet", ".geoparquet")):
        try:
            frame = geopandas.read_parquet(path)
        except (ValueError, OSError) as error:
            raise ZonesError(f"{path} cannot be read as GeoParquet: {error}") from error
        frame = _with_one_geometry(frame)
        return frame if where is None else frame.iloc[_satisfy(frame, where, path)]
    try:
        frame = pyogrio.read_dataframe(path, layer=_layer(path, layer), where=where)
    except (RuntimeError, ValueError) as error:  # pyogrio's errors are RuntimeErrors
        condition = f", with zones.where: {where}" if where else ""
        raise ZonesError(f"{path} cannot be read as zones{condition}: {error}") from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise ZonesError(f"{path} has no geometry: it is a table, and zones are polygons")
    return frame


def _with_one_geometry(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return a frame whose active geometry is its only one, and called ``geometry``, as in all other formats."""
    active = frame.geometry.name
    others = [name for name in frame.columns[frame.dtypes == "geometry"] if name != active]
    frame = frame.drop(columns=others)
    if active == "geometry":
        return frame
    return frame.rename(columns={"geometry": "geometry_1"}).rename_geometry("geometry")


def _satisfy(frame: geopandas.GeoDataFrame, where: str, path: str) -> np.ndarray:
    """Return the numbers of the rows that satisfy an SQL condition, of a frame that GDAL has not read.

    Its attributes are handed to GDAL in memory, so that a condition means the same in all formats. Columns that a table
    cannot hold (a bounding box of each zone, say) are left out.
    """
    table = pandas.DataFrame(frame.drop(columns=frame.geometry.name))
    simple = [name for name in table if pandas.api.types.infer_dtype(table[name]) not in ("mixed", "bytes")]
    memory, number = io.BytesIO(), "zonalflow row"
    try:
        rows = table[simple].assign(**{number: np.arange(len(table))})
        pyogrio.write_dataframe(rows, memory, driver="FlatGeobuf", layer="zones", SPATIAL_INDEX="NO")
        found = pyogrio.read_dataframe(memory.getvalue(), where=where, read_geometry=False)
    except (RuntimeError, ValueError) as error:
        raise ZonesError(f"{path} cannot be read as zones, with zones.where: {where}: {error}") from error
    return found[number].to_numpy()


def _layer(path: str, wanted: str | None) -> str:
    """Return the layer asked for, or the first that has features; a KML often opens with an empty one."""
    names = [name for name, _ in pyogrio.list_layers(path)]
    if wanted is not None:
        if wanted not in names:
            raise ZonesError(
                f"zones.layer: {path} has no layer {wanted!r}{nearest(wanted, names)} It has: {', '.join(names)}"
            )
        return wanted
    for name in names:
        if pyogrio.read_info(path, layer=name, force_feature_count=True)["features"]:
            return name
    raise ZonesError(f"{path} has no features in any of its layers ({', '.join(map(str, names)) or 'none'})")


def _in_states(frame, states: list[str], path: str):
    """Keep the zones of states named by postal code, FIPS code or name; a file may hold any one of the three."""
    known, mask, found = set(), np.zeros(len(frame), dtype=bool), set()
    for column in {"STUSPS", "STATEFP", "STATE_NAME", "STATE"} & set(frame.columns):
        values = frame[column].astype(str).str.upper()
        known |= set(values)
        for state in states:
            here = values.isin(words_for(state)).to_numpy()
            mask |= here
            if here.any():
                found.add(state)
    if not known:
        raise ZonesError(f"zones.states: {path} has none of the columns STUSPS, STATEFP, STATE_NAME; use zones.where")
    unknown = [str(state) for state in states if state not in found]
    if unknown:
        raise ZonesError(f"zones.states: no zone of {path} is in {', '.join(unknown)}{nearest(unknown[0], known)}")
    return frame[mask]


def _with_text_id(frame, id_column: str, path: str):
    if id_column not in frame.columns or id_column == frame.geometry.name:
        columns = [column for column in frame.columns if column != frame.geometry.name]
        raise ZonesError(
            f"zones.id: {path} has no column {id_column!r}{nearest(id_column, columns) or '.'} "
            f"Its columns: {', '.join(columns) or 'none'}"
        )
    ids = frame[id_column]
    whole = pandas.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all()
    if whole and ids.abs().max() < 2**53:  # a column of whole numbers with a gap is read as floats
        ids = ids.astype("Int64")
    text = ids.astype("string").str.strip()
    empty = np.flatnonzero(text.isna() | (text == ""))
    if empty.size:
        raise ZonesError(f"zones.id: {empty.size} zones of {path} have no {id_column} (rows {_few(empty + 1)})")
    repeated = text[text.duplicated()].unique()
    if len(repeated):
        raise ZonesError(
            f"zones.id: {id_column} does not name a zone in {path}: {_few(repeated)} occur more than once; "
            "choose a column whose values are unique"
        )
    return frame.assign(**{id_column: text.astype(object)})


def _check_geometry(frame, id_column: str, path: str) -> None:
    geometry = frame.geometry.to_numpy()
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    if empty.any():
        raise ZonesError(
            f"{int(empty.sum())} zones of {path} have an empty geometry: {id_column} {_few(frame[id_column][empty])}; "
            "remove them or give them a polygon"
        )
    polygonal = np.isin(shapely.get_type_id(geometry), (3, 6))
    if not polygonal.all():
        kinds = ", ".join(sorted(set(frame.geom_type[~polygonal])))
        raise ZonesError(
            f"{int((~polygonal).sum())} zones of {path} are no polygons ({kinds}): {id_column} "
            f"{_few(frame[id_column][~polygonal])}; zonal statistics need polygons"
        )
    _check_finite(geometry, frame[id_column].to_numpy(), path)
    x0, y0, x1, y1 = frame.total_bounds
    if frame.crs.is_geographic and max(-y0, y1) > 90 + _TINY:
        swapped = "; are longitude and latitude swapped?" if max(-x0, x1) <= 90 else ""
        raise ZonesError(
            f"{path} has latitudes beyond ±90 ({_bounds_text(frame.total_bounds)}){swapped} "
            f"Or its CRS, {frame.crs.name}, is not that of its coordinates"
        )


def _check_finite(geometry: np.ndarray, ids: np.ndarray, path: str) -> None:
    """Raise ZonesError for coordinates that are no numbers."""
    points, zone = shapely.get_coordinates(geometry, return_index=True)
    bad = ids[np.unique(zone[~np.isfinite(points).all(axis=1)])]
    if len(bad):
        raise ZonesError(f"{len(bad)} zones of {path} have coordinates that are not finite: {_few(bad)}")


@dataclass(frozen=True)
class PlacedZones:
    """Zones on a grid, before any is dropped: arrays [n] in the order of the rows read.

    Attributes:
        whole: the valid polygons in the grid's CRS and, on a geographic grid, in its longitudes.
        inside: the part of each within the grid's bounds.
        fraction: the share of its area inside, exactly 1 for a zone wholly inside and 0 for one wholly outside.
        repaired: which polygons were invalid.
        unwrapped: which outlines jumped across the antimeridian, see :mod:`zonalflow.longitudes`.
        reprojected: whether the file's CRS is another.
    """

    whole: np.ndarray
    inside: np.ndarray
    fraction: np.ndarray
    repaired: np.ndarray
    unwrapped: np.ndarray
    reprojected: bool


def place_zones(frame: geopandas.GeoDataFrame, grid: Grid) -> PlacedZones:
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
    _check_placed(geometry, frame.index.to_numpy(), grid)
    if grid.is_geographic:
        geometry = turn(geometry, grid.bounds[0], grid.bounds[2])
    _check_areas(geometry, frame.index.to_numpy())
    if reprojected:
        again, frame = _repair(frame.set_geometry(geometry, crs=grid.crs))
        geometry, repaired = frame.geometry.to_numpy(), repaired | again
    inside = clip_to_bounds(geometry, grid.bounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.nan_to_num(shapely.area(inside) / shapely.area(geometry))
    whole = shapely.within(geometry, shapely.box(*grid.bounds))  # untouched by the clip: say exactly 1
    return PlacedZones(
        whole=geometry,
        inside=np.where(whole, geometry, inside),
        fraction=np.where(whole, 1.0, np.minimum(fraction, 1.0)),
        repaired=repaired,
        unwrapped=unwrapped,
        reprojected=reprojected,
    )


def _check_placed(geometry: np.ndarray, rows: np.ndarray, grid: Grid) -> None:
    """Raise ZonesError for zones for which the grid's CRS has no coordinates."""
    lost = ~np.isfinite(shapely.bounds(geometry)).all(axis=1) & ~shapely.is_empty(geometry)
    if lost.any():
        raise ZonesError(
            f"{int(lost.sum())} zones reach to where the rasters' CRS ({grid.crs[:60]}) has no place for them: rows "
            f"{_few(rows[lost] + 1)} of the zones; cut them to the rasters' surroundings, or leave them out with "
            "zones.where"
        )


def _check_areas(geometry: np.ndarray, rows: np.ndarray) -> None:
    """Raise ZonesError for zones of which repair leaves nothing to measure."""
    flat = shapely.area(geometry) == 0
    if flat.any():
        raise ZonesError(
            f"{int(flat.sum())} zones have no area, their outline being a line or a point: rows {_few(rows[flat] + 1)} "
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
    placed, ids = place_zones(frame, grid), frame[id_column].to_numpy()
    kept = placed.fraction > 0
    if not kept.any():
        bounds = shapely.total_bounds(placed.whole)
        there = np.isfinite(bounds).all()  # nothing is left of zones that the grid's CRS cannot show
        swapped = there and shapely.box(*bounds[[1, 0, 3, 2]]).intersects(shapely.box(*grid.bounds))
        hint = "The zones' longitudes and latitudes seem to be swapped" if swapped else "Check bbox, and the zones' CRS"
        raise ZonesError(
            f"none of the {len(frame)} zones overlaps the grid.\n  zones: {_bounds_text(bounds)}\n"
            f"  grid:  {_bounds_text(grid.bounds)}\n{hint}"
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


def _few(values, limit: int = 5) -> str:
    values = [str(value) for value in values]
    return ", ".join(values[:limit]) + (f" and {len(values) - limit} more" if len(values) > limit else "")


def _bounds_text(bounds) -> str:
    west, south, east, north = bounds
    return f"west {west:.6g}, south {south:.6g}, east {east:.6g}, north {north:.6g}"
