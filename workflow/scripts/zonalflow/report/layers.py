"""What the report reads of the tidy table: for each variable its statistics and classes, by year, month and date."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from zonalflow.common.columns import CODES, SHARE, column_of_ids, label, main_stat
from zonalflow.common.errors import ZonalflowError
from zonalflow.report import trends
from zonalflow.report.quantities import Quantity, quantity_of

YEAR = "year"  # the period that is a whole year; the others are months, `01` to `12`
_MOST_VALUES = 1_600_000  # on a page: 4 MB, or 9 MB where they do not fit into 16 bits
_MOST_CLASSES = 30
_OF_CELLS = ("unique", "count", "nodata")  # statistics that mean something for classes, too


@dataclass(frozen=True)
class Layer:
    """One statistic of a variable, or the share of one class.

    Attributes:
        stat: the statistic, or the column of a class without its name: ``share_41``.
        kind: ``value``, ``share`` (0 to 1) or ``class`` (the values are codes: no mean, difference or trend of them).
        periods: ``year``, and for finer grains the months ``01`` to ``12``, to values [n_years, n_zones].
        by_date: values [n_dates, n_zones] of rasters finer than monthly, or None.
    """

    stat: str
    kind: str
    periods: dict[str, np.ndarray]
    by_date: np.ndarray | None = None


@dataclass(frozen=True)
class Series:
    """One variable.

    Attributes:
        variable: its name.
        dates: of its rasters, in order.
        layers: what the page shows, the main one first.
        count: cells with data [n_years, n_zones], the most of a year's dates.
        valid: share of the zone's cells with data [n_years, n_zones], the least of a year's dates.
        classes: value to name, of all classes on the page, the most common first; empty for other variables.
        left_out: what the tables hold and the page does not.
    """

    variable: str
    dates: list[str]
    layers: list[Layer]
    count: np.ndarray
    valid: np.ndarray
    classes: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_series(
    tidy_table: Path,
    ids: np.ndarray,
    config: dict[str, Any],
    classes: dict[str, dict[str, str]] | None = None,
    lacking: dict[str, set[int]] | None = None,
) -> list[Series]:
    """Read the tidy table, zones in the order of ``ids``, as much as a page can hold.

    Args:
        tidy_table: the Parquet file.
        ids: the zones' ids, as texts.
        config: the resolved configuration, which names variables, years, statistics and units.
        classes: variable to value to name of its classes, from the manifest.
        lacking: variable to the years that lack dates: these have no value as a year.

    Raises:
        ZonalflowError: the table lacks a zone or a year.
    """
    import pyarrow.parquet

    columns = pyarrow.parquet.read_schema(tidy_table).names
    tables = [
        _Table(tidy_table, columns, ids, config, variable, (classes or {}).get(variable, {}))
        for variable in config["raster"]["variables"]
    ]
    room = _Room(_MOST_VALUES)
    for table in tables:  # the main statistic of every variable comes before the second one of any
        room.takes(table.values_of_a_period)
    return [_read_variable(table, _plan(table, room), (lacking or {}).get(table.variable, set())) for table in tables]


def page_stats(stats: list[str], categorical: bool) -> list[str]:
    """Return the statistics that a page shows, the main one first.

    Of codes of classes nothing is shown that is computed as if they were quantities, such as their mean.
    """
    if categorical:
        return [stat for stat in stats if stat in (*CODES, *_OF_CELLS)]
    main = main_stat(stats)
    return [main, *(stat for stat in stats if stat != main)]


class _Room:
    """How many more values the page can hold."""

    def __init__(self, values: int):
        self.left = values

    def takes(self, values: int) -> bool:
        """Return whether so many more fit, and count them if they do."""
        fit = values <= self.left
        self.left -= values if fit else 0
        return fit


class _Table:
    """One variable's part of the tidy table."""

    def __init__(
        self,
        path: Path,
        columns: list[str],
        ids: np.ndarray,
        config: dict[str, Any],
        variable: str,
        names: dict[str, str],
    ):
        self.path, self.ids, self.variable, self.names = path, ids, variable, names
        self.id_column, self.years = column_of_ids(config["zones"]["id"]), config["years"]
        self.quantity = quantity_of(variable, config["raster"]["units"])
        self.categorical = "categorical" in config["stats"] or bool(names)
        shares = [name for name in columns if self.categorical and name.startswith(SHARE)]
        self.columns = {_without_name(name): name for name in shares}
        self.columns |= {stat: stat for stat in page_stats(config["stats"], self.categorical) if stat in columns}
        if not self.columns:
            self.columns = {"count": "count"}

    @property
    def values_of_a_period(self) -> int:
        """The values of one layer and period, with its trends."""
        return (len(self.years) + 6) * len(self.ids)

    def read(self, year: int, columns: Iterable[str]) -> tuple[list[str], dict[str, np.ndarray]]:
        """Return a year's dates, and columns as arrays [n_dates, n_zones]."""
        # dates sort as texts
        first, after = f"{year:04}", f"{year + 1:04}"
        of_year = [("variable", "==", self.variable), ("date", ">=", first), ("date", "<", after)]
        wanted = list(dict.fromkeys([self.id_column, "date", *columns]))
        part = pandas.read_parquet(self.path, columns=wanted, filters=of_year)
        dates = sorted(part["date"].unique())
        order = pandas.Index(self.ids).get_indexer(part[self.id_column])
        if not dates or len(part) != len(dates) * len(self.ids) or (order < 0).any():
            zones = "the 1 zone" if len(self.ids) == 1 else f"each of the {len(self.ids)} zones"
            raise ZonalflowError(
                f"{self.path} does not hold {self.variable} {year} for {zones}; run the workflow again: it makes the "
                "table and the zones match."
            )
        rows = np.lexsort((order, part["date"]))
        return dates, {name: part[name].to_numpy(float)[rows].reshape(len(dates), -1) for name in wanted[2:]}

    def kind(self, stat: str) -> str:
        """Return the kind of a layer, see :class:`Layer`."""
        if stat.startswith(SHARE):
            return "share"
        return "class" if self.categorical and stat in CODES else "value"


