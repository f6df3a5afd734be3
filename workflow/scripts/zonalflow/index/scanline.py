"""Which cells a polygon holds, cell for cell as GDAL's rasterizer says, for all zones at once.

``center`` — *the even-odd rule at cell centres.* Row r has its centres on the line y = r + ½. An edge from
(x₀, y₀) up to (x₁, y₁), y₀ ≤ r + ½ < y₁, crosses it at

    x = (r + ½ − y₀) (x₁ − x₀) / (y₁ − y₀) + x₀

and the crossings of one polygon in one row, sorted, bound the inside in pairs. The cells of a pair (x, x′)
are those with x ≤ col + ½ < x′ up to the tie rule: ⌊x + ½⌋ … ⌊x′ + ½⌋ − 1. An edge that lies exactly on a
line of centres has no crossing; GDAL fills it when it runs from right to left (the ring being clockwise on
the map), and so do we.

``all_touched`` — *the same, and every cell that an edge passes through*, walked from cell to cell with GDAL's
steps and GDAL's exceptions (edges that are nearly parallel to an axis, edges that run along cell borders).

GDAL does this polygon by polygon and row by row in C; here each step is one numpy operation over the
crossings of all polygons, which comes out faster because nothing is rasterized: the crossings are the result.

Source: GDAL 3.10, alg/llrasterize.cpp (``GDALdllImageFilledPolygon``, ``GDALdllImageLineAllTouched``). The
tests hold the results against ``rasterio.features.rasterize`` and ``rasterstats``.
"""

import numpy as np

from zonalflow.index.edges import Edges
from zonalflow.index.runs import Runs
from zonalflow.index.segments import expand

_NEARLY_PARALLEL = 0.01  # cells: GDAL treats an edge with a smaller extent along an axis as parallel to the other
_ON_A_BORDER = 1e-4  # cells: and one this close to a cell border as running along it
_LEAST_STEP = 1e-9  # cells: GDAL's smallest step across a row border


def fill(edges: Edges) -> Runs:
    """Return the runs of cells whose centres lie in each polygon. Runs of one zone may overlap."""
    upright = edges.y0 != edges.y1
    low = np.where(edges.y0 < edges.y1, edges.y0, edges.y1)
    high = np.where(edges.y0 < edges.y1, edges.y1, edges.y0)
    height = edges.height[edges.edge_zone]
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64)
    rows = np.where(upright, last - first, 0)

    crossing = np.flatnonzero(rows)
    rows, first = rows[crossing], first[crossing]
    rising = edges.y0[crossing] < edges.y1[crossing]
    x0, x1 = edges.x0[crossing], edges.x1[crossing]
    x0, x1 = np.where(rising, x0, x1), np.where(rising, x1, x0)
    y0, y1 = low[crossing], high[crossing]

    row = expand(first, rows)
    dx, dy, x0, y0 = (np.repeat(values, rows) for values in (x1 - x0, y1 - y0, x0, y0))
    x = ((row + 0.5) - y0) * dx / dy + x0
    polygon = np.repeat(edges.polygon[crossing], rows)
    column = np.clip(np.floor(x + 0.5), 0, edges.width[edges.zone[polygon]]).astype(np.int64)

    # one sortable number for polygon, row and column; the crossings of a polygon in a row are then
    # neighbours, in pairs
    columns = int(edges.width.max(initial=0)) + 1
    first_line = np.cumsum(edges.height[edges.zone]) - edges.height[edges.zone]
    key = np.sort((first_line[polygon] + row) * columns + column)
    line, start = np.divmod(key[::2], columns)
    length = key[1::2] - key[::2]
    some = length > 0
    line, start, length = line[some], start[some], length[some]
    polygon = np.searchsorted(first_line, line, side="right") - 1
    inside = _runs(edges, polygon, line - first_line[polygon], start, start + length)
    return Runs.concatenate([inside, _along_centres(edges)])


def _along_centres(edges: Edges) -> Runs:
    """Return the cells along the edges that lie on a line of centres and run from right to left."""
    row = np.floor(edges.y0)
    zone = edges.edge_zone
    on = (edges.y0 == edges.y1) & (edges.x0 > edges.x1) & (edges.y0 - row == 0.5)
    on &= (row >= 0) & (row < edges.height[zone])
    on = np.flatnonzero(on)
    width = edges.width[zone[on]]
    start = np.clip(np.floor(edges.x1[on] + 0.5), 0, width).astype(np.int64)
    stop = np.clip(np.floor(edges.x0[on] + 0.5), 0, width).astype(np.int64)
    some = start < stop
    on = on[some]
    return _runs(edges, edges.polygon[on], row[on].astype(np.int64), start[some], stop[some])


