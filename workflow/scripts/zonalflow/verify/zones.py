"""The zones of the sample: drawn from the prepared ones, and compared with the outlines of the user's own files."""

import random
from dataclasses import dataclass, field

import numpy as np
import shapely

from zonalflow.common.columns import INSIDE
from zonalflow.common.files import read_json
from zonalflow.geometry.grid import Grid
from zonalflow.study.study import Study
from zonalflow.verify.outlines import Outlines, jumps, points_that_differ, read_outlines
from zonalflow.verify.sample import draw_zones

N_DROPPED = 10  # zones that were dropped as wholly outside the grid


@dataclass(frozen=True)
class SampledZone:
    """A zone whose numbers are computed again.

    Attributes:
        id: its id in the tables.
        polygon: in the grid's CRS; from the user's own file where that has the grid's CRS, else as prepared.
    """

    id: str
    polygon: shapely.Geometry


@dataclass
class ZoneSample:
    """The zones of the sample, and what comparing them with the user's own outlines brought.

    Attributes:
        zones: those whose numbers are computed again.
        points: how many points were compared.
        misplaced: the zones that are not where the user's file has them, and at which point.
    """

    zones: list[SampledZone] = field(default_factory=list)
    points: int = 0
    misplaced: list[str] = field(default_factory=list)


def sample_zones(study: Study, grid: Grid, generator: random.Random, damaged: set[str]) -> ZoneSample:
    """Draw the sample of zones, read them again from the user's own files, and compare the two.

    Args:
        study: a finished one.
        grid: its grid.
        generator: draws the zones and the points.
        damaged: paths of files that are not looked at; without the user's own, nothing is compared.

    Raises:
        VerificationError: when the results have a zone that the files have not; and as reading the files requires.
    """
    import geopandas

    frame = geopandas.read_parquet(study.prepared)
    report = read_json(study.preparation)
    ids = frame[study.id_column].astype(str).to_numpy()
    geometry = frame.geometry.to_numpy()
    changed = np.isin(ids, [*report["repaired"], *report["across_the_antimeridian"]])
    chosen = draw_zones(geometry, frame[INSIDE].to_numpy(), changed, generator)
    outside = list(map(str, report["dropped_outside"]))
    dropped = sorted(generator.sample(outside, min(N_DROPPED, len(outside))))
    drawn = {str(ids[zone]): geometry[zone] for zone in chosen}
    result = ZoneSample()
    own = _outlines(study, {*drawn, *dropped}, damaged)
    if own is None:
        result.zones = [SampledZone(zone, prepared) for zone, prepared in drawn.items()]
        return result
    points = np.random.default_rng(generator.getrandbits(64))
    for zone, prepared in [*drawn.items(), *((zone, shapely.Polygon()) for zone in dropped)]:
        if zone in own:
            _compare(zone, prepared, own, grid, points, result)
    result.zones = [SampledZone(zone, _polygon(zone, prepared, own, grid)) for zone, prepared in drawn.items()]
    return result


def _outlines(study: Study, ids: set[str], damaged: set[str]) -> Outlines | None:
    zones = study.zones
    paths = study.zone_files(study.zones_inputs)
    if any(file == path or file.startswith(f"{path}/") for path in paths for file in damaged):
        return None
    return read_outlines(paths, zones, ids)


def _compare(
    zone: str, prepared: shapely.Geometry, own: Outlines, grid: Grid, random: np.random.Generator, result: ZoneSample
) -> None:
    compared, wrong = points_that_differ(prepared, own.polygons[zone], own.crs, grid, random)
    result.points += compared
    if len(wrong):
        x, y = wrong[0]
        result.misplaced.append(
            f"zone {zone} is not where its file has it: {len(wrong)} of {compared} points, such as x {x:.10g}, "
            f"y {y:.10g}, lie in one of the two outlines only"
        )


def _polygon(zone: str, prepared: shapely.Geometry, own: Outlines, grid: Grid) -> shapely.Geometry:
    """Return the zone in the file, where it lies on the grid as it is; else as it was prepared."""
    import pyproj

    polygon = own.polygons.get(zone)
    if polygon is None or not own.crs.equals(pyproj.CRS(grid.crs), ignore_axis_order=True):
        return prepared
    if own.crs.is_geographic and (len(jumps(polygon)) or not _within_one_turn(polygon, grid)):
        return prepared
    whole = (
        polygon if shapely.is_valid(polygon) else shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    )
    return shapely.intersection(whole, shapely.box(*grid.bounds))


def _within_one_turn(polygon: shapely.Geometry, grid: Grid) -> bool:
    """Whether a polygon's longitudes are counted as the grid's are: from −180, or as far as the grid does."""
    west, _, east, _ = shapely.bounds(polygon)
    start = -180.0 if grid.bounds[0] >= -180 and grid.bounds[2] <= 180 else grid.bounds[0]
    return bool(start <= west and east <= start + 360)
