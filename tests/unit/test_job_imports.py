"""A year's job imports only what it uses: importing a library takes longer than reducing a small raster."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from small import write_tif

from zonalflow.geometry.grid import Grid

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow/scripts"
NOT_USED = {
    "geopandas", "pandas", "pyogrio", "pyproj", "pyarrow", "xarray", "rioxarray", "netCDF4", "matplotlib", "requests",
    "rasterstats", "exactextract", "numba", "llvmlite", "numpy.ma", "sqlite3", "email", "socket", "difflib",
}  # fmt: skip
COMPUTE = """
import sys
from zonalflow.run.rule import job_log
from zonalflow.rasters.read import TimeStep
from zonalflow.readers.opening import open_sources
from zonalflow.steps.zonal_stats import compute_year
from zonalflow.timeline.units import unit_of_steps
import numpy as np
from zonalflow.index.grids import IndexedGrid
from zonalflow.index.store import load_index
index = load_index(sys.argv[1])
where = IndexedGrid(index.grid, (0, 0), index, np.ones(index.n_zones))
steps = [TimeStep("2000", sys.argv[2])]
unit_of_steps(steps)
table = compute_year(open_sources(steps, lambda *_: where), ["mean", "std", "median"])
print(table.columns["mean"].tolist(), *sys.modules)
"""


def test_a_small_job_imports_only_what_it_uses(tmp_path):
    import shapely

    from zonalflow.index.build import build_index
    from zonalflow.index.store import save_index

    grid = Grid("EPSG:4269", (1.0, 0.0, 0.0, 0.0, -1.0, 4.0), 4, 4)
    path = write_tif(tmp_path / "a.tif", np.full((1, 4, 4), 7, np.float32), grid=grid, nodata=-9999)
    save_index(build_index(np.array([shapely.box(0, 0, 2, 2)]), grid, "center"), tmp_path / "index")
    command = [sys.executable, "-c", COMPUTE, str(tmp_path / "index"), str(path)]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    mean, *modules = ended.stdout.split()
    assert mean == "[[7.0]]"
    assert not NOT_USED & {*modules}
