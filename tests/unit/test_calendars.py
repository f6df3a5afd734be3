"""Numbers as times, in the units and calendars that files use."""

import numpy as np
import pytest
import xarray

from zonalflow.timeline.calendars import calendar_of, days_of, decode


@pytest.mark.parametrize(
    ("value", "units", "calendar", "time"),
    [
        (0, "days since 2000-01-01", "standard", "2000-01-01T00:00"),
        (0.25, "days since 2000-01-01", "standard", "2000-01-01T06:00"),
        (59, "days since 2000-01-01", "noleap", "2000-03-01T00:00"),
        (59, "days since 2000-01-01", "360_day", "2000-02-30T00:00"),
        (59, "days since 1900-01-01", "julian", "1900-02-29T00:00"),
        (400 * 365.2425, "days since 2000-01-01", "standard", "2400-01-01T00:00"),  # beyond 2262
        (1 / 3, "days since 2000-01-01", "standard", "2000-01-01T08:00"),  # which no float is exactly
        (86399, "seconds since 2000-01-01", "standard", "2000-01-01T23:59"),
        # months of which each is as long as the calendar has it
        (0.5, "months since 1960-01-01", "360_day", "1960-01-16T00:00"),
        (13, "months since 2000-01-31", "standard", "2001-02-28T00:00"),
        (1.5, "months since 2000-01-01", "standard", "2000-02-15T12:00"),  # half of 29 days
        (2, "years since 2000-07-01", "standard", "2002-07-01T00:00"),
        (20000131.25, "day as %Y%m%d.%f", "standard", "2000-01-31T06:00"),
    ],
)
def test_numbers_are_times(value, units, calendar, time):
    assert decode([value], units, calendar) == [time]


@pytest.mark.parametrize("units", ["fortnights since 2000-01-01", "days since yesterday", "months since spring"])
def test_units_that_mean_nothing(units):
    with pytest.raises(ValueError, match=r"."):
        decode([1.0], units, "standard")


@pytest.mark.parametrize(("calendar", "days"), [("standard", 366), ("noleap", 365), ("360_day", 360), ("julian", 366)])
def test_a_year_has_the_days_of_its_calendar(calendar, days):
    found = days_of(2000, calendar)
    assert len(set(found)) == days and found[0] == "2000-01-01"


def test_a_leap_day_that_only_one_calendar_has():
    assert (days_of(1900, "julian")[59], days_of(1900, "standard")[59]) == ("1900-02-29", "1900-03-01")


def test_the_old_name_of_a_calendar():
    assert (
        calendar_of("360") == "360_day" and calendar_of(" Gregorian ") == "gregorian" and calendar_of("") == "standard"
    )


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day", "julian", "proleptic_gregorian"])
@pytest.mark.parametrize("units", ["days since 1850-01-01", "hours since 1900-1-1 00:00:00", "minutes since 1979-1-1"])
def test_times_are_those_of_xarray(calendar, units):
    values = np.random.default_rng(1).uniform(0, 50_000, 40).round(3)
    coder = xarray.coders.CFDatetimeCoder(use_cftime=True)
    data = xarray.Dataset(coords={"t": ("t", values, {"units": units, "calendar": calendar})})
    theirs = xarray.decode_cf(data, decode_times=coder)["t"].to_numpy()
    ours = decode(values.tolist(), units, calendar)
    assert [time[:13] for time in ours] == [time.strftime("%Y-%m-%dT%H") for time in theirs]
