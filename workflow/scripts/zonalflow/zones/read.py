"""Reading zones: polygons from vector files, checked and keyed by a unique text id."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyogrio
import shapely

from zonalflow.common.errors import ZonalflowError, ZonesError
from zonalflow.common.offline import check_local
from zonalflow.common.states import state_spellings
from zonalflow.common.text import count_of, few, nearest, plural_of, printable
from zonalflow.zones.shapes import check_geometry, polygons_only, read_features

_STRUCTURES = (list, tuple, dict, set, np.ndarray, bytes)  # what a column of GeoParquet may hold in place of values

CLOSED = "zones whose rings were not closed"  # in the attributes of the frame: their ids
_CLOSED = "zonalflow: ring closed"  # the column meanwhile


def read_zones(
    paths: list[str], *, id_column: str, layer: str | None = None, crs: str | None = None, where: str | None = None,
    states: list[str] | None = None,
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return the checked zones of vector files (any GDAL format, also zipped, or GeoParquet).

    Args:
        paths: the files; several when a geography comes in one file for each state.
        id_column: the column whose values name the zones; it is read as text and must be unique and not empty.
        layer: the layer's name; by default the first layer that has features.
        crs: the CRS of a file that has none.
        where: an SQL condition on the attributes, as in ``"STATE_NAME = 'Florida'"``.
        states: keep the zones whose STUSPS, STATEFP or STATE_NAME is one of these.

    Returns:
        The zones; ``attrs[CLOSED]`` lists the ids of those whose rings were not closed in the file.

    Raises:
        ZonesError: for a missing or unreadable file, layer or column, duplicate or empty ids, no CRS, a geometry that
            is empty or not a polygon, or when nothing is left; the message names ids or rows.
    """
    with _library_errors_explained(", ".join(map(str, paths))):
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
            raise ZonesError(f"{path} has no CRS; set it in the configuration, for example zones.crs: EPSG:4269")
        frame = frame.set_crs(crs)
    frame = frame.set_geometry(polygons_only(frame.geometry.to_numpy()), crs=frame.crs)
    check_geometry(frame, id_column, path)
    closed = frame.pop(_CLOSED)
    frame = frame.reset_index(drop=True)
    frame.attrs[CLOSED] = frame[id_column][closed.to_numpy()].tolist()
    return frame


