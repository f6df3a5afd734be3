"""Measuring: interleaved runs, medians, and the peak memory of a process of its own."""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).parent
PYTHONPATH = os.pathsep.join([str(HERE.parents[1] / "workflow" / "scripts"), str(HERE.parent)])


class Times(NamedTuple):
    """Medians in seconds: on the clock, and of the processors (all threads), which other processes disturb less."""

    wall: float
    cpu: float


def interleaved(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Return the median times of each task.

    The tasks take turns, so that what the machine does besides falls on all of them; the first turn does not count.
    """
    times: dict[str, list[Times]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            task()
            if turn or not rounds:
                times[name].append(Times(time.perf_counter() - wall, time.process_time() - cpu))
    return {name: Times(*map(median, zip(*runs, strict=True))) for name, runs in times.items()}


#: Around the code of :func:`python`. Peak memory is the high-water mark of the process's own pages, which, unlike
#: what getrusage says, begins anew with the program.
_FRAME = """
import json, sys
def memory(key="VmHWM"):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))
result = {}
%s
import time
print(json.dumps({**result, "peak_mb": memory(), "cpu": time.process_time()}))
"""


def python(code: str, *arguments: str, folder: Path | None = None) -> dict:
    """Run Python code in a process of its own and return the dict that it leaves in ``result``.

    With ``wall`` and ``cpu`` (seconds from start to end) and ``peak_mb`` (of resident memory) added. `json`, `sys`
    and `memory` are there; arguments are in ``sys.argv[1:]``.
    """
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _FRAME % code, *arguments],
        stdout=subprocess.PIPE,
        cwd=folder,
        # compiled modules are kept, as they are anywhere but where this is forbidden
        env={**os.environ, "PYTHONPATH": PYTHONPATH, "PYTHONDONTWRITEBYTECODE": ""},
        text=True,
        check=True,
    )
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - start}


def seconds(value: float) -> str:
    """Return a time with three significant digits."""
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def table(title: str, head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table that also reads well as text."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "-|-".join("-" * width for width in widths)
    return "\n".join([f"### {title}", "", f"| {text[0]} |", f"|-{rule}-|", *(f"| {line} |" for line in text[1:]), ""])
