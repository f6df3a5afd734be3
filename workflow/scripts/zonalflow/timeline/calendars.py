"""CF times as texts, ``2000-01-31T06:00``, in any calendar and any year.

Source: CF conventions 1.11, sections 4.4.1 and 4.4.2; what cftime does not decode (months and years of calendars whose
months differ in length, days written as digits) follows UDUNITS' names and CDO's ``day as %Y%m%d.%f``.
"""

import calendar as gregorian
import functools
import re
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cftime

_ALIASES = {"360": "360_day", "365": "365_day", "366": "366_day", "": "standard"}
_LONG = re.compile(r"\s*(month|year|common_year)s?\s+since\s+(.*)", re.IGNORECASE)
_DIGITS = re.compile(r"\s*day\s+as\s+%Y%m%d(\.%f)?\s*", re.IGNORECASE)
_NOISE = timedelta(milliseconds=500)  # by which a number of days may miss a whole minute


def is_time(units: str) -> bool:
    """Return whether these are the units of a time coordinate."""
    return " since " in units or _DIGITS.fullmatch(units) is not None


def calendar_of(text: str) -> str:
    """Return the CF name of a calendar: also of ``360``, as older files write it."""
    return _ALIASES.get(text.strip().lower(), text.strip().lower())


def decode(values: list[float], units: str, calendar: str) -> list[str]:
    """Return numbers as times, to the minute.

    Args:
        values: the numbers.
        units: of them, ``days since 1900-01-01``.
        calendar: the CF name.

    Raises:
        ValueError, OverflowError: for units or a calendar that are not known.
    """
    import cftime

    if _DIGITS.fullmatch(units):
        return [_from_digits(value) for value in values]
    long = _LONG.fullmatch(units)
    if long is not None and not (long[1].lower() == "month" and calendar == "360_day"):
        start = cftime.num2date(0, f"days since {long[2]}", calendar)
        months = [value * (1 if long[1].lower() == "month" else 12) for value in values]
        return [_text(_after_months(start, number)) for number in months]
    return [_text(time) for time in cftime.num2date(values, units, calendar)]


def _text(time: "cftime.datetime") -> str:
    time = time + _NOISE
    return f"{time.year:04d}-{time.month:02d}-{time.day:02d}T{time.hour:02d}:{time.minute:02d}"


def _from_digits(value: float) -> str:
    """Return the time of 20000131.25."""
    day = int(value)
    minutes = min(round((value - day) * 24 * 60), 24 * 60 - 1)
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}T{minutes // 60:02d}:{minutes % 60:02d}"


def _after_months(start: "cftime.datetime", months: float) -> "cftime.datetime":
    """Return the time so many calendar months later; a fraction is that of the month in which it lies."""
    import cftime

    whole = int(months // 1)
    year, month = divmod(start.year * 12 + start.month - 1 + whole, 12)
    length = _days_in(year, month + 1, start.calendar)
    first = cftime.datetime(year, month + 1, 1, calendar=start.calendar)
    since = timedelta(days=min(start.day, length) - 1, hours=start.hour, minutes=start.minute, seconds=start.second)
    return first + since + timedelta(days=(months - whole) * length)


def _days_in(year: int, month: int, calendar: str) -> int:
    import cftime

    next_month = (year + 1, 1) if month == 12 else (year, month + 1)
    first, after = (cftime.datetime(*at, 1, calendar=calendar) for at in ((year, month), next_month))
    return int((after - first).days)


@functools.lru_cache(maxsize=512)
def days_of(year: int, calendar: str) -> tuple[str, ...]:
    """Return the days of a year in a CF calendar: 365 in ``noleap``, 360 in ``360_day``."""
    if calendar in ("standard", "gregorian", "proleptic_gregorian") and year > 1582:
        lengths = [gregorian.monthrange(year, month)[1] for month in range(1, 13)]
    else:
        lengths = [_days_in(year, month, calendar) for month in range(1, 13)]
    return tuple(f"{year:04d}-{month:02d}-{day:02d}" for month, n in enumerate(lengths, 1) for day in range(1, n + 1))
