"""The ids of zones: one column, several columns, or the number of the feature; and zones of several polygons."""

from collections.abc import Sequence

import geopandas
import numpy as np
import pandas
import pyogrio
import shapely

from zonalflow.common.columns import ROW, column_of_ids
from zonalflow.common.errors import ZonesError
from zonalflow.common.text import count_of, few, nearest, plural_of

NUMBER = "zonalflow: row"  # the column of the features' numbers in their file, while zones are read
_STRUCTURES = (list, tuple, dict, set, np.ndarray, bytes)  # what a column of GeoParquet may hold in place of values


def numbered(
    frame: geopandas.GeoDataFrame, path: str, layer: str, where: str | None, key: str | Sequence[str]
) -> geopandas.GeoDataFrame:
    """Return a layer's features with the number of each in the file, from 1, in the column :data:`NUMBER`.

    Where `key`, as configured in ``zones.id``, asks for what GDAL knows features by, as for ``fid`` of a GeoPackage,
    which is no attribute, they have that column as well.
    """
    ids = pyogrio.raw.read(path, layer=layer, columns=[], read_geometry=False, return_fids=True)[1]
    chosen = ids
    if where is not None:  # all columns, since a shapefile finds nothing by a column that is not read
        chosen = pyogrio.raw.read(path, layer=layer, where=where, read_geometry=False, return_fids=True)[1]
    order = np.argsort(ids, kind="stable")
    frame = frame.assign(**{NUMBER: order[np.searchsorted(ids, chosen, sorter=order)] + 1})
    name = pyogrio.read_info(path, layer=layer).get("fid_column")
    wanted = name and name in ([key] if isinstance(key, str) else key) and name not in frame.columns
    return frame.assign(**{name: chosen}) if wanted else frame


def with_text_id(
    frame: geopandas.GeoDataFrame, key: str | Sequence[str], path: str, *, unique: bool = True
) -> geopandas.GeoDataFrame:
    """Return the zones with their ids as text in the column :func:`zonalflow.common.columns.column_of_ids`.

    Args:
        frame: the features, with the column :data:`NUMBER`.
        key: as configured in ``zones.id``.
        path: names the file in messages.
        unique: whether each feature needs an id of its own.

    Raises:
        ZonesError: for a missing column, ids that are empty, not unique, or no single values.
    """
    column = column_of_ids(key)
    if (key == ROW or not isinstance(key, str)) and column in frame.columns and list(key) != [column]:
        raise ZonesError(
            f"zones.id: {path} has a column {column!r} already, which the zones' ids would be called by; to have that "
            f"column as id, write zones.id: [{column}], else rename it"
        )
    columns = [NUMBER] if key == ROW else [key] if isinstance(key, str) else list(key)
    parts = [_texts(frame, name, path) for name in columns]
    text = parts[0]
    for part in parts[1:]:
        text = text + "-" + part
    if not unique and len(parts) > 1:
        _check_distinct(parts, text, path)
    repeated = text[text.duplicated()].unique()
    if unique and len(repeated):
        raise ZonesError(
            f"zones.id: {' with '.join(columns)} is not unique in {path}: "
            f"{count_of(len(repeated), 'value occurs', 'values occur')} more than once ({few(repeated)}); choose a "
            "column whose values are unique, or several (zones.id: [STATEFP, COUNTYFP]), or zones.id: row. Where "
            "polygons with one id are parts of one zone, write zones.dissolve: true"
        )
    if column in frame.columns:
        return frame.assign(**{column: text.astype(object)})
    frame = frame.copy()
    frame.insert(0, column, text.astype(object))
    return frame


def _check_distinct(parts: list[pandas.Series], text: pandas.Series, path: str) -> None:
    """Raise ZonesError where different values of several columns would be one id: 1-2 with 3, and 1 with 2-3."""
    different = ~pandas.MultiIndex.from_arrays(parts).duplicated()
    repeated = text[different][text[different].duplicated()].unique()
    if len(repeated):
        raise ZonesError(
            f"zones.id: different values of the columns make the same id in {path}: {few(repeated)}; give zones an id "
            "in one column"
        )


