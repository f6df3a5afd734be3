"""The texts that explain the results to their recipients."""

from zonalflow.report.explain import column_meanings, readme

CONFIG = {
    "run": "fields",
    "years": [2000, 2001],
    "zones": {"id": "field"},
    "raster": {"variables": ["ppt"], "units": {}, "grain": "monthly"},
    "stats": ["mean", "variance", "categorical"],
    "method": "coverage",
    "output": {"formats": ["csv", "gpkg", "xlsx"]},
}


def test_each_column_has_a_meaning_and_its_unit():
    found = column_meanings(["field", "crop", "date", "mean", "variance", "share_41_Forest", "count"], CONFIG)
    assert (
        found["mean"]["unit"] == "mm" and found["variance"]["unit"] == "mm²" and found["share_41_Forest"]["unit"] == "1"
    )
    assert found["count"]["unit"] == "cells" and "unit" not in found["crop"]
    assert "weighted by the share" in found["mean"]["description"] and "leading zeros" in found["field"]["description"]


def test_the_readme_names_files_columns_and_citation():
    manifest = {
        "config": CONFIG, "synthetic": False, "zonalflow": "0.1.0", "zones": {"kept": 3}, "attribution": ["PRISM."],
        "shapefile_fields": {},
    }  # fmt: skip
    text = readme(manifest, ["field", "date", "mean"])
    for part in ("run fields", "2000–2001, monthly rasters", "zonal_stats.xlsx", "gpkg", "mean (mm)", "- PRISM.",
                 'dtype={"field": str, "date": str}', "manifest.json"):  # fmt: skip
        assert part in text, part
    assert "zonal_stats_wide" not in text and "SYNTHETIC" not in text and "shapefiles" not in text
    assert "SYNTHETIC DATA" in readme({**manifest, "synthetic": True}, [])


def test_names_in_shapefiles_are_told_where_there_are_shapefiles():
    manifest = {
        "config": {
            "run": "a", "years": [2000], "zones": {"id": "GEOID"}, "stats": ["mean"], "method": "center",
            "raster": {"variables": ["ppt"], "units": {}, "grain": "annual"}, "output": {"formats": ["gpkg"]},
        },
        "synthetic": False, "zones": {"kept": 2}, "zonalflow": "0", "attribution": [],
        "shapefile_fields": {"inside_fraction": "inside_fra"},
    }  # fmt: skip
    assert "inside_fra\n" not in readme(manifest, ["GEOID", "inside_fraction"])
    manifest["config"]["output"]["formats"] = ["shp"]
    text = readme(manifest, ["GEOID", "inside_fraction"])
    assert "inside_fra\n" in text and "share inside the grid: of the zone" in text
