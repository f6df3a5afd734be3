"""The Census Bureau's cartographic boundary files: which exist, their names and their addresses.

Sources: https://www.census.gov/geographies/mapping-files/time-series/geo/cartographic-boundary.html and, for the names
of older years and the gaps, the R package tigris (https://github.com/walkerke/tigris).
"""

import re

from zonalflow.common.errors import ConfigError
from zonalflow.common.states import NAMES, STATES, state_spellings
from zonalflow.common.text import nearest

BASE_URL = "https://www2.census.gov/geo/tiger"
YEARS = range(2010, 2025)
RESOLUTIONS = ("500k", "5m", "20m")  # 1:500,000, 1:5 million, 1:20 million

# Geographies whose file covers the nation; those by state have one file for each.
_NATIONAL = ("state", "county", "cbsa", "csa", "cd", "zcta")
_BY_STATE = ("tract", "bg")
GEOGRAPHIES = _NATIONAL + _BY_STATE

# The number of a geography's summary level in the names of 2010.
_LEVELS_2010 = {
    "state": "040_00",
    "county": "050_00",
    "tract": "140_00",
    "bg": "150_00",
    "cbsa": "310_m1",
    "cd": "500_11",
    "zcta": "860_00",
}

# The first year of each congress's districts; a congress holds until the next one's year.
_CONGRESSES = {2010: 111, 2011: 112, 2013: 113, 2014: 114, 2016: 115, 2018: 116, 2022: 118, 2024: 119}


def state_fips(state: str) -> str:
    """Return the two-digit FIPS code of a state given by postal code (``FL``), FIPS code (``12``) or name.

    Raises:
        ConfigError: for an unknown state, with the nearest name.
    """
    known = state_spellings(state) & set(STATES)
    if not known:
        raise ConfigError(
            f"unknown state {state!r}: write its postal code, such as FL, its FIPS code, such as 12, or its name"
            f"{nearest(str(state).title(), NAMES)}"
        )
    return STATES[known.pop()]


def congress(year: int) -> int:
    """Return the number of the congress whose districts the files of `year` hold."""
    return _CONGRESSES[max(first for first in _CONGRESSES if first <= year)]


def needs_state(year: int, geography: str) -> bool:
    """Return whether `geography` exists only as one file for each state: tracts and block groups before 2019."""
    return geography in _BY_STATE and year < 2019


def boundary_url(year: int, geography: str, resolution: str, state: str | None = None, base: str = BASE_URL) -> str:
    """Return the address of one cartographic boundary file; arguments and errors are those of :func:`boundary_file`."""
    name = boundary_file(year, geography, resolution, state)
    return f"{base.rstrip('/')}/GENZ{year}/{'shp/' if year >= 2014 else ''}{name}"


def boundary_file(year: int, geography: str, resolution: str, state: str | None = None) -> str:
    """Return the name of one cartographic boundary file.

    `geography` is one of GEOGRAPHIES (``cd`` may carry the number of its congress, ``cd116``); `state` (postal code,
    FIPS code or name) chooses the state's file of tracts or block groups.

    Raises:
        ConfigError: for a file that was never published; it says what exists instead.
    """
    if year not in YEARS:
        raise ConfigError(f"zones.year {year}: cartographic boundary files are known for {YEARS[0]} to {YEARS[-1]}")
    geography = _plain_geography(year, geography)
    _check_available(year, geography, resolution, state)
    if geography not in _BY_STATE:
        area = "us"
    elif state is None:
        if needs_state(year, geography):
            raise ConfigError(
                f"zones.geography {geography}: in {year} there is one file for each state; name them "
                "(zones.states: [FL, GA]) or take a year from 2019 on"
            )
        area = "us"
    else:
        area = state_fips(state)
    if year == 2010:
        return f"gz_2010_{area}_{_LEVELS_2010[geography]}_{resolution}.zip"
    return f"cb_{year}_{area}_{_name(year, geography)}_{resolution}.zip"


def _plain_geography(year: int, geography: str) -> str:
    """Return the geography without the number of its congress, which must be the one of `year`."""
    if numbered := re.fullmatch(r"cd(\d{3})", geography):
        if int(numbered[1]) != congress(year):
            raise ConfigError(
                f"zones.geography {geography}: the files of {year} hold the districts of the "
                f"{congress(year)}th congress; write cd or cd{congress(year)}"
            )
        return "cd"
    if geography not in GEOGRAPHIES:
        known = ", ".join(GEOGRAPHIES)
        raise ConfigError(f"unknown zones.geography {geography!r}: known are {known}{nearest(geography, GEOGRAPHIES)}")
    return geography


def resolutions(year: int, geography: str) -> tuple[str, ...]:
    """Return the resolutions in which a year's file of `geography` exists; none if it does not exist."""
    if geography in _BY_STATE:
        return ("500k",)
    if geography == "zcta":  # not published for 2011 and 2012, nor since 2021
        return ("500k",) if year == 2010 or 2013 <= year <= 2020 else ()
    if geography in ("cbsa", "csa"):
        if year == 2022:  # the counties of Connecticut changed; no areas were published
            return ()
        if year == 2010:
            return ("500k", "20m") if geography == "cbsa" else ()
    return RESOLUTIONS


def _check_available(year: int, geography: str, resolution: str, state: str | None) -> None:
    if resolution not in RESOLUTIONS:
        raise ConfigError(f"unknown zones.resolution {resolution!r}: known are {', '.join(RESOLUTIONS)}")
    available = resolutions(year, geography)
    if geography == "tract" and state is None and year >= 2022:
        available = ("500k", "5m")
    if not available:
        years = [str(other) for other in YEARS if resolutions(other, geography)]
        raise ConfigError(f"zones.geography {geography} was not published for {year}; take one of {', '.join(years)}")
    if resolution not in available:
        raise ConfigError(
            f"zones.resolution {resolution}: the {geography} file of {year} exists in {' and '.join(available)} only"
        )


def _name(year: int, geography: str) -> str:
    """Return the name of a geography in the names of the files of 2011 and later."""
    if geography == "cd":
        return f"cd{congress(year)}"
    if geography == "zcta":
        return "zcta520" if year >= 2020 else "zcta510"
    return geography
