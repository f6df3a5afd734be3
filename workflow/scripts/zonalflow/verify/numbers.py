"""Does another engine compute the same numbers? A sample of zones and years."""

import random
from dataclasses import dataclass

import numpy as np

from zonalflow.common.columns import CLASS
from zonalflow.common.errors import VerificationError
from zonalflow.common.files import read_json
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.nodata import declared_missing
from zonalflow.rasters.read import open_raster, raster_grid, with_band
from zonalflow.rasters.time_steps import time_steps_of_year
from zonalflow.study.study import Study
from zonalflow.verify.engines import TOLERANCE, class_counts, comparable, second_opinion

N_YEARS, N_ZONES = 6, 25  # of each variable and year that is drawn, so many zones at one of its dates
N_CLASSES = 10  # of a categorical raster


@dataclass(frozen=True)
class Difference:
    """A number on which the two engines differ by more than the tolerance."""

    variable: str
    date: str
    zone: str
    statistic: str
    ours: float | None
    theirs: float | None


def compare_sample(study: Study, generator: random.Random, damaged: set[str]) -> dict:
    """Compute a sample of zones and years with the other engine and hold it against the tidy table.

    Returns:
        ``numbers`` compared, the ``largest`` relative difference, the ``differences`` beyond the tolerance,
        what could not be read (``unreadable``), and the ``sample`` in words.
    """
    result = {"numbers": 0, "largest": 0.0, "differences": [], "unreadable": [], "sample": ""}
    keys = sorted(generator.sample(study.year_keys, min(N_YEARS, len(study.year_keys))))
    try:
        grid = read_json(study.grid)
        ids, geometry = _zones(study)
        weights = _weights(study, Grid.from_dict(grid["grid"]))
    except Exception as error:  # any of a dozen kinds, of files whose checksums are checked elsewhere
        result["unreadable"].append(f"the zones or their grid cannot be read: {error}")
        return result
    sampled, elsewhere = [], 0
    for variable, year in keys:
        zones = sorted(generator.sample(range(len(ids)), min(N_ZONES, len(ids))))
        try:
            step = generator.choice(_time_steps(study, variable, year))
            if step.path in damaged:
                continue
            raster = _read(study, grid, step)
            if raster is None:
                elsewhere += 1
                continue
            stats = [name for name in comparable(study.config["stats"], study.config["method"]) if raster.knows(name)]
            classes = _classes(study)
            ours = _tidy(study, variable, step.date, [ids[zone] for zone in zones], [*stats, *classes])
        except Exception as error:
            result["unreadable"].append(f"{variable} {year}: {error}")
            continue
        theirs = second_opinion(
            geometry[zones], raster.values, raster.missing, raster.grid, study.config["method"], stats, weights
        )
        counts = class_counts(
            geometry[zones],
            raster.values,
            raster.missing,
            raster.grid,
            study.config["method"],
            list(classes.values()),
        )
        theirs |= {name: counts[value] for name, value in classes.items()}
        sampled.append(f"{variable} {step.date}")
        _compare_numbers(study, variable, step.date, [ids[zone] for zone in zones], ours, theirs, raster.size, result)
    result["sample"] = f"{min(N_ZONES, len(ids))} zones each of {', '.join(sampled) or 'no year'}"
    if elsewhere:
        result["sample"] += f"; {elsewhere} not compared, on other grids than the study's"
    return result


@dataclass(frozen=True)
class _Raster:
    """A slice on the study's grid: float64 values, which of them are nodata, and how large they get."""

    values: np.ndarray
    missing: np.ndarray
    grid: Grid

    @property
    def size(self) -> float:
        data = np.abs(self.values[~self.missing & np.isfinite(self.values)])
        return float(data.max()) if data.size else 0.0

    def knows(self, statistic: str) -> bool:
        """Whether the other engine means the same: where NaN is the nodata value it cannot tell the two apart."""
        return statistic not in ("nodata", "nan") or not np.isnan(self.values[self.missing]).any()


def _time_steps(study: Study, variable: str, year: int) -> list:
    return time_steps_of_year(study.raster, study.rasters(variable, year), variable, year)


