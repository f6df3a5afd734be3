"""Zones as users have them: repairs are reported, all else is one clear message. Areas by hand."""

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from zonalflow.common.errors import ZonesError
from zonalflow.geometry.grid import Grid
from zonalflow.zones.on_grid import prepare
from zonalflow.zones.read import read_zones

WGS84, NAD83 = "EPSG:4326", "EPSG:4269"
GRID = Grid(NAD83, (1.0, 0.0, -90.0, 0.0, -1.0, 40.0), 10, 10)  # x −90 … −80, y 30 … 40
SQUARE = box(-89, 31, -88, 32)
BOW_TIE = Polygon([(-88, 32), (-86, 34), (-86, 32), (-88, 34)])  # two triangles of base 2 and height 1
SPIKE = Polygon([(-85, 32), (-84, 32), (-84, 33), (-84.5, 33), (-84.5, 38), (-84.5, 33), (-85, 33)])
# a square of 3 × 3 whose outline carves out a triangle of base 1 and height 1 that touches it in one point
SELF_TOUCHING = Polygon([(-89, 35), (-86, 35), (-86, 38), (-87, 38), (-86.5, 37), (-87.5, 37), (-87, 38), (-89, 38)])
HOLE_OUTSIDE = Polygon(box(-89, 31, -85, 35).exterior, [box(-86, 34, -84, 36).exterior])


def with_vertex(x):
    with np.errstate(invalid="ignore"):  # GEOS computes as it reads
        return shapely.from_wkt(f"POLYGON ((-88 32, {x} 32, -87 33, -88 32))")


def written(tmp_path, geometries, crs=NAD83, name="zones.gpkg", **columns):
    frame = geopandas.GeoDataFrame(
        columns or {"id": [f"z{i}" for i in range(len(geometries))]}, geometry=list(geometries), crs=crs
    )
    frame.to_file(tmp_path / name)
    return [str(tmp_path / name)]


def prepared(tmp_path, geometries, grid=GRID, **options):
    zones = read_zones(written(tmp_path, geometries, **options), id_column="id")
    return prepare(zones, grid, id_column="id")


def areas(zones):
    """Return areas in square degrees, which is how the arithmetic here is done."""
    return shapely.area(zones.geometry.to_numpy())


def refusal(paths, **options):
    with pytest.raises(ZonesError) as caught:
        read_zones(paths, **{"id_column": "id", **options})
    return str(caught.value)


# ------------------------------------------------------------------------------------------------- repaired


@pytest.mark.parametrize(
    ("geometry", "area"),
    [
        (BOW_TIE, 2.0),  # 2 × (½ × 2 × 1)
        (SPIKE, 1.0),  # the spike has none
        (SELF_TOUCHING, 8.5),  # 3 × 3 − ½
        (HOLE_OUTSIDE, 15.0),  # 4 × 4 − 1: of the hole only a corner lies inside
        (MultiPolygon([box(-89, 31, -87, 33), box(-88, 32, -86, 34)]), 7.0),  # 4 + 4 − 1 that they share
        (Polygon([(-88, 32), (-87, 32), (-87, 33), (-88, 33), (-88, 33)]), 1.0),  # a vertex twice
    ],
    ids=["bow-tie", "spike", "self-touching", "hole outside", "overlapping parts", "repeated vertex"],
)
def test_an_invalid_outline_is_made_valid(tmp_path, geometry, area):
    zones, report = prepared(tmp_path, [geometry, SQUARE])
    assert zones.geometry.is_valid.all()
    assert set(zones.geom_type) <= {"Polygon", "MultiPolygon"}
    assert areas(zones)[0] == pytest.approx(area, rel=1e-12)
    assert report.repaired == ([] if geometry.is_valid else ["z0"])
    assert (report.read, report.kept, report.cut, report.dropped_outside) == (2, 2, [], [])


def test_a_zone_partly_and_a_zone_wholly_outside(tmp_path):
    half, out = box(-91, 30, -89, 31), box(-95, 30, -94, 31)
    zones, report = prepared(tmp_path, [SQUARE, half, out])
    assert zones["id"].tolist() == ["z0", "z1"]
    assert zones["inside_fraction"].tolist() == [1.0, 0.5]
    assert areas(zones).tolist() == pytest.approx([1, 1])
    assert (report.cut, report.dropped_outside) == (["z1"], ["z2"])


