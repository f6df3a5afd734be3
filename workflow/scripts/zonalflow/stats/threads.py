"""Reading and reducing rasters concurrently, in threads within the processors of one job.

NumPy and GDAL release Python's lock while they work, so threads are enough, and the raster is in memory once.
"""

import itertools
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

LARGE = 1 << 21  # cells: to reduce fewer takes no longer than to hand them from one thread to another


def is_large(cells: int) -> bool:
    """Return whether so many cells are worth a second thread."""
    return cells >= LARGE


def workers(cells: int) -> int:
    """Return how many threads should reduce rasters of so many cells in all, on this job's processors.

    One processor is left to reading, see :func:`read_ahead`.
    """
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, free - 1) if is_large(cells) else 1


def share(work: Callable[[Iterator[Item]], None], items: Iterable[Item], threads: int) -> None:
    """Call `work` once in each of so many `threads`, this one included, with an iterator that they have in common.

    So each item is worked on once, by a thread that is free. An error in any of them is raised here, when all have
    ended. No pool of threads is used: importing one takes longer than reducing a raster.
    """
    common = iter(list(items))  # a list's iterator gives each item once, whichever thread asks
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work(common)
        except BaseException as error:
            errors.append(error)

    others = [threading.Thread(target=guarded) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    guarded()
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]


def read_ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield `items` in order, the next one being made in a thread while the caller works on this one.

    With items that are read and then reduced, the time of a year is that of the slower of the two and not their sum.
    No more than two items exist together. An error of `items` is raised in its turn. However the caller ends, `items`
    is closed in the thread that it ran in, to which its rasterio environment belongs.
    """
    from concurrent.futures import ThreadPoolExecutor  # a year of one raster does without

    def read() -> list[Item]:
        """Return the next item in a list, which is empty after the last."""
        return list(itertools.islice(items, 1))

    with ThreadPoolExecutor(1) as pool:
        try:
            upcoming = pool.submit(read)
            while item := upcoming.result():
                upcoming = pool.submit(read)
                yield item.pop()
        finally:
            pool.submit(items.close)
