"""Which cells a zone has: against GDAL's rasterizer, GEOS and exactextract, and by hand."""

import dataclasses

import numpy as np
import oracles
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.index.checks import WrongIndexError
from zonalflow.index.coverage import cover
from zonalflow.index.scanline import fill

# cell sizes and corners that are exact in binary, and some that are not; rows southwards, and northwards
GRIDS = [
    Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 8.0), 10, 8),
    Grid("EPSG:4269", (1.0, 0, -4.0, 0, 1.0, -3.0), 7, 7),
    Grid("EPSG:4269", (0.1, 0, -0.3, 0, -0.1, 0.7), 9, 5),
    Grid("EPSG:4269", (0.0416666666667, 0, -125.020833333, 0, -0.0416666666667, 49.937500000003), 8, 8),
    Grid("EPSG:5070", (30.0, 0, -2356095.0, 0, -30.0, 3172605.0), 1, 12),
    Grid("EPSG:4326", (0.3, 0, 10.1, 0, -0.7, 45.3), 12, 3),
    Grid("EPSG:4326", (0.7, 0, -179.9, 0, 0.3, -60.1), 6, 6),
]  # fmt: skip


def lattice_vertices(rng: np.random.Generator, grid: Grid, size: int) -> np.ndarray:
    """Return `size` vertices near the grid, in cells: on borders and centres, or on a finer lattice."""
    fineness = rng.choice([1, 2, 2, 4, 60])
    shift = rng.choice([0.0, 0.0, 0.5, 0.123456789])
    reach = rng.choice([1, 3, 8])
    corner = rng.integers(-3, [grid.width + 2, grid.height + 2])
    return rng.integers(0, reach * fineness + 1, (size, 2)) / fineness + corner + shift


def on_the_map(grid: Grid, vertices: np.ndarray) -> np.ndarray:
    a, _, c, _, e, f = grid.transform
    return np.column_stack([c + a * vertices[:, 0], f + e * vertices[:, 1]])


def polygons_of(geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(shapely.get_parts([geometry])) if part.geom_type == "Polygon"]


def random_zone(rng: np.random.Generator, grid: Grid) -> Polygon | MultiPolygon:
    """Return a polygon or multipolygon, with holes, larger or smaller than a cell, on or off the grid."""
    parts = []
    for _ in range(rng.choice([1, 1, 2])):
        vertices = lattice_vertices(rng, grid, rng.integers(3, 10))
        about = vertices - vertices.mean(axis=0)
        vertices = vertices[np.argsort(np.arctan2(about[:, 1], about[:, 0]), kind="stable")]  # star-shaped, as a rule
        shape = shapely.make_valid(Polygon(on_the_map(grid, vertices)))
        if rng.random() < 0.5:
            hole = vertices.mean(axis=0) + 0.5 * (vertices - vertices.mean(axis=0))
            shape = shapely.difference(shape, shapely.make_valid(Polygon(on_the_map(grid, hole))))
        parts += polygons_of(shape)
    if rng.random() < 0.5:
        parts = polygons_of(shapely.union_all(parts))
    cell = abs(grid.transform[0] * grid.transform[4])
    parts = [part for part in parts if part.area > 1e-9 * cell]  # slivers of rounding, where the oracles differ
    return MultiPolygon(parts) if len(parts) != 1 else parts[0]  # no part at all: an empty geometry


def batches(grid: Grid, seed: int, *sizes: int):
    """Yield arrays of zones, which often overlap; the same ones in every run."""
    rng = np.random.default_rng([GRIDS.index(grid), seed])
    for size in sizes:
        yield np.array([random_zone(rng, grid) for _ in range(size)], dtype=object)


