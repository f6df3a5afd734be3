"""The addresses of the Census Bureau's boundary files, for every year and geography."""

import pytest

from zonalflow.common.errors import ConfigError
from zonalflow.common.states import NAMES, STATES
from zonalflow.sources.catalogue.census import (
    BASE_URL,
    GEOGRAPHIES,
    YEARS,
    boundary_file,
    boundary_url,
    congress,
    needs_state,
    resolutions,
    state_fips,
)
from zonalflow.sources.census import fetch_boundaries


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((2021, "county", "20m"), "GENZ2021/shp/cb_2021_us_county_20m.zip"),
        ((2014, "state", "5m"), "GENZ2014/shp/cb_2014_us_state_5m.zip"),
        ((2013, "county", "20m"), "GENZ2013/cb_2013_us_county_20m.zip"),
        ((2011, "county", "500k"), "GENZ2011/cb_2011_us_county_500k.zip"),
        ((2010, "county", "20m"), "GENZ2010/gz_2010_us_050_00_20m.zip"),
        ((2010, "state", "5m"), "GENZ2010/gz_2010_us_040_00_5m.zip"),
        ((2010, "cbsa", "20m"), "GENZ2010/gz_2010_us_310_m1_20m.zip"),
        ((2010, "cd", "20m"), "GENZ2010/gz_2010_us_500_11_20m.zip"),
        ((2010, "zcta", "500k"), "GENZ2010/gz_2010_us_860_00_500k.zip"),
        ((2010, "tract", "500k", "FL"), "GENZ2010/gz_2010_12_140_00_500k.zip"),
        ((2010, "bg", "500k", "12"), "GENZ2010/gz_2010_12_150_00_500k.zip"),
        ((2018, "tract", "500k", "KS"), "GENZ2018/shp/cb_2018_20_tract_500k.zip"),
        ((2016, "bg", "500k", "GA"), "GENZ2016/shp/cb_2016_13_bg_500k.zip"),
        ((2022, "tract", "5m"), "GENZ2022/shp/cb_2022_us_tract_5m.zip"),
        ((2019, "bg", "500k"), "GENZ2019/shp/cb_2019_us_bg_500k.zip"),
        ((2020, "cbsa", "5m"), "GENZ2020/shp/cb_2020_us_cbsa_5m.zip"),
        ((2020, "cd116", "20m"), "GENZ2020/shp/cb_2020_us_cd116_20m.zip"),
        ((2024, "cd", "500k"), "GENZ2024/shp/cb_2024_us_cd119_500k.zip"),
        ((2019, "zcta", "500k"), "GENZ2019/shp/cb_2019_us_zcta510_500k.zip"),
        ((2020, "zcta", "500k"), "GENZ2020/shp/cb_2020_us_zcta520_500k.zip"),
    ],
)
def test_the_address_of_a_file(arguments, expected):
    assert boundary_url(*arguments) == f"{BASE_URL}/{expected}"
    assert boundary_file(*arguments) == expected.rsplit("/", 1)[-1]


def test_another_base_address_may_end_with_a_slash():
    url = boundary_url(2021, "county", "20m", base="http://127.0.0.1:1/geo/tiger/")
    assert url == "http://127.0.0.1:1/geo/tiger/GENZ2021/shp/cb_2021_us_county_20m.zip"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2009, "county", "20m"), "known for 2010 to 2024"),
        ((2021, "countty", "20m"), "did you mean .county"),
        ((2021, "county", "20k"), "known are 500k, 5m, 20m"),
        ((2021, "zcta", "500k"), "not published for 2021; take one of 2010, 2013.*2020$"),
        ((2012, "zcta", "500k"), "not published for 2012"),
        ((2020, "zcta", "20m"), "exists in 500k only"),
        ((2022, "cbsa", "20m"), "not published for 2022"),
        ((2010, "cbsa", "5m"), "exists in 500k and 20m only"),
        ((2010, "csa", "20m"), "csa was not published for 2010"),
        ((2018, "tract", "500k"), r"one file for each state; name them \(zones\.states"),
        ((2018, "tract", "20m", "FL"), "exists in 500k only"),
        ((2022, "tract", "20m"), "exists in 500k and 5m only"),
        ((2018, "cd115", "20m"), "116th congress; write cd or cd116"),
        ((2018, "tract", "500k", "FLA"), "unknown state 'FLA': write its postal code"),
        ((2018, "tract", "500k", "99"), "unknown state '99'"),
    ],
)
def test_a_missing_file_is_refused_with_those_that_exist(arguments, message):
    with pytest.raises(ConfigError, match=message):
        boundary_url(*arguments)


def test_every_file_that_exists_has_an_address_of_its_own():
    urls = [
        boundary_url(year, geography, resolution, "FL" if needs_state(year, geography) else None)
        for year in YEARS
        for geography in GEOGRAPHIES
        for resolution in resolutions(year, geography)
    ]
    # 15 years of county, state, cd in 3 resolutions, tract and bg in one; zcta in 9 years; cbsa in 13 years
    # in 3 and in 2010 in 2; csa in 13 years in 3.
    assert len(urls) == 15 * (3 * 3 + 2) + 9 + 13 * 3 + 2 + 13 * 3
    assert len(set(urls)) == len(urls)


def test_congresses_by_year():
    numbers = [congress(year) for year in YEARS]
    assert numbers == [111, 112, 112, 113, 114, 114, 115, 115, 116, 116, 116, 116, 118, 118, 119]


def test_states_by_postal_code_fips_code_and_name():
    assert len(STATES) == len(NAMES) == 56  # 50 states, the District of Columbia and five territories
    assert [state_fips(text) for text in ("Florida", "new york", "District of Columbia")] == ["12", "36", "11"]
    with pytest.raises(ConfigError, match="did you mean 'North Dakota'"):
        state_fips("North Dakotta")
    assert [state_fips(text) for text in ("FL", "fl", "12", "1", "PR")] == ["12", "12", "12", "01", "72"]


def test_a_fetched_file_has_a_receipt_and_stays(server, tmp_path, turned):
    target = tmp_path / "census" / "cb_2019_12_tract_500k.zip"
    url = boundary_url(2019, "tract", "500k", "FL", base=server.census_url)
    first = fetch_boundaries(url, target, clock=turned.clock())
    assert first["requests"][0]["url"] == url
    assert first["requests"][0]["accessed"] == "2026-03-01T12:00:00Z"
    assert first["files"][0] == {
        "name": target.name,
        "date": None,
        "sha256": first["requests"][0]["sha256"],
        "bytes": target.stat().st_size,
    }
    assert "U.S. Census Bureau" in first["attribution"]
    assert fetch_boundaries(url, target, clock=turned.clock()) == first
    assert server.count() == 1
