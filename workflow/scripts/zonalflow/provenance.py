"""Which code made a result: a digest of a module and of everything of ours that it imports.

Snakemake reruns a job when its script changes, but not when a module that the script imports does. Rules therefore
carry this digest among their parameters.
"""

import functools
import hashlib
import re
from pathlib import Path

_HERE = Path(__file__).parent
_FROM_MODULE = re.compile(r"^\s*from (?:zonalflow)?\.(\w+) import", re.MULTILINE)
_FROM_PACKAGE = re.compile(r"^\s*from (?:zonalflow|\.) import ([\w, ]+)", re.MULTILINE)


def code_digest(*modules: str) -> str:
    """Return 16 hexadecimal digits over the sources of ``modules`` and, in turn, of the modules they import."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imports_of(name)
    text = hashlib.sha256()
    for name in sorted(seen):
        text.update(_source(name).encode())
    return text.hexdigest()[:16]


@functools.cache
def imports_of(module: str) -> list[str]:
    """Return the names of our modules that ``module`` imports, at its top or within a function."""
    source = _source(module)
    names = {*_FROM_MODULE.findall(source), *re.findall(r"\w+", " ".join(_FROM_PACKAGE.findall(source)))}
    return sorted(name for name in names if (_HERE / f"{name}.py").exists())


@functools.cache
def _source(module: str) -> str:
    return (_HERE / f"{module}.py").read_text(encoding="utf-8")
