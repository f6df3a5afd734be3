"""What is refused before any job, also in a preview: rasters, zones and weights that do not go together."""

from pathlib import Path

import numpy as np
import pytest
from small import GRID, boxes, counting, write_nc, write_tif

from zonalflow.common.errors import ZonalflowError
from zonalflow.geometry.grid import Grid
from zonalflow.study.preflight import check_inputs
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

SCHEMA = load_schema(Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml")
_DEGREE = 'ANGLEUNIT["degree",0.0174532925199433]'
ROTATED = (
    'GEOGCRS["rotated",BASEGEOGCRS["WGS 84",DATUM["WGS_1984",ELLIPSOID["WGS 84",6378137,298.257223563]]],'
    'DERIVINGCONVERSION["Rotated",METHOD["PROJ ob_tran o_proj=longlat"],'
    f'PARAMETER["o_lon_p",-162,{_DEGREE}],PARAMETER["o_lat_p",39.25,{_DEGREE}],PARAMETER["lon_0",180,{_DEGREE}]],'
    f'CS[ellipsoidal,2],AXIS["longitude",east],AXIS["latitude",north],{_DEGREE}]'
)


def checked(folder, zones=None, raster=None, **keys):
    """Check a study of one year with zone a on GRID."""
    (boxes((0, 3, 3, 4)) if zones is None else zones).to_file(folder / "zones.gpkg")
    own = {"source": "local", "path": f"{folder}/{{year}}.tif", "variables": ["v"], **(raster or {})}
    where = {"source": "file", "path": str(folder / "zones.gpkg"), "id": "id"}
    config = resolve({"run": "r", "years": 2000, "zones": where, "raster": own, **keys}, SCHEMA)
    check_inputs(Study(config))


def refused(*arguments, **keys):
    with pytest.raises(ZonalflowError) as caught:
        checked(*arguments, **keys)
    return str(caught.value)


def test_what_goes_together_passes(tmp_path):
    write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    checked(tmp_path)


def test_nodata_that_is_not_declared(tmp_path):
    write_tif(tmp_path / "2000.tif", counting())
    assert "2000.tif (2000) does not declare its nodata value" in refused(tmp_path)
    checked(tmp_path, raster={"nodata": -9999})


def test_a_band_or_variable_that_is_not_there(tmp_path):
    write_tif(tmp_path / "2000.tif", np.stack([counting()] * 2), nodata=-1)
    assert "exactly one must be called 'v'" in refused(tmp_path)
    assert "has 2 bands; 2000 should be band 3" in refused(tmp_path, raster={"band": 3})
    path = write_nc(tmp_path / "a.nc", member=1)
    assert "has no variable 'v'" in refused(tmp_path, raster={"path": path})
    assert "has no variable 'w'" in refused(tmp_path, raster={"path": path, "variables": {"ppt": "ppt", "heat": "w"}})


def test_weights_on_another_grid(tmp_path):
    write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    coarse = Grid(GRID.crs, (2.0, 0.0, 0.0, 0.0, -2.0, 4.0), 3, 2)
    path = write_tif(tmp_path / "weights.tif", counting(coarse), grid=coarse, nodata=-1)
    assert "does not have the cells of the rasters" in refused(tmp_path, weights={"path": str(path)})


def test_no_zone_on_the_grid(tmp_path):
    write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    assert "no zone overlaps the grid" in refused(tmp_path, zones=boxes((40, 10, 41, 11)))
    message = refused(tmp_path, zones=boxes((-170, -80, -10, 80), (20, -80, 170, 80)))
    assert "swapped" not in message  # a layer of the world beside a small grid
    message = refused(tmp_path, zones=boxes((0, 3, 3, 4)), bbox=[3, 0, 6, 3])
    assert "no zone overlaps the grid" in message


def test_a_crs_that_a_format_cannot_hold(tmp_path):
    write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    zones = boxes((150, -80, 151, -79)).set_crs("EPSG:4326", allow_override=True)
    message = refused(tmp_path, zones=zones, raster={"crs": ROTATED}, output={"formats": ["gpkg"]})
    assert "output.formats: gpkg cannot store the rasters' CRS (rotated); write geoparquet" in message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "demo", "select": {"a": 1}}, "raster.select is only for raster.source: local"),
        ({"source": "demo", "band": 2}, "raster.band is only for raster.source: local"),
        ({"source": "prism", "grain": "native"}, "raster.grain: native is only for raster.source: local"),
        ({"source": "prism", "missing_dates": "skip"}, "raster.missing_dates is only for raster.source: local"),
        ({"source": "prism", "variables": {"rain": "ppt"}}, "a mapping to names in files is only for"),
        ({"variables": {"a/b": "v"}}, "may hold only letters, digits"),
        ({"variables": {"a": 1}}, "raster.variables.a: 1 is not text"),
        ({"variables": 7}, "raster.variables: 7 is not a list, or labels with the names in the file"),
        ({"band": 0}, "raster.band: 0 is less than the minimum of 1"),
        ({"path": "~nobody-at-all/{year}.tif"}, "there is no such user"),
    ],
)
def test_keys_that_do_not_go_together(tmp_path, keys, message):
    source = keys.get("source", "local")
    raster = {"path": f"{tmp_path}/{{year}}.tif", **keys}
    if source != "local":
        raster = {"variables": ["ppt"], **keys}
        base = {"run": "r", "years": 2000, "zones": {"source": "file", "path": "z.gpkg", "id": "id"}}
        with pytest.raises(ZonalflowError) as caught:
            resolve({**base, "raster": raster}, SCHEMA)
        assert message in str(caught.value)
    else:
        assert message in refused(tmp_path, raster=raster)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_tif(tmp_path / "2000.tif", counting(), nodata=-1)
    checked(tmp_path, raster={"path": "~/{year}.tif"})
