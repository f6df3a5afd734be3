"""Texts of the report's page: the study's facts, the quality of its data, the verdict, citations and provenance."""

from pathlib import Path
from typing import Any

import numpy as np

from zonalflow.common.columns import column_of_ids, main_stat
from zonalflow.common.dates import rasters_of, span
from zonalflow.common.text import count_of, few
from zonalflow.report.layers import Series
from zonalflow.report.quantities import quantity_of

_CELLS = {
    "center": "cells whose centre lies in the zone",
    "all_touched": "every cell that the zone overlaps",
    "coverage": "cells weighted by the share that the zone covers",
}
_WEIGHTS = {"none": "", "area": ", weighted by the cell's area"}

_SUM_OR_MEAN = "a year is the sum of its dates for precipitation, otherwise their mean"
_FROM_DATES_TO_YEARS = {
    "mean": _SUM_OR_MEAN,
    "sum": _SUM_OR_MEAN,
    "min": "a year is the minimum of its dates",
    "max": "a year is the maximum of its dates",
}

# Noun, what it is counted for, explanation.
_CHECKS = {
    "cut": (
        "zone",
        "cut by the grid's edge",
        "Only a part of these zones lies inside the grid, and their statistics are of that part; its share is given.",
    ),
    "empty": (
        "zone",
        "without a cell",
        "These zones have no cell, or none with data, in any year. They are kept, with count 0 and no statistics.",
    ),
    "partly valid": (
        "zone",
        "with cells that lack data",
        "Some cells of these zones hold no data on at least one date; the lowest share of cells with data is given.",
    ),
    "repaired": ("zone", "repaired", "These outlines were invalid and have been made valid."),
    "dropped": ("zone", "dropped, wholly outside", "These zones do not overlap the grid."),
    "without geometry": ("feature", "dropped, without a geometry", "These features of the file have no outline."),
    "joined": ("zone", "made of several features", "These features share an id, so they are one zone."),
    "incomplete": (
        "year",
        "incomplete",
        "Rasters of these dates are missing. The tables hold the other dates; on this page such a year has no value, "
        "and does not count in means and trends.",
    ),
    "retried": ("request", "retried", "The server failed first and answered later; every file was verified."),
}

# How the authors of a package ask to be cited.
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


def title(variables: list[dict[str, Any]], region: str, years: list[int], grain: str = "annual") -> str:
    """Return the page's title: ``Annual precipitation in Florida and Georgia, 2000–2020``.

    ``variables`` are those of the page's data; their main layers stand in the title. Months and days are said.
    """
    main = [variable["layers"][0] for variable in variables]
    adjective = "" if grain == "native" else grain
    labels = [
        one["annual"] if grain == "annual" or one["kind"] != "value" else f"{adjective} {one['label']}".lstrip()
        for one in main
    ]
    different = list(dict.fromkeys(labels))
    what = " and ".join(different) if len(different) < 3 else f"{len(different)} variables"
    return f"{what[:1].upper()}{what[1:]} in {region}, {span(years)}"


def _unit_of(crs: str) -> str:
    """Return the unit of a CRS's axes: degrees, m, or as the CRS calls it."""
    from pyproj import CRS

    name = CRS.from_user_input(crs).axis_info[0].unit_name
    return {"degree": "degrees", "metre": "m"}.get(name, name)


