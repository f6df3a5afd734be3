"""A user's own files and keys send no request: each that names an address is refused, and a socket gets nothing."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas
import pytest
import shapely
from faults import pipeline
from small import counting, write_tif

from zonalflow.common.errors import ConfigError, ZonalflowError
from zonalflow.common.offline import check_local
from zonalflow.study.preflight import check_inputs

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow/scripts"


@pytest.fixture
def address():
    """The address of a socket that must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a raster and zones that are right."""
    monkeypatch.chdir(tmp_path)
    write_tif(tmp_path / "ppt_2000.tif", counting(), nodata=-1)
    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(0.5, 0.5, 2.5, 2.5)], crs="EPSG:4326")
    frame.to_file(tmp_path / "zones.gpkg", engine="pyogrio")
    return tmp_path


def vrt(source, extra="", shared="relativeToVRT='0'"):
    return (
        f'<VRTDataset rasterXSize="4" rasterYSize="4"><SRS>EPSG:4326</SRS>{extra}'
        "<GeoTransform>0,1,0,4,0,-1</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename {shared}>{source}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


def feature_collection(crs):
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": square}
    return json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]})


# name of a file and what it holds, with ADDRESS for the address of the socket
RASTERS = {
    "vrt of an address": vrt("/vsicurl/ADDRESS/x.tif"),
    "vrt of an address in a query": vrt("/vsicurl?url=ADDRESS/x.tif"),
    "vrt of a bucket": vrt("/vsis3/bucket/x.tif"),
    "vrt of a plain address": vrt("ADDRESS/x.tif"),
    "vrt of a WMS": vrt("WMS:ADDRESS/wms?SERVICE=WMS"),
    "vrt with escaped letters": vrt("&#47;vsicurl&#47;ADDRESS/x.tif"),
    "vrt in capitals": vrt("/VSICURL/ADDRESS/x.tif"),
    "vrt with a description": vrt("&lt;GDAL_WMS&gt;&lt;ServerUrl&gt;ADDRESS&lt;/ServerUrl&gt;&lt;/GDAL_WMS&gt;"),
    "vrt with spaces": vrt("\n  /vsicurl/ADDRESS/x.tif "),
    "vrt that warps": (
        '<VRTDataset rasterXSize="4" rasterYSize="4" subClass="VRTWarpedDataset"><GDALWarpOptions>'
        '<SourceDataset relativeToVRT="0">/vsicurl/ADDRESS/x.tif</SourceDataset></GDALWarpOptions></VRTDataset>'
    ),
    "vrt of a zip far away": vrt("/vsizip//vsicurl/ADDRESS/x.zip/x.tif"),
    "WMS": "<GDAL_WMS><Service name='WMS'><ServerUrl>ADDRESS/?</ServerUrl></Service></GDAL_WMS>",
    "WMTS": "<GDAL_WMTS><GetCapabilitiesUrl>ADDRESS/c.xml</GetCapabilitiesUrl></GDAL_WMTS>",
    "WCS": "<WCS_GDAL><ServiceURL>ADDRESS/?</ServiceURL><CoverageName>x</CoverageName></WCS_GDAL>",
    "cached MRF": "<MRF_META><CachedSource><Source>/vsicurl/ADDRESS/x</Source></CachedSource></MRF_META>",
    "STAC": '{"stac_version": "1.0.0", "type": "Feature", "assets": {"a": {"href": "ADDRESS/x.tif"}}}',
}
ZONES = {
    "linked CRS": feature_collection({"type": "link", "properties": {"href": "ADDRESS/crs", "type": "ogcwkt"}}),
    "linked CRS in another order": feature_collection({"properties": {"href": "ADDRESS/c"}, "type": "link"}),
    "WFS": "<OGRWFSDataSource><URL>ADDRESS/wfs</URL></OGRWFSDataSource>",
    "OGR VRT": (
        "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/vsicurl/ADDRESS/a.json</SrcDataSource></OGRVRTLayer>"
        "</OGRVRTDataSource>"
    ),
    "OGR VRT of a WFS": (
        "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>WFS:ADDRESS/wfs</SrcDataSource></OGRVRTLayer>"
        "</OGRVRTDataSource>"
    ),
    "CSW": "<OGRCSWDataSource><URL>ADDRESS/csw</URL></OGRCSWDataSource>",
}


def config(**changes):
    raster = {"source": "local", "path": "ppt_{year}.tif", "variables": ["ppt"], **changes.get("raster", {})}
    zones = {"source": "file", "path": "zones.gpkg", "id": "name", **changes.get("zones", {})}
    weights = {"weights": changes["weights"]} if "weights" in changes else {}
    return {"run": "a", "years": 2000, "zones": zones, "raster": raster, **weights}


def check(**changes):
    """Do what a preview does."""
    check_inputs(pipeline.study_of(config(**changes)))


def test_files_that_are_local_pass(folder):
    check()
    Path("local_2000.vrt").write_text(vrt("ppt_2000.tif", shared='relativeToVRT="1"'))
    check(raster={"path": "local_{year}.vrt", "nodata": -1})


@pytest.mark.parametrize("name", RASTERS)
def test_a_raster_that_names_an_address_is_refused(name, folder, address):
    Path("far_2000.tif").write_text(RASTERS[name].replace("ADDRESS", address))
    with pytest.raises(ZonalflowError, match=r"no request was sent|defines entities|cannot be read") as caught:
        check(raster={"path": "far_{year}.tif"})
    assert "far_2000.tif" in str(caught.value) or address in str(caught.value) or "vsi" in str(caught.value)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "xml"])
def test_zones_that_name_an_address_are_refused(name, suffix, folder, address):
    Path(f"far.{suffix}").write_text(ZONES[name].replace("ADDRESS", address))
    with pytest.raises(ZonalflowError, match="no request was sent"):
        check(zones={"path": f"far.{suffix}"})


def test_files_within_archives_are_looked_at(folder, address):
    for name, content in (("far_2000.zip", RASTERS["vrt of an address"]), ("zones.zip", ZONES["OGR VRT"])):
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr("x.vrt", content.replace("ADDRESS", address))
    with pytest.raises(ConfigError, match="VRT within an archive"):
        check(raster={"path": "far_{year}.zip"})
    with pytest.raises(ConfigError, match="VRT within an archive"):
        check(zones={"path": "zones.zip"})


def test_vrts_within_vrts_are_followed(folder, address):
    Path("inner.vrt").write_text(vrt(f"/vsicurl/{address}/x.tif"))
    Path("far_2000.vrt").write_text(vrt("inner.vrt", shared='relativeToVRT="1"'))
    with pytest.raises(ConfigError, match="no request was sent"):
        check(raster={"path": "far_{year}.vrt"})
    Path("loop_2000.vrt").write_text(vrt("loop_2000.vrt", shared='relativeToVRT="1"'))
    with pytest.raises(ZonalflowError, match="within too many others"):
        check(raster={"path": "loop_{year}.vrt"})


@pytest.mark.parametrize("start", ["/vsicurl/", "", "/vsis3_streaming/", "WFS:", "WMS:", "/vsizip//vsicurl/", "OAPIF:"])
def test_paths_that_are_addresses_are_refused(start, folder, address):
    path = f"{start}{address}/zones.gpkg"
    with pytest.raises(ZonalflowError, match=r"no such file|names an address|no request was sent"):
        check(zones={"path": path})
    with pytest.raises(ZonalflowError, match=r"no raster|no such file|names an address"):
        check(raster={"path": path})
    with pytest.raises(ZonalflowError):
        check(weights={"path": path})
    with pytest.raises(ConfigError, match="names an address"):
        check_local(path)


@pytest.mark.parametrize("key", ["zones", "raster"])
@pytest.mark.parametrize(
    "crs", ["ADDRESS/crs", "https://127.0.0.1:1/x", "/etc/passwd", "zones.gpkg", "file:///etc/passwd"]
)
def test_a_crs_that_names_an_address_is_refused(key, crs, folder, address):
    with pytest.raises(ConfigError, match=f"{key}.crs: .* is an address or a file"):
        check(**{key: {"crs": crs.replace("ADDRESS", address)}})


@pytest.mark.parametrize("crs", ["EPSG:4326", "+proj=longlat +datum=WGS84", "OGC:CRS84", "WGS84"])
def test_a_crs_is_written_as_before(crs, folder):
    check(zones={"crs": crs}, raster={"crs": crs})


def test_references_that_no_check_finds_send_no_request(folder, address):
    """A GeoPackage whose view names a function, a tile index of addresses, escaped keys: GDAL must not get out."""
    escaped = feature_collection({"type": "link", "properties": {"href": f"{address}/crs", "type": "proj4"}})
    Path("escaped.geojson").write_text(escaped.replace('"crs"', '"\\u0063rs"').replace('"link"', '"\\u006cink"'))
    connection = sqlite3.connect("index.gpkg")
    connection.execute("create table tiles (location text)")
    connection.execute("insert into tiles values (?)", (f"/vsicurl/{address}/x.tif",))
    connection.commit()
    connection.close()
    code = (
        "from zonalflow.common.offline import forbid_network\nforbid_network()\nimport pyogrio, rasterio\n"
        f"for path in ('escaped.geojson', '/vsicurl/{address}/a.geojson', 'WFS:{address}/wfs'):\n"
        "    try: pyogrio.read_dataframe(path)\n    except Exception as error: print(type(error).__name__)\n"
        f"for path in ('GTI:index.gpkg', '/vsicurl/{address}/x.tif', '{address}/x.tif', 'WMS:{address}/?'):\n"
        "    try: rasterio.open(path)\n    except Exception as error: print(type(error).__name__)\n"
    )
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Error") >= 6


# ------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:9", "http://secret@127.0.0.1:9/", "https://u:secret@[::1]:9", "http://u:secret@",
        "http://127.0.0.1@secret:9/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["zones", "raster"])
def test_an_address_with_a_password_is_refused_and_not_repeated(key, url, folder):
    changed = {"raster": {"source": "geocdl", "dataset": "PRISM", "variables": ["ppt"]}} if key == "raster" else {}
    base = config()
    base[key] = {**base[key], **changed.get(key, {}), "url": url}
    base[key].pop("path", None) if key == "raster" else None
    with pytest.raises(ConfigError) as caught:
        pipeline.study_of(base)
    assert f"{key}.url: an address with a user name or password is refused" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://a:99999",
        "http://a:x",
        "http://a?token=1",
        "http://a/#x",
        "http://ä/",
        "http://:80",
        "http://a:0",
    ],
)
def test_an_address_that_is_none_is_refused(url, folder):
    base = config()
    base["zones"]["url"] = url
    with pytest.raises(ConfigError, match=r"zones\.url: .* is not an address"):
        pipeline.study_of(base)


def test_network_drivers_are_left_out_without_a_warning():
    """Of both copies of GDAL, rasterio's and pyogrio's."""
    code = (
        "from zonalflow.common.offline import forbid_network; forbid_network(); import pyogrio, rasterio\n"
        "with rasterio.Env() as env: print(*{*env.drivers(), *pyogrio.list_drivers()} & {'WFS', 'Elasticsearch'})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "", "")