def test_a_zone_that_only_touches_the_edge_is_outside(tmp_path):
    zones, report = prepared(tmp_path, [SQUARE, box(-91, 30, -90, 31)])
    assert zones["id"].tolist() == ["z0"]
    assert report.dropped_outside == ["z1"]


def test_whole_outlines_can_be_kept(tmp_path):
    paths = written(tmp_path, [box(-91, 30, -89, 31)])
    zones, _ = prepare(read_zones(paths, id_column="id"), GRID, id_column="id", keep="whole")
    assert areas(zones).tolist() == pytest.approx([2])
    assert zones["inside_fraction"].tolist() == [0.5]


def test_longitudes_from_0_to_360_are_turned(tmp_path):
    turned = shapely.transform(SQUARE, lambda xy: xy + np.array([360, 0]))
    zones, report = prepared(tmp_path, [turned])
    assert zones.geometry[0].bounds == pytest.approx(SQUARE.bounds)
    assert (report.kept, zones["inside_fraction"][0]) == (1, 1.0)


def test_another_crs_is_reprojected_and_reported(tmp_path):
    there = geopandas.GeoSeries([SQUARE], crs=NAD83).to_crs("EPSG:5070")
    zones, report = prepared(tmp_path, there, crs="EPSG:5070")
    assert zones.crs == NAD83
    assert report.reprojected and report.crs_of_file == "EPSG:5070"
    assert areas(zones)[0] == pytest.approx(1, rel=1e-3)  # straight lines there are not straight here


def test_zones_on_another_celestial_body_are_refused(tmp_path):
    moon = pyproj.CRS.from_proj4("+proj=longlat +R=1737400 +no_defs")
    frame = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[box(1, 1, 2, 2)], crs=moon)
    with pytest.raises(ZonesError, match=r"zones' CRS .* cannot be brought to the rasters' .* set the right one with"):
        prepare(frame, GRID, id_column="id")


def test_a_hundred_thousand_vertices(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    circle = Polygon(np.column_stack([-85 + 2 * np.cos(angle), 35 + 2 * np.sin(angle)]))
    zones, _ = prepared(tmp_path, [circle])
    # a regular polygon of n sides within a circle of radius 2: ½ n r² sin(2π/n), π r² to 1e-9
    assert areas(zones)[0] == pytest.approx(4 * np.pi, rel=1e-8)
    assert shapely.get_num_coordinates(zones.geometry[0]) == 100_001


def test_height_is_no_hindrance(tmp_path):
    zones, _ = prepared(tmp_path, [shapely.force_3d(SQUARE, 12.0)])
    assert areas(zones)[0] == 1


def test_names_in_any_script_come_through(tmp_path):
    names = ["Doña Ana", "Kauaʻi", "Ōtepoti", "北京", "𝔘nicode", 'o\'Brien "quoted"']
    squares = [box(-89 + i, 31, -88 + i, 32) for i in range(len(names))]
    paths = written(tmp_path, squares, id=names, Größe=list(range(6)))
    zones, _ = prepare(read_zones(paths, id_column="id"), GRID, id_column="id")
    assert zones["id"].tolist() == names
    assert zones["Größe"].tolist() == list(range(6))


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([12001, 12003], ["12001", "12003"]),
        ([12001.0, 12003.0], ["12001", "12003"]),
        ([1.5, 2.5], ["1.5", "2.5"]),
        ([" a ", "b"], ["a", "b"]),
        (["01", "1"], ["01", "1"]),  # leading zeros tell zones apart
        ([1e300, 2e300], ["1e+300", "2e+300"]),
    ],
)
def test_ids_are_text(tmp_path, ids, text):
    paths = written(tmp_path, [SQUARE, box(-87, 31, -86, 32)], id=ids)
    assert read_zones(paths, id_column="id")["id"].tolist() == text


@pytest.mark.parametrize("name", ["zones.shp", "zones.geojson", "zones.gpkg", "zones.fgb", "zones & more.gpkg"])
def test_formats(tmp_path, name):
    crs = WGS84 if name.endswith("json") else NAD83
    assert len(read_zones(written(tmp_path, [SQUARE], crs=crs, name=name), id_column="id")) == 1


