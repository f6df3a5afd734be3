"""What the report says and carries, read without a browser."""

import html
import json
import re

import geopandas
import numpy as np
import pandas
import pytest
import shapely

from tests.report.conftest import (
    CLASSES,
    ROOT,
    carried,
    county_zones,
    report_on,
    shares,
    unpacked,
    values_of,
    write_results,
)
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import sha256
from zonalflow.report import data, layers, outlines, page, text
from zonalflow.zones import labels


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    target = tmp_path_factory.mktemp("page") / "report.html"
    report_on(results, target)
    return target


def test_the_page_is_one_small_file_without_requests(report):
    text = report.read_text(encoding="utf-8")
    assert len(text) < 1_500_000
    assert "Content-Security-Policy\" content=\"default-src 'none'" in text
    assert not re.search(r"""(?:src|(?<!<a )href)\s*=\s*["']?(?:https?:)?//""", text)
    assert not re.search(
        r"@import|url\(\s*['\"]?http|\bfetch\(|XMLHttpRequest|importScripts", text.split("d3js.org")[0]
    )


def test_it_carries_the_tables_numbers(report, results):
    data = carried(report)
    table = pandas.read_parquet(results / "zonal_stats.parquet").set_index(["variable", "date", "GEOID"])
    variable, layer = data["variables"][1], data["variables"][1]["layers"][0]
    assert (variable["name"], layer["unit"], layer["annual"]) == ("tmean", "°C", "annual mean temperature")
    values = values_of(data, 1)
    assert values.shape == (21, 86)
    for t, z in [(0, 0), (7, 40), (20, 85)]:
        expected = table.loc[("tmean", str(2000 + t), data["zones"]["id"][z]), "mean"]
        assert values[t, z] == pytest.approx(expected, abs=0.01, nan_ok=True)


def test_titles_say_what_where_and_when(report):
    text = report.read_text(encoding="utf-8")
    title = "Annual precipitation and annual mean temperature in Florida, Georgia and Alabama, 2000–2020"
    assert f"<title>{title} (synthetic data)</title>" in text and f"<h1>{title}</h1>" in text


def test_quality_counts_what_a_reader_must_know(report, results, counties):
    text = html.unescape(report.read_text(encoding="utf-8"))
    table = pandas.read_parquet(results / "zonal_stats.parquet")
    empty = (table.groupby("GEOID")["count"].max() == 0).sum()
    found = re.findall(r"<b>([\d,]+)</b> ((?:zone|request)s? .*?)</p>", text)
    checks = {what: count for count, what in found}
    assert checks["zones cut by the grid's edge"] == "19"
    assert checks[f"zone{'' if empty == 1 else 's'} without a cell"] == str(empty)
    assert checks["zone with cells that lack data"] == "1"
    assert checks["zones dropped, wholly outside"] == "2" and checks["zones repaired"] == "0"
    assert checks["request retried"] == "1" and "http://127.0.0.1/a: 2 retries" in text
    assert f"{counties['NAME'][3]}, AL ({counties['GEOID'][3]}): 75 %" in text
    assert "Accessed 2026-11-22." in text


