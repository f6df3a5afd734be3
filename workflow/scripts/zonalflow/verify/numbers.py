"""Does another engine compute the same numbers? A sample of zones and years."""

import random
from dataclasses import dataclass, field

import numpy as np

from zonalflow.common.columns import CLASS
from zonalflow.common.errors import VerificationError
from zonalflow.common.files import read_json
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.read import TimeStep, file_grid, open_raster, raster_grid, with_band
from zonalflow.rasters.time_steps import time_steps_of_year
from zonalflow.study.study import Study
from zonalflow.verify.engines import TOLERANCE, Raster, comparable, second_opinion
from zonalflow.verify.labels import read_by_label

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


@dataclass
class Comparison:
    """What comparing a sample of the results with the other engine brought.

    Attributes:
        numbers: how many were compared.
        largest: the largest relative difference.
        differences: those beyond the tolerance.
        unreadable: what could not be read, and why.
        sample: what was compared, as text.
    """

    numbers: int = 0
    largest: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    sample: str = ""


def compare_sample(study: Study, generator: random.Random, damaged: set[str]) -> Comparison:
    """Compute a sample of zones and years with the other engine and compare it with the tidy table.

    Args:
        study: a finished one.
        generator: draws the sample.
        damaged: paths of files that are not looked at.
    """
    result = Comparison()
    keys = sorted(generator.sample(study.year_keys, min(N_YEARS, len(study.year_keys))))
    try:
        inputs = _read_inputs(study)
    except Exception as error:  # any of a dozen kinds, of files whose checksums are checked elsewhere
        result.unreadable.append(f"the zones or their grid cannot be read: {error}")
        return result
    compared, on_other_grids = [], 0
    for variable, year in keys:
        zones = sorted(generator.sample(range(len(inputs.ids)), min(N_ZONES, len(inputs.ids))))
        try:
            step = generator.choice(time_steps_of_year(study.raster, study.rasters(variable, year), variable, year))
            if step.path in damaged:
                continue
            raster = _read(study, inputs, step)
            if raster is None:
                on_other_grids += 1
                continue
            table = _tidy(study, variable, step.date, [inputs.ids[zone] for zone in zones], raster)
        except Exception as error:
            result.unreadable.append(f"{variable} {year}: {error}")
            continue
        compared.append(f"{variable} {step.date}")
        _compare(study, table, inputs.geometry[zones], raster, result)
    result.sample = f"{min(N_ZONES, len(inputs.ids))} zones each of {', '.join(compared) or 'no year'}"
    if on_other_grids:
        result.sample += f"; {on_other_grids} not compared, on other grids than the study's"
    return result


@dataclass(frozen=True)
class _Inputs:
    """What all years share: the zones' ids and polygons, the grid of the study and that of its files, the weights."""

    ids: list[str]
    geometry: np.ndarray
    grid: Grid
    file_grid: Grid
    origin: tuple[int, int]
    weights: np.ndarray | None


def _read_inputs(study: Study) -> _Inputs:
    import geopandas

    frame = geopandas.read_parquet(study.prepared)
    known = read_json(study.grid)
    grid, (row, column) = Grid.from_dict(known["grid"]), known["origin"]
    return _Inputs(
        ids=frame[study.zones["id"]].astype(str).tolist(),
        geometry=frame.geometry.to_numpy(),
        grid=grid,
        file_grid=Grid.from_dict(known["file_grid"]),
        origin=(row, column),
        weights=_weights(study, grid),
    )


def _read(study: Study, inputs: _Inputs, step: TimeStep) -> Raster | None:
    """Read a time step on the study's grid; None if it lies on another.

    The reading is a second opinion too: the values come through rioxarray, as in the tutorial, and what is missing is
    by GDAL's own idea of it; those of NetCDF files as :mod:`zonalflow.verify.labels` has it.
    """
    grid, (row, column) = inputs.grid, inputs.origin
    if step.layer is not None:
        may_differ = study.raster["on_grid_change"] == "reindex"
        if may_differ and not file_grid(step, study.raster["crs"])[0].matches(inputs.file_grid):
            return None
        values, missing = read_by_label(step.path, step.layer, step.band, grid, study.raster["nodata"])
        return Raster(values, missing, grid, inputs.weights)
    import rioxarray
    import xarray
    from rasterio.windows import Window

    with open_raster(step.path) as dataset:
        if not raster_grid(dataset, study.raster["crs"]).matches(inputs.file_grid):
            return None
        step = with_band(dataset, step)
        bands = rioxarray.open_rasterio(dataset, cache=False)  # it opens the file anew, and leaves it open
        assert isinstance(bands, xarray.DataArray)  # of one layer, not a list
        with bands:
            stored = bands[step.band - 1, row : row + grid.height, column : column + grid.width].to_numpy()
        nodata = study.raster["nodata"]
        if nodata is None:
            missing = dataset.read_masks(step.band, window=Window(column, row, grid.width, grid.height)) == 0
        elif nodata == "none":
            missing = np.zeros(stored.shape, bool)
        elif stored.dtype.kind in "iu":
            missing = stored == (nodata if isinstance(nodata, int) else float(nodata))
        else:
            missing = np.isclose(stored, float(nodata), rtol=1e-6, atol=0, equal_nan=True)
        scale, offset = dataset.scales[step.band - 1], dataset.offsets[step.band - 1]
    return Raster(stored * np.float64(scale) + offset, missing, grid, inputs.weights)