@dataclass(frozen=True)
class _Plan:
    """Which columns (stat to column) are read, and which are shown by month and by date, too."""

    columns: dict[str, str]
    by_month: set[str]
    by_date: set[str]
    left_out: list[str]


def _plan(table: _Table, room: _Room) -> _Plan:
    """Choose what fits into ``room``, which already holds the years of the first layer."""
    dates, _ = table.read(table.years[0], [])
    months = _months(dates)
    wanted = _common(table)
    kept = {
        stat: name for i, (stat, name) in enumerate(wanted.items()) if i == 0 or room.takes(table.values_of_a_period)
    }
    by_month = {s for s in kept if len(months) > 1 and room.takes(len(months) * table.values_of_a_period)}
    many = len(dates) * len(table.years) * len(table.ids)
    by_date = {s for s in kept if len(dates) > max(len(months), 1) and room.takes(many)}
    n_rare = len(table.columns) - len(wanted)
    left_out = [f"{n_rare} rare classes"] if n_rare > 1 else ["1 rare class"] if n_rare else []
    left_out += [table.columns[stat] for stat in wanted if stat not in kept]
    if len(months) > 1:
        left_out += [f"the months of {table.columns[stat]}" for stat in kept if stat not in by_month]
    if len(dates) > max(len(months), 1):
        left_out += [f"the single dates of {table.columns[stat]}" for stat in kept if stat not in by_date]
    return _Plan(kept, by_month, by_date, left_out)


def _common(table: _Table) -> dict[str, str]:
    """Return the columns of a variable, without those of classes that are not among its most common ones."""
    shares = [stat for stat in table.columns if stat.startswith(SHARE)]
    if not shares:
        return table.columns
    total = dict.fromkeys(shares, 0.0)
    for year in {table.years[0], table.years[-1]}:
        _, values = table.read(year, [*(table.columns[stat] for stat in shares), "count"])
        for stat in shares:
            total[stat] += float(np.nansum(values[table.columns[stat]] * values["count"]))
    found = [stat for stat in sorted(shares, key=lambda stat: -total[stat])[:_MOST_CLASSES] if total[stat] > 0]
    others = [stat for stat in table.columns if stat not in total]
    return {stat: table.columns[stat] for stat in [*others, *found]}


