"""Compare a sample of the results with numbers that another engine computes from the user's own files."""

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from zonalflow.common.columns import CLASS
from zonalflow.common.errors import VerificationError
from zonalflow.common.files import read_json
from zonalflow.common.text import count_of
from zonalflow.geometry.grid import Grid
from zonalflow.rasters.read import TimeStep, file_grid
from zonalflow.study.study import Study
from zonalflow.timeline.time_steps import time_steps_of_year
from zonalflow.verify.engines import TOLERANCE, Raster, comparable, second_opinion
from zonalflow.verify.method import MethodError
from zonalflow.verify.sample import draw_years
from zonalflow.verify.values import open_values, read_weights
from zonalflow.verify.zones import SampledZone, sample_zones

if TYPE_CHECKING:
    import pandas

N_CLASSES = 10  # of a categorical raster
MOST_CELLS = 4_000_000  # of the window of a zone whose numbers are computed again


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
        points: at how many points the prepared zones were compared with the user's own outlines.
        misplaced: the zones that differ there, and where.
        unreadable: what could not be read, and why.
        sample: what was compared, as text.
        method_error: how far center and coverage lie apart.
    """

    numbers: int = 0
    largest: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    points: int = 0
    misplaced: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    sample: str = ""
    method_error: MethodError = field(default_factory=MethodError)


def compare_sample(study: Study, generator: random.Random, damaged: set[str]) -> Comparison:
    """Compute a sample of zones and years with the other engine and compare it with the tidy table.

    Args:
        study: a finished one.
        generator: draws the sample.
        damaged: paths of files that are not looked at.
    """
    result = Comparison()
    keys = draw_years(study.year_keys, generator)
    try:
        known = read_json(study.grid)
        grid, whole = Grid.from_dict(known["grid"]), Grid.from_dict(known["file_grid"])
        sample = sample_zones(study, grid, generator, damaged)
        inputs = _Inputs(sample.zones, grid, whole, _classes(study))
    except Exception as error:  # of any kind: the files' checksums are checked elsewhere
        result.unreadable.append(f"the zones or their grid cannot be read: {error}")
        return result
    result.points, result.misplaced = sample.points, sample.misplaced
    compared, on_other_grids = [], 0
    for variable, year in keys:
        try:
            step = generator.choice(time_steps_of_year(study.value_keys, study.rasters(variable, year), variable, year))
            if step.path in damaged:
                continue
            if _on_another_grid(study, inputs, step):
                on_other_grids += 1
                continue
            _compare_step(study, inputs, variable, step, result)
        except Exception as error:
            result.unreadable.append(f"{variable} {year}: {error}")
            continue
        compared.append(f"{variable} {step.date}")
    result.sample = f"{count_of(len(inputs.zones), 'zone')} at each of {', '.join(compared) or 'no date'}"
    if on_other_grids:
        result.sample += f"; {on_other_grids} not compared, on other grids than the study's"
    if large := sum(_window(zone.polygon, grid) is None for zone in inputs.zones):
        result.sample += f"; {count_of(large, 'zone')} not computed again, larger than {MOST_CELLS:,} cells"
    return result


@dataclass(frozen=True)
class _Inputs:
    """What all years share: the zones, the grid of the study and that of its files, and the classes to count."""

    zones: list[SampledZone]
    grid: Grid
    file_grid: Grid
    classes: dict[str, float]


def _on_another_grid(study: Study, inputs: _Inputs, step: TimeStep) -> bool:
    """Whether a file lies on another grid than the study's, where that is allowed; it has another index."""
    return study.allows_other_grids and not file_grid(step, study.raster["crs"])[0].matches(inputs.file_grid)


def _window(polygon: shapely.Geometry, grid: Grid) -> Grid | None:
    """Return the cells of a grid that a polygon may touch; None where they are too many to compute again."""
    a, _, c, _, e, f = grid.transform
    west, south, east, north = shapely.bounds(polygon)
    if not np.isfinite(west):
        return grid.window(0, 1, 0, 1)
    columns = np.floor((np.array([west, east]) - c) / a + np.array([-1, 2])).clip(0, grid.width).astype(int)
    rows = np.floor(np.sort((np.array([south, north]) - f) / e) + np.array([-1, 2])).clip(0, grid.height).astype(int)
    window = grid.window(*rows.tolist(), *columns.tolist())
    return window if window.width * window.height <= MOST_CELLS else None


