"""Zones of every kind: formats, filters, shapes, everywhere on the globe."""

import gzip
import zipfile

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from small import GRID, boxes

from zonalflow.common.errors import ZonesError
from zonalflow.geometry.antimeridian import unwrap, wrap
from zonalflow.geometry.grid import Grid
from zonalflow.index.build import build_index
from zonalflow.verify.outlines import read_outlines
from zonalflow.zones.layers import describe_choice
from zonalflow.zones.on_grid import bring_to_grid, prepare
from zonalflow.zones.read import read_zones

WORLD = Grid("EPSG:4326", (1.0, 0.0, -180.0, 0.0, -1.0, 90.0), 360, 180)
PACIFIC = Grid("EPSG:4326", (1.0, 0.0, 0.0, 0.0, -1.0, 90.0), 360, 180)  # longitudes from 0 to 360

KML = """<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>
<Folder><name>Empty</name></Folder><Folder><name>Fields</name>
<Placemark><name>north</name><Polygon><outerBoundaryIs><LinearRing><coordinates>
0,3 2,3 2,4 0,4 0,3</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
</Folder></Document></kml>"""


def counties():
    frame = boxes((0, 3, 2, 4), (2, 3, 4, 4), (4, 3, 6, 4))
    return frame.assign(
        STUSPS=["FL", "GA", "AL"], STATEFP=["12", "13", "01"], STATE_NAME=["Florida", "Georgia", "Alabama"]
    )


# -------------------------------------------------------------------------------------------------------------- reading


def test_a_kml_whose_first_layer_is_empty(tmp_path):
    (tmp_path / "a.kml").write_text(KML)
    zones = read_zones([tmp_path / "a.kml"], id_column="Name")
    assert zones["Name"].tolist() == ["north"]
    assert shapely.area(zones.geometry[0]) == 2


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.fgb", "a.parquet"])
def test_formats(tmp_path, name):
    path = tmp_path / name
    counties().to_parquet(path) if name.endswith("parquet") else counties().to_file(path)
    zones = read_zones([path], id_column="id")
    assert sorted(zones["id"]) == ["a", "b", "c"]  # FlatGeobuf orders by place
    assert zones.crs.to_epsg() == 4269


