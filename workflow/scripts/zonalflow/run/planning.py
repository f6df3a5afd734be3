"""What costs Snakemake a third of the time in which it plans thousands of jobs, and that can be left out.

It builds millions of objects that stay until the end. Python looks through them for circular garbage, again and again
while they are made and once more at the exit. docs/upstream.md has the measurements.
"""

import atexit
import functools
import gc
import sys


def begin() -> None:
    """Collect no garbage until :func:`end`, nor at the exit; parse the address of each source file only once."""
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter's last collection would look through everything
    if smart_open := sys.modules.get("smart_open"):  # Snakemake calls it five times a job, for the rule's script
        smart_open.parse_uri = functools.cache(smart_open.parse_uri)  # type: ignore[attr-defined]


def end() -> None:
    """Collect garbage again, but not among what has been planned."""
    gc.freeze()
    gc.enable()
