"""Compiling the loops once, and loading what was compiled.

numba takes 0.6 s to import and to make itself ready, which is longer than most jobs take, and machine code takes up to
0.2 s. So each loop is compiled once for each kind of processor. What numba made of it, in LLVM's intermediate language,
and the machine code are kept beside the environment; jobs load the latter by llvmlite, a part of numba, in 0.01 s.
"""

import contextlib
import ctypes
import hashlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from zonalflow.common.files import atomic_path
from zonalflow.kernels import four, loops

DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")  # of stored numbers that are exact as float64
_LOCK = threading.RLock()

Loop = Callable[..., None]


def loop(name: str, dtype: np.dtype) -> Loop | None:
    """Return a loop of :mod:`zonalflow.kernels.loops` for stored numbers of a type; None where there is none.

    Arrays are passed as addresses, see :func:`address`. There is none where numba is not installed or fails.
    """
    kind = f"{dtype.kind}{dtype.itemsize}"
    with _LOCK:
        return _loaded(name, kind) if kind in DTYPES and dtype.isnative else None


def address(array: np.ndarray | None) -> int:
    """Return the address of a contiguous array's first cell; 0 for None."""
    if array is None:
        return 0
    assert array.flags.c_contiguous
    found: int = array.__array_interface__["data"][0]
    return found


@cache
def _loaded(name: str, kind: str) -> Loop | None:
    try:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        module = _module(name, kind)
        machine = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), opt=3)
        engine = llvm.create_mcjit_compiler(module, machine)
        kept = _MachineCode(_folder(f"{name}-{kind}.ll") / f"{name}-{kind}.o", str(module))
        engine.set_object_cache(kept.put, kept.get)
        engine.finalize_object()
        (entry,) = (function.name for function in module.functions if function.name.startswith("cfunc."))
        types: list[Any] = [_C_TYPES.get(part, ctypes.c_void_p) for part in loops.SIGNATURES[name].split()]
        function = ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(entry))
        function.engine = engine  # type: ignore[attr-defined]  # the machine code lives as long
    except ImportError:
        return None
    except Exception as error:  # a numba that does not fit its numpy: numpy does it all, more slowly
        logging.getLogger(__name__).debug("%s of %s is not compiled: %s", name, kind, error)
        return None
    return function


class _MachineCode:
    """The machine code of a loop, in a file that begins with checksums: of what it was made of, and its own."""

    def __init__(self, path: Path, made_of: str) -> None:
        self.path, self.made_of = path, hashlib.sha256(made_of.encode()).digest()

    def get(self, module: object) -> bytes | None:
        """Return what is kept; None if nothing is, or it is damaged, or made of other code."""
        with contextlib.suppress(OSError):
            whole = self.path.read_bytes()
            made_of, checksum, code = whole[:32], whole[32:64], whole[64:]
            if made_of == self.made_of and checksum == hashlib.sha256(code).digest():
                return code
        return None

    def put(self, module: object, code: bytes) -> None:
        """Keep what was made, if there is room."""
        with contextlib.suppress(OSError), atomic_path(self.path) as path:
            path.write_bytes(self.made_of + hashlib.sha256(code).digest() + code)


_C_TYPES = {"i8": ctypes.c_int64, "f8": ctypes.c_double}


def _module(name: str, kind: str) -> Any:
    """Return a loop in LLVM's intermediate language, compiled unless it is kept already."""
    import llvmlite.binding as llvm

    kept = _folder(file := f"{name}-{kind}.ll") / file
    with contextlib.suppress(OSError, RuntimeError):  # not there, or not whole
        return llvm.parse_assembly(kept.read_text(encoding="utf-8"))
    code = _compile(name, kind)
    with contextlib.suppress(OSError), atomic_path(kept) as path:  # else it is compiled again in the next job
        path.write_text(code, encoding="utf-8")
    return llvm.parse_assembly(code)


def _folder(file: str) -> Path:
    """Return where a loop for this processor, these versions and this source is kept, or is to be."""
    from importlib.metadata import version

    import llvmlite.binding as llvm

    source = b"".join(Path(str(module.__file__)).read_bytes() for module in (loops, four))
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    about = [version("numba"), version("llvmlite"), sys.version, *processor]
    key = hashlib.sha256(source + repr(about).encode()).hexdigest()[:16]
    beside = Path(sys.prefix) / "zonalflow-kernels" / key
    if (beside / file).is_file() or os.access(sys.prefix, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / beside.parent.name / key


def _compile(name: str, kind: str) -> str:
    """Compile a loop by numba.

    Raises:
        RuntimeError: what it made calls functions that it does not hold.
    """
    import llvmlite.binding as llvm
    import numba

    names = {"u": "uint", "i": "int", "f": "float"}

    def type_of(part: str) -> Any:
        letters = kind if part[0] == "T" else part
        one = getattr(numba.types, f"{names[letters[0]]}{8 * int(letters[1])}")
        for _ in range(part.count("*")):
            one = numba.types.CPointer(one)  # type: ignore[no-untyped-call]
        return one

    signature = numba.types.void(*(type_of(part) for part in loops.SIGNATURES[name].split()))
    names_of_loops = {**vars(four), **vars(loops)}  # in which numba's function stands for the one that others call
    for inner in loops.INNER:
        compiled = numba.njit(FunctionType(inner.__code__, names_of_loops), error_model="numpy", inline="always")
        names_of_loops[inner.__name__] = compiled
    function = FunctionType(names_of_loops[name].__code__, names_of_loops)
    numba.config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]  # what is written out for four steps is done at once
    code: str = numba.cfunc(signature, error_model="numpy")(function).inspect_llvm()
    needs = [f.name for f in llvm.parse_assembly(code).functions if f.is_declaration and not f.name.startswith("llvm.")]
    if needs:
        raise RuntimeError(f"it calls {', '.join(needs)}")
    return code