def summary(manifest: dict[str, Any], n_zones: int) -> list[tuple[str, str]]:
    """Return the study's facts as (name, text)."""
    config, grid = manifest["config"], manifest["grid"]["grid"]
    raster, years, weights = config["raster"], config["years"], config["weights"]
    source = {
        "geocdl": f"{raster.get('dataset')} from GeoCDL",
        "prism": f"PRISM {raster.get('resolution')} from the PRISM Climate Group",
        "local": f"local files, {raster.get('path')}",
        "demo": "synthetic rasters on PRISM's grid",
    }[raster["source"]]
    width, height = abs(grid["transform"][0]), abs(grid["transform"][4])
    unit = _unit_of(grid["crs"])
    period = f"{years[0]} to {years[-1]}, {len(years)} years" if len(years) > 1 else f"{years[0]}"
    weighted = _WEIGHTS[weights] if isinstance(weights, str) else f", weighted by {weights['path']}"
    least = f", if it covers {config['min_coverage']:g} of them or more" if config["min_coverage"] else ""
    rows = {
        "Zones": f"{n_zones:,}, identified by {column_of_ids(config['zones']['id'])}",
        "Years": f"{period}; {rasters_of(raster['grain'])}",
        "Rasters": f"{', '.join(raster['variables'])}: {source}",
        "Grid": f"{grid['width']:,} × {grid['height']:,} cells of {width:.6g} × {height:.6g} {unit}",
        "Box": "the whole grid" if config["bbox"] is None else _box(*config["bbox"]),
        "Method": _CELLS[config["method"]] + least + weighted,
        "Statistics": ", ".join(config["stats"]),
    }
    if raster["grain"] != "annual":
        stat = main_stat(config["stats"])
        rows["On this page"] = _FROM_DATES_TO_YEARS.get(stat, "a year is the mean of its dates")
    return list(rows.items())


def _box(west: float, south: float, east: float, north: float) -> str:
    return f"west {west:g}, south {south:g}, east {east:g}, north {north:g}".replace("-", "−")


def quality(
    manifest: dict[str, Any], labels: list[str], ids: np.ndarray, inside: np.ndarray, series: list[Series]
) -> list[dict[str, Any]]:
    """Return what to know before trusting a number, as dicts with ``count``, ``what``, ``text`` and ``items``.

    ``labels``, ``ids`` and ``inside`` (share of each zone inside the grid) are [n_zones].
    """
    zones = manifest["zones"]
    empty = np.all([one.count.max(axis=0) == 0 for one in series], axis=0)
    valid = np.min([np.where(np.isfinite(one.valid), one.valid, 1).min(axis=0) for one in series], axis=0)
    names = [f"{label} ({key})" for label, key in zip(labels, ids, strict=True)]

    def shares(mask: np.ndarray, share: np.ndarray) -> list[str]:
        return [f"{names[i]}: {100 * share[i]:.3g} %" for i in np.flatnonzero(mask)]

    found = {
        "cut": shares(inside < 1, inside),
        "empty": [names[i] for i in np.flatnonzero(empty)],
        "partly valid": shares((valid < 1) & ~empty, valid),
        "repaired": zones["repaired"],
        "dropped": zones["dropped_outside"],
        "without geometry": zones.get("without_geometry", []),
        "joined": zones.get("joined", []),
        "incomplete": _incomplete(manifest),
        "retried": _retried(manifest),
    }
    return [_check(name, items) for name, items in found.items()]


def _incomplete(manifest: dict[str, Any]) -> list[str]:
    """Return the years that lack dates, with these."""
    return [
        f"{variable} {year}: {few(dates, 12)}"
        for variable, years in manifest.get("missing_dates", {}).items()
        for year, dates in years.items()
    ]


def _retried(manifest: dict[str, Any]) -> list[str]:
    """Return the requests that succeeded only after retries."""
    requests = [request for source in manifest["sources"] for request in source.get("requests", [])]
    counts = [(request["url"], request.get("retries", 0)) for request in requests]
    return [f"{url}: {n} {'retry' if n == 1 else 'retries'}" for url, n in counts if n > 0]


def _check(name: str, items: list[str]) -> dict[str, Any]:
    noun, what, text = _CHECKS[name]
    plural = "" if len(items) == 1 else "s"
    return {"count": len(items), "what": f"{noun}{plural} {what}", "text": text, "items": items}


