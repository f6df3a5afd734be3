"""Small helpers for messages: the nearest known name, a count, the first few of many, a box."""

import re
from collections.abc import Iterable

# Names that other programs and people use, in lower case.
_SYNONYMS = {
    "average": "mean", "avg": "mean", "minimum": "min", "maximum": "max", "total": "sum", "sd": "std", "stdev": "std",
    "stddev": "std", "standard_deviation": "std", "var": "variance", "mode": "majority", "most_common": "majority",
    "variety": "unique", "yearly": "annual", "year": "annual", "month": "monthly", "day": "daily", "hour": "hourly",
    "excel": "xlsx", "xls": "xlsx", "shapefile": "shp", "geopackage": "gpkg", "json": "geojson",
    "classes": "categorical", "landcover": "categorical", "fraction": "coverage", "exact": "coverage",
}  # fmt: skip
_PERCENTILE = re.compile(r"(?:p|q|pct|perc|percentile|quantile)[ _-]?(\d{1,2}|100)")


def nearest(word: object, known: Iterable[object]) -> str:
    """Return ``; did you mean 'KNOWN'?`` for a misspelt `word` or a synonym, or an empty text when nothing is near."""
    names, text = [str(name) for name in known], str(word).lower()
    synonym = _SYNONYMS.get(text)
    percentile = _PERCENTILE.fullmatch(text)
    if percentile and any(name.startswith("percentile_") for name in names):
        return f"; did you mean 'percentile_{percentile[1]}'?"
    by_letters = {name.lower(): name for name in names}  # whether these are capitals, a wrong name does not tell
    import difflib  # here, since jobs name nothing nearest

    matches = [text] if text in by_letters else difflib.get_close_matches(text, by_letters, n=1, cutoff=0.5)
    meant = synonym if synonym in names else by_letters[matches[0]] if matches else ""
    return f"; did you mean {meant!r}?" if meant else ""


def printable(text: str) -> str:
    """Return a text from a server or file for a message: without passwords in addresses and control characters.

    A terminal would obey control characters.
    """
    text = "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return re.sub(r"//[^/@\s]*@", "//", text)


def plural_of(number: int, noun: str, plural: str = "") -> str:
    """Return ``zone`` for 1, else ``zones``, or `plural` where that is not the noun with an s."""
    return noun if number == 1 else plural or f"{noun}s"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 zone``, ``2 zones``; also ``1 zone of a.shp has``, ``2 zones of a.shp have``."""
    return f"{number} {plural_of(number, noun, plural)}"


def few(values: Iterable[object], limit: int = 5) -> str:
    """Return the first `limit` of `values` as a list in a sentence: ``a, b, c, d, e and 7 more``."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:limit]) + (f" and {len(texts) - limit} more" if len(texts) > limit else "")


def format_bounds(bounds: Iterable[float]) -> str:
    """Return (west, south, east, north) as ``west -87.5, south 24.5, east -79, north 31``."""
    west, south, east, north = bounds
    return f"west {west:.6g}, south {south:.6g}, east {east:.6g}, north {north:.6g}"
