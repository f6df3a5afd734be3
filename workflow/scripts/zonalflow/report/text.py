"""What the report says in words: the study's facts, the quality of its data, whom to cite, provenance."""

from pathlib import Path

import numpy as np

from zonalflow.common.dates import span
from zonalflow.report.quantities import main_stat

_CELLS = {
    "center": "cells whose centre lies in the zone",
    "all_touched": "every cell that the zone touches",
    "coverage": "cells by the share that the zone covers",
}

_SUM = "a year is the sum of its dates for what adds up (precipitation), else their mean"
_A_YEAR = {
    "mean": _SUM,
    "sum": _SUM,
    "min": "a year is the smallest of its dates",
    "max": "a year is the largest of its dates",
}

# What a package did, and how its authors ask to be cited.
_SOFTWARE = {
    "snakemake": "Mölder, F., Jablonski, K. P., Letcher, B., et al. (2021): Sustainable data analysis with "
    "Snakemake. F1000Research 10, 33, https://doi.org/10.12688/f1000research.29032.",
    "numpy": "Harris, C. R., Millman, K. J., van der Walt, S. J., et al. (2020): Array programming with "
    "NumPy. Nature 585, 357–362, https://doi.org/10.1038/s41586-020-2649-2.",
    "geopandas": "Van den Bossche, J., Jordahl, K., Fleischmann, M., et al.: GeoPandas, "
    "https://doi.org/10.5281/zenodo.3946761.",
    "rasterstats": "For the definition of the statistics: Perry, M. T., rasterstats, "
    "https://github.com/perrygeo/python-rasterstats.",
    "exactextract": "For the definition of coverage: ISciences, exactextract, "
    "https://github.com/isciences/exactextract.",
}
_CHARTS = (
    "For the charts of this page: Bostock, M., Ogievetsky, V., Heer, J. (2011): D³: Data-Driven Documents. "
    "IEEE Trans. Vis. Comput. Graph. 17, 2301–2309, https://doi.org/10.1109/TVCG.2011.185."
)
_METHODS = (
    "Sen, P. K. (1968): Estimates of the regression coefficient based on Kendall's tau. J. Am. Stat. Assoc. "
    "63, 1379–1389, https://doi.org/10.1080/01621459.1968.10480934.",
    "Kendall, M. G. (1975): Rank Correlation Methods, 4th ed. Griffin, London.",
    "Wilks, D. S. (2016): “The stippling shows statistically significant grid points”. Bull. Am. Meteorol. "
    "Soc. 97, 2263–2273, https://doi.org/10.1175/BAMS-D-15-00267.1.",
)


def title(labels: list[str], where: str, years: list[int]) -> str:
    """Log what, where and when: ``Annual precipitation in Florida and Georgia, 2000–2020``."""
    different = list(dict.fromkeys(labels))
    what = " and ".join(different) if len(different) < 3 else f"{len(different)} variables"
    return f"{what[:1].upper()}{what[1:]} in {where}, {span(years)}"


def summary(manifest: dict, n_zones: int) -> list[tuple[str, str]]:
    """Return the study's facts as (name, text)."""
    config, grid = manifest["config"], manifest["grid"]["grid"]
    raster, years, box, weights = config["raster"], config["years"], config["bbox"], config["weights"]
    source = {
        "geocdl": f"{raster.get('dataset')} from GeoCDL",
        "prism": f"PRISM {raster.get('resolution')} from the PRISM Climate Group",
        "local": f"local files, {raster.get('path')}",
        "demo": "synthetic rasters on PRISM's grid",
    }[raster["source"]]
    across, down = abs(grid["transform"][0]), abs(grid["transform"][4])
    unit = "degrees" if grid["crs"].startswith(("GEOG", "EPSG:4")) else "units of the CRS"
    weighted = {"none": "", "area": ", weighted by the cell's area"}
    rows = {
        "Zones": f"{n_zones:,}, named by {config['zones']['id']}",
        "Years": f"{len(years)}, {years[0]} to {years[-1]}; {raster['grain']} rasters",
        "Rasters": f"{', '.join(raster['variables'])}: {source}",
        "Grid": f"{grid['width']:,} × {grid['height']:,} cells of {across:.6g} × {down:.6g} {unit}",
        "Box": "the whole grid" if box is None else _box(*box),
        "Method": _CELLS[config["method"]]
        + (weighted[weights] if isinstance(weights, str) else f", weighted by {weights['path']}"),
        "Statistics": ", ".join(config["stats"]),
    }
    if raster["grain"] != "annual":
        rows["On this page"] = _A_YEAR.get(main_stat(config["stats"]), "a year is the mean of its dates")
    return list(rows.items())


def _box(west: float, south: float, east: float, north: float) -> str:
    return f"west {west:g}, south {south:g}, east {east:g}, north {north:g}".replace("-", "−")