def test_geoparquet(tmp_path):
    path = str(tmp_path / "zones.parquet")
    columns = {"id": ["a", "b", "c"], "area": [1.5, 2.5, np.nan], "n": [1, 2, 3], "set up": ["x", None, "x"]}
    zones = geopandas.GeoDataFrame(columns, geometry=[SQUARE, box(-87, 31, -86, 32), box(-86, 31, -85, 32)], crs=NAD83)
    zones.to_parquet(path, write_covering_bbox=True)
    assert read_zones([path], id_column="id")["id"].tolist() == ["a", "b", "c"]

    def chosen(where):
        return read_zones([path], id_column="id", where=where)["id"].tolist()

    assert chosen("id = 'b'") == ["b"] == chosen("area > 2") == chosen("n = 2") == chosen('"set up" IS NULL')
    assert chosen("n >= 2 AND \"set up\" = 'x'") == ["c"]
    assert "no zones that match zones.where" in refusal([path], where="id = 'z'")
    assert "with zones.where: idd = 'b'" in refusal([path], where="idd = 'b'")


def test_geoparquet_with_two_geometries_of_other_names(tmp_path):
    zones = geopandas.GeoDataFrame({"id": ["a"], "geometry": ["words"]}, geometry=None)
    zones = geopandas.GeoDataFrame(zones.assign(the_geom=[SQUARE]), geometry="the_geom", crs=NAD83)
    zones["around"] = zones.geometry.envelope
    zones.to_parquet(tmp_path / "zones.parquet")
    read = read_zones([str(tmp_path / "zones.parquet")], id_column="id")
    assert read.geometry.name == "geometry"
    assert set(read.columns) == {"id", "geometry_1", "geometry"}
    assert read.geometry[0].equals(SQUARE)


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "a"], "id is not unique in {path}: 1 value occurs more than once (a); choose a column whose values"),
        (["a", "a "], "more than once (a)"),
        ([1, 1], "more than once (1)"),
        (["a", "a", "b", "b"], "2 values occur more than once (a, b)"),
        (["a", ""], "1 zone of {path} has no id (row 2)"),
        (["a", "  "], "has no id (row 2)"),
        ([None, None], "2 zones of {path} have no id (rows 1, 2)"),
        ([1.0, np.nan], "has no id (row 2)"),
    ],
)
def test_ids_that_name_no_zone(tmp_path, ids, message):
    paths = written(tmp_path, [box(-89 + i, 31, -88 + i, 32) for i in range(len(ids))], id=ids)
    text = refusal(paths)
    assert text.startswith("zones.id: ")
    assert message.format(path=paths[0]) in text


def test_an_id_that_is_no_column_names_the_nearest(tmp_path):
    paths = written(tmp_path, [SQUARE], GEOID=["a"], NAME=["b"])
    assert "has no column 'GOID'; did you mean 'GEOID'? Its columns: GEOID, NAME" in refusal(paths, id_column="GOID")
    assert "has no column 'geometry'" in refusal(paths, id_column="geometry")


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (shapely.Point(-88, 32), "1 zone of {path} is not a polygon (Point): id z1"),
        (shapely.LineString([(-88, 32), (-87, 33)]), "is not a polygon (LineString): id z1"),
        (shapely.GeometryCollection([SQUARE, shapely.Point(-88, 32)]), "is not a polygon (GeometryCollection): id z1"),
        (with_vertex("inf"), "1 zone of {path} has coordinates that are not finite, or lie beyond the earth: id z1"),
        (with_vertex("nan"), "has coordinates that are not finite, or lie beyond the earth: id z1"),
        (with_vertex("1e300"), "has coordinates that are not finite, or lie beyond the earth: id z1"),
        (with_vertex("721"), "{path} has longitudes beyond ±720 (west -89, south 31, east 721, north 33)"),
    ],
    ids=["point", "line", "collection", "infinite", "NaN", "huge", "two turns"],
)
def test_what_is_no_polygon(tmp_path, geometry, message):
    path = tmp_path / "zones.parquet"  # which, unlike most formats, holds all of these as they are
    geopandas.GeoDataFrame({"id": ["z0", "z1"]}, geometry=[SQUARE, geometry], crs=NAD83).to_parquet(path)
    assert message.format(path=path) in refusal([str(path)])


