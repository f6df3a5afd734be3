"""The years of a study, and the dates of a year at each grain."""

import calendar
import re
from collections.abc import Sequence

from zonalflow.common.errors import ConfigError

FIRST_YEAR, LAST_YEAR = 1000, 9999  # four digits, as in dates and names of files
FULL_DAY = tuple(range(24))

_ITEM = re.compile(r"(?P<first>\d{4})(?::(?P<last>\d{4})(?:\+(?P<step>\d+))?)?$", re.ASCII)
_FORMS = "2000:2020, 2000:2020+5, 1981,1990:1995 or a YAML list such as [2000, 2005]"


def parse_years(value: object, key: str = "years") -> list[int]:
    """Return the years that `value` names, sorted and each once.

    `value` is an int, a text (``2000:2020``, ``2000:2020+5``, ``1981,1990:1995``) or a list of these; a range holds
    both its ends. The command line gives texts, the configuration file any of them, and both mean the same.

    Raises:
        ConfigError: for anything that does not name a year from 1000 to 9999, and for a reversed range; it begins with
            `key`.
    """
    items = value if isinstance(value, (list, tuple)) else [value]
    years: set[int] = set()
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (int, str)):
            raise ConfigError(f"{key}: {item!r} is not a year; write {_FORMS}")
        for part in str(item).split(","):
            years.update(_parse_item(part.strip(), key))
    if not years:
        raise ConfigError(f"{key}: none given; write {_FORMS}")
    return sorted(years)


def _parse_item(text: str, key: str) -> range:
    match = _ITEM.match(text)
    if not match:
        dashed = re.fullmatch(r"(\d{4})\s*-\s*(\d{4})", text, re.ASCII)
        hint = f"{dashed[1]}:{dashed[2]}" if dashed else _FORMS
        raise ConfigError(f"{key}: {text!r} is not a year or a range of years; write {hint}")
    first = int(match["first"])
    last = int(match["last"] or first)
    step = 1 if match["step"] is None else int(match["step"])
    if last < first:
        raise ConfigError(f"{key}: the range {text!r} is reversed; write {last}:{first}")
    if step < 1:
        raise ConfigError(f"{key}: the step of {text!r} must be at least 1")
    for year in (first, last):
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ConfigError(f"{key}: {year} is not a year from {FIRST_YEAR} to {LAST_YEAR}")
    return range(first, last + 1, step)


def format_years(years: list[int]) -> str:
    """Return sorted `years` as a short text, ``[2000, 2001, 2002, 2005]`` as ``2000–2002, 2005``."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][1] + 1:
            runs[-1][1] = year
        else:
            runs.append([year, year])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def span(years: list[int]) -> str:
    """Return sorted `years` for a title: ``2000–2020`` or ``1981, 1991``; with many gaps ``2000–2020, 11 years``."""
    text = format_years(years)
    return text if text.count(",") < 4 else f"{years[0]}–{years[-1]}, {len(years)} years"


def rasters_of(grain: str) -> str:
    """Return what rasters of a grain are called: ``monthly rasters``."""
    return "rasters at the files' own dates" if grain == "native" else f"{grain} rasters"


def months_text(months: Sequence[int]) -> str:
    """Return months for a title: ``Jun, Jul, Aug``; of more than six in a row ``May–Dec``."""
    names = [calendar.month_abbr[month] for month in months]
    in_a_row = list(months) == list(range(months[0], months[-1] + 1))
    return f"{names[0]}–{names[-1]}" if in_a_row and len(names) > 6 else ", ".join(names)


def dates_of(year: int, grain: str, months: Sequence[int] | None = None, hours: Sequence[int] = FULL_DAY) -> list[str]:
    """Return the dates of `year` at a grain, in the given `months` or in all.

    ``2000``; ``2000-01`` to ``2000-12``; ``2000-01-01`` to ``2000-12-31``; ``2000-01-01T00:00`` to ``2000-12-31T23:00``
    or, of each day, the given `hours`.
    """
    if grain == "annual":
        return [f"{year:04d}"]
    chosen = [month for month in range(1, 13) if months is None or month in months]
    if grain == "monthly":
        return [f"{year:04d}-{month:02d}" for month in chosen]
    days = [
        f"{year:04d}-{month:02d}-{day:02d}"
        for month in chosen
        for day in range(1, calendar.monthrange(year, month)[1] + 1)
    ]
    return days if grain == "daily" else [f"{day}T{hour:02d}:00" for day in days for hour in hours]
