#!/usr/bin/env python3
"""Make zones.zip, the counties of the demo, from the npm package us-atlas (public-domain Census geometry).

Usage: npm pack us-atlas@3.0.1 && python config/demo/make_zones.py us-atlas-3.0.1.tgz

The result is the same byte for byte with the same GDAL: rows sorted, coordinates rounded, dates fixed.
"""

import argparse
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

HERE = Path(__file__).parent
STATES = {"01": ("AL", "Alabama"), "12": ("FL", "Florida"), "13": ("GA", "Georgia")}
NORTH = 32.0  # of Florida's neighbours, what reaches south of here: so some zones lie wholly outside the box
LAYER = "us_atlas_3_counties_florida"
# fmt: off
FIELDS = ["STATEFP", "COUNTYFP", "COUNTYNS", "AFFGEOID", "GEOID", "NAME", "NAMELSAD", "STUSPS", "STATE_NAME",
          "LSAD", "ALAND", "AWATER"]
# fmt: on


def read_topology(package: Path) -> dict:
    """Read counties-10m.json out of the package as `npm pack` delivers it."""
    with tarfile.open(package) as tar:
        return json.load(tar.extractfile("package/counties-10m.json"))


def decode_arcs(topology: dict) -> list[np.ndarray]:
    """Return each arc as (n, 2) degrees: deltas summed, scaled and shifted (TopoJSON 1.0, section 2.1.2)."""
    scale, translate = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    return [np.cumsum(arc, axis=0) * scale + translate for arc in topology["arcs"]]


def ring(arcs: list[np.ndarray], indexes: list[int]) -> np.ndarray:
    """Join arcs to one closed ring; ~i means arc i reversed, and neighbours share their end point."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indexes]
    return np.vstack([parts[0], *(part[1:] for part in parts[1:])])


def outline(arcs: list[np.ndarray], geometry: dict) -> shapely.Geometry:
    """Turn a TopoJSON (multi)polygon into a shapely one, with the six decimals of the Census files."""
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    rings = [[ring(arcs, indexes).round(6) for indexes in polygon] for polygon in polygons]
    shape = shapely.multipolygons([shapely.Polygon(shell, holes) for shell, *holes in rings])
    return shape.geoms[0] if len(polygons) == 1 else shape


def counties(topology: dict) -> gpd.GeoDataFrame:
    """Select the demo's counties, with the Census file's fields; what the package lacks stays null."""
    arcs = decode_arcs(topology)
    chosen = [g for g in topology["objects"]["counties"]["geometries"] if g["id"][:2] in STATES]
    geoid = pd.Series([g["id"] for g in chosen], dtype="str")
    state = geoid.str[:2]
    zones = gpd.GeoDataFrame(
        {
            "STATEFP": state,
            "COUNTYFP": geoid.str[2:],
            "AFFGEOID": "0500000US" + geoid,
            "GEOID": geoid,
            "NAME": [g["properties"]["name"] for g in chosen],
            "STUSPS": state.map(lambda fips: STATES[fips][0]),
            "STATE_NAME": state.map(lambda fips: STATES[fips][1]),
        },
        geometry=[outline(arcs, g) for g in chosen],
        crs="EPSG:4269",
    )
    for name in ("COUNTYNS", "NAMELSAD", "LSAD"):
        zones[name] = pd.Series(None, index=zones.index, dtype="str")
    for name in ("ALAND", "AWATER"):
        zones[name] = pd.Series(None, index=zones.index, dtype="Int64")
    south = (zones["STATEFP"] == "12") | (zones.bounds["miny"] < NORTH)
    return zones.loc[south, [*FIELDS, "geometry"]].sort_values("GEOID", ignore_index=True)


def write_zip(zones: gpd.GeoDataFrame, target: Path) -> None:
    """Write a shapefile in a flat zip, as the Census Bureau does, with no trace of the day it was made."""
    with tempfile.TemporaryDirectory() as folder:
        zones.to_file(
            Path(folder) / f"{LAYER}.shp",
            encoding="UTF-8",
            layer_options={"DBF_DATE_LAST_UPDATE": "2019-11-22"},
        )
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(Path(folder).iterdir()):
                entry = zipfile.ZipInfo(path.name, date_time=(2019, 11, 22, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())


def main() -> None:
    """Read the package named on the command line, write zones.zip beside this script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="us-atlas-3.0.1.tgz, from `npm pack us-atlas@3.0.1`")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "zones.zip")
    arguments = parser.parse_args()
    zones = counties(read_topology(arguments.package))
    write_zip(zones, arguments.output)
    print(f"{arguments.output}: {len(zones)} counties, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
