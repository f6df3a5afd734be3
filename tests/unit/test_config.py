"""The configuration: what is filled in, and one clear message for each mistake."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.study.resolve import parse_bbox, resolve
from zonalflow.study.schema import check_duplicates, check_syntax, load_schema
from zonalflow.study.study import Study

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")

MINIMAL = {
    "run": "a",
    "years": 2000,
    "zones": {"source": "file", "path": "zones.gpkg", "id": "GEOID"},
    "raster": {"source": "demo", "variables": ["ppt"]},
}


def changed(dotted, value, base=MINIMAL):
    """Return the configuration with one key set; `dotted` may be empty for the whole of it."""
    config = copy.deepcopy(base)
    *parents, last = dotted.split(".")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return config


def message(config):
    with pytest.raises(ConfigError) as caught:
        resolve(config, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config", "demo"])
def test_the_files_that_ship_are_whole(name):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    study = Study(resolve(config, SCHEMA))
    assert study.years == list(range(2000, 2021))
    assert study.bbox == [-87.5, 24.5, -79.0, 31.0]


def test_defaults_are_filled_in_and_the_given_is_left_alone():
    before = copy.deepcopy(MINIMAL)
    config = resolve(MINIMAL, SCHEMA)
    assert before == MINIMAL
    assert (config["stats"], config["method"], config["weights"]) == (["mean"], "center", "none")
    assert (config["years"], config["bbox"], config["baseline"]) == ([2000], None, None)
    assert config["output"] == {"formats": ["shp", "csv", "parquet"], "maps": None}
    assert config["fetch"]["attempts"] == 5
    assert config["zones"]["keep"] == "clipped"
    assert config["raster"]["grain"] == "annual"


def test_a_default_is_not_shared_between_two_configurations():
    one, two = resolve(MINIMAL, SCHEMA), resolve(MINIMAL, SCHEMA)
    one["stats"].append("max")
    one["output"]["formats"].clear()
    assert two["stats"] == ["mean"]
    assert two["output"]["formats"] == ["shp", "csv", "parquet"]


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("geocdl", "http://10.1.1.80:8000"),
        ("prism", "https://services.nacse.org/prism/data/get"),
        ("demo", None),
    ],
)
def test_each_source_has_its_address(source, url):
    assert resolve(changed("raster.source", source), SCHEMA)["raster"]["url"] == url


def test_a_job_reads_the_configuration_as_the_controlling_process_did():
    config = changed("bbox", [-87.5, 24.5, -79, 31])
    assert resolve(config, SCHEMA, check=False) == resolve(config, SCHEMA)


def test_resolving_twice_changes_nothing():
    once = resolve(changed("years", "2000:2002"), SCHEMA)
    assert resolve(once, SCHEMA) == once


@pytest.mark.parametrize(
    ("dotted", "written", "value"),
    [
        ("years", "2000:2002", [2000, 2001, 2002]),
        ("bbox", "[-87.5, 24.5, -79.0, 31.0]", [-87.5, 24.5, -79.0, 31.0]),
        ("bbox", "-87.5,24.5,-79,31", [-87.5, 24.5, -79.0, 31.0]),
        ("bbox", "null", None),
        ("bbox", "none", None),
        ("raster.variables", "ppt,tmean", ["ppt", "tmean"]),
        ("raster.variables", "[ppt, tmean]", ["ppt", "tmean"]),
        ("stats", "mean", ["mean"]),
        ("output.formats", "[shp]", ["shp"]),
        ("zones.states", "FL, GA", ["FL", "GA"]),
        ("zones.states", "null", None),
        ("zones.where", "null", None),
        ("zones.year", "2020", 2020),
        ("raster.nodata", "-9999", -9999),
        ("raster.nodata", "-3.4e38", -3.4e38),  # a text to YAML 1.1, which wants e+38
        ("raster.nodata", "none", "none"),
        ("raster.nodata", "nan", "nan"),
        ("raster.crs", "null", None),
        ("fetch.attempts", "2", 2),
        ("fetch.read_timeout", "7.5", 7.5),
        ("baseline", "1999:2001", [1999, 2000, 2001]),
    ],
)
def test_what_the_command_line_gives_as_text(dotted, written, value):
    place = resolve(changed(dotted, written), SCHEMA)
    for key in dotted.split("."):
        place = place[key]
    assert place == value


def test_a_nodata_value_that_json_cannot_store_becomes_text():
    resolved = [resolve(changed("raster.nodata", value), SCHEMA) for value in (float("nan"), float("-inf"), -9999)]
    assert [config["raster"]["nodata"] for config in resolved] == ["nan", "-inf", -9999]
    assert "NaN" not in json.dumps(resolved, allow_nan=False)


@pytest.mark.parametrize(
    ("dotted", "value", "said"),
    [
        # names
        ("yeers", 1, "yeers: unknown key; did you mean 'years'?"),
        ("raster.nodta", 1, "raster.nodta: unknown key; did you mean 'nodata'?"),
        ("zones.xyzzy", 1, "zones.xyzzy: unknown key. Known here: source, url"),
        ("output.format", [], "output.format: unknown key; did you mean 'formats'?"),
        ("fetch.retries", 3, "fetch.retries: unknown key"),
        # types
        ("run", 2020, "run: 2020 is not text"),
        ("zones", None, "zones: None is not keys and values"),
        ("raster", [], "raster: [] is not keys and values"),
        ("zones.year", 2021.0, "zones.year: 2021.0 is not a whole number"),
        ("zones.year", True, "zones.year: True is not a whole number"),
        ("zones.id", 5, "zones.id: 5 is not text"),
        ("bbox", {}, "bbox: {} is not a list or text or null"),
        ("stats", {"mean": 1}, "stats: {'mean': 1} is not a list"),
        ("stats", [5], "stats.0: 5 is not text"),
        ("raster.nodata", "no", "raster.nodata: 'no' is not a number, nan or none"),
        ("raster.nodata", True, "raster.nodata: True is not a number, nan or none"),
        # choices
        (
            "method",
            "centre",
            "method: 'centre' is not one of center, all_touched, coverage; did you mean 'center'?",
        ),
        ("raster.source", "geocld", "did you mean 'geocdl'?"),
        ("zones.source", "fille", "did you mean 'file'?"),
        ("output.formats", ["tif"], "output.formats.0: 'tif' is not one of shp"),
        ("weights", "areas", "weights: 'areas' is not none, area or {path: RASTER}"),
        ("weights", {"path": "w.tif", "band": 1}, "is not none, area or {path: RASTER}"),
        ("stats", ["meen"], "stats: 'meen' is not a statistic; did you mean 'mean'?"),
        ("stats", ["percentile_101"], "'percentile_101' is beyond 100"),
        ("stats", ["mean", "mean"], "stats: 'mean' is there twice"),
        ("stats", [], "stats: the list is empty"),
        ("raster.variables", [], "raster.variables: the list is empty"),
        # names that become paths
        ("run", "../up", "run: '../up' may hold only letters, digits"),
        ("run", "", "run: '' may hold only"),
        ("run", ".hidden", "may hold only"),
        ("run", "a b", "may hold only"),
        ("run", "florida\n", "run: 'florida\\n' holds the character '\\n'"),
        ("run", "Flörida", "may hold only"),
        ("run", "x" * 65, "may hold only"),
        ("raster.variables", ["a/b"], "raster.variables.0: 'a/b' may hold only"),
        ("raster.variables", ["$(touch x)"], "may hold only"),
        ("raster.dataset", "a;b", "raster.dataset: 'a;b' may hold only"),
        ("zones.path", "zones\0.gpkg", "zones.path: 'zones\\x00.gpkg' holds the character '\\x00'"),
        ("zones.path", "zones\ud800.gpkg", "holds the character"),
        ("zones.path", "zones{1}.gpkg", "zones.path: 'zones{1}.gpkg' holds '{', which is no part of a name"),
        ("zones.path", "a;b!.gpkg", "zones.path: 'a;b!.gpkg' holds '!'"),
        ("weights", {"path": "w{}.tif"}, "weights.path: 'w{}.tif' holds '{'"),
        # addresses and references
        ("raster.url", "ftp://geocdl", "raster.url: 'ftp://geocdl' is not an address"),
        ("raster.url", "http://", "is not an address"),
        ("zones.url", "https://x y", "is not an address"),
        ("zones.crs", "EPSG:0", "zones.crs: 'EPSG:0' is not a CRS; write it like EPSG:4269"),
        ("raster.crs", "garbage", "raster.crs: 'garbage' is not a CRS"),
        ("min_coverage", 0.5, "min_coverage: only used with method: coverage"),
        ("min_coverage", float("nan"), "min_coverage: nan is not a fraction from 0 to 1"),
        ("min_coverage", 1.5, "min_coverage: 1.5 is greater than the maximum of 1"),
        ("raster.crs", "EPSG:4978", "raster.crs: 'EPSG:4978' is neither geographic nor projected"),
        # numbers
        ("fetch.at_once", 0, "fetch.at_once: 0 is less than the minimum of 1"),
        ("fetch.attempts", 21, "fetch.attempts: 21 is greater than the maximum of 20"),
        ("fetch.read_timeout", 0, "fetch.read_timeout: 0 is less than or equal to the minimum of 0"),
        ("fetch.read_timeout", float("nan"), "fetch.read_timeout: nan is not a number of seconds"),
        ("fetch.read_timeout", float("inf"), "fetch.read_timeout: inf is greater than the maximum"),
        ("years", [10**5000], "years: a whole number of about 5000 digits is out of range"),
        # one key and another
        ("zones.source", "census", "zones.year: zones.source is census, so this key must say"),
        ("raster.path", "a.tif", "raster.path: only used with raster.source: local; raster.source is demo"),
        (
            "raster.source",
            "local",
            "raster.path: raster.source is local, so this key must give the files' pattern",
        ),
        (
            "raster.units",
            {"pt": "mm"},
            "raster.units.pt: no such variable in raster.variables; did you mean 'ppt'?",
        ),
        ("raster.units", {1: "mm", "a": "m"}, "no such variable"),
        ("zones.year", "1" * 400, "is not a whole number"),
        ("run", 2020, 'run: 2020 is not text; put it in quotes: "2020"'),
        ("baseline", "1981:1990", "baseline: none of 1981–1990 is a year of the study, which has 2000; write years"),
        ("baseline", "abc", "baseline: 'abc' is not a year"),
        ("baseline", [], "baseline: none given"),
        ("raster.units", {"ppt": 5}, "raster.units.ppt: 5 is not text"),
        ("zones.id", "grid", "zones.id: 'grid' is the name of a column of the results"),
        ("zones.id", "year", "zones.id: 'year' is the name of a column of the results"),
        ("zones.id", "date", "zones.id: 'date' is the name of a column of the results"),
        ("zones.id", "mean", "zones.id: 'mean' is the name of a column of the results"),
    ],
)
def test_one_mistake_one_message(dotted, value, said):
    text = message(changed(dotted, value))
    assert said in text
    assert len(text.splitlines()) == 1


def test_a_census_study_needs_no_path():
    config = changed("zones", {"source": "census", "year": 2021, "id": "GEOID", "path": "mine.gpkg"})
    assert "zones.path: only used with zones.source: file" in message(config)


def test_a_file_study_needs_a_path():
    assert "zones.path: zones.source is file" in message(changed("zones", {"source": "file", "id": "GEOID"}))


def test_an_empty_configuration_lists_each_missing_key_once():
    assert message({}).splitlines() == [f"{key}: this key is required" for key in ("run", "years", "zones", "raster")]


def test_several_mistakes_are_all_told_at_once():
    config = changed("method", "centre", changed("yeers", 1))
    assert [line.partition(":")[0] for line in message(config).splitlines()] == ["yeers", "method"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([-87.5, 24.5, -79.0], "not four numbers"),
        ([1, 2, 3, 4, 5], "not four numbers"),
        (["a", 2, 3, 4], "not four numbers"),
        ([[1], 2, 3, 4], "not four numbers"),
        ([True, 2, 3, 4], "not four numbers"),
        ([float("nan"), 2, 3, 4], "not four numbers"),
        ([10**400, 2, 3, 4], "not four numbers"),
        ("florida", "not four numbers"),
        (5, "not four numbers"),
        ([24.5, -87.5, 31.0, -100.0], "are longitude and latitude swapped?"),
        ([272.5, 24.5, 281.0, 31.0], "leaves ±180° of longitude"),
        ([-79.0, 24.5, -87.5, 31.0], "west -79.0 is not less than east -87.5"),
        ([-87.5, 31.0, -79.0, 24.5], "south 31.0 is not less than north 24.5"),
        ([-87.5, 24.5, -87.5, 31.0], "is not less than"),
    ],
)
def test_what_is_no_box(written, said):
    with pytest.raises(ConfigError) as caught:
        parse_bbox(written)
    assert said in str(caught.value)
    assert "write [west, south, east, north] in degrees" in str(caught.value)


def test_nearest_names_what_is_meant_or_nothing():
    assert nearest("yeers", ["years", "bbox"]) == "; did you mean 'years'?"
    assert nearest("xyzzy", ["years", "bbox"]) == ""
    assert nearest("FIELD_ID", ["crop", "Field_id"]) == "; did you mean 'Field_id'?"


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("average", ["range", "mean"], "mean"),
        ("SD", ["std", "sum"], "std"),
        ("p90", ["mean", "percentile_50"], "percentile_90"),
        ("quantile_5", ["percentile_50"], "percentile_5"),
        ("yearly", ["annual", "daily"], "annual"),
        ("excel", ["csv", "xlsx"], "xlsx"),
    ],
)
def test_nearest_understands_synonyms(written, known, meant):
    assert nearest(written, known) == f"; did you mean {meant!r}?"


def test_a_synonym_of_what_is_not_known_is_no_hint():
    assert nearest("excel", ["years", "bbox"]) == "" and nearest("p90", ["annual", "daily"]) == ""


def test_two_different_boxes_share_no_folder_of_rasters():
    folders = {
        Study(resolve(changed("bbox", [west, 24.5, -79.0, 31.0]), SCHEMA)).raster_folder
        for west in (-87.52083, -87.52084)
    }
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (["maximum"], "output.maps: 'maximum' is not among stats; did you mean 'max'?"),
        (["min"], "output.maps: 'min' is not among stats"),
        (7, "output.maps: 7 is not a list of statistics, or all"),
    ],
)
def test_maps_are_of_statistics_of_the_study(maps, message):
    with pytest.raises(ConfigError) as caught:
        resolve({**MINIMAL, "stats": ["mean", "max"], "output": {"maps": maps}}, SCHEMA)
    assert message in str(caught.value)


def test_no_map_is_computed_from_codes_of_classes():
    with pytest.raises(ConfigError, match="is a code of classes, or computed from codes"):
        resolve({**MINIMAL, "stats": ["categorical", "mean"], "output": {"maps": ["mean"]}}, SCHEMA)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: x\nzones:\n\tsource: file\n", "line 3: begins with a tab; YAML wants spaces"),
        ("run: [x\nyears: 2000\n", "line 2: is not YAML"),
        ("run: 'x\n", "is not YAML"),
        ("a: b: c\n", "line 1: is not YAML"),
    ],
)
def test_what_is_no_yaml_names_file_and_line(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml, line ") as caught:
        check_syntax(path)
    assert message in str(caught.value)


def test_a_configuration_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_bytes("run: Größe".encode("latin-1"))
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        check_syntax(tmp_path / "config.yaml")


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("run: a\nzones:\n  id: GEOID\n  year: 2020\n  id: NAME\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"zones.id: stands twice in .*a.yaml, in lines 3 and 5; leave one"):
        check_duplicates(path)
    path.write_text("run: a\nzones: {id: a}\nraster: {id: b}\n", encoding="utf-8")
    check_duplicates(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a: [", b"- a\n- b\n", b"plain"])
def test_what_is_no_yaml_is_left_to_its_reader(tmp_path, content):
    (tmp_path / "a.yaml").write_bytes(content)
    check_duplicates(tmp_path / "a.yaml")
    check_duplicates(tmp_path / "missing.yaml")


def test_a_geocdl_dataset_gets_the_servers_id_and_years():
    raster = {"source": "geocdl", "dataset": "nlcd", "variables": ["land_cover"]}
    resolved = resolve({**MINIMAL, "years": "available", "raster": raster}, SCHEMA)
    assert resolved["raster"]["dataset"] == "NLCD"
    assert resolved["years"] == [2001, 2004, 2006, 2008, 2011, 2013, 2016, 2019]
    assert resolved["raster"]["nodata"] == "declared"


@pytest.mark.parametrize(
    ("years", "raster", "message"),
    [
        ("available", {"source": "demo"}, "years: available is only for raster.source: geocdl"),
        (2000, {"source": "demo", "grain": "hourly"}, "raster.grain hourly: only for raster.source: geocdl"),
        (2000, {"source": "demo", "months": [1]}, "raster.months: not for raster.source: demo"),
        (2000, {"source": "prism", "months": [1]}, "raster.months: annual rasters have no months"),
        (2000, {"source": "prism", "grain": "daily", "months": [13]}, "raster.months.0: 13 is greater than"),
        (2000, {"source": "prism", "grain": "daily", "months": []}, "raster.months: the list is empty"),
        (2000, {"source": "geocdl", "dataset": "PRSIM"}, "did you mean 'PRISM'"),
    ],
)
def test_months_hours_and_available_years_where_there_are_none(years, raster, message):
    with pytest.raises(ConfigError) as caught:
        resolve({**MINIMAL, "years": years, "raster": {"variables": ["ppt"], **raster}}, SCHEMA)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a\n  b: *a",
        "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
        "d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e]",
        "a: " + "[" * 60 + "]" * 60,
    ],
    ids=["a list in itself", "keys in themselves", "laughs", "60 levels"],
)
def test_a_configuration_without_end_is_refused(text):
    with pytest.raises(ConfigError, match="levels or 50000 values, or contains itself"):
        resolve({**MINIMAL, **yaml.safe_load(text)}, SCHEMA)
