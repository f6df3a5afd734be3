"""Zones as attribute tables have them: ids of several columns, numbered features, parts to join, no outline."""

import geopandas
import pandas
import pytest
import shapely
from small import GRID, boxes

from zonalflow.common.errors import ZonesError
from zonalflow.verify.outlines import read_outlines
from zonalflow.zones.labels import zone_labels
from zonalflow.zones.on_grid import prepare
from zonalflow.zones.read import read_zones

OPTIONS = {"layer": None, "crs": None, "where": None, "dissolve": False}


def plots():
    """Return four unit squares in a row, of two plots on each of two sites."""
    frame = boxes(*((i, 1, i + 1, 2) for i in range(4)))
    return frame.assign(site=["A", "A", "B", "B"], plot=["01", "02", "01", "02"], crop=["maize", "rye", "rye", "rye"])


def written(tmp_path, frame, name="a.gpkg", **options):
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_file(path, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.parquet"])
def test_ids_of_two_columns_are_joined_by_a_hyphen(tmp_path, name):
    path = written(tmp_path, plots(), name)
    zones = read_zones([path], id_column=["site", "plot"])
    assert zones["site_plot"].tolist() == ["A-01", "A-02", "B-01", "B-02"]
    own = read_outlines([path], {**OPTIONS, "id": ["site", "plot"]}, {"B-01"})
    assert own.polygons["B-01"].equals(shapely.box(2, 1, 3, 2))


def test_two_pairs_of_values_never_become_one_zone(tmp_path):
    path = written(tmp_path, plots().assign(site=["1-2", "1", "1", "4"], plot=["3", "2-3", "5", "5"]))
    for dissolve, message in ((True, "make the same id in .*: 1-2-3; give"), (False, r"is not unique in .*\(1-2-3\)")):
        with pytest.raises(ZonesError, match=message):
            read_zones([path], id_column=["site", "plot"], dissolve=dissolve)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.parquet"])
def test_row_is_the_number_in_the_file_whatever_is_chosen(tmp_path, name):
    path = written(tmp_path, plots(), name)
    assert read_zones([path], id_column="row")["row"].tolist() == ["1", "2", "3", "4"]
    some = read_zones([path], id_column="row", where="crop = 'rye' AND site = 'B'")
    assert some["row"].tolist() == ["3", "4"]
    own = read_outlines([path], {**OPTIONS, "id": "row", "where": "site = 'B'"}, {"3"})
    assert own.polygons["3"].equals(shapely.box(2, 1, 3, 2))


def test_a_geopackage_is_known_by_its_feature_ids(tmp_path):
    path = written(tmp_path, plots()[["geometry"]])
    assert read_zones([path], id_column="fid")["fid"].tolist() == ["1", "2", "3", "4"]
    with pytest.raises(ZonesError, match=r"no column 'name'.* Its columns: none\. zones\.id: row takes the number"):
        read_zones([path], id_column="name")
    own = read_outlines([path], {**OPTIONS, "id": "fid"}, {"2"})
    assert own.polygons["2"].equals(shapely.box(1, 1, 2, 2))


def test_a_column_called_row_is_not_mistaken(tmp_path):
    path = written(tmp_path, plots().assign(row=["w", "x", "y", "z"]))
    with pytest.raises(ZonesError, match=r"has a column 'row' already.*zones\.id: \[row\]"):
        read_zones([path], id_column="row")
    assert read_zones([path], id_column=["row"])["row"].tolist() == ["w", "x", "y", "z"]


def test_repeated_ids_name_all_ways_out(tmp_path):
    with pytest.raises(ZonesError, match=r"site is not unique.*\[STATEFP, COUNTYFP\].*row.*zones\.dissolve: true"):
        read_zones([written(tmp_path, plots())], id_column="site")


def test_polygons_of_one_id_become_one_zone(tmp_path):
    path = written(tmp_path, plots().assign(n=[1, 1, 2, 3]))
    zones = read_zones([path], id_column="site", dissolve=True)
    prepared, report = prepare(zones, GRID, id_column="site")
    assert prepared["site"].tolist() == ["A", "B"]
    assert [shape.equals(shapely.box(x, 1, x + 2, 2)) for x, shape in zip((0, 2), prepared.geometry, strict=True)]
    assert shapely.area(prepared.geometry.to_numpy()).tolist() == [2, 2]
    assert prepared["crop"].tolist()[1] == "rye" and pandas.isna(prepared["crop"][0])
    assert prepared["n"].tolist()[0] == 1 and pandas.isna(prepared["n"][1])
    assert (report.joined, report.repaired) == (["A", "B"], [])
    assert sorted(report.emptied_attributes) == ["crop", "id", "n", "plot"]
    own = read_outlines([path], {**OPTIONS, "id": "site", "dissolve": True}, {"A"})
    assert own.polygons["A"].area == 2


def test_what_two_polygons_share_counts_once(tmp_path):
    frame = boxes((0, 1, 2, 2), (1, 1, 3, 2)).assign(site="A")
    prepared, _ = prepare(
        read_zones([written(tmp_path, frame)], id_column="site", dissolve=True), GRID, id_column="site"
    )
    assert prepared.geometry[0].equals(shapely.box(0, 1, 3, 2))


@pytest.mark.parametrize("empty", [None, shapely.Polygon()])
@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.parquet"])
def test_features_without_an_outline_are_left_out_and_listed(tmp_path, name, empty):
    frame = plots()
    frame.loc[1, "geometry"] = empty
    path = written(tmp_path, frame, name)
    zones = read_zones([path], id_column="id")
    _, report = prepare(zones, GRID, id_column="id")
    assert (report.read, report.kept, report.without_geometry) == (4, 3, ["b"])
    # the numbers of the others stay those in the file, and a feature without an id is named by its number
    assert read_zones([path], id_column="row")["row"].tolist() == ["1", "3", "4"]
    nameless = written(tmp_path, frame.assign(id=["a", "", "c", "d"]), f"2{name}")
    assert prepare(read_zones([nameless], id_column="id"), GRID, id_column="id")[1].without_geometry == ["row 2"]


def test_a_file_without_any_outline_is_refused(tmp_path):
    frame = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[None], crs=4326)
    with pytest.raises(ZonesError, match="has no zone with a geometry, of 1 feature"):
        read_zones([written(tmp_path, frame, "a.parquet")], id_column="id")


def test_zones_are_called_by_the_column_named():
    zones = plots().assign(NAME="guessed")
    assert zone_labels(zones, "id", "crop") == ["maize", "rye", "rye", "rye"]
    assert zone_labels(zones.assign(crop=["maize", None, "rye", ""]), "id", "crop") == ["maize", "b", "rye", "d"]
    assert zone_labels(zones, "id")[0] == "guessed"
    with pytest.raises(ZonesError, match=r"zones\.name: the zones have no column 'corp'; did you mean 'crop'\?"):
        zone_labels(zones, "id", "corp")