def cells_of(index, zone: int) -> set[tuple[int, int]]:
    row, column, fraction = index.cells(zone)
    pairs = list(zip(row.tolist(), column.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs), "a cell counts once in a zone"
    assert index.is_fractional or (fraction == 1).all()
    return set(pairs)


each_grid = pytest.mark.parametrize("grid", GRIDS, ids=range(len(GRIDS)))


@each_grid
def test_center_has_the_cells_of_gdal(grid):
    """7 grids × 460 zones: one in a call, five, and many."""
    for geometries in batches(grid, 1, *[1] * 10, *[5] * 20, 350):
        index = build_index(geometries, grid, "center")
        for zone, geometry in enumerate(geometries):
            if geometry.is_empty:
                assert not cells_of(index, zone)
                continue
            expected, off_grid = oracles.rasterized(geometry, grid, all_touched=False)
            assert cells_of(index, zone) == expected, (geometry.wkt, grid)
            assert index.off_grid[zone] == off_grid, (geometry.wkt, grid)


@each_grid
def test_all_touched_differs_from_gdal_only_at_borders(grid):
    """7 grids × 310 zones."""
    for geometries in batches(grid, 1, *[1] * 10, *[5] * 20, 200):
        index = build_index(geometries, grid, "all_touched")
        for zone, geometry in enumerate(geometries):
            if geometry.is_valid and not geometry.is_empty:
                expected, _ = oracles.rasterized(geometry, grid, all_touched=True)
                differ = cells_of(index, zone) ^ expected
                assert all(oracles.gdal_may_err(geometry, grid, cell) for cell in differ), (geometry.wkt, grid)


def fractions_of(index, zone: int) -> dict[tuple[int, int], float]:
    row, column, fraction = index.cells(zone)
    return dict(zip(zip(row.tolist(), column.tolist(), strict=True), fraction.tolist(), strict=True))


@each_grid
def test_coverage_and_all_touched_have_the_cells_that_geos_intersects(grid):
    """GEOS cuts each of 7 × 300 zones with each cell: slow, and another algorithm altogether.

    On the lattice of the vertices no overlap is smaller than a share of 1e-10, and rounding gives up to 1e-14.
    """
    a, e = grid.transform[0], grid.transform[4]
    around = grid.window(-12, grid.height + 12, -12, grid.width + 12)
    row, column = np.divmod(np.arange(grid.width * grid.height), grid.width)
    corners = (
        on_the_map(grid, np.column_stack([column, row])),
        on_the_map(grid, np.column_stack([column, row]) + 1),
    )
    cells = shapely.box(*np.minimum(*corners).T, *np.maximum(*corners).T)
    for geometries in batches(grid, 2, *[5] * 20, 200):
        geometries = geometries[shapely.is_valid(geometries)]
        index = build_index(geometries, grid, "coverage")
        touched = build_index(geometries, grid, "all_touched")
        wide = build_index(geometries, around, "all_touched")
        for zone, geometry in enumerate(geometries):
            expected = shapely.area(shapely.intersection(cells, geometry)) / abs(a * e)
            found = np.zeros(len(cells))
            for (r, c), fraction in fractions_of(index, zone).items():
                found[r * grid.width + c] = fraction
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=geometry.wkt)
            overlapped = {divmod(int(cell), grid.width) for cell in np.flatnonzero(expected > 1e-10)}
            assert cells_of(touched, zone) == overlapped == cells_of(index, zone), (geometry.wkt, grid)
            assert touched.n_cells[zone] + touched.off_grid[zone] == wide.n_cells[zone], (geometry.wkt, grid)
            assert index.n_cells[zone] + index.off_grid[zone] == pytest.approx(geometry.area / abs(a * e), abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_coverage_has_the_fractions_of_exactextract(seed):
    """Zones of a Voronoi diagram with holes, in general position: exactextract does not bear all others."""
    rng = np.random.default_rng(seed)
    grid = Grid("EPSG:4269", (1 / 24, 0, -87.520833, 0, -1 / 24, 31.020833), 60, 50)
    west, south, east, north = grid.bounds
    points = shapely.multipoints(np.column_stack([rng.uniform(west, east, 150), rng.uniform(south, north, 150)]))
    zones = shapely.get_parts(shapely.voronoi_polygons(points))  # some reach beyond the grid
    holes = shapely.buffer(shapely.centroid(zones), rng.uniform(0.001, 0.05, len(zones)), quad_segs=3)
    zones = shapely.difference(zones, holes)
    index = build_index(zones, grid, "coverage")
    for zone, expected in enumerate(oracles.covered(zones, grid)):
        found = fractions_of(index, zone)
        assert found.keys() == expected.keys()
        assert list(found.values()) == pytest.approx([expected[cell] for cell in found], abs=1e-6)


@pytest.fixture
def unit_grid():
    return Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 4.0), 5, 4)  # x 0 … 5, y 4 … 0


