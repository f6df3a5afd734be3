# ruff: noqa: E402 (run as a script, this sets its path first)
"""How time and memory grow: cells to 10¹⁰, zones to 10⁶, time steps to 8,760. Each point is a process of its own.

    python tests/benchmarks/scaling.py [--quick] [--out results/bench] [--plot docs/img/scaling.svg]

The points are kept in ``scaling.json`` of the folder, so that an interrupted run goes on where it ended. The largest
raster takes five minutes to make and 2.3 GB.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "workflow" / "scripts")]

from benchmarks import bench, made, size
from benchmarks.measure import python

ZONES = 3109

#: Builds the index of n fields on a grid of 30 m; memory besides the fields.
_FIELDS = """
import time
import numpy as np
import shapely
from benchmarks.size import grid_of
from zonalflow.index.build import build_index
n, method = int(sys.argv[1]), sys.argv[2]
side = round(n ** 0.5)
rng, grid = np.random.default_rng(0), grid_of(161_000, 105_000)
x = np.repeat(-120 + (np.arange(side) + 0.1) * 50 / side, side)
y = np.tile(26 + (np.arange(side) + 0.1) * 22 / side, side)
angle = np.linspace(0, 2 * np.pi, 17)[:-1]
radius = 0.004 * (0.7 + 0.3 * rng.random((len(x), 16)))
fields = shapely.polygons(np.stack([x[:, None] + radius * np.cos(angle), y[:, None] + radius * np.sin(angle)], -1))
build_index(fields[:10], grid, method)  # imports
open("/proc/self/clear_refs", "w").write("5")
before, start = memory("VmRSS"), time.process_time()
build_index(fields, grid, method)
result = {"spent": time.process_time() - start, "more_mb": memory() - before}
"""


def cells(folder: Path, side: tuple[int, int], stats: list[str] | None) -> tuple[float, float]:
    """Return seconds and MB of one raster of classes with so many columns and rows."""
    width, height = side
    name = "nation" if width == 161_000 else f"{width}_plain"
    file = size.write(folder / f"classes_{name}.tif", width, height, "plain")
    run = size.run(file, size.stored_index(folder, size.grid_of(width, height), ZONES), stats)
    return run["cpu"], run["peak_mb"]


def fields(n: int, method: str) -> tuple[float, float]:
    """Return seconds and MB to find the cells of so many fields."""
    run = python(_FIELDS, str(n), method)
    return run["spent"], run["more_mb"]


def steps(folder: Path, n: int, stats: list[str] | None) -> tuple[float, float]:
    """Return seconds and MB of so many time steps of 4 km, each in a file."""
    files = bench.rasters(folder, "4 km", min(n, 12))
    run = size.run(files[0], size.stored_index(folder, made.GRIDS["4 km"], ZONES), stats, steps=n, files=files)
    return run["cpu"], run["peak_mb"]


def points(folder: Path, quick: bool) -> dict[str, list[tuple[int, Callable[[], tuple[float, float]]]]]:
    """Return each curve as its abscissae and how to measure there; a name begins with that of its panel."""
    sides = [(1000, 1000), (4000, 4000), (20_000, 20_000), (161_000, 105_000)][: 2 if quick else 4]
    zones = [10**k for k in ((3, 4) if quick else (3, 4, 5, 6))]
    times = [1, 12, 120] if quick else [1, 12, 120, 1200, 8760]
    classes = ["categorical", "majority"]
    return {
        **{
            f"cells: {name}": [(w * h, lambda side=(w, h), stats=stats: cells(folder, side, stats)) for w, h in sides]
            for name, stats in (("reading alone", None), ("mean", ["mean"]), ("classes", classes))
        },
        **{
            f"zones: index, {method}": [(n, lambda n=n, method=method: fields(n, method)) for n in zones]
            for method in ("center", "coverage")
        },
        **{
            f"time steps: {name}": [(n, lambda n=n, stats=stats: steps(folder, n, stats)) for n in times]
            for name, stats in (("reading alone", None), ("mean", ["mean"]))
        },
    }


def plot(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Draw seconds above and MB below; all axes are logarithmic, so that a slope of one is linear growth."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "zonalflow"
    figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained", sharex="col")
    for column, panel in enumerate(("cells", "zones", "time steps")):
        for name, found in curves.items():
            if name.startswith(f"{panel}: "):
                abscissae = [int(x) for x in found]
                for row in range(2):
                    label = name.removeprefix(f"{panel}: ")
                    axes[row, column].loglog(abscissae, [y[row] for y in found.values()], "o-", ms=4, label=label)
        axes[1, column].set(xlabel=panel)
        axes[0, column].legend(fontsize=8, frameon=False)
        for row in range(2):
            axes[row, column].grid(alpha=0.3)
    axes[0, 0].set(ylabel="CPU time, s")
    axes[1, 0].set(ylabel="peak memory, MB")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Measure what is not measured yet, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "scaling.json"
    curves = json.loads(kept.read_text()) if kept.exists() else {}
    for name, wanted in points(folder, arguments.quick).items():
        found = curves.setdefault(name, {})
        for abscissa, measure in wanted:
            if str(abscissa) not in found:
                found[str(abscissa)] = measure()
                kept.write_text(json.dumps(curves, indent=1))
                print(name, f"{abscissa:,}", *(f"{value:.3g}" for value in found[str(abscissa)]), flush=True)
    plot(curves, arguments.plot or folder / "scaling.svg")


if __name__ == "__main__":
    main()
