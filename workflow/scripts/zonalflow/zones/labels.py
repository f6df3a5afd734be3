"""What zones are called, and where they are, in the words of their own attributes."""

import geopandas
import pandas

_NAMES = ("NAME", "Name", "name", "NAMELSAD")
_STATES = ("STUSPS", "STATE_NAME", "STATE")


def zone_labels(zones: geopandas.GeoDataFrame, id_column: str) -> list[str]:
    """Name each zone for a reader: ``Brantley, GA`` where the columns are there, else its id."""
    names, states = _texts(zones, _NAMES), _texts(zones, _STATES)
    labels = []
    for key, name, state in zip(zones[id_column], names, states, strict=True):
        parts = [name, state if state != name else None]
        labels.append(", ".join(part for part in parts if part) if name else str(key))
    return labels


def region_name(zones: geopandas.GeoDataFrame) -> str:
    """Log where the zones are, by their states, most zones first: ``Florida, Georgia and Alabama``."""
    states = pandas.Series(_texts(zones, ("STATE_NAME", "STUSPS"))).dropna().value_counts().index.tolist()
    if len(states) > 4:
        district = {"DC", "District of Columbia"} & set(states)
        return f"{len(states) - 1} states and D.C." if district else f"{len(states)} states"
    return " and ".join([", ".join(states[:-1]), states[-1]] if len(states) > 1 else states)


def _texts(zones: geopandas.GeoDataFrame, columns: tuple[str, ...]) -> list[str | None]:
    """Return the values of the first of ``columns`` that holds any, None where one is missing."""
    for column in columns:
        if column in zones and zones[column].notna().any():
            return [None if pandas.isna(value) else str(value).strip() for value in zones[column]]
    return [None] * len(zones)
