"""The years of a study: every way to write them, and the message for any other text."""

import pytest

from zonalflow.common.dates import dates_of, format_years, parse_years, span
from zonalflow.common.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "years"),
    [
        (2000, [2000]),
        ("2000", [2000]),
        ("2000:2003", [2000, 2001, 2002, 2003]),
        ("2000:2020+5", [2000, 2005, 2010, 2015, 2020]),
        ("2000:2019+5", [2000, 2005, 2010, 2015]),  # the last year is there only if a step meets it
        ("1981,1990:1992", [1981, 1990, 1991, 1992]),
        (" 1981 , 1990:1992 ", [1981, 1990, 1991, 1992]),
        ([2005, 2000], [2000, 2005]),
        (["2000:2001", 1999, "2001:2002"], [1999, 2000, 2001, 2002]),  # overlaps count once
        ("2000:2000", [2000]),
        ((2000, 2001), [2000, 2001]),
        (1000, [1000]),
        (9999, [9999]),
    ],
)
def test_years(written, years):
    assert parse_years(written) == years


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2000-2020", "write 2000:2020"),
        ("2000 - 2020", "write 2000:2020"),
        ("2020:2000", "'2020:2000' is reversed; write 2000:2020"),
        ("2000:2020+0", "the step of '2000:2020+0' must be at least 1"),
        ("0999", "999 is not a year from 1000 to 9999"),
        ("2000:22010", "'2000:22010' is not a year"),
        (20, "'20' is not a year"),
        (-2000, "'-2000' is not a year"),
        ("all", "'all' is not a year"),
        ("", "'' is not a year"),
        ("2000,", "'' is not a year"),
        ("2000:", "'2000:' is not a year"),
        ("2000+5", "'2000+5' is not a year"),
        ("2000:2020+-5", "is not a year"),
        ("2000:2005:2010", "is not a year"),
        ("2000\n2001", "is not a year"),
        (2000.0, "2000.0 is not a year"),
        (True, "True is not a year"),
        (None, "None is not a year"),
        ([], "none given"),
        ([None], "None is not a year"),
        ([[2000]], "[2000] is not a year"),
        ({"first": 2000}, "is not a year"),
        ("²000", "is not a year"),  # a superscript two is a digit to str.isdigit
        (
            "٢٠٠٠",
            "is not a year",
        ),  # and this is 2000 in Arabic-Indic digits, which no path of ours would match
    ],
)
def test_other_texts_are_not_years(written, message):
    with pytest.raises(ConfigError) as caught:
        parse_years(written)
    assert str(caught.value).startswith("years: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("years", "text"),
    [
        ([2000], "2000"),
        ([2000, 2001, 2002], "2000–2002"),
        ([2000, 2001, 2002, 2005], "2000–2002, 2005"),
        ([1981, 1990, 1991], "1981, 1990–1991"),
        ([], ""),
    ],
)
def test_years_as_text(years, text):
    assert format_years(years) == text


def test_dates_of_a_year():
    assert dates_of(2000, "annual") == ["2000"]
    assert dates_of(2000, "monthly") == [f"2000-{month:02d}" for month in range(1, 13)]
    daily = dates_of(2001, "daily")
    assert (len(daily), daily[0], daily[58], daily[59], daily[-1]) == (
        365, "2001-01-01", "2001-02-28", "2001-03-01", "2001-12-31",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("year", "days"),
    [(1900, 365), (2000, 366), (2004, 366), (2100, 365)],  # divisible by 100 but not by 400: no leap year
)
def test_leap_years(year, days):
    dates = dates_of(year, "daily")
    assert len(dates) == days
    assert (f"{year}-02-29" in dates) == (days == 366)
    assert dates == sorted(set(dates))


def test_the_years_of_a_title():
    assert span(list(range(2000, 2021))) == "2000–2020"
    assert span([1981, 1991]) == "1981, 1991"
    assert span([2000]) == "2000"
    assert span(list(range(2000, 2021, 2))) == "2000–2020, 11 years"


def test_hours_and_months_of_a_year():
    assert dates_of(2001, "monthly", [7, 6]) == ["2001-06", "2001-07"]
    february = dates_of(2000, "daily", [2])
    assert (len(february), february[0], february[-1]) == (29, "2000-02-01", "2000-02-29")
    assert dates_of(2001, "hourly", [1], (0, 12))[:3] == ["2001-01-01T00:00", "2001-01-01T12:00", "2001-01-02T00:00"]
    assert len(dates_of(2001, "hourly")) == 365 * 24
