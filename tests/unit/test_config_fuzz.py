"""The configuration under fire: whatever is written there gives a valid plan or one clear message.

Most of the 2,100 cases start from a sound study and spoil up to three of its keys, which reaches the deep
checks; the others are made up from nothing. Derandomised: the same cases on every machine.
"""

import copy
import json
import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zonalflow.common.errors import ConfigError, ZonalflowError
from zonalflow.study.overview import describe_study
from zonalflow.study.preflight import check_inputs
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
SOUND = [
    yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")),
    {
        "run": "mine",
        "years": [1999, "2001:2003"],
        "zones": {"source": "file", "path": "nowhere/zones.gpkg", "id": "name"},
        "raster": {"source": "local", "variables": ["a", "b"], "path": "nowhere/{variable}_{year}.tif"},
    },
    {
        "run": "prism",
        "years": 2001,
        "zones": {"source": "census", "year": 2018, "geography": "tract", "states": ["FL"], "id": "GEOID"},
        "raster": {"source": "prism", "variables": ["tmean"], "grain": "daily", "resolution": "800m"},
    },
]

# Every key that the schema knows, dotted, and some that it does not.
KEYS = [
    *SCHEMA["properties"],
    *(
        f"{top}.{key}"
        for top in ("zones", "raster", "output", "fetch")
        for key in SCHEMA["properties"][top]["properties"]
    ),
    "weights.path",
    "raster.units.ppt",
    "yeers",
    "zones.nme",
]
CHOICES = sorted(
    {
        choice
        for part in (*SCHEMA["properties"].values(), *SCHEMA["properties"]["raster"]["properties"].values())
        for choice in part.get("enum", [])
    }
)
TRICKY = [
    "", " ", ".", "..", "~", "/", "/dev/null", "../x", "a\nb", "a\0b", "\ud800", "{variable}", "{year}{", "}",
    "{}", "$(touch x)", "`id`", "a'b\"c", "-rf", "%s", "é", "١٢٣٤", "null", "none", "nan", "2000:2020", "2020:2000",
    "2000-2010", "2000:2001+0", "1,2,3,4", "-87.5,24.5,-79,31", "[a, b]", "percentile_", "percentile_50.5",
    "percentile_1e3", "categorical", "EPSG:4326", "EPSG:99999999", "http://", "http://x", "file:///etc/passwd",
    "x.nc", "{variable}_{year}.nc", "FL", "tract", "cd116", "zcta", "GEOID", "mean", "ppt", "PRISM",
]  # fmt: skip