def test_a_zipped_shapefile(tmp_path):
    counties().to_file(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            if part.suffix != ".zip":
                archive.write(part, part.name)
    assert len(read_zones([tmp_path / "a.zip"], id_column="id")) == 3


def zipped(path, *files):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about/note.txt", "…")
        for file, name in files:
            for part in file.parent.glob(f"{file.stem}.*"):
                archive.write(part, f"{name}{part.suffix}")
    return str(path)


def test_layers_in_the_folders_of_a_zip(tmp_path):
    (tmp_path / "plain").mkdir()
    counties().to_file(tmp_path / "plain/three.shp")
    counties()[:1].to_file(tmp_path / "plain/one.shp")
    files = [(tmp_path / f"plain/{name}.shp", f"deep/{name}/{name}") for name in ("one", "three")]
    path = zipped(tmp_path / "a.zip", *files)
    options = {"id": "id", "layer": "three", "crs": None, "where": "STUSPS = 'AL'", "dissolve": False}
    for layer, n in (("one", 1), ("three", 3), (None, 1)):
        assert len(read_zones([path], id_column="id", layer=layer)) == n
    with pytest.raises(ZonesError, match=r"has no layer 'tree'; did you mean 'three'\? It has: one, three"):
        read_zones([path], id_column="id", layer="tree")
    assert read_zones([path], id_column="row", layer="three", where="STUSPS = 'AL'")["row"].tolist() == ["3"]
    assert read_outlines([path], options, {"c"}).polygons["c"].bounds == (4, 3, 6, 4)
    alone = zipped(tmp_path / "b.zip", files[1])
    assert len(read_zones([alone], id_column="id")) == 3


def test_a_geodatabase_in_a_folder_of_a_zip(tmp_path):
    counties().to_file(tmp_path / "a.gdb", driver="OpenFileGDB", layer="counties")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in (tmp_path / "a.gdb").iterdir():
            archive.write(part, f"deep/a.gdb/{part.name}")
    path = str(tmp_path / "a.zip")
    assert read_zones([path], id_column="id")["id"].tolist() == ["a", "b", "c"]
    options = {"id": "id", "layer": None, "crs": None, "where": None, "dissolve": False}
    assert read_outlines([path], options, {"c"}).polygons["c"].bounds == (4, 3, 6, 4)


def test_a_gzipped_geojson(tmp_path):
    counties().to_file(tmp_path / "a.geojson")
    (tmp_path / "b.geojson.gz").write_bytes(gzip.compress((tmp_path / "a.geojson").read_bytes()))
    path = str(tmp_path / "b.geojson.gz")
    assert len(read_zones([path], id_column="id")) == 3
    options = {"id": "id", "layer": None, "crs": None, "where": None, "dissolve": False}
    assert read_outlines([path], options, {"c"}).polygons["c"].bounds == (4, 3, 6, 4)


def test_a_shapefile_without_its_shx_is_refused(tmp_path):
    counties().to_file(tmp_path / "a.shp")
    (tmp_path / "a.shx").unlink()
    with pytest.raises(ZonesError, match=r"a\.shp lacks its \.shx file; copy all files"):
        read_zones([tmp_path / "a.shp"], id_column="id")


def test_which_of_several_layers_is_taken(tmp_path):
    path = tmp_path / "a.gpkg"
    counties().to_file(path, layer="one")
    assert describe_choice(str(path)) == ""
    counties().to_file(path, layer="two")
    chosen = describe_choice(str(path))
    assert chosen == f"layer 'one' of {path}, the first with features of: one, two"


def test_geoparquet_by_its_short_suffix(tmp_path):
    counties().to_parquet(tmp_path / "a.pq")
    assert len(read_zones([tmp_path / "a.pq"], id_column="id")) == 3


def test_a_condition_and_states_choose_zones(tmp_path):
    counties().to_file(tmp_path / "a.gpkg")
    by_condition = read_zones([tmp_path / "a.gpkg"], id_column="id", where="STATE_NAME <> 'Florida' AND STATEFP = '13'")
    assert by_condition["id"].tolist() == ["b"]
    for states in (["FL", "AL"], ["12", "01"], ["florida", "Alabama"]):
        assert read_zones([tmp_path / "a.gpkg"], id_column="id", states=states)["id"].tolist() == ["a", "c"]
    with pytest.raises(ZonesError, match=r"no zone of .* is in TX"):
        read_zones([tmp_path / "a.gpkg"], id_column="id", states=["FL", "TX"])
    with pytest.raises(ZonesError, match=r"no zones that match zones.where"):
        read_zones([tmp_path / "a.gpkg"], id_column="id", where="STATEFP = '99'")


@pytest.mark.parametrize("column", ["STUSPS", "STATEFP", "STATE_NAME"])
def test_states_are_known_by_whichever_column_the_file_has(tmp_path, column):
    others = {"STUSPS", "STATEFP", "STATE_NAME"} - {column}
    counties().drop(columns=list(others)).to_file(tmp_path / "a.gpkg")
    for state in ("ga", "13", "Georgia"):  # the tracts of 2018 have STATEFP alone
        assert read_zones([tmp_path / "a.gpkg"], id_column="id", states=[state])["id"].tolist() == ["b"]


def test_a_geography_that_comes_in_one_file_a_state(tmp_path):
    for i, state in enumerate(("12", "13")):
        zones = boxes((3 * i, 0, 3 * i + 1, 1), (3 * i, 1, 3 * i + 1, 2))
        zones.assign(id=[f"{state}001", f"{state}002"]).to_file(tmp_path / f"{state}.gpkg")
    zones = read_zones([tmp_path / "12.gpkg", tmp_path / "13.gpkg"], id_column="id")
    assert zones["id"].tolist() == ["12001", "12002", "13001", "13002"]


def test_ids_are_text(tmp_path):
    counties().assign(number=[1.0, 2.0, 30.0]).to_file(tmp_path / "a.gpkg")
    assert read_zones([tmp_path / "a.gpkg"], id_column="number")["number"].tolist() == ["1", "2", "30"]


# ------------------------------------------------------------------------------------------------------------ preparing


def test_zones_outside_are_dropped_and_cut_ones_have_their_share():
    zones = boxes((0, 3, 2, 4), (5, 0, 9, 1), (6, 0, 7, 1), (10, 10, 11, 11))  # inside, cut, touching, outside
    clipped, report = prepare(zones, GRID, id_column="id")
    assert clipped["inside_fraction"].tolist() == [1.0, 0.25]
    assert clipped.total_bounds.tolist() == [0, 0, 6, 4]
    assert (report.dropped_outside, report.cut) == (["c", "d"], ["b"])
    whole, _ = prepare(zones, GRID, id_column="id", keep="whole")
    assert whole["inside_fraction"].tolist() == [1.0, 0.25]
    assert whole.total_bounds.tolist() == [0, 0, 9, 4]
    # the cells on the grid are the same
    cells = [build_index(frame.geometry.to_numpy(), GRID).n_cells.tolist() for frame in (clipped, whole)]
    assert cells[0] == cells[1] == [2, 1]


def test_no_zone_on_the_grid_shows_both_bounds():
    with pytest.raises(
        ZonesError, match=r"(?s)no zone overlaps the grid; 1 zone was read.*west 10, south 10.*west 0, south 0"
    ):
        prepare(boxes((10, 10, 11, 11)), GRID, id_column="id")


def test_overlapping_zones_and_holes_keep_their_own_cells():
    ring = shapely.Polygon(shapely.box(0, 0, 4, 4).exterior.coords, [shapely.box(1, 1, 3, 3).exterior.coords])
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 3, 6, 4)])
    zones = geopandas.GeoDataFrame(
        {"id": ["ring", "two", "all"]}, geometry=[ring, two, shapely.box(0, 0, 6, 4)], crs="EPSG:4269"
    )
    prepared, _ = prepare(zones, GRID, id_column="id")
    assert build_index(prepared.geometry.to_numpy(), GRID).n_cells.tolist() == [12, 2, 24]


