"""Processes forked from one that has already imported much, where a test starts Python dozens of times.

Each runs its code as a new Python would, in a folder and with an environment of its own; the second or two in which a
new Python imports Snakemake, or the libraries for geographic data, is paid once.
"""

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = """
import json, os, signal, sys, warnings
exec(sys.argv[1])

for line in sys.stdin:
    order = json.loads(line)
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads, of which pyarrow has one
        child = os.fork()
    if not child:
        signal.alarm(order["timeout"])
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        output = os.open(order["output"], os.O_WRONLY)
        for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        sys.argv = order["arguments"]
        sys.path[sys.path.index("")] = order["folder"]
        exec(order["code"], {"__name__": "__main__"})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
SNAKEMAKE = "import jsonschema, smart_open, snakemake.cli, snakemake.report.html_reporter"


def run(imports: str, code: str, folder: Path, arguments: tuple[str, ...] = ("",), timeout: int = 300):
    """Run code after imports; return the exit code, negative for a signal, and stdout and stderr together."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
        order = {
            "code": code, "folder": str(folder), "arguments": arguments, "output": output.name, "timeout": timeout,
            "environment": _environment(),
        }  # fmt: skip
        process = _process(imports)
        if process.poll() is not None:  # a kill that was meant for others
            print(f"the process that others are forked from ended with {process.returncode}", file=sys.stderr)
            _process.cache_clear()
            process = _process(imports)
        print(json.dumps(order), file=process.stdin, flush=True)
        ended, text = int(process.stdout.readline()), output.read()
    if ended == -signal.SIGALRM:
        raise TimeoutError(f"no end after {timeout} s:\n{text}")
    return ended, text


def run_snakemake(folder: Path, *arguments: str, timeout: int = 300) -> tuple[int, str]:
    """Run ``python -m snakemake`` with arguments."""
    code = "import runpy; runpy.run_module('snakemake', run_name='__main__', alter_sys=True)"
    return run(SNAKEMAKE, code, folder, ("snakemake", *arguments), timeout)


@functools.cache
def _process(imports: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, imports],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    atexit.register(process.communicate)  # it ends with its input
    return process


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