def test_a_box_by_hand(unit_grid):
    # x 0.6 … 2.5 holds the centre 1.5, and 2.5 by the tie rule (a right edge holds its centres, a left one
    # does not); y 1.0 … 3.0 holds the centres 1.5 and 2.5, of rows 2 and 1
    zone = np.array([box(0.6, 1.0, 2.5, 3.0)])
    assert cells_of(build_index(zone, unit_grid, "center"), 0) == {(1, 1), (2, 1), (1, 2), (2, 2)}
    touched = cells_of(build_index(zone, unit_grid, "all_touched"), 0)
    assert touched == {(row, column) for row in (1, 2) for column in (0, 1, 2)}
    index = build_index(zone, unit_grid, "coverage")
    row, column, fraction = index.cells(0)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == sorted(touched)
    assert fraction == pytest.approx([0.4, 1.0, 0.5] * 2, abs=1e-7)
    assert index.n_cells[0] == pytest.approx(1.9 * 2.0, abs=1e-6)


def test_a_triangle_by_hand(unit_grid):
    # the lower left half of the square 1 … 3 × 1 … 3: one whole cell, two halves, nothing of the fourth
    triangle = Polygon([(1, 1), (3, 1), (1, 3)])
    row, column, fraction = build_index(np.array([triangle]), unit_grid, "coverage").cells(0)
    assert list(zip(row.tolist(), column.tolist(), fraction.tolist(), strict=True)) == [
        (1, 1, 0.5), (2, 1, 1.0), (2, 2, 0.5)
    ]  # fmt: skip


def test_a_hole_by_hand(unit_grid):
    ring = box(0, 0, 4, 4) - box(1, 1, 3, 3.5)  # the hole takes 2 × 2 whole cells and two halves
    index = build_index(np.array([ring]), unit_grid, "coverage")
    assert index.n_cells[0] == 16 - 4 - 2 * 0.5
    # the centres of columns 1 and 2 lie in the hole in rows 1 and 2, and on its upper edge in row 0: in the
    # hole
    expected = {(row, column) for row in range(4) for column in range(4) if column in (0, 3) or row == 3}
    assert cells_of(build_index(np.array([ring]), unit_grid, "center"), 0) == expected


@pytest.mark.parametrize("method", ["all_touched", "coverage"])
@pytest.mark.parametrize("grid", GRIDS)
def test_zones_along_cell_borders_overlap_their_own_cells_only(grid, method):
    """Boxes of 2 × 3 cells and L-shapes of three cells, whose corners are off the borders by rounding."""
    corners = [(column, row) for column in range(-2, grid.width) for row in range(-3, grid.height)]
    blocks, corner_shapes = (
        [Polygon(on_the_map(grid, np.array(corner) + shape)) for corner in corners]
        for shape in ([(0, 0), (2, 0), (2, 3), (0, 3)], [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])
    )
    index = build_index(np.array(blocks + corner_shapes), grid, method)
    cells = [[(r, c) for r in range(3) for c in range(2)]] * len(blocks) + [[(0, 0), (0, 1), (1, 0)]] * len(blocks)
    for zone, ((column, row), own) in enumerate(zip(corners * 2, cells, strict=True)):
        own = {(row + r, column + c) for r, c in own}
        on_grid = {(r, c) for r, c in own if 0 <= r < grid.height and 0 <= c < grid.width}
        assert cells_of(index, zone) == on_grid
        assert index.n_cells[zone] == len(on_grid) and index.off_grid[zone] == len(own) - len(on_grid)


