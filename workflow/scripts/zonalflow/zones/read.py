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

from zonalflow.common.columns import column_of_ids
from zonalflow.common.errors import ZonalflowError, ZonesError
from zonalflow.common.offline import check_local
from zonalflow.common.states import state_spellings
from zonalflow.common.text import count_of, nearest, printable
from zonalflow.geometry.plate_carree import crs_taken
from zonalflow.zones.identity import NUMBER, joined, names_of, numbered, with_text_id
from zonalflow.zones.layers import choose_layer, is_parquet
from zonalflow.zones.shapes import check_geometry, polygons_only, read_features

# In the attributes of the frame: ids of zones whose rings were not closed, of features without a geometry, of zones
# made of several features, and of those among them whose features were valid; the attributes in which features differ.
CLOSED, EMPTY, JOINED, CLEAN, EMPTIED = "closed", "without geometry", "joined", "joined of valid", "emptied attributes"
_CLOSED = "zonalflow: ring closed"  # the column meanwhile


def read_zones(
    paths: list[str], *, id_column: str | list[str], layer: str | None = None, crs: str | None = None,
    where: str | None = None, states: list[str] | None = None, dissolve: bool = False,
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return the checked zones of vector files (any GDAL format, also zipped, or GeoParquet).

    Args:
        paths: the files; several when a geography comes in one file for each state.
        id_column: the column whose values name the zones, read as text and not empty; several, whose values are joined
            with ``-``; or ``row``, the number of the feature in its file.
        layer: the layer's name; by default the first layer that has features.
        crs: the CRS of a file that has none.
        where: an SQL condition on the attributes, as in ``"STATE_NAME = 'Florida'"``.
        states: keep the zones whose STUSPS, STATEFP or STATE_NAME is one of these.
        dissolve: make one zone of the features that share an id; otherwise each must have its own.

    Returns:
        The zones, with their ids in the column :func:`zonalflow.common.columns.column_of_ids`, without features that
        have no geometry. ``attrs`` lists what was done: `CLOSED`, `EMPTY`, `JOINED`, `CLEAN`, `EMPTIED`.

    Raises:
        ZonesError: for a missing or unreadable file, layer or column, duplicate or empty ids, no CRS, a geometry that
            is not a polygon, or when nothing is left; the message names ids or rows.
    """
    with _library_errors_explained(", ".join(map(str, paths))):
        frame = pandas.concat([_read(path, layer, where, id_column) for path in paths], ignore_index=True)
    path = ", ".join(map(str, paths))
    if states:
        frame = _in_states(frame, states, path)
    if frame.empty:
        raise ZonesError(f"{path} has no zones{' that match zones.where' if where else ''}")
    frame, empty = _without_empty(frame, id_column, path)
    frame = with_text_id(frame, id_column, path, unique=not dissolve)
    column = column_of_ids(id_column)
    if frame.crs is None:
        if crs is None:
            raise ZonesError(f"{path} has no CRS; set it in the configuration, for example zones.crs: EPSG:4269")
        frame = frame.set_crs(crs)
    frame = frame.set_geometry(polygons_only(frame.geometry.to_numpy()), crs=crs_taken(frame.crs))
    check_geometry(frame, column, path)
    closed = frame[column][frame.pop(_CLOSED).to_numpy()].unique().tolist()
    frame, of_several, clean, emptied = joined(frame, column)
    frame = frame.drop(columns=NUMBER).reset_index(drop=True)
    frame.attrs.update({CLOSED: closed, EMPTY: empty, JOINED: of_several, CLEAN: clean, EMPTIED: emptied})
    return frame


def _without_empty(
    frame: geopandas.GeoDataFrame, key: str | list[str], path: str
) -> tuple[geopandas.GeoDataFrame, list[str]]:
    """Return the features that have a geometry, and the ids of the others."""
    geometry = frame.geometry.to_numpy()
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    if empty.all():
        raise ZonesError(f"{path} has no zone with a geometry, of {count_of(len(frame), 'feature')}")
    return (frame[~empty], names_of(frame[empty], key)) if empty.any() else (frame, [])


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
        "states": zones["states"], "dissolve": zones["dissolve"],
    }  # fmt: skip


def _beside(path: Path) -> str:
    """Return the nearest name of a file in the same folder, as a question; an empty text if none is near."""
    names = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    return nearest(path.name, names)


def _read(path: str, layer: str | None, where: str | None, key: str | list[str]) -> geopandas.GeoDataFrame:
    if not Path(path).exists():
        raise ZonesError(f"{path}: no such file (zones.path){_beside(Path(path))}")
    check_local(path)
    if is_parquet(path):
        try:
            frame = geopandas.read_parquet(path)
        except (ValueError, OSError, shapely.errors.ShapelyError) as error:
            raise ZonesError(f"{path} cannot be read as GeoParquet: {error}") from error
        frame = _with_one_geometry(frame)
        frame = frame.assign(**{_CLOSED: np.zeros(len(frame), bool), NUMBER: np.arange(1, len(frame) + 1)})
        return frame if where is None else frame.iloc[_matching_rows(frame, where, path)]
    try:
        source, layer = choose_layer(path, layer)
        frame, closed = read_features(source, layer, where)
    except (RuntimeError, ValueError) as error:  # pyogrio's errors are RuntimeErrors
        condition = f", with zones.where: {where}" if where else ""
        raise ZonesError(f"{path} cannot be read as zones{condition}: {error}") from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise ZonesError(f"{path} has no geometry: it is a table, and zones are polygons")
    return numbered(frame, source, layer, where, key).assign(**{_CLOSED: closed})


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