@pytest.mark.parametrize(
    ("wkt", "kind"),
    [
        ("TRIANGLE((-88 32, -87 33, -86 32, -88 32))", "Triangle"),
        ("TIN(((-88 32, -87 33, -86 32, -88 32)))", "TIN"),
        ("POLYHEDRALSURFACE(((-88 32, -87 33, -86 32, -88 32)))", "PolyhedralSurface"),
    ],
)
def test_shapes_that_must_be_converted(tmp_path, wkt, kind):
    (tmp_path / "zones.csv").write_text(f'id,WKT\na,"{SQUARE.wkt}"\nb,"{wkt}"\n')
    text = refusal([str(tmp_path / "zones.csv")], crs=NAD83)
    assert kind in text and text.endswith(f"ogr2ogr -nlt MULTIPOLYGON zones.gpkg {tmp_path}/zones.csv")


@pytest.mark.parametrize("wkt", ["{}", "MULTISURFACE({})"])
def test_curved_outlines_are_read_by_many_short_edges(tmp_path, wkt):
    """A circle of radius 1: π, less what chords of 4° leave out, 1 − sin 4° / 4° = 0.08 %."""
    circle = wkt.format("CURVEPOLYGON(CIRCULARSTRING(-88 32, -87 33, -86 32, -87 31, -88 32))")
    (tmp_path / "zones.csv").write_text(f'id,WKT\na,"{circle}"\n')
    zones = read_zones([str(tmp_path / "zones.csv")], id_column="id", crs=NAD83)
    assert areas(zones)[0] == pytest.approx(np.pi, rel=1e-3)


def test_a_collection_of_polygons_is_one_zone(tmp_path):
    collection = shapely.GeometryCollection([SQUARE, shapely.GeometryCollection([box(-85, 31, -83, 32)])])
    zones, _ = prepared(tmp_path, [collection], name="zones.geojson")
    assert areas(zones).tolist() == [1 + 2]


def test_a_ring_that_is_not_closed_is_closed_and_named(tmp_path):
    """A square whose fifth vertex is the tip of a triangle on its side: 1 + 1 · 1 / 2, once the ring is closed."""
    paths = written(tmp_path, [SQUARE, box(-85, 31, -84, 32)], name="zones.shp")
    raw = bytearray((tmp_path / "zones.shp").read_bytes())
    last = 100 + 8 + 44 + 4 + 4 * 16  # behind the heads of file, record and polygon, the first part, four points
    first, fourth = (np.frombuffer(raw[last - 16 * back : last - 16 * back + 16]) for back in (4, 1))
    raw[last : last + 16] = ((first + fourth) / 2 + (first[1] < fourth[1]) * np.array([1.0, 0.0]) * 1.0).tobytes()
    (tmp_path / "zones.shp").write_bytes(raw)
    zones, report = prepare(read_zones(paths, id_column="id"), GRID, id_column="id")
    assert areas(zones).tolist() == [1.5, 1.0]
    assert report.repaired == ["z0"]


def test_a_polygon_without_area(tmp_path):
    flat = Polygon([(-88, 32), (-87, 32), (-86, 32), (-88, 32)])
    with pytest.raises(ZonesError, match=r"1 zone has no area, because the outline is a line or a point: z1; repair"):
        prepared(tmp_path, [SQUARE, flat], name="zones.geojson", crs=WGS84)


def test_no_crs(tmp_path):
    path = tmp_path / "zones.shp"
    geopandas.GeoDataFrame({"id": ["a"]}, geometry=[SQUARE], crs=NAD83).to_file(path)
    path.with_suffix(".prj").unlink()
    assert "has no CRS; set it in the configuration, for example zones.crs: EPSG:4269" in refusal([str(path)])
    assert read_zones([str(path)], id_column="id", crs=NAD83).crs == NAD83


def test_a_wrong_crs_shows_by_its_latitudes(tmp_path):
    meters = geopandas.GeoSeries([SQUARE], crs=NAD83).to_crs("EPSG:5070").set_crs(NAD83, allow_override=True)
    text = refusal(written(tmp_path, meters))
    assert "latitudes beyond ±90" in text
    assert "its CRS, NAD83, is not that of its coordinates" in text


@pytest.mark.parametrize("west", [-120, -85])
def test_swapped_axes(tmp_path, west):
    swapped = box(31, west, 32, west + 1)  # latitudes that cannot be, and some that can
    with pytest.raises(ZonesError, match="swapped"):
        prepared(tmp_path, [swapped])


