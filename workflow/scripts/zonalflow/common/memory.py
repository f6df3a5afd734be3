"""Messages for too little memory: under a limit such as ``ulimit -v``, any library may fail to allocate some."""

import resource

_UNMAPPED = (
    "failed to map segment",
    "cannot allocate memory",
)  # of the dynamic loader, and of the system


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