def test_a_bow_tie_is_repaired_and_named():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    zones = geopandas.GeoDataFrame({"id": ["bow"]}, geometry=[bow], crs="EPSG:4269")
    prepared, report = prepare(zones, GRID, id_column="id")
    assert report.repaired == ["bow"]
    assert shapely.area(prepared.geometry[0]) == 2


def test_zones_in_any_crs_come_to_the_grid():
    zones = boxes((1, 1, 3, 3))
    there, report = prepare(zones.to_crs("EPSG:3857"), GRID, id_column="id")
    assert report.reprojected
    np.testing.assert_allclose(there.total_bounds, [1, 1, 3, 3], atol=1e-9)


def test_a_hundred_thousand_zones():
    west, south = np.meshgrid(np.linspace(-120, -70, 400), np.linspace(25, 45, 250))
    west, south = west.ravel(), south.ravel()
    geometry = shapely.box(west, south, west + 0.1, south + 0.07)
    zones = geopandas.GeoDataFrame({"id": np.arange(100_000).astype(str)}, geometry=geometry, crs="EPSG:4269")
    grid = Grid("EPSG:4269", (1 / 24, 0.0, -125.0, 0.0, -1 / 24, 50.0), 1440, 624)
    prepared, report = prepare(zones, grid, id_column="id")
    assert (len(prepared), report.cut) == (100_000, [])
    index = build_index(prepared.geometry.to_numpy(), grid)
    # a zone is 2.4 by 1.68 cells wide, so holds 4.032 cell centres on average
    assert index.n_cells.mean() == pytest.approx(2.4 * 1.68, rel=0.01)
    assert set(index.n_cells) <= {2, 3, 4, 6}


# ---------------------------------------------------------------------------------------------------- the antimeridian


@pytest.mark.parametrize(
    "ring",
    [
        [(178, 0), (-178, 0), (-178, 2), (178, 2)],  # the longitude changes by 356 degrees
        [(178, 0), (182, 0), (182, 2), (178, 2)],  # counts on beyond 180
        [(-182, 0), (-178, 0), (-178, 2), (-182, 2)],  # and below −180
    ],
)
@pytest.mark.parametrize(("grid", "columns"), [(WORLD, {0, 1, 358, 359}), (PACIFIC, {178, 179, 180, 181})])
def test_a_zone_across_the_antimeridian_has_cells_on_both_sides(ring, grid, columns):
    zones = geopandas.GeoDataFrame({"id": ["z"]}, geometry=[shapely.Polygon(ring)], crs="EPSG:4326")
    prepared, _report = prepare(zones, grid, id_column="id")
    row, column, _ = build_index(prepared.geometry.to_numpy(), grid).cells(0)
    assert set(column.tolist()) == columns
    assert set(row.tolist()) == {88, 89}
    assert prepared["inside_fraction"].tolist() == [1.0]
    assert shapely.area(prepared.geometry[0]) == 8


def test_a_hole_across_the_antimeridian_stays_a_hole():
    outer = [(175, -5), (-175, -5), (-175, 5), (175, 5)]
    inner = [(179, -1), (-179, -1), (-179, 1), (179, 1)]
    continuous, *_ = unwrap(np.array([shapely.Polygon(outer, [inner])]))
    (turned,) = wrap(continuous, -180, 180)
    assert turned.area == 10 * 10 - 2 * 2
    assert turned.bounds == (-180, -5, 180, 5)


def test_zones_reprojected_across_the_antimeridian():
    # a square of 400 km in the Aleutians, in Alaska's Albers, across 180 degrees
    corner = geopandas.GeoSeries([shapely.Point(180, 51)], crs="EPSG:4269").to_crs("EPSG:3338")[0]
    square = corner.buffer(200_000, cap_style="square")
    zones = geopandas.GeoDataFrame({"id": ["z"]}, geometry=[square], crs="EPSG:3338")
    placed = bring_to_grid(zones, WORLD)
    west, _, east, _ = shapely.bounds(placed.whole[0])
    assert (west, east) == (-180, 180)
    cells = build_index(placed.whole, WORLD).cells(0)[1]
    assert set(cells.tolist()) <= {*range(0, 5), *range(355, 360)}
    assert len(cells) > 10


def test_parts_on_both_sides_are_left_as_they_are():
    aleutians = shapely.MultiPolygon([shapely.box(170, 50, 180, 55), shapely.box(-180, 50, -170, 55)])
    (turned,) = wrap(np.array([aleutians]), -180, 180)
    assert turned is aleutians
    (turned,) = wrap(np.array([aleutians]), 0, 360)
    assert turned.bounds == (170, 50, 190, 55)


def test_the_frame_of_states_is_not_changed():
    frame = counties()
    before = frame.copy()
    prepare(frame, GRID, id_column="id")
    pandas.testing.assert_frame_equal(frame, before)