def verdict(verification: dict[str, Any] | None, manifest_sha256: str) -> dict[str, Any]:
    """Return the ``state`` of the verification, its numbers as ``rows`` (name, text), and its findings as ``items``.

    The state is ``passed``, ``failed``, ``missing``, or ``outdated`` when the verdict is on another manifest.
    """
    if verification is None:
        return {"state": "missing", "rows": [], "items": []}
    outdated = verification.get("manifest_sha256") != manifest_sha256
    rows = {
        key.replace("_", " "): f"{value:.2g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else value
        for key, value in verification.items()
        if key not in ("verdict", "seed", "manifest_sha256") and isinstance(value, str | int | float)
    }
    findings = [f"{fault['path']}: {fault['fault']}" for fault in verification.get("mismatches", [])]
    findings += [
        f"{at['variable']} {at['date']}, zone {at['zone']}: {at['statistic']} is {at['ours']}, "
        f"the other engine computes {at['theirs']}"
        for at in verification.get("differences", [])
    ]
    state = "outdated" if outdated else verification["verdict"]
    return {"state": state, "rows": list(rows.items()), "items": findings}


def method_error(verification: dict[str, Any] | None, config: dict[str, Any]) -> list[str]:
    """Return how far center and coverage lie apart for the verified zones: a sentence for each variable.

    Args:
        verification: what ``verify`` wrote, or None.
        config: the resolved configuration.
    """
    shares = "categorical" in config["stats"]
    sentences = []
    for variable, error in (verification or {}).get("method_error", {}).items():
        quantity = quantity_of(variable, config["raster"]["units"])
        unit = " of the zone" if shares else f"\u00a0{quantity.unit}" if quantity.unit else ""
        what = "the share of a class" if shares else "the mean"
        parts = []
        if error["zones"]:
            parts.append(
                f"{what} by cell centres and {what} by coverage differ by {error['median']:.2g}{unit} (median of "
                f"{count_of(error['zones'], 'number')}), at most by {error['largest']:.2g}{unit} "
                f"(zone {error['zone']}, {error['date']})"
            )
        if n := error["zones_without_centre"]:
            parts.append(f"{count_of(n, 'number is', 'numbers are')} of zones in which no cell has its centre")
        sentences.append(f"{variable}: {'; '.join(parts)}.")
    return sentences


def citations(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Return what to cite: ``data`` with the days of access, ``software`` with versions, ``methods``."""
    zones, versions = manifest["config"]["zones"], manifest["software"]
    requests = [request for source in manifest["sources"] for request in source.get("requests", [])]
    days = sorted({request["accessed"][:10] for request in requests if request.get("accessed")})
    accessed = f" Accessed {' to '.join(dict.fromkeys([days[0], days[-1]]))}." if days else ""
    data = [line.rstrip(". ") + "." + accessed for line in manifest["attribution"]]
    if manifest["config"]["raster"]["source"] == "local":
        data.append("The rasters are local files: please cite their source.")
    if zones["source"] == "census" and not any("Census" in line for line in data):
        data.append(f"U.S. Census Bureau: cartographic boundary files {zones['year']}.{accessed}")
    software = [f"zonalflow {manifest['zonalflow']} (MIT licence)."]
    software += [f"{text} Version {versions[name]}." for name, text in _SOFTWARE.items() if name in versions]
    return {"data": data, "software": [*software, _CHARTS], "methods": list(_METHODS)}


def provenance(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the ``inputs`` (file, size, checksum, source, time of access), the ``config`` and the ``versions``."""
    inputs = []
    for source in manifest["sources"]:
        last = (source.get("requests") or [{}])[-1]
        for file in source.get("files") or [{"name": Path(source["path"]).name, **source}]:
            inputs.append(
                {
                    "name": file["name"],
                    "bytes": file.get("bytes", 0),
                    "sha256": file.get("sha256", ""),
                    "source": last.get("url") or source.get("source", ""),
                    "accessed": last.get("accessed", ""),
                }
            )
    return {
        "inputs": inputs,
        "config": manifest["config"],
        "versions": {"zonalflow": manifest["zonalflow"], **manifest["software"]},
    }