def _read_variable(table: _Table, plan: _Plan, lacking: set[int]) -> Series:
    """Read a variable year by year; a year that lacks dates has no value as a whole."""
    dates: list[str] = []
    count, valid = [], []
    periods: dict[str, dict[str, dict[int, np.ndarray]]] = {stat: {} for stat in plan.columns}
    by_date: dict[str, list[np.ndarray]] = {stat: [] for stat in plan.by_date}
    for year in table.years:
        of_year, values = table.read(year, [*plan.columns.values(), "count", "valid_fraction"])
        dates += of_year
        count.append(values["count"].max(axis=0))
        valid.append(values["valid_fraction"].min(axis=0))
        for stat, column in plan.columns.items():
            cells = values[column]
            if stat in by_date:
                by_date[stat].append(cells)
            month_of = np.array([date[5:7] for date in of_year])
            whole = {YEAR: np.full(len(of_year), True)}
            for period, rows in (whole | _rows_of_months(month_of, stat in plan.by_month)).items():
                reduced = _reduce(cells[rows], table.quantity, stat, table.kind(stat))
                if period == YEAR and year in lacking:
                    reduced = np.full(len(table.ids), np.nan)
                periods[stat].setdefault(period, {})[year] = reduced
    missing = np.full(len(table.ids), np.nan)
    layers = []
    for stat, found in periods.items():
        arrays = {name: np.stack([of.get(year, missing) for year in table.years]) for name, of in found.items()}
        together = np.concatenate(by_date[stat]) if stat in by_date else None
        layers.append(Layer(stat, table.kind(stat), arrays, together))
    shares = [layer for layer in layers if layer.kind == "share"]
    if shares and not any(layer.stat == "majority" for layer in layers):
        layers.insert(0, _most_frequent(shares))
    classes = {value: table.names.get(value, value) for value in (layer.stat[len(SHARE) :] for layer in shares)}
    codes = [layer for layer in layers if layer.kind == "class"]
    classes |= {value: table.names.get(value, value) for value in _codes(codes) if value not in classes}
    layers.sort(key=lambda layer: {"class": 0, "share": 1}.get(layer.kind, 2) if table.categorical else 0)
    return Series(table.variable, dates, layers, np.stack(count), np.stack(valid), classes, plan.left_out)


def _months(dates: list[str]) -> list[str]:
    return sorted({date[5:7] for date in dates if len(date) > 4})


def _rows_of_months(month_of: np.ndarray, wanted: bool) -> dict[str, np.ndarray]:
    return {month: month_of == month for month in sorted(set(month_of))} if wanted else {}


def _reduce(values: np.ndarray, quantity: Quantity, stat: str, kind: str) -> np.ndarray:
    """Return one value for each zone [n_zones] of some dates [n_dates, n_zones]; of codes the most frequent one."""
    return trends.most_common(values) if kind == "class" else trends.annual(values, quantity, stat)


def _most_frequent(shares: list[Layer]) -> Layer:
    """Return the class with the largest share of each zone; of equal ones the smallest."""
    ordered = sorted(shares, key=lambda layer: float(layer.stat[len(SHARE) :]))
    codes = np.array([float(layer.stat[len(SHARE) :]) for layer in ordered])
    periods = {}
    for period in set.intersection(*(set(layer.periods) for layer in ordered)):
        table = np.nan_to_num(np.stack([layer.periods[period] for layer in ordered]))
        periods[period] = np.where(table.max(axis=0) > 0, codes[table.argmax(axis=0)], np.nan)
    return Layer("majority", "class", dict(sorted(periods.items(), key=lambda item: (item[0] != YEAR, item[0]))))


def _codes(layers: list[Layer]) -> list[str]:
    """Return the classes that occur in layers of codes."""
    found = {value for layer in layers for table in layer.periods.values() for value in np.unique(table)}
    return [label(value) for value in sorted(found) if np.isfinite(value)]


def _without_name(column: str) -> str:
    """Return the column of a class without the class's name: ``share_41_Deciduous_Forest`` is ``share_41``."""
    return re.match(rf"{SHARE}[^_]*", column)[0]  # type: ignore[index]  # callers pass nothing else
