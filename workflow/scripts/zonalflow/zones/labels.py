"""Names of zones, and of the region that they cover, from the zones' own attributes."""

import geopandas
import pandas

from zonalflow.common.columns import NAME_COLUMNS, STATE_COLUMNS, check_attributes


def zone_labels(zones: geopandas.GeoDataFrame, id_column: str, name: str | None = None) -> list[str]:
    """Return a name for each zone: ``Brantley, GA`` where it has a name and a state, else its id.

    With ``name``, a column, the zones are called by its values alone.

    Raises:
        ZonesError: when the zones have no such column.
    """
    if name is not None:
        check_attributes(zones.columns, [name], "zones.name")
        own = _texts(zones, (name,), exact=True)
        return [text or str(key) for key, text in zip(zones[id_column], own, strict=True)]
    names, states = _texts(zones, NAME_COLUMNS), _texts(zones, STATE_COLUMNS)
    labels = []
    for key, name, state in zip(zones[id_column], names, states, strict=True):
        parts = [name, state if state != name else None]
        labels.append(", ".join(part for part in parts if part) if name else str(key))
    return labels


def region_name(zones: geopandas.GeoDataFrame) -> str:
    """Return the states that the zones lie in, most zones first: ``Florida, Georgia and Alabama``.

    Of more than four states only their number; an empty text when the zones have no states.
    """
    states = pandas.Series(_texts(zones, ("STATE_NAME", "STUSPS"))).dropna().value_counts().index.tolist()
    if len(states) > 4:
        district = {"DC", "District of Columbia"} & set(states)
        return f"{len(states) - 1} states and D.C." if district else f"{len(states)} states"
    return " and ".join([", ".join(states[:-1]), states[-1]] if len(states) > 1 else states)


def state_names(zones: geopandas.GeoDataFrame) -> list[str | None]:
    """Return the state of each zone, as its attributes call it; None where they have none."""
    return _texts(zones, STATE_COLUMNS)


def _texts(zones: geopandas.GeoDataFrame, wanted: tuple[str, ...], *, exact: bool = False) -> list[str | None]:
    """Return the values of the first ``wanted`` column that holds any; None where one is missing.

    Columns are called ``wanted`` in any case, unless they must be ``exact``.
    """
    columns = {column if exact else column.upper(): column for column in reversed(zones.columns)}
    for values in (zones[columns[name]] for name in wanted if name in columns):
        if values.notna().any():
            return [None if pandas.isna(value) else str(value).strip() for value in values]
    return [None] * len(zones)
