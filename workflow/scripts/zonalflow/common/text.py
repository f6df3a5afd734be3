"""Small helpers for messages: the nearest known name, a count, a few of many, a box."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'KNOWN'?`` for a misspelt ``word``, or an empty text when nothing is near."""
    matches = difflib.get_close_matches(str(word), [str(name) for name in known], n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def plural_of(number: int, noun: str, plural: str = "") -> str:
    """Return ``zone`` for 1, else ``zones``, or ``plural`` where that is not the noun with an s."""
    return noun if number == 1 else plural or f"{noun}s"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 zone``, ``2 zones``; also ``1 zone of a.shp has``, ``2 zones of a.shp have``."""
    return f"{number} {plural_of(number, noun, plural)}"


def few(values, limit: int = 5) -> str:
    values = [str(value) for value in values]
    return ", ".join(values[:limit]) + (f" and {len(values) - limit} more" if len(values) > limit else "")


def format_bounds(bounds) -> str:
    west, south, east, north = bounds
    return f"west {west:.6g}, south {south:.6g}, east {east:.6g}, north {north:.6g}"