def test_names_from_files_cannot_break_the_page(tmp_path):
    zones = county_zones()
    evil = "</script><script>alert(1)</script><!-- & \u2028 Ünïcode"
    zones.loc[0, "NAME"] = evil
    folder = write_results(tmp_path / "demo", zones, [2000, 2001], attribution=[evil])
    report_on(folder, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert carried(tmp_path / "report.html")["zones"]["label"][0] == f"{evil.replace(chr(0x2028), chr(0x2028))}, AL"


def test_packed_numbers_keep_their_decimals():
    values = np.array([[1.25, np.nan, -300.04], [655.0, 0.0, 12.34]])
    found = unpacked(data.packed(values, 2), 3)  # from -300.04 to 655: 95,504 steps do not fit into 65,535
    np.testing.assert_allclose(found, values, rtol=1e-7)
    tenths = data.packed(values, 1)
    assert tenths["type"] == "u2"
    np.testing.assert_allclose(unpacked(tenths, 3), np.round(values, 1), atol=1e-9)


def test_addresses_become_links_and_markup_stays_text():
    found = page.linked("a <b>, https://doi.org/10.1/x-2. And http://b.org/c, too")
    assert 'href="https://doi.org/10.1/x-2"' in found and 'href="http://b.org/c"' in found
    assert found.startswith("a &lt;b&gt;, <a ") and found.endswith("</a>, too")


def test_codes_of_classes_have_no_mean_or_trend(tmp_path, counties):
    config = {"stats": ["mean", "categorical", "unique"]}
    folder = write_results(tmp_path / "a", counties, range(2000, 2006), ["landcover"], columns=shares, classes=CLASSES,
                           config=config, class_colours={"landcover": {"41": "#68ab5f"}})  # fmt: skip
    report_on(folder, tmp_path / "report.html")
    (variable,) = (carried_page := carried(tmp_path / "report.html"))["variables"]
    kinds = {layer["stat"]: layer["kind"] for layer in variable["layers"]}
    assert kinds == {"majority": "class", "share_41": "share", "share_95": "share", "share_11": "share"}
    assert set(variable["layers"][0]["periods"]["year"]) == {"values"}
    assert [set(row) for row in values_of(carried_page)] == [{41.0}, {95.0}] * 3
    names = {c["value"]: (c["name"], c["colour"]) for c in variable["classes"]}
    assert names[41] == ("Forest", "#68ab5f") and names[11][0] == "Open Water" and names[95][0] == "95"
    assert values_of(carried_page, layer=1)[0, 0] == pytest.approx(66)


def test_every_statistic_is_on_the_page_while_there_is_room(tmp_path, counties, monkeypatch):
    several = lambda date, mean: {"mean": mean, "max": mean + 2, "std": mean * 0 + 1}  # noqa: E731
    config = {"stats": ["std", "mean", "max"]}
    folder = write_results(tmp_path / "a", counties, range(2000, 2005), columns=several, config=config)
    report_on(folder, tmp_path / "a.html")
    (variable,) = carried(tmp_path / "a.html")["variables"]
    assert [layer["stat"] for layer in variable["layers"]] == ["mean", "std", "max"] and variable["leftOut"] == []
    conversions = [layer["conversion"] for layer in variable["layers"]]
    assert all(one["unit"] == "in" and one["factor"] == pytest.approx(1 / 25.4) for one in conversions)
    monkeypatch.setattr(layers, "_MOST_VALUES", 2 * 11 * 86)  # five years, their trends' five rows, the weights
    report_on(folder, tmp_path / "b.html")
    (variable,) = carried(tmp_path / "b.html")["variables"]
    assert [layer["stat"] for layer in variable["layers"]] == ["mean", "std"] and variable["leftOut"] == ["max"]


def test_embedded_json_is_the_same_data():
    value = {"a": ["<&>", None, 1.5, "\u2029"]}
    assert json.loads(page.embedded_json(value)) == value
    with pytest.raises(ValueError):
        page.embedded_json(float("nan"))


def test_months_become_years(tmp_path, counties):
    folder = write_results(tmp_path / "demo", counties, [2000, 2001], ("ppt", "tmean"), grain="monthly")
    report_on(folder, tmp_path / "report.html")
    page = carried(tmp_path / "report.html")
    rain, cold = values_of(page, 0), values_of(page, 1)
    table = pandas.read_parquet(folder / "zonal_stats.parquet")
    one = table[(table["GEOID"] == "12001") & table["date"].str.startswith("2001")]
    z = counties["GEOID"].tolist().index("12001")
    july = one[(one["variable"] == "ppt") & (one["date"] == "2001-07")]["mean"].item()
    assert values_of(page, 0, period="07")[1, z] == pytest.approx(july, abs=0.06)
    assert rain[1, z] == pytest.approx(one[one["variable"] == "ppt"]["mean"].sum(), abs=0.06)
    assert cold[1, z] == pytest.approx(one[one["variable"] == "tmean"]["mean"].mean(), abs=0.01)
    assert page["variables"][0]["count"][z] == 40  # cells, not cells times months


def test_a_year_of_some_months_is_not_called_annual(tmp_path, counties):
    raster = {
        "source": "demo",
        "variables": ["ppt"],
        "grain": "monthly",
        "dataset": "PRISM",
        "units": {},
        "months": [6, 7],
    }
    folder = write_results(tmp_path / "a", counties, [2000, 2001], grain="monthly", config={"raster": raster})
    table = pandas.read_parquet(folder / "zonal_stats.parquet")
    table[table["date"].str[5:].isin(["06", "07"])].to_parquet(folder / "zonal_stats.parquet")
    report_on(folder, tmp_path / "a.html")
    (layer,) = carried(tmp_path / "a.html")["variables"][0]["layers"]
    assert layer["annual"] == "precipitation of Jun, Jul" and set(layer["periods"]) == {"year", "06", "07"}


def test_one_year_without_data_makes_a_page_too(tmp_path, counties):
    folder = write_results(tmp_path / "demo", counties, [2000])
    table = pandas.read_parquet(folder / "zonal_stats.parquet").assign(mean=np.nan, count=0, valid_fraction=np.nan)
    table.to_parquet(folder / "zonal_stats.parquet")
    report_on(folder, tmp_path / "report.html")
    page = carried(tmp_path / "report.html")
    assert np.isnan(values_of(page)).all() and "p" not in page["variables"][0]["layers"][0]["periods"]["year"]


def test_the_baseline(tmp_path, counties):
    folder = write_results(tmp_path / "a", counties, range(2000, 2006), config={"baseline": [1990, 2001, 2002, 2004]})
    report_on(folder, tmp_path / "report.html")
    assert carried(tmp_path / "report.html")["baseline"] == [2001, 2002, 2004]  # 1990 is not a year of the study


def test_installed_page_files_come_before_the_checkouts(tmp_path, monkeypatch):
    assert page.page_folder() == ROOT / "workflow/report/page"
    module = tmp_path / "site-packages/zonalflow/report/page.py"
    folder = module.with_name("page_files")
    monkeypatch.setattr(page, "__file__", str(module))
    with pytest.raises(FileNotFoundError, match=r"page\.html\.j2 is neither in"):
        page.page_folder()
    folder.mkdir(parents=True)
    (folder / "page.html.j2").touch()
    assert page.page_folder() == folder


def test_a_table_that_lacks_a_zone_is_refused(tmp_path, counties):
    folder = write_results(tmp_path / "demo", counties, [2000, 2001])
    table = pandas.read_parquet(folder / "zonal_stats.parquet")
    table.iloc[:-1].to_parquet(folder / "zonal_stats.parquet")
    with pytest.raises(ZonalflowError, match="does not hold ppt 2001 for each of the 86 zones"):
        report_on(folder, tmp_path / "report.html")


def test_rows_may_come_in_any_order(tmp_path, counties):
    folder = write_results(tmp_path / "demo", counties, [2000, 2001])
    report_on(folder, tmp_path / "a.html")
    table = pandas.read_parquet(folder / "zonal_stats.parquet")
    table.sample(frac=1, random_state=1).to_parquet(folder / "zonal_stats.parquet")
    report_on(folder, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_counts_have_the_right_plural(tmp_path, counties):
    one = counties[counties["GEOID"] == "12001"].reset_index(drop=True)
    sources = [{"path": "zones.zip", "source": "file", "bytes": 31388, "sha256": "bb2fe290"}]
    folder = write_results(tmp_path / "demo", one.assign(inside_fraction=0.5), [2000], sources=sources)
    report_on(folder, tmp_path / "report.html")
    text = html.unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "<b>1</b> zone cut by the grid's edge" in text and "<b>0</b> zones repaired" in text
    assert "1 input file, with" in text and "<dd>2000; annual rasters</dd>" in text


@pytest.mark.parametrize(
    ("verification", "state"),
    [(None, "missing"), ({"verdict": "passed"}, "passed"), ({"verdict": "failed"}, "failed")],
)
def test_the_verdict_appears(tmp_path, counties, verification, state):
    folder = write_results(tmp_path / "demo", counties, [2000])
    if verification:
        found = {
            **verification,
            "largest_relative_difference": 3.2e-16,
            "files_checked": 107,
            "manifest_sha256": sha256(folder / "manifest.json"),
            "mismatches": [{"path": "stats_2000.shp", "fault": "its checksum differs", "delete": []}],
        }
        (folder / "verify.json").write_text(json.dumps(found))
    report_on(folder, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ("Not run." in text, "<b>Passed.</b>" in text, "<b>Failed.</b>" in text) == (
        state == "missing", state == "passed", state == "failed",
    )  # fmt: skip
    assert ("<dd>3.2e-16</dd>" in text) == ("stats_2000.shp: its checksum differs" in text) == bool(verification)


def test_a_verdict_on_other_results_is_out_of_date():
    verdict = text.verdict({"verdict": "passed", "manifest_sha256": "a"}, "b")
    assert verdict["state"] == "outdated"


def test_large_numbers_of_the_verification_are_readable():
    verification = {"verdict": "passed", "manifest_sha256": "a", "points_compared": 54413, "tolerance": 1e-9}
    assert text.verdict(verification, "a")["rows"] == [("points compared", "54,413"), ("tolerance", "1e-09")]


def test_zones_are_named_by_what_they_have():
    frame = geopandas.GeoDataFrame({"id": [1, 2]}, geometry=[shapely.box(0, 0, 1, 1)] * 2)
    assert labels.zone_labels(frame, "id") == ["1", "2"] and labels.region_name(frame) == ""
    frame = frame.assign(NAME=["Lee", None], STATE_NAME=["Iowa", "Ohio"])
    assert labels.zone_labels(frame, "id") == ["Lee, Iowa", "2"]
    assert labels.region_name(frame) in ("Iowa and Ohio", "Ohio and Iowa")
    # Column names count in any case, as in the tables.
    lower = frame.rename(columns={"NAME": "name", "STATE_NAME": "state_name"})
    assert labels.zone_labels(lower, "id") == ["Lee, Iowa", "2"]
    many = geopandas.GeoDataFrame({"STUSPS": ["AL", "FL", "GA", "SC", "NC", "DC"]}, geometry=[None] * 6)
    assert labels.region_name(many) == "5 states and D.C."
    assert labels.region_name(many[:5]) == "5 states"


def test_three_thousand_zones_make_less_than_three_megabytes(tmp_path):
    corners = [(x, y) for y in range(50) for x in range(63)]  # 3,150 zones, 21 years, wiggly common borders
    wiggle = lambda xy: xy * (0.9, 0.4) + 0.02 * np.sin(xy[:, ::-1] * 40) + (-125, 26)  # noqa: E731
    squares = shapely.segmentize([shapely.box(x, y, x + 1, y + 1) for x, y in corners], 0.1)
    zones = geopandas.GeoDataFrame(
        {"GEOID": [f"{i:05}" for i in range(len(corners))], "NAME": [f"County {i}" for i in range(len(corners))]},
        geometry=shapely.transform(squares, wiggle),
        crs="EPSG:4269",
    )
    folder = write_results(tmp_path / "demo", zones.assign(inside_fraction=1.0), range(2000, 2021))
    report_on(folder, tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_outlines_are_small_and_hold_their_zones_points(counties):
    drawn = outlines.outline_data(counties)
    assert drawn["width"] > 0 and drawn["height"] > 0 and max(drawn["width"], drawn["height"]) <= 4000
    assert sum(map(len, drawn["path"])) < 40_000
    for path, x, y in zip(drawn["path"], drawn["x"], drawn["y"], strict=True):
        rings = re.findall(r"M([^Mz]*)z", path)
        assert rings
        polygons = []
        for ring in rings:
            numbers = np.array(re.findall(r"-?\d+", ring), dtype=int).reshape(-1, 2)
            polygons.append(shapely.make_valid(shapely.Polygon(np.cumsum(numbers, axis=0)))
                            if len(numbers) > 2 else shapely.Point(numbers[0]))  # fmt: skip
        assert shapely.union_all(polygons).distance(shapely.Point(x, y)) <= 2
        assert 0 <= x <= drawn["width"] and 0 <= y <= drawn["height"]


def test_many_vertices_are_thinned(monkeypatch, counties):
    monkeypatch.setattr(outlines, "_MOST_VERTICES", 700)
    thin = sum(len(re.findall(r"[ lM]", path)) for path in outlines.outline_data(counties)["path"])
    assert thin < 1200


def test_the_methods_own_error_is_told_in_the_variables_unit():
    config = {"stats": ["mean"], "raster": {"units": {"ppt": "inch"}}}
    apart = {"zones": 20, "zones_without_centre": 1, "median": 1.25, "largest": 15.9, "zone": "13299", "date": "2002"}
    none = {"zones": 0, "zones_without_centre": 2}
    assert text.method_error({"method_error": {"ppt": apart, "x": none}}, config) == [
        "ppt: the mean by cell centres and the mean by coverage differ by 1.2\u00a0inch (median of 20 numbers), at "
        "most by 16\u00a0inch (zone 13299, 2002); 1 number is of zones in which no cell has its centre.",
        "x: 2 numbers are of zones in which no cell has its centre.",
    ]
    categorical = {"stats": ["categorical"], "raster": {"units": {}}}
    [sentence] = text.method_error({"method_error": {"lc": apart}}, categorical)
    assert sentence.startswith(
        "lc: the share of a class by cell centres and the share of a class by coverage differ by 1.2 of"
    )
    assert text.method_error(None, config) == text.method_error({}, config) == []
