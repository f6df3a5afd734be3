"""A fetched file is what its name says: nothing else is opened or written, and no request is sent."""

import io
import socket
import zipfile

import pytest
import rasterio
from small import counting, write_tif
from standin import Fault, census, grids
from standin.geocdl import packed

from zonalflow.common.errors import FetchError, RasterError
from zonalflow.common.files import sha256
from zonalflow.rasters.read import open_raster
from zonalflow.sources.census import fetch_boundaries
from zonalflow.sources.check import check_raster, check_sidecar
from zonalflow.sources.geocdl.year import fetch_year
from zonalflow.sources.prism import fetch_year as fetch_prism_year

BOX = (-84.0, 29.0, -83.0, 30.0)
NAME = "PRISM_ppt_2000.tif"


@pytest.fixture
def listener():
    """A socket that must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture
def bait(tmp_path, listener):
    """Return contents that GDAL takes for something else than a GeoTIFF, each with what it would read or contact."""
    precious = tmp_path / "precious.tif"
    write_tif(precious, counting(), nodata=-1)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    def vrt(source):
        return (
            '<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
            f"<SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
            "</VRTDataset>"
        ).encode()

    return {
        "a VRT of a local file": vrt(precious),
        "a VRT of an address": vrt(f"/vsicurl/{address}"),
        "a WMS description": f"<GDAL_WMS><Service><ServerUrl>{address}</ServerUrl></Service></GDAL_WMS>".encode(),
        "an MRF": (
            f"<MRF_META><CachedSource><Source>{precious}</Source></CachedSource><Raster><Size x='4' y='4' c='1'/>"
            f"<DataFile>{precious}</DataFile></Raster></MRF_META>"
        ).encode(),
        "a WCS description": f"<WCS_GDAL><ServiceURL>{address}</ServiceURL></WCS_GDAL>".encode(),
        "a STAC item": f'{{"stac_version": "1.0.0", "assets": {{"a": {{"href": "{address}"}}}}}}'.encode(),
        "a grid of text": b"ncols 4\nnrows 4\nxllcorner 0\nyllcorner 0\ncellsize 1\n" + b"1 2 3 4\n" * 4,
        "nothing": b"",
    }


KINDS = [
    "a VRT of a local file", "a VRT of an address", "a WMS description", "an MRF", "a WCS description", "a STAC item",
    "a grid of text", "nothing",
]  # fmt: skip


def fetch(server, folder, turned, brief):
    """Fetch a year of PRISM from the stand-in into the folder r."""
    where = folder / "r/2000.json"
    fetch_year(server.url, "PRISM", "ppt", 2000, "annual", BOX, where, policy=brief, clock=turned.clock())


@pytest.mark.parametrize("kind", KINDS)
def test_a_raster_that_is_something_else_is_refused(kind, bait, server, tmp_path, turned, brief):
    precious = tmp_path / "precious.tif"
    before = sha256(precious)
    body = packed({"metadata.json": b"{}", NAME: bait[kind]})
    server.faults.append(Fault("body", times=None, options={"content": body}))
    with pytest.raises(FetchError, match="cannot be read as what its name says: it begins with"):
        fetch(server, tmp_path, turned, brief)
    assert not (tmp_path / "r/2000.json").exists()
    assert not (tmp_path / f"r/{NAME}").exists()
    assert sha256(precious) == before


def test_what_was_fetched_is_opened_as_a_geotiff_alone(tmp_path):
    path = tmp_path / "raster.tif"
    write_tif(path, counting(), nodata=-1)
    content = bytearray(path.read_bytes())
    assert content[:4] == b"II*\0"
    with open_raster(str(path), fetched=True) as dataset:
        assert dataset.driver == "GTiff"
    path.write_text('<VRTDataset rasterXSize="4" rasterYSize="4"></VRTDataset>')
    with pytest.raises(RasterError), open_raster(str(path), fetched=True):
        pass


def huge(width, height, **profile):
    """Return a GeoTIFF of a few hundred bytes that claims many cells."""
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=width, height=height, count=1, dtype="uint8", crs="EPSG:4269", nodata=0,
            transform=rasterio.Affine(1 / 24, 0, -84.0208333, 0, -1 / 24, 30.0208333), SPARSE_OK=True, **profile,
        ):  # fmt: skip
            pass
        return bytes(memory.read())


def test_a_giant_is_refused_before_a_cell_is_read(server, tmp_path, turned, brief):
    giant = huge(60000, 60000, compress="deflate", tiled=True, blockxsize=32768, blockysize=32768)
    assert len(giant) < 2000
    server.faults.append(Fault("body", times=None, options={"content": packed({"metadata.json": b"{}", NAME: giant})}))
    with pytest.raises(FetchError, match="cells beyond the box that was asked for"):
        fetch(server, tmp_path, turned, brief)
    content = packed({"prism_ppt_us_25m_2000.tif": giant})
    server.faults[:] = [Fault("body", times=None, options={"content": content})]
    with pytest.raises(FetchError, match="more than any grid of PRISM"):
        fetch_prism_year(
            server.prism_url, "4km", "ppt", 2000, "annual", tmp_path / "p/2000.json", policy=brief, clock=turned.clock()
        )


def test_giant_blocks_are_refused(tmp_path):
    path = tmp_path / "blocks.tif"
    path.write_bytes(huge(10, 10, tiled=True, blockxsize=16384, blockysize=16384, compress="deflate"))
    with pytest.raises(FetchError, match="has blocks of"):
        check_raster(path)


@pytest.mark.parametrize(
    "content",
    [
        '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/etc/passwd</MDI></Metadata></PAMDataset>',
        '<PAMDataset><Metadata><MDI key="&#79;VERVIEW_FILE">x.ovr</MDI></Metadata></PAMDataset>',
        '<PAMDataset><PAMRasterBand band="1"><Description>/vsicurl/http://127.0.0.1/x</Description></PAMRasterBand>'
        "</PAMDataset>",
        '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><PAMDataset>&b;</PAMDataset>',
        '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><PAMDataset>&a;</PAMDataset>',
        "<VRTDataset/>",
        "<PAMDataset>" + "<a>" * 5000,
        "<PAMDataset>\x00</PAMDataset>",
    ],
)
def test_a_side_file_that_points_elsewhere_is_refused(content, tmp_path):
    path = tmp_path / "raster.tif.aux.xml"
    path.write_text(content)
    with pytest.raises(FetchError):
        check_sidecar(path)


def test_the_side_file_of_classes_is_accepted(tmp_path):
    path = tmp_path / "raster.tif.aux.xml"
    path.write_bytes(grids.class_names(grids.DATASETS["NASS_CDL"].classes))
    check_sidecar(path)


@pytest.fixture
def fetch_zones(server, tmp_path, turned, brief):
    """Fetch boundaries from a server that has changed a member of the zip."""

    def fetch(**changes):
        with zipfile.ZipFile(io.BytesIO(census.squares("counties", "12"))) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        for suffix, change in changes.items():
            name = f"counties.{suffix}"
            members[name] = change(members.get(name, b""))
        server.faults.append(Fault("body", times=None, options={"content": packed(members)}))
        url = f"{server.census_url}/GENZ2021/shp/cb_2021_us_county_20m.zip"
        return fetch_boundaries(url, tmp_path / "counties.zip", policy=brief, clock=turned.clock())

    return fetch


def test_boundaries_as_they_are_come_through(fetch_zones):
    assert fetch_zones()["files"][0]["name"] == "counties.zip"


@pytest.mark.parametrize(
    "changes",
    [
        {"shp": lambda content: b"<OGRVRTDataSource></OGRVRTDataSource>"},
        {"shp": lambda content: content[:100] + b"<OGRVRTDataSource><OGRVRTLayer>" + content[131:]},
        {"dbf": lambda content: content[:40] + b"<VRTDataset>" + content[52:]},
        {"prj": lambda content: b"http://127.0.0.1:9/crs"},
        {"prj": lambda content: b"/etc/passwd"},
        {"prj": lambda content: content + b" " * 70000},
        {"vrt": lambda content: b"<OGRVRTDataSource/>"},
        {"gpkg": lambda content: b"SQLite format 3\0"},
        {"shx": lambda content: b"SQLite format 3\0"},
    ],
)
def test_boundaries_that_are_something_else_are_refused(changes, fetch_zones, tmp_path):
    with pytest.raises(FetchError):
        fetch_zones(**changes)
    assert not (tmp_path / "counties.zip").exists()
    assert not (tmp_path / "counties.zip.json").exists()
