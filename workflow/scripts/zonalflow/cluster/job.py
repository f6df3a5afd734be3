"""Snakemake inside a SLURM job, without modules that no job of this workflow uses: importing them is half of its start.

Run as ``python job.py ARGUMENTS`` in place of ``python -m snakemake ARGUMENTS``. docs/upstream.md has the measurements
and says what would make this superfluous. The job's script runs in another process and is not affected.
"""

import atexit
import gc
import os
import pkgutil
import runpy
import sys
import types
from collections.abc import Iterator
from typing import Any

# imported to recognise parameters of their types; no rule here has such parameters
_UNUSED = ("numpy", "pandas", "polars")
# imported for notebooks
_EMPTY = "nbformat"
# the executor that submits jobs, which imports pandas and asks SLURM for its configuration; a job submits none
_HIDDEN_PLUGIN = "snakemake_executor_plugin_slurm"


def lighten(modules: dict[str, Any]) -> None:
    """Keep Snakemake from importing what a job does not use. `modules` are ``sys.modules``.

    Garbage collection is off, also at the exit: it would scan hundreds of modules, and one job makes little garbage.
    """
    gc.disable()
    atexit.register(gc.freeze)
    modules.update(dict.fromkeys(_UNUSED))  # as if they were not installed
    modules[_EMPTY] = types.ModuleType(_EMPTY)
    everything = pkgutil.iter_modules

    def without_plugin(*arguments: Any, **options: Any) -> Iterator[pkgutil.ModuleInfo]:
        return (module for module in everything(*arguments, **options) if module.name != _HIDDEN_PLUGIN)

    pkgutil.iter_modules = without_plugin


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as `python -m` has it
    lighten(sys.modules)
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
