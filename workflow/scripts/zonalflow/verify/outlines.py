"""Compare the prepared zones with the user's own file, read again, point by point in the CRS of the file.

No outline is reprojected for this. Points of the grid are brought to the CRS of the file, where the edges are straight,
and each must lie in the prepared zone if and only if it lies in the outline of the file. Points nearer to the outline
than reprojecting may move it are left out.
"""

import gzip
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from zonalflow.common.columns import ROW
from zonalflow.common.errors import VerificationError
from zonalflow.geometry.grid import Grid
from zonalflow.geometry.plate_carree import crs_taken

if TYPE_CHECKING:
    import geopandas
    import pyproj

_ROW, _FID = "verify: row", "verify: fid"  # columns of the features' numbers and GDAL's ids of them
_VECTORS = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".gml", ".tab", ".mif", ".sqlite", ".gdb")  # in a zip
N_POINTS = 2000  # for each zone, half of them near its outline
_NEAR = 2.0  # cells: how far from the outline such a point lies at most
_DOUBTFUL = {True: 0.06, False: 1e-6}  # cells; reprojected outlines may be a twentieth of a cell off
_JUMP = 270  # degrees: an edge that long in longitude runs the other way around the earth
_CERTAIN_JUMP = 330  # degrees, where the edge begins or ends on the antimeridian
_EDGES_AND_POINTS = 5_000_000  # that are compared together


@dataclass(frozen=True)
class Outlines:
    """The user's own polygons: id → shapely polygon in the CRS of the file, or that of ``zones.crs``."""

    polygons: dict[str, shapely.Geometry]
    crs: "pyproj.CRS"

    def __contains__(self, zone: str) -> bool:
        return zone in self.polygons


def read_outlines(paths: Sequence[str], zones: Mapping[str, Any], ids: set[str]) -> Outlines:
    """Return the outlines of some zones from the user's own files.

    The outline of a zone of several features is all of their polygons, which may overlap.

    Args:
        paths: vector files.
        zones: as configured.
        ids: which zones.

    Raises:
        VerificationError: when a zone is not in the files.
    """
    found: dict[str, list[shapely.Geometry]] = {}
    for path in paths:
        frame = _read(path, zones)
        of_file = frame.crs
        frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
        names = _names(frame, zones["id"])
        wanted = np.isin(names, list(ids))
        for name, polygon in zip(names[wanted], frame.geometry.to_numpy()[wanted], strict=True):
            found.setdefault(name, []).append(shapely.force_2d(polygon))
    missing = sorted(ids - set(found))
    if missing:
        raise VerificationError(f"{', '.join(paths)} has no zone {missing[0]}, although the results have one")
    outlines = {}
    chosen = zones["where"] is not None and any(map(_is_parquet, paths))  # by a condition that is not asked again here
    for name, polygons in found.items():
        if len(polygons) == 1:
            outlines[name] = polygons[0]
        elif zones["dissolve"] and not chosen:
            outlines[name] = shapely.MultiPolygon(shapely.get_parts(shapely.get_parts(polygons)).tolist())
    return Outlines(outlines, crs_taken(of_file if of_file is not None else zones["crs"]))


def _names(frame: "geopandas.GeoDataFrame", key: str | Sequence[str]) -> np.ndarray:
    """Return the ids of features as the tables have them."""
    if key == ROW:
        numbers: np.ndarray = frame[_ROW].astype(str).to_numpy()
        return numbers
    columns = [key] if isinstance(key, str) else list(key)
    texts = [(frame[name] if name in frame else frame[_FID]).map(_text) for name in columns]
    return np.array(["-".join(parts) for parts in zip(*texts, strict=True)], dtype=object)


def _is_parquet(path: str) -> bool:
    return path.lower().endswith((".parquet", ".geoparquet", ".pq"))


def _read(path: str, zones: Mapping[str, Any]) -> "geopandas.GeoDataFrame":
    """Return the features of a file, with the number of each and with what GDAL knows it by."""
    import geopandas

    if _is_parquet(path):
        frame = geopandas.read_parquet(path)
        return frame.assign(**{_ROW: np.arange(1, len(frame) + 1)})
    with tempfile.TemporaryDirectory(prefix="zonalflow-") as folder:
        files = [path]
        if path.lower().endswith(".gz"):
            files = [f"{folder}/{Path(path).stem}"]
            Path(files[0]).write_bytes(gzip.decompress(Path(path).read_bytes()))
        if path.lower().endswith(".zip"):
            zipfile.ZipFile(path).extractall(folder)
            unpacked = [file for file in sorted(Path(folder).rglob("*")) if "__MACOSX" not in file.parts]
            files = [str(file) for file in unpacked if file.suffix.lower() in _VECTORS]
        for file in files:
            for layer in geopandas.list_layers(file)["name"]:
                if zones["layer"] in (None, layer) and len(frame := _features(file, layer, zones["where"])):
                    return frame
    return frame