def quality(manifest: dict, labels: list[str], ids: np.ndarray, inside: np.ndarray, series: list) -> list[dict]:
    """Return what to know before trusting a number: ``what``, its ``count``, a ``text``, ``items``."""
    zones = manifest["zones"]
    empty = np.all([one.count.max(axis=0) == 0 for one in series], axis=0)
    valid = np.min([np.where(np.isfinite(one.valid), one.valid, 1).min(axis=0) for one in series], axis=0)
    retried = [
        request
        for source in manifest["sources"]
        for request in source.get("requests", [])
        if request.get("retries", 0) > 0
    ]

    def named(mask: np.ndarray, share: np.ndarray | None = None) -> list[str]:
        texts = [f"{labels[i]} ({ids[i]})" for i in np.flatnonzero(mask)]
        if share is None:
            return texts
        return [f"{text}: {100 * part:.3g} %" for text, part in zip(texts, share[mask], strict=True)]

    return [
        _check(
            "zone(s) cut by the grid's edge",
            named(inside < 1, inside),
            "Only a part of these zones lies inside the grid, and their statistics are of that part; its "
            "share is given.",
        ),
        _check(
            "zone(s) without a cell",
            named(empty),
            "No cell, or none with data, belongs to these zones in any year. They are kept, with count 0 and "
            "no statistics.",
        ),
        _check(
            "zone(s) with cells that lack data",
            named((valid < 1) & ~empty, valid),
            "Some cells of these zones hold no data on at least one date; the lowest share of cells with "
            "data is given.",
        ),
        _check("zone(s) repaired", zones.get("repaired", []), "These outlines were not valid and were made so."),
        _check(
            "zone(s) dropped, wholly outside",
            zones.get("dropped_outside", []),
            "These zones do not overlap the grid.",
        ),
        _check(
            "request(s) that had to be repeated",
            [f"{request['url']}: {request['retries']} more" for request in retried],
            "The server failed first and answered later; every file was verified.",
        ),
    ]


def _check(what: str, items: list[str], text: str) -> dict:
    return {
        "what": what.replace("(s)", "" if len(items) == 1 else "s"),
        "count": len(items),
        "text": text,
        "items": items,
    }


def verdict(verification: dict | None, manifest_sha256: str) -> dict:
    """Return the ``state`` of the verification, its figures as ``rows``, and the faults it found as ``items``.

    The state is ``passed``, ``failed``, ``missing``, or ``outdated`` when the verdict is on another manifest.
    """
    if verification is None:
        return {"state": "missing", "rows": [], "items": []}
    outdated = verification.get("manifest_sha256") != manifest_sha256
    rows = {
        key.replace("_", " "): f"{value:.2g}" if isinstance(value, float) else str(value)
        for key, value in verification.items()
        if key not in ("verdict", "seed", "manifest_sha256") and isinstance(value, str | int | float)
    }
    faults = [f"{fault['path']}: {fault['fault']}" for fault in verification.get("mismatches", [])]
    faults += [
        f"{at['variable']} {at['date']}, zone {at['zone']}: {at['statistic']} is {at['ours']}, "
        f"the other engine says {at['theirs']}"
        for at in verification.get("differences", [])
    ]
    state = "outdated" if outdated else verification["verdict"]
    return {"state": state, "rows": list(rows.items()), "items": faults}


def citations(manifest: dict) -> dict[str, list[str]]:
    """Return the lines to cite: ``data`` with the days of access, ``software`` with versions, ``methods``."""
    zones, versions = manifest["config"]["zones"], manifest["software"]
    requests = [request for source in manifest["sources"] for request in source.get("requests", [])]
    days = sorted({request["accessed"][:10] for request in requests if request.get("accessed")})
    accessed = f" Accessed {' to '.join(dict.fromkeys([days[0], days[-1]]))}." if days else ""
    data = [line.rstrip(". ") + "." + accessed for line in manifest["attribution"]]
    if manifest["config"]["raster"]["source"] == "local":
        data.append("The rasters are local files: cite whoever made them.")
    if zones["source"] == "census" and not any("Census" in line for line in data):
        data.append(f"U.S. Census Bureau: cartographic boundary files {zones['year']}.{accessed}")
    software = [f"zonalflow {manifest['zonalflow']} (MIT licence)."]
    software += [f"{text} Version {versions[name]}." for name, text in _SOFTWARE.items() if name in versions]
    return {"data": data, "software": [*software, _CHARTS], "methods": list(_METHODS)}


def provenance(manifest: dict) -> dict:
    """Return the ``inputs`` (file, size, checksum, from where, when), the ``config`` and the ``versions``."""
    inputs = []
    for source in manifest["sources"]:
        last = (source.get("requests") or [{}])[-1]
        for file in source.get("files") or [{"name": Path(source["path"]).name, **source}]:
            inputs.append(
                {
                    "name": file["name"],
                    "bytes": file.get("bytes", 0),
                    "sha256": file.get("sha256", ""),
                    "from": last.get("url") or source.get("source", ""),
                    "when": last.get("accessed", ""),
                }
            )
    return {
        "inputs": inputs,
        "config": manifest["config"],
        "versions": {"zonalflow": manifest["zonalflow"], **manifest["software"]},
    }