def _read(study: Study, place: dict, step) -> _Raster | None:
    """Read a time step where the study's grid lies; None if elsewhere.

    The reading is a second opinion too: the values come through rioxarray, as in the tutorial, and what is missing is
    by GDAL's own idea of it.
    """
    import rioxarray
    import xarray
    from rasterio.windows import Window

    grid, (row, column) = Grid.from_dict(place["grid"]), place["origin"]
    with open_raster(step.path, getattr(step, "layer", None)) as dataset:
        if not raster_grid(dataset, study.raster["crs"]).matches(Grid.from_dict(place["file_grid"])):
            return None
        area = Window(column, row, grid.width, grid.height)
        step = with_band(dataset, step)
        bands = rioxarray.open_rasterio(dataset, cache=False)  # it opens the file anew, and leaves it open
        assert isinstance(bands, xarray.DataArray)  # of one layer, not a list
        with bands:
            stored = bands[step.band - 1, row : row + grid.height, column : column + grid.width].to_numpy()
        nodata = study.raster["nodata"]
        if nodata is None:
            missing = dataset.read_masks(step.band, window=area) == 0
            also = declared_missing(stored, dataset.tags(step.band)) if step.layer else None
            missing = missing if also is None else missing | also
        elif nodata == "none":
            missing = np.zeros(stored.shape, bool)
        else:
            missing = np.isclose(stored, float(nodata), rtol=1e-6, atol=0, equal_nan=True)
        scale, offset = dataset.scales[step.band - 1], dataset.offsets[step.band - 1]
    return _Raster(stored * np.float64(scale) + offset, missing, grid)


def _zones(study: Study):
    import geopandas

    frame = geopandas.read_parquet(study.prepared)
    return frame[study.zones["id"]].astype(str).tolist(), frame.geometry.to_numpy()


def _weights(study: Study, grid: Grid) -> np.ndarray | None:
    weights = study.config["weights"]
    if weights == "none":
        return None
    if weights == "area":
        if not grid.is_geographic:
            return None
        e, f = grid.transform[4:6]
        latitude = np.radians(f + e * (np.arange(grid.height) + 0.5))
        return np.repeat(np.cos(latitude)[:, None], grid.width, axis=1)
    from zonalflow.rasters.weights import load_weights

    return np.nan_to_num(load_weights(weights, grid, study.raster["crs"]), nan=0.0)


def _classes(study: Study) -> dict[str, float]:
    """Return column to value of the classes that the table counts, at most a few of them."""
    if "categorical" not in study.config["stats"]:
        return {}
    import pyarrow.dataset

    names = pyarrow.dataset.dataset(study.tables["parquet"]).schema.names
    values = {name: float(name.split("_")[1]) for name in names if name.startswith(CLASS)}
    return dict(list(values.items())[:N_CLASSES])


def _tidy(study: Study, variable: str, date: str, ids: list[str], stats: list[str]) -> dict[str, np.ndarray]:
    """Return the statistics of the zones ``ids`` at one date from the table that readers get."""
    import pyarrow.parquet

    key = study.zones["id"]
    path = study.tables["parquet"]
    wanted = [("variable", "=", variable), ("date", "=", date)]
    rows = pyarrow.parquet.read_table(path, columns=[key, *stats], filters=wanted).to_pandas().set_index(key)
    missing = sorted(set(ids) - set(rows.index))
    if missing:
        raise VerificationError(f"{path} lacks {len(missing)} zones at {variable} {date}, such as {missing[0]}")
    return {name: rows.loc[ids, name].to_numpy(np.float64) for name in stats}


def _compare_numbers(study, variable, date, ids, ours, theirs, size: float, result: dict) -> None:
    tolerance = TOLERANCE[study.config["method"]]
    for name in ours:
        apart = relative_difference(ours[name], theirs[name], 0.0 if name == "count" else size)
        result["numbers"] += len(apart)
        result["largest"] = max(result["largest"], float(apart.max(initial=0.0)))
        result["differences"] += [
            Difference(variable, date, ids[i], name, _number(ours[name][i]), _number(theirs[name][i]))
            for i in np.flatnonzero(apart > tolerance)
        ]


def relative_difference(ours: np.ndarray, theirs: np.ndarray, size: float = 0.0) -> np.ndarray:
    """Return |a − b| over the larger of |a|, |b| and a millionth of ``size``; 1 where only one is a number.

    ``size`` is that of the raster's values: a mean of −10 and 10 may be 1e-15 in one order of summing and 0
    in another.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-6 * size)
    apart = np.where(ours == theirs, 0.0, apart)
    neither = np.isnan(ours) & np.isnan(theirs)
    return np.where(neither, 0.0, np.where(np.isnan(apart), 1.0, apart))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