def test_no_zone_on_the_grid_shows_both(tmp_path):
    with pytest.raises(ZonesError) as caught:
        prepared(tmp_path, [box(10, 50, 11, 51)])
    assert "no zone overlaps the grid; 1 zone was read" in str(caught.value)
    assert "west 10, south 50, east 11, north 51" in str(caught.value)
    assert "west -90, south 30, east -80, north 40" in str(caught.value)
    assert "swapped" not in str(caught.value)


def test_a_zone_that_the_rasters_crs_cannot_show(tmp_path):
    """On an orthographic picture of the earth's other side; a gnomonic one of its surroundings leaves it out."""
    whole = Grid("+proj=ortho +lat_0=35 +lon_0=-85", (128000.0, 0.0, -6400000.0, 0.0, -128000.0, 6400000.0), 100, 100)
    gnomonic = Grid("+proj=gnom +lat_0=35 +lon_0=-85", (1000.0, 0.0, 0.0, 0.0, -1000.0, 0.0), 10, 10)
    antipodes = box(94, -36, 96, -34)
    with pytest.raises(ZonesError, match="no zone overlaps the grid; 1 zone was read"):
        prepared(tmp_path, [antipodes], grid=gnomonic, crs=WGS84)
    with pytest.raises(ZonesError, match=r"1 zone reaches to where the rasters' CRS .* has no coordinates: z0; cut"):
        prepared(tmp_path, [antipodes], grid=whole, crs=WGS84)


@pytest.mark.filterwarnings("ignore:GPKG")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zones.gpkg", b""),
        ("zones.gpkg", b"SQLite format 3\0" + b"\0" * 200),
        ("zones.geojson", b'{"type": "FeatureCollection", "features": ['),
        ("zones.shp", b"\0\0\x27\x0a" + b"\0" * 96),
        ("zones.zip", b"PK\x03\x04 cut short"),
        ("zones.txt", b"these are no zones\n"),
        ("zones.parquet", b"PAR1 cut short"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    text = refusal([str(path)])
    assert text.startswith(f"{path} ")
    assert any(why in text for why in ("cannot be read", "no features", "lacks its .shx file"))


def test_no_such_file(tmp_path):
    assert refusal([str(tmp_path / "no.gpkg")]) == f"{tmp_path / 'no.gpkg'}: no such file (zones.path)"
    (tmp_path / "fields.gpkg").touch()
    assert refusal([str(tmp_path / "feilds.gpkg")]).endswith("no such file (zones.path); did you mean 'fields.gpkg'?")


def test_a_table_without_geometry(tmp_path):
    (tmp_path / "zones.csv").write_text("id,name\na,b\n")
    assert "has no geometry" in refusal([str(tmp_path / "zones.csv")])


def test_a_layer_that_is_not_there_names_the_nearest(tmp_path):
    paths = written(tmp_path, [SQUARE])
    assert "has no layer 'zone'; did you mean 'zones'?" in refusal(paths, layer="zone")


def test_a_condition(tmp_path):
    paths = written(tmp_path, [SQUARE, box(-87, 31, -86, 32)], id=["a", "b"])
    assert read_zones(paths, id_column="id", where="id = 'b'")["id"].tolist() == ["b"]
    assert "no zones that match zones.where" in refusal(paths, where="id = 'c'")
    assert "with zones.where: idd = 'b'" in refusal(paths, where="idd = 'b'")


def test_states(tmp_path):
    paths = written(tmp_path, [SQUARE, box(-87, 31, -86, 32)], id=["a", "b"], STUSPS=["FL", "GA"])
    assert read_zones(paths, id_column="id", states=["ga"])["id"].tolist() == ["b"]
    assert "no zone of" in refusal(paths, states=["TX"])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([["a"], ["b"]], "holds lists or other structures"),
        ([{"x": 1}, {"x": 2}], "holds lists or other structures"),
        ([b"a", b"b"], "holds lists or other structures"),
        (["a\0b", "c"], "holds control characters"),
        (["a", "\x1b[31mred"], "holds control characters"),
    ],
)
def test_ids_that_no_table_can_store_are_refused(ids, message, tmp_path):
    frame = geopandas.GeoDataFrame({"id": ids}, geometry=[SQUARE, box(-87, 31, -86, 32)], crs=NAD83)
    frame.to_parquet(tmp_path / "zones.parquet")
    with pytest.raises(ZonesError, match=message):
        read_zones([str(tmp_path / "zones.parquet")], id_column="id")