texts = st.one_of(st.sampled_from(TRICKY), st.sampled_from(CHOICES), st.text(max_size=8))
numbers = st.one_of(
    st.integers(1700, 2300),
    st.floats(),
    st.sampled_from([0, -1, 10**30, 10**400, 2021.0, float("nan"), float("inf"), -9999]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
flat = st.one_of(st.lists(scalars, max_size=4), st.dictionaries(st.one_of(texts, st.integers()), scalars, max_size=3))
values = st.one_of(scalars, flat, st.lists(flat, max_size=2))

# What gets past the schema, to the checks behind it: of the right type, and now and then right.
years = st.one_of(
    st.integers(1890, 2030),
    st.builds("{}:{}+{}".format, st.integers(1890, 2030), st.integers(1890, 2030), st.integers(0, 9)),
    st.lists(st.one_of(st.integers(1890, 2030), st.sampled_from(["1981,1990:1995", "2000-2020"])), max_size=3),
)
edges = st.one_of(st.floats(-190, 190), st.sampled_from([-180, -90, -87.5, 0, 24.5, 31, 90, 180, "24.5", "x"]))
crs = st.sampled_from(["EPSG:4269", "EPSG:5070", "EPSG:0", "epsg:4326 ", "WGS 84", "+proj=longlat", "+proj=", "{}", ""])
words = st.sampled_from(["ppt", "tmean", "a", "b", "LC", "é", "a b", "-", "A.1", "work", "maps", "year"])
statistics = [
    "mean",
    "max",
    "meen",
    "categorical",
    "percentile_0",
    "percentile_99.9",
    "percentile_101",
    "nodata",
]
PLAUSIBLE = {
    "run": words,
    "years": years,
    "baseline": years,
    "bbox": st.lists(edges, min_size=4, max_size=4),
    "stats": st.lists(st.sampled_from(statistics), max_size=4),
    "zones.year": st.integers(2009, 2026),
    "zones.geography": st.sampled_from(["county", "counties", "state", "tract", "bg", "cd", "cd116", "cd999", "zcta"]),
    "zones.states": st.lists(st.sampled_from(["FL", "ga", "12", "1", "XX", "Florida", "PR"]), max_size=3),
    "zones.id": words,
    "zones.crs": crs,
    "raster.crs": crs,
    "raster.dataset": st.sampled_from(["PRISM", "DaymetV4", "MODIS_NDVI", "NLCD", "prism", "GTOPO", "a-b"]),
    "raster.variables": st.lists(words, max_size=3),
    "raster.path": st.sampled_from([*TRICKY, "x_{year}.tif", "{variable}/{year}{month}{day}.tif", "{variable}.nc"]),
    "raster.nodata": numbers,
    "raster.units": st.dictionaries(words, words, max_size=2),
    "output.formats": st.lists(st.sampled_from(["shp", "gpkg", "csv", "parquet", "geoparquet"]), max_size=3),
    "fetch.read_timeout": numbers,
    "weights.path": texts,
}


@st.composite
def spoilt(draw):
    """A sound configuration with up to three keys set to something else, or taken out."""
    config = copy.deepcopy(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(0, 3))):
        dotted = draw(st.sampled_from(KEYS))
        *parents, last = dotted.split(".")
        place = config
        for key in parents:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        choices = SCHEMA["properties"].get(parents[0] if parents else last, {})
        choices = choices.get("properties", {}).get(last, {}) if parents else choices
        kind = draw(st.sampled_from(["plausible"] * 5 + ["anything"] * 2 + ["nothing"]))
        if kind == "nothing":
            place.pop(last, None)
        elif kind == "anything":
            place[last] = draw(values)
        elif dotted in PLAUSIBLE:
            place[last] = draw(PLAUSIBLE[dotted])
        else:
            place[last] = draw(st.sampled_from(choices.get("enum", CHOICES)))
    return config


made_up = st.dictionaries(st.one_of(st.sampled_from(KEYS), texts), values, max_size=6)


def plan(config):
    """Return the plan of a configuration as plain data, checking what every plan must be."""
    resolved = resolve(config, SCHEMA)
    json.dumps(resolved, allow_nan=False).encode()  # the manifest's and the record's form
    assert resolve(config, SCHEMA, check=False) == resolved  # as a cluster job reads it
    study = Study(resolved)
    describe_study(study).encode()
    made = [*study.products, *study.year_tables, study.grid, study.prepared, study.index, study.template]
    for path in made:
        assert re.fullmatch(r"results/[\w.-]+(/[\w.-]([\w. -]*[\w.-])?)*", path, re.ASCII), path
        assert os.path.normpath(path) == path
    assert len(made) == len(set(made))
    return study


def judge(config):
    """Return whether the configuration is valid; raise whatever is not a clear message."""
    try:
        study = plan(config)
    except ConfigError as error:
        clear(error)
        return False
    try:
        check_inputs(study)
    except ZonalflowError as error:  # of files that are not here, or dates and variables that a source lacks
        clear(error)
    return True


def clear(error):
    """Check that a message says where it belongs, and can be printed."""
    text = str(error)
    assert text.strip()
    assert "Traceback" not in text
    text.encode()


budget = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
@settings(budget, max_examples=1600)
@given(spoilt())
def test_a_sound_study_with_keys_spoilt(config):
    judge(config)


@settings(budget, max_examples=500)
@given(made_up)
def test_a_study_made_up(config):
    judge(config)


def test_the_sound_ones_are_sound():
    assert all(judge(config) for config in SOUND)