@pytest.mark.parametrize("depth", [1e-3, 1e-6, 1e-9, 1e-11])
@pytest.mark.parametrize("shape", ["tip", "corner", "side"])
def test_a_cell_covered_by_next_to_nothing_is_overlapped(unit_grid, depth, shape):
    # all reach from cell (1, 1) to the right, beyond x = 2: a tip by a triangle of depth² / 2 of a cell (5e-23 at
    # last), the corner of a triangle also into (0, 2), a side by depth
    right = {"tip": [(1, 2.2), (1, 2.8), (2 + depth, 2.5)], "corner": [(1, 2), (2 + depth, 2), (2 + depth, 3 + depth)]}
    zone = Polygon(right.get(shape, [(1, 2), (2 + depth, 2), (2 + depth, 3), (1, 3)]))
    expected = {"tip": {(1, 1), (1, 2)}, "corner": {(1, 1), (1, 2), (0, 2)}, "side": {(1, 1), (1, 2)}}[shape]
    assert cells_of(build_index(np.array([zone]), unit_grid, "all_touched"), 0) == expected
    index = build_index(np.array([zone]), unit_grid, "coverage")
    assert cells_of(index, 0) == expected and all(fraction > 0 for fraction in fractions_of(index, 0).values())


def test_a_sliver_no_wider_than_rounding_overlaps_nothing(unit_grid):
    # what cutting polygons leaves behind: from the box at the left, 4e-16 high, across cells (2, 1) to (2, 3)
    sliver = Polygon([(0.5, 1.5), (3.5, 1.25), (0.5, np.nextafter(1.5, 2))])
    assert 0 < sliver.area < 1e-15
    zone = np.array([MultiPolygon([sliver, box(0, 2, 1, 3)])])
    for method in ("all_touched", "coverage"):
        assert cells_of(build_index(zone, unit_grid, method), 0) == {(1, 0)}


def test_half_a_cell_is_overlapped_though_its_corners_are_vertices(unit_grid):
    # GDAL 3.10 gives this triangle no cell at all
    zone = np.array([Polygon([(1, 1), (2, 1), (1, 2)])])
    assert cells_of(build_index(zone, unit_grid, "all_touched"), 0) == {(2, 1)}


def test_an_edge_along_a_row_leaves_its_cells_in_part(unit_grid):
    # a horizontal edge inside of a row, with no vertex for three cells: none of them is whole
    row, _, fraction = build_index(np.array([box(0.0, 1.25, 5.0, 3.0)]), unit_grid, "coverage").cells(0)
    assert dict(zip(row.tolist(), fraction.tolist(), strict=True)) == {1: 1.0, 2: 0.75}
    assert len(row) == 10


def test_zones_without_a_cell_are_kept(unit_grid):
    zones = np.array([None, Polygon(), box(10, 10, 11, 11), box(1.1, 1.1, 1.2, 1.2), box(0, 0, 1, 1)], dtype=object)
    for method, cells in (("center", [0, 0, 0, 0, 1]), ("all_touched", [0, 0, 0, 1, 1])):
        index = build_index(zones, unit_grid, method)
        assert index.n_cells.tolist() == cells
        assert index.off_grid.tolist() == [0, 0, 1, 0, 0]
    assert build_index(zones, unit_grid, "coverage").n_cells == pytest.approx([0, 0, 0, 0.01, 1], abs=1e-7)


def test_cells_off_the_grid_are_counted_not_held(unit_grid):
    index = build_index(np.array([box(-2, 1, 2, 6)]), unit_grid, "center")  # 4 × 5 cells, 2 × 3 of them on the grid
    assert (index.n_cells[0], index.off_grid[0]) == (6, 14)
    index = build_index(np.array([box(-2, 1, 2, 6)]), unit_grid, "coverage")
    assert (index.n_cells[0], index.off_grid[0]) == (6, 14)


def same_cells(one, zone: int, other, other_zone: int) -> bool:
    found = [*one.cells(zone), one.off_grid[zone]], [*other.cells(other_zone), other.off_grid[other_zone]]
    return all(map(np.array_equal, *found))