def _features(file: str, layer: str, where: str | None) -> "geopandas.GeoDataFrame":
    import geopandas

    frame = geopandas.read_file(file, layer=layer, fid_as_index=True)
    frame = frame.assign(**{_ROW: np.arange(1, len(frame) + 1), _FID: frame.index.to_numpy()})
    if where is None:
        return frame
    some = geopandas.read_file(file, layer=layer, where=where, fid_as_index=True, ignore_geometry=True)
    return frame.loc[some.index]


def _text(value: object) -> str:
    """Return an id as the tables have it."""
    if isinstance(value, float | np.floating) and np.isfinite(value) and value == round(value):
        return str(int(value))
    return str(value).strip()


def points_that_differ(
    prepared: shapely.Geometry,
    outline: shapely.Geometry,
    crs: "pyproj.CRS",
    grid: Grid,
    random: np.random.Generator,
) -> tuple[int, np.ndarray]:
    """Return how many points were compared, and those [n, 2] that are in one of the two polygons alone.

    Args:
        prepared: the zone on the grid, cut at its bounds or not; empty if it was dropped.
        outline: the zone in the user's file.
        crs: the CRS of the file.
        grid: the study's grid.
        random: draws the points.
    """
    import pyproj

    target = pyproj.CRS(grid.crs)
    same = crs.equals(target, ignore_axis_order=True)
    way = None if same else pyproj.Transformer.from_crs(target, crs, always_xy=True)
    xy = _points(prepared, outline, crs, grid, random)
    if len(xy) == 0:
        return 0, xy
    cell = np.array([grid.transform[0], abs(grid.transform[4])])
    if not shapely.is_empty(prepared):
        edge = shapely.transform(shapely.boundary(prepared), lambda at: at / cell)
        shapely.prepare(edge)
        xy = xy[~shapely.dwithin(edge, shapely.points(xy / cell), _DOUBTFUL[not same])]
    shapely.prepare(prepared)
    ours = shapely.contains_xy(prepared, xy)
    in_file, known = (xy, np.ones(len(xy), bool)) if way is None else _back(xy, way, cell)
    answers = [inside[known] for inside in _inside(outline, np.where(known[:, None], in_file, 0.0), crs.is_geographic)]
    wrong = min((ours[known] != answer for answer in answers), key=np.count_nonzero)
    return int(known.sum()), xy[known][wrong]