def _texts(frame: geopandas.GeoDataFrame, column: str, path: str) -> pandas.Series:
    """Return the values of a column as texts, none of them empty."""
    if column not in frame.columns or column == frame.geometry.name:
        hidden = (frame.geometry.name,)
        columns = [name for name in frame.columns if name not in hidden and not name.startswith("zonalflow: ")]
        raise ZonesError(
            f"zones.id: {path} has no column {column!r}{nearest(column, columns) or '.'} "
            f"Its columns: {', '.join(columns) or 'none'}. zones.id: row takes the number of each feature in the file"
        )
    ids = frame[column]
    if ids.dtype == object and ids.map(lambda value: isinstance(value, _STRUCTURES)).any():
        raise ZonesError(
            f"zones.id: {column} of {path} holds lists or other structures; choose a column of single values"
        )
    whole = pandas.api.types.is_float_dtype(ids) and (ids.dropna() % 1 == 0).all()
    if whole and ids.abs().max() < 2**53:  # a column of whole numbers with a gap is read as floats
        ids = ids.astype("Int64")
    text = ids.astype("string").str.strip()
    if text.str.contains("[\\x00-\\x1f\\x7f]", na=False).any():
        raise ZonesError(f"zones.id: {column} of {path} holds control characters, which no table can store")
    empty = (text.isna() | (text == "")).to_numpy()
    if empty.any():
        n = int(empty.sum())
        has_none = count_of(n, f"zone of {path} has no {column}", f"zones of {path} have no {column}")
        raise ZonesError(f"zones.id: {has_none} ({plural_of(n, 'row')} {few(frame[NUMBER][empty])})")
    return text


def names_of(frame: geopandas.GeoDataFrame, key: str | Sequence[str]) -> list[str]:
    """Return what to call features in a list, whatever their ids are: the id, or ``row 3`` where it has none."""
    columns = [NUMBER] if key == ROW else [key] if isinstance(key, str) else list(key)
    known = [name for name in columns if name in frame.columns]
    rows = frame[[*known, NUMBER]].itertuples(index=False)
    return [
        "-".join(str(value).strip() for value in row[:-1])
        if known == columns and all(_is_single(value) and str(value).strip() for value in row[:-1])
        else f"row {row[-1]}"
        for row in rows
    ]


def _is_single(value: object) -> bool:
    return not isinstance(value, _STRUCTURES) and not pandas.isna(pandas.Series([value])).any()


def joined(
    frame: geopandas.GeoDataFrame, column: str
) -> tuple[geopandas.GeoDataFrame, list[str], list[str], list[str]]:
    """Return the zones with one row for each id, in the order in which the ids first occur.

    The polygons of a zone become the parts of one multipolygon, which may overlap or have common edges: bringing zones
    to the grid makes it valid. An attribute keeps its value where all polygons of the zone have the same one, and is
    empty elsewhere.

    Returns:
        The zones; the ids of those that are made of several features, and of those among them whose features were all
        valid; and the attributes that are now empty somewhere.
    """
    codes, labels = pandas.factorize(frame[column])
    ids = list(map(str, labels))
    if len(ids) == len(frame):
        return frame, [], [], []
    first = np.flatnonzero(~pandas.Series(codes).duplicated())
    zones = frame.iloc[first].reset_index(drop=True)
    several = np.flatnonzero(np.bincount(codes) > 1)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    clean = []
    geometry, polygons = zones.geometry.to_numpy().copy(), frame.geometry.to_numpy()
    for zone in several:
        geometry[zone] = shapely.MultiPolygon(shapely.get_parts(polygons[members[zone]]).tolist())
        if shapely.is_valid(polygons[members[zone]]).all():
            clean.append(ids[zone])
    emptied = []
    for name in frame.columns.drop([column, frame.geometry.name, NUMBER]):
        values = frame[name].map(repr) if frame[name].dtype == object else frame[name]
        numbers = pandas.factorize(values)[0]
        differs = np.zeros(len(ids), bool)
        np.logical_or.at(differs, codes, numbers != numbers[first][codes])
        if differs.any():
            emptied.append(str(name))
            zones[name] = _nullable(zones[name]).mask(differs)
    return zones.set_geometry(geometry, crs=frame.crs), [ids[zone] for zone in several], clean, emptied


def _nullable(values: pandas.Series) -> pandas.Series:
    """Return a column that can be empty somewhere without a change of its type."""
    if pandas.api.types.is_bool_dtype(values):
        return values.astype("boolean")
    return values.astype("Int64") if pandas.api.types.is_integer_dtype(values) else values
