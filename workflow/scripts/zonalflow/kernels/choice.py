"""Whether compiled loops are worth loading."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zonalflow.kernels.calls import Kernels

MANY = 1 << 27  # cells: to reduce fewer takes no longer than to load the loops


def kernels_for(cells: int) -> "Kernels | None":
    """Return the compiled loops if so many cells are worth loading them; None if numpy is to do it."""
    if cells < MANY:
        return None
    from zonalflow.kernels.calls import Kernels  # with much of the standard library, which small jobs do without

    return Kernels()