def _runs(edges: Edges, polygon: np.ndarray, row: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Runs:
    """Return runs in a polygon's window as runs on the grid."""
    zone = edges.zone[polygon]
    return Runs(edges.first + zone, edges.row0[zone] + row, edges.col0[zone] + start, edges.col0[zone] + stop)


def touch(edges: Edges) -> Runs:
    """Return the cells that the edges pass through, as runs that may overlap."""
    zone = edges.edge_zone
    width, height = edges.width[zone], edges.height[zone]
    leftwards = edges.x0 > edges.x1  # every edge is walked from left to right
    x0, x1 = np.where(leftwards, edges.x1, edges.x0), np.where(leftwards, edges.x0, edges.x1)
    y0, y1 = np.where(leftwards, edges.y1, edges.y0), np.where(leftwards, edges.y0, edges.y1)
    beside = ((y0 < 0) & (y1 < 0)) | ((y0 > height) & (y1 > height)) | (x1 < 0) | (x0 > width)

    vertical = (np.floor(x0) == np.floor(x1)) | (np.abs(x0 - x1) < _NEARLY_PARALLEL)
    horizontal = ~vertical & ((np.floor(y0) == np.floor(y1)) | (np.abs(y0 - y1) < _NEARLY_PARALLEL))
    sloped = np.flatnonzero(~beside & ~vertical & ~horizontal)
    vertical = np.flatnonzero(~beside & vertical & ~(_on_border(x0) & _on_border(x1)))
    horizontal = np.flatnonzero(~beside & horizontal & ~(_on_border(y0) & _on_border(y1)))

    def spans(low: np.ndarray, high: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first = np.clip(np.floor(low), 0, size).astype(np.int64)
        return first, np.clip(np.floor(high - _ON_A_BORDER) + 1, first, size).astype(np.int64)

    first, last = spans(np.minimum(y0, y1)[vertical], np.maximum(y0, y1)[vertical], height[vertical])
    row = expand(first, last - first)
    column = np.repeat(np.floor(x1[vertical]).astype(np.int64), last - first)
    parts = [(np.repeat(vertical, last - first), row, column, column + 1)]

    start, stop = spans(x0[horizontal], x1[horizontal], width[horizontal])
    parts.append((horizontal, np.floor(y0[horizontal]).astype(np.int64), start, stop))

    parts.append(_walk(sloped, *(values[sloped] for values in (x0, y0, x1, y1, width, height))))

    edge, row, start, stop = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    zone = zone[edge]
    on = (row >= 0) & (row < edges.height[zone]) & (start >= 0) & (stop <= edges.width[zone]) & (start < stop)
    return _runs(edges, edges.polygon[edge[on]], row[on], start[on], stop[on])


def _walk(
    edge: np.ndarray, x: np.ndarray, y: np.ndarray, x_end: np.ndarray, y_end: np.ndarray,
    width: np.ndarray, height: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Walk all edges at once, from cell to cell; return edge, row, start and stop of the cells on the way.

    Every turn of the loop takes every edge one cell on, by the same additions as GDAL, since their rounding
    decides which cell comes next where an edge passes a corner; edges that have arrived leave.
    """
    slope = (y_end - y) / (x_end - x)
    beyond = x_end > width
    y_end = np.where(beyond, y_end - (x_end - width) * slope, y_end)
    x_end = np.where(beyond, width, x_end)
    before = x < 0
    y = np.where(before, y + (0 - x) * slope, y)
    x = np.where(before, 0, x)
    down = y_end > y
    above, below = down & (y < 0), ~down & (y >= height)
    x = np.where(above, x + (0 - y) / slope, np.where(below, x + (height - y) / slope, x))
    y = np.where(above, 0, np.where(below, height, y))
    x_end = np.where(down & (y_end >= height), x_end + (y_end - height) / slope, x_end)
    x_end = np.where(~down & (y_end < 0), x_end - y_end / slope, x_end)
    x_end = np.minimum(x_end, width)

    steps = []
    while len(edge):
        going = (x >= 0) & (x < x_end)
        if not going.all():
            edge, x, y, x_end, slope = (values[going] for values in (edge, x, y, x_end, slope))
        column, row = np.floor(x), np.floor(y)
        steps.append((edge, row, column))
        step_x = np.floor(x + 1) - x
        step_y = step_x * slope
        up = slope < 0
        to_border = np.where(up, np.minimum(row - y, -_LEAST_STEP), np.maximum(row + 1 - y, _LEAST_STEP))
        along = np.floor(y + step_y) == row
        step_y = np.where(along, step_y, to_border)
        step_x = np.where(along, step_x, step_y / slope)
        x, y = x + step_x, y + step_y
    edges, rows, columns = (np.concatenate(c) for c in zip(*steps, strict=True)) if steps else np.empty((3, 0))
    columns = columns.astype(np.int64)
    return edges.astype(np.int64), rows.astype(np.int64), columns, columns + 1


def _on_border(x: np.ndarray) -> np.ndarray:
    return np.abs(x - np.round(x)) < _ON_A_BORDER