def _back(xy: np.ndarray, way: "pyproj.Transformer", cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points of the grid in the CRS of the file, and which come back to themselves: those on the map."""
    in_file = np.column_stack(way.transform(xy[:, 0], xy[:, 1]))
    again = np.column_stack(way.transform(in_file[:, 0], in_file[:, 1], direction="INVERSE"))
    with np.errstate(invalid="ignore"):
        apart = np.abs(again - xy) / cell
    if way.source_crs is not None and way.source_crs.is_geographic:
        apart[:, 0] = np.abs((again[:, 0] - xy[:, 0] + 180) % 360 - 180) / cell[0]
    known: np.ndarray = apart.max(axis=1) < _DOUBTFUL[True]
    return in_file, known


def _points(
    prepared: shapely.Geometry, outline: shapely.Geometry, crs: "pyproj.CRS", grid: Grid, random: np.random.Generator
) -> np.ndarray:
    """Return points [n, 2] within the grid: near both outlines, around the prepared zone, and anywhere."""
    import pyproj

    cell = np.array([grid.transform[0], abs(grid.transform[4])])
    way = pyproj.Transformer.from_crs(crs, pyproj.CRS(grid.crs), always_xy=True)
    along = _along(outline, N_POINTS // 4, random)
    found = [np.column_stack(way.transform(along[:, 0], along[:, 1]))]
    west, south, east, north = grid.bounds
    if grid.is_geographic:  # the file's longitudes may be a turn away from the grid's
        found[0][:, 0] = (found[0][:, 0] - west) % 360 + west
    around = np.array(grid.bounds)
    if not shapely.is_empty(prepared):
        found.append(_along(prepared, N_POINTS // 4, random))
        around = shapely.bounds(shapely.buffer(shapely.box(*shapely.bounds(prepared)), 3 * cell.max()))
    near = np.concatenate(found)
    near = near + random.uniform(-_NEAR, _NEAR, near.shape) * cell
    points = [near]
    for box, n in ((around, N_POINTS // 4), (np.array(grid.bounds), N_POINTS // 4)):
        points.append(random.uniform(box[:2], box[2:], (n, 2)))
    xy = np.concatenate(points)
    within = (xy[:, 0] > west) & (xy[:, 0] < east) & (xy[:, 1] > south) & (xy[:, 1] < north)
    return xy[within]


def _along(polygon: shapely.Geometry, n: int, random: np.random.Generator) -> np.ndarray:
    """Return points [n, 2] on the edges of a polygon, each edge as likely as another."""
    start, of_ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(polygon)), return_index=True)
    edges = np.flatnonzero(of_ring[1:] == of_ring[:-1])
    if len(edges) == 0:
        return np.empty((0, 2))
    some = random.choice(edges, n)
    share = random.uniform(size=(n, 1))
    points: np.ndarray = start[some] + share * (start[some + 1] - start[some])
    return points


def _inside(outline: shapely.Geometry, xy: np.ndarray, geographic: bool) -> list[np.ndarray]:
    """Return which points lie in an outline of the file: bool [n]; two answers where it may be read in two ways."""
    if not geographic:
        return [_in_plane(outline, xy)]
    west, _, east, _ = shapely.bounds(outline)
    turns = np.arange(np.ceil((west - 180) / 360) - 1, np.floor((east + 180) / 360) + 2)
    in_plane = np.any([_in_plane(outline, xy + np.array([360 * turn, 0])) for turn in turns], axis=0)
    certain = jumps(outline)
    if len(certain) == 0:
        return [in_plane]
    on_sphere = _even_odd(outline, xy)
    return [on_sphere] if certain.all() else [in_plane, on_sphere]


def jumps(outline: shapely.Geometry) -> np.ndarray:
    """Return the edges of an outline in degrees that jump across the antimeridian: whether it is certain, bool [n].

    An edge that begins or ends on the antimeridian may be one of a region that only ends there, unless it is nearly a
    whole turn. One of exactly a turn runs around the earth, or along the antimeridian beside an edge that jumps.
    """
    found = []
    for ring in _rings(outline):
        length = np.abs(np.diff(ring[:, 0]))
        on_it = np.isin(np.abs(ring[:, 0]), (0.0, 180.0, 360.0))
        at = (length > _JUMP) & (length < 360 - 1e-9)
        found.append((~(on_it[1:] | on_it[:-1]) | (length > _CERTAIN_JUMP))[at])
    return np.concatenate(found)


def _in_plane(outline: shapely.Geometry, xy: np.ndarray) -> np.ndarray:
    whole = (
        outline if shapely.is_valid(outline) else shapely.make_valid(outline, method="structure", keep_collapsed=False)
    )
    shapely.prepare(whole)
    inside: np.ndarray = shapely.contains_xy(whole, xy)
    return inside


def _rings(outline: shapely.Geometry) -> list[np.ndarray]:
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(outline))]


def _even_odd(outline: shapely.Geometry, xy: np.ndarray) -> np.ndarray:
    """Return which points [n, 2] in degrees lie in an outline on the sphere: an odd number of edges lies north of them.

    An edge that jumps across the antimeridian runs the short way. A ring once around the earth holds the pole that is
    nearer to it; seen from its inside, a northern one has no edge to the north.
    """
    inside = np.zeros(len(xy), bool)
    for part in shapely.get_parts(outline):
        of_part = np.zeros(len(xy), bool)
        for ring in _rings(part):
            of_part ^= _in_ring(ring, xy)
        inside |= of_part
    return inside


def _in_ring(ring: np.ndarray, xy: np.ndarray) -> np.ndarray:
    change = np.diff(ring[:, 0])
    change = np.where(np.abs(change) > _JUMP, change - 360 * np.sign(change), change)
    odd = np.zeros(len(xy), bool)
    block = max(1, _EDGES_AND_POINTS // max(len(change), 1))
    for begin in range(0, len(xy), block):
        x, y = xy[begin : begin + block].T[..., np.newaxis]
        start = (ring[:-1, 0] - x + 180) % 360 - 180
        for turn in (-360, 0, 360):
            one, other = start - turn, start - turn + change
            crosses = (one < 0) != (other < 0)
            with np.errstate(invalid="ignore", divide="ignore"):
                latitude = ring[:-1, 1] + np.diff(ring[:, 1]) * -one / change
            odd[begin : begin + block] ^= (crosses & (latitude > y)).sum(axis=1) % 2 == 1
    around_north = abs(change.sum()) > 180 and ring[:, 1].mean() > 0
    return ~odd if around_north else odd