@contextlib.contextmanager
def _library_errors_explained(path: str) -> Iterator[None]:
    """Turn whatever the libraries raise for a damaged file into a ZonesError; they know some twenty kinds."""
    try:
        yield
    except (ZonalflowError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ZonesError(
            f"{path} cannot be read as zones: it is damaged, or holds what is not understood "
            f"({type(error).__name__}: {printable(str(error))[:300]})"
        ) from error


def zone_options(zones: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of :func:`read_zones` from the key ``zones`` of the configuration."""
    return {
        "id_column": zones["id"], "layer": zones["layer"], "crs": zones["crs"], "where": zones["where"],
        "states": zones["states"],
    }  # fmt: skip


def _read(path: str, layer: str | None, where: str | None) -> geopandas.GeoDataFrame:
    if not Path(path).exists():
        raise ZonesError(f"{path}: no such file (zones.path)")
    check_local(path)
    if str(path).lower().endswith((".parquet", ".geoparquet")):
        try:
            frame = geopandas.read_parquet(path)
        except (ValueError, OSError, shapely.errors.ShapelyError) as error:
            raise ZonesError(f"{path} cannot be read as GeoParquet: {error}") from error
        frame = _with_one_geometry(frame)
        frame = frame if where is None else frame.iloc[_matching_rows(frame, where, path)]
        return frame.assign(**{_CLOSED: False})
    try:
        frame, closed = read_features(path, _layer(path, layer), where)
    except (RuntimeError, ValueError) as error:  # pyogrio's errors are RuntimeErrors
        condition = f", with zones.where: {where}" if where else ""
        raise ZonesError(f"{path} cannot be read as zones{condition}: {error}") from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise ZonesError(f"{path} has no geometry: it is a table, and zones are polygons")
    return frame.assign(**{_CLOSED: closed})


def _with_one_geometry(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return a frame whose active geometry is its only one, and called ``geometry``, as in all other formats."""
    active = frame.geometry.name
    others = [name for name in frame.columns[frame.dtypes == "geometry"] if name != active]
    frame = frame.drop(columns=others)
    if active == "geometry":
        return frame
    return frame.rename(columns={"geometry": "geometry_1"}).rename_geometry("geometry")


def _matching_rows(frame: geopandas.GeoDataFrame, where: str, path: str) -> np.ndarray:
    """Return the positions of the rows that match an SQL condition, in a frame that GDAL has not read.

    GDAL gets the attributes in memory, so that a condition means the same in all formats. Columns that a table cannot
    hold (a bounding box of each zone, for example) are left out.
    """
    table = pandas.DataFrame(frame.drop(columns=frame.geometry.name))
    simple = [name for name in table if pandas.api.types.infer_dtype(table[name]) not in ("mixed", "bytes")]
    memory, number = io.BytesIO(), "zonalflow row"
    try:
        numbered = table[simple].assign(**{number: np.arange(len(table))})
        pyogrio.write_dataframe(numbered, memory, driver="FlatGeobuf", layer="zones", SPATIAL_INDEX="NO")
        found = pyogrio.read_dataframe(memory.getvalue(), where=where, read_geometry=False)
    except (RuntimeError, ValueError) as error:
        raise ZonesError(f"{path} cannot be read as zones, with zones.where: {where}: {error}") from error
    rows: np.ndarray = found[number].to_numpy()
    return rows


def _layer(path: str, wanted: str | None) -> str:
    """Return the layer asked for, or the first that has features; a KML often begins with an empty one."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if wanted is not None:
        if wanted not in names:
            raise ZonesError(
                f"zones.layer: {path} has no layer {wanted!r}{nearest(wanted, names)} It has: {', '.join(names)}"
            )
        return wanted
    for name in names:
        if pyogrio.read_info(path, layer=name, force_feature_count=True)["features"]:
            return name
    raise ZonesError(f"{path} has no features in any of its layers ({', '.join(names) or 'none'})")


def _in_states(frame: geopandas.GeoDataFrame, states: list[str], path: str) -> geopandas.GeoDataFrame:
    """Return the zones of states named by postal code, FIPS code or name; a file may hold any one of the three."""
    known: set[str] = set()
    found: set[str] = set()
    mask = np.zeros(len(frame), dtype=bool)
    for column in {"STUSPS", "STATEFP", "STATE_NAME", "STATE"} & set(frame.columns):
        values = frame[column].astype(str).str.upper()
        known |= set(values)
        for state in states:
            in_state = values.isin(state_spellings(state)).to_numpy()
            mask |= in_state
            if in_state.any():
                found.add(state)
    if not known:
        raise ZonesError(f"zones.states: {path} has none of the columns STUSPS, STATEFP, STATE_NAME; use zones.where")
    unknown = [str(state) for state in states if state not in found]
    if unknown:
        raise ZonesError(f"zones.states: no zone of {path} is in {', '.join(unknown)}{nearest(unknown[0], known)}")
    return frame[mask]


def _with_text_id(frame: geopandas.GeoDataFrame, id_column: str, path: str) -> geopandas.GeoDataFrame:
    """Return the zones with their ids as text, after checking that each zone has one of its own."""
    if id_column not in frame.columns or id_column == frame.geometry.name:
        columns = [column for column in frame.columns if column not in (frame.geometry.name, _CLOSED)]
        raise ZonesError(
            f"zones.id: {path} has no column {id_column!r}{nearest(id_column, columns) or '.'} "
            f"Its columns: {', '.join(columns) or 'none'}"
        )
    ids = frame[id_column]
    if ids.dtype == object and ids.map(lambda value: isinstance(value, _STRUCTURES)).any():
        raise ZonesError(
            f"zones.id: {id_column} of {path} holds lists or other structures; choose a column of single values"
        )
    whole = pandas.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all()
    if whole and ids.abs().max() < 2**53:  # a column of whole numbers with a gap is read as floats
        ids = ids.astype("Int64")
    text = ids.astype("string").str.strip()
    if text.str.contains("[\\x00-\\x1f\\x7f]", na=False).any():
        raise ZonesError(f"zones.id: {id_column} of {path} holds control characters, which no table can store")
    empty = np.flatnonzero(text.isna() | (text == ""))
    if empty.size:
        has_none = count_of(empty.size, f"zone of {path} has no {id_column}", f"zones of {path} have no {id_column}")
        raise ZonesError(f"zones.id: {has_none} ({plural_of(empty.size, 'row')} {few(empty + 1)})")
    repeated = text[text.duplicated()].unique()
    if len(repeated):
        raise ZonesError(
            f"zones.id: {id_column} is not unique in {path}: {count_of(len(repeated), 'value occurs', 'values occur')} "
            f"more than once ({few(repeated)}); choose a column whose values are unique"
        )
    return frame.assign(**{id_column: text.astype(object)})