def _weights(study: Study, grid: Grid) -> np.ndarray | None:
    """Return the weights of the cells, float64 [rows, columns], 0 where there is none; None if all are alike."""
    weights = study.config["weights"]
    if weights == "none":
        return None
    if weights == "area":
        import pyproj

        crs = pyproj.CRS(grid.crs)
        if not crs.is_geographic:
            return None
        e, f = grid.transform[4:6]
        latitude = (f + e * (np.arange(grid.height) + 0.5)) * crs.axis_info[0].unit_conversion_factor
        return np.repeat(np.cos(latitude)[:, None], grid.width, axis=1)
    from zonalflow.rasters.weights import load_weights

    return np.nan_to_num(np.asarray(load_weights(weights, grid, study.raster["crs"]), np.float64), nan=0.0)


def _classes(study: Study) -> dict[str, float]:
    """Return column to value of the classes that the table counts, at most a few of them."""
    if "categorical" not in study.config["stats"]:
        return {}
    import pyarrow.dataset

    names = pyarrow.dataset.dataset(study.tables["parquet"]).schema.names
    values = {name: float(name.split("_")[1]) for name in names if name.startswith(CLASS)}
    return dict(list(values.items())[:N_CLASSES])


@dataclass(frozen=True)
class _TidyRows:
    """The rows of some zones at one date of the table that readers get: statistic → float64 [n_zones]."""

    variable: str
    date: str
    ids: list[str]
    columns: dict[str, np.ndarray]
    stats: list[str]
    classes: dict[str, float]


def _tidy(study: Study, variable: str, date: str, ids: list[str], raster: Raster) -> _TidyRows:
    import pyarrow.parquet

    key = study.zones["id"]
    path = study.tables["parquet"]
    stats, classes = comparable(study.config["stats"], study.config["method"], raster), _classes(study)
    wanted = [("variable", "=", variable), ("date", "=", date)]
    rows = pyarrow.parquet.read_table(path, columns=[key, *stats, *classes], filters=wanted).to_pandas().set_index(key)
    missing = sorted(set(ids) - set(rows.index))
    if missing:
        raise VerificationError(f"{path} lacks {len(missing)} zones at {variable} {date}, such as {missing[0]}")
    columns = {name: rows.loc[ids, name].to_numpy(np.float64) for name in (*stats, *classes)}
    return _TidyRows(variable, date, ids, columns, stats, classes)


def _compare(study: Study, table: _TidyRows, geometry: np.ndarray, raster: Raster, result: Comparison) -> None:
    """Compare the rows with the other engine's nearest answer, and enter into `result` what that brings."""
    method = study.config["method"]
    stats, least = list(dict.fromkeys([*table.stats, "mean"])), study.config["min_coverage"]
    answers = second_opinion(geometry, raster, method, stats, table.classes, least)
    for name, ours in table.columns.items():
        size = {"count": 0.0, "variance": raster.size**2}.get(name, raster.size)
        if name == "cv":  # where the mean is next to nothing, rounding decides
            near = np.abs(answers[0]["mean"]) < 0.01 * raster.size
            ours = np.where(near, answers[0]["cv"], ours)
        apart = np.array([relative_difference(ours, answer[name], size) for answer in answers])
        theirs = np.choose(apart.argmin(axis=0), [answer[name] for answer in answers])
        apart = apart.min(axis=0)
        result.numbers += len(apart)
        result.largest = max(result.largest, float(apart.max(initial=0.0)))
        result.differences += [
            Difference(table.variable, table.date, table.ids[i], name, _number(ours[i]), _number(theirs[i]))
            for i in np.flatnonzero(apart > TOLERANCE[method])
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