@pytest.mark.parametrize("method", ["center", "all_touched", "coverage"])
def test_any_order_and_batch_size_gives_the_same_cells(unit_grid, monkeypatch, method):
    rng = np.random.default_rng(4)
    corner = rng.uniform(-1, 5, (20, 2))
    zones = shapely.box(*corner.T, *(corner + rng.uniform(0, 4, (20, 2))).T)
    zones[3] = shapely.Point(2.5, 2).buffer(1.5, quad_segs=100)  # 401 vertices: as large as all others together
    zones[7], zones[8] = None, Polygon()
    whole = build_index(zones, unit_grid, method)
    for batch in (1, 7, 100, 401, 404, 405, 10**6):
        monkeypatch.setattr("zonalflow.index.edges.BATCH", batch)
        for large_at in (0, 1, 10, 19):
            order = rng.permutation(np.delete(np.arange(20), 3))
            order = np.insert(order, large_at, 3)
            index = build_index(zones[order], unit_grid, method)
            assert all(same_cells(index, i, whole, zone) for i, zone in enumerate(order)), (batch, large_at)


def test_a_first_zone_larger_than_a_batch_changes_no_other(unit_grid):
    # 131,100 vertices and 2 rows are more than a batch of 131,072; a circle of radius 0.9 about the corner (2, 2) has
    # the area 0.81 π in four cells, and the two boxes after it have 2 × 2 cells and half of one
    circle = shapely.Point(2, 2).buffer(0.9, quad_segs=131_100 // 4)
    zones = np.array([circle, box(0, 0, 2, 2), box(3, 3, 4, 3.5)])
    index = build_index(zones, unit_grid, "coverage")
    assert index.n_cells == pytest.approx([0.81 * np.pi, 4, 0.5], abs=1e-6)
    assert cells_of(index, 0) == {(1, 1), (1, 2), (2, 1), (2, 2)}


def test_fractions_that_miss_the_area_are_our_error(unit_grid, monkeypatch):
    def too_much(edges):
        cells = cover(edges)
        return dataclasses.replace(cells, fraction=np.minimum(cells.fraction * np.float32(1.5), 1))

    zones = np.array([box(0, 0, 1, 1), box(0.5, 0.5, 4.5, 1)])
    build_index(zones, unit_grid, "coverage")
    monkeypatch.setattr("zonalflow.index.build.cover", too_much)
    for method in ("coverage", "all_touched"):
        with pytest.raises(WrongIndexError, match="zone number 2 holds 3 cells, but its area is that of 2, on"):
            build_index(zones, unit_grid, method)  # 4 × 0.5; the first's stay whole


def test_too_few_centres_for_the_area_are_our_error(monkeypatch):
    # 100 × 100 cells with an outline of 400: a count between 10,000 ± 4 · 401 could be right, 0 cannot
    grid = Grid("EPSG:4269", (1.0, 0, 0.0, 0, -1.0, 100.0), 100, 100)
    monkeypatch.setattr("zonalflow.index.build.fill", lambda edges: fill(edges).select([]))
    with pytest.raises(WrongIndexError, match="zone number 1 holds 0 cells, but its area is that of 10000"):
        build_index(np.array([box(0, 0, 100, 100)]), grid, "center")


def test_zones_on_the_grid_without_any_cell_are_our_error(unit_grid, monkeypatch):
    def displaced(edges):
        cells = cover(edges)
        return dataclasses.replace(cells, boundary=dataclasses.replace(cells.boundary, row=cells.boundary.row + 100))

    monkeypatch.setattr("zonalflow.index.build.cover", displaced)
    with pytest.raises(WrongIndexError, match="no zone has a cell, but zone number 1 overlaps the grid"):
        build_index(np.array([box(1, 1, 2, 2), box(8, 8, 9, 9)]), unit_grid, "coverage")
    build_index(np.array([box(8, 8, 9, 9), None]), unit_grid, "coverage")


def test_a_geometry_collection_counts_by_its_polygons(unit_grid):
    mixed = shapely.GeometryCollection([box(0, 0, 2, 2), shapely.Point(4, 3), shapely.LineString([(0, 3), (5, 3)])])
    assert build_index(np.array([mixed]), unit_grid, "all_touched").n_cells.tolist() == [4]