def _compare_step(study: Study, inputs: _Inputs, variable: str, step: TimeStep, result: Comparison) -> None:
    """Compare the numbers of one time step, zone by zone, and enter into `result` what that brings."""
    rows = _tidy(study, variable, step.date, [zone.id for zone in inputs.zones], inputs.classes)
    with open_values(step, study.raster) as read:
        for zone in inputs.zones:
            window = _window(zone.polygon, inputs.grid)
            if window is None:
                continue
            raster = Raster(*read(window), window, _weights(study, window))
            at = _Where(variable, step.date, zone)
            _compare(study, at, rows.loc[[zone.id]], raster, inputs.classes, result)
            result.method_error.add(variable, step.date, zone.id, zone.polygon, raster, inputs.classes)


@dataclass(frozen=True)
class _Where:
    """The variable, date and zone of a comparison."""

    variable: str
    date: str
    zone: SampledZone


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
    values, missing = read_weights(weights["path"], grid)
    return np.where(missing | np.isnan(values), 0.0, values)


def _classes(study: Study) -> dict[str, float]:
    """Return column to value of the classes that the table counts, at most a few of them."""
    if "categorical" not in study.config["stats"]:
        return {}
    import pyarrow.dataset

    names = pyarrow.dataset.dataset(study.tables["parquet"]).schema.names
    values = {name: float(name.split("_")[1]) for name in names if name.startswith(CLASS)}
    return dict(list(values.items())[:N_CLASSES])


def _tidy(study: Study, variable: str, date: str, ids: list[str], classes: dict[str, float]) -> "pandas.DataFrame":
    """Return the numbers of some zones at one date in the table that readers get, by zone: float64."""
    import pyarrow.parquet

    key, path = study.id_column, study.tables["parquet"]
    names = pyarrow.parquet.read_schema(path).names
    wanted = [name for name in ("count", "mean", *study.config["stats"], *classes) if name in names]
    rows = pyarrow.parquet.read_table(
        path, columns=[key, *dict.fromkeys(wanted)], filters=[("variable", "=", variable), ("date", "=", date)]
    )
    frame: pandas.DataFrame = rows.to_pandas().set_index(key)
    missing = sorted(set(ids) - set(frame.index))
    if missing:
        raise VerificationError(f"{path} lacks {len(missing)} zones at {variable} {date}, such as {missing[0]}")
    return frame.astype(np.float64)


def _compare(
    study: Study, at: _Where, row: "pandas.DataFrame", raster: Raster, classes: dict[str, float], result: Comparison
) -> None:
    """Compare a zone's numbers with the other engine's nearest answer, and enter into `result` what that brings."""
    method, least = study.config["method"], study.config["min_coverage"]
    stats = comparable(study.config["stats"], method, raster)
    answers = second_opinion([at.zone.polygon], raster, method, list(dict.fromkeys([*stats, "mean"])), classes, least)
    for name in (*stats, *classes):
        ours = row[name].to_numpy(np.float64)
        size = {"count": 0.0, "variance": raster.size**2}.get(name, raster.size)
        if name == "cv":  # where the mean is next to nothing, rounding decides
            ours = np.where(np.abs(answers[0]["mean"]) < 0.01 * raster.size, answers[0]["cv"], ours)
        apart = np.array([relative_difference(ours, answer[name], size)[0] for answer in answers])
        theirs = answers[apart.argmin()][name][0]
        result.numbers += 1
        result.largest = max(result.largest, float(apart.min()))
        if apart.min() > TOLERANCE[method]:
            found = Difference(at.variable, at.date, at.zone.id, name, _number(ours[0]), _number(theirs))
            result.differences.append(found)


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
