"""Memory that a job keeps for reuse, and messages for too little of it.

Under a limit such as ``ulimit -v``, any library may fail to allocate some.
"""

import ctypes
import resource

_HEAP = {-8: 1, -1: 64 << 20, -3: 32 << 20}  # mallopt's M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
_UNMAPPED = ("failed to map segment", "cannot allocate memory")  # of the dynamic loader, and of the system


def describe_memory_error(error: BaseException) -> str | None:
    """Return what too little memory means and what to do, None for any other error."""
    if not isinstance(error, MemoryError) and not any(text in str(error).lower() for text in _UNMAPPED):
        return None
    cause = str(error) or type(error).__name__
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return f"there is too little memory ({cause}): use a machine or a job with more, and run again"
    return (
        f"this shell allows {limit / 1e9:.1f} GB of address space, which is too little ({cause}): raise the limit "
        "(ulimit -v unlimited), and run again"
    )


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB of freed memory for what is allocated next, in one heap for all threads.

    Else each raster's array goes back to the system and comes as new pages, zeroed one by one: a fifth of the CPU time
    of a year of small rasters. Where the C library has no such settings, nothing changes.

    Source: mallopt(3), glibc.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for setting, value in _HEAP.items():
            library.mallopt(setting, value)
