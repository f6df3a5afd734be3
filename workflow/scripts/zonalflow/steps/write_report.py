"""The report of a study: one HTML file that holds all it shows and asks nothing of any network.

It is made of a run's results alone (tidy table, prepared zones, manifest and, if there is one, the
verification's verdict), so it can be made again at any time. The page, its style and its program lie in
``workflow/report/page``; the numbers travel in it as JSON, the outlines as SVG paths.
"""

import json
from pathlib import Path
from typing import Any

import geopandas
import jinja2
import numpy as np

from zonalflow.common.dates import span
from zonalflow.common.errors import ZonalflowError
from zonalflow.common.files import sha256, write_text
from zonalflow.report import data, text
from zonalflow.zones import labels

PAGE = Path(__file__).resolve().parents[3] / "report" / "page"
PARTS = {"style": PAGE / "style.css", "report": PAGE / "report.js", "d3": PAGE / "d3.min.js"}
TEMPLATE = PAGE / "page.html.j2"


def write_report(results: str | Path, target: str | Path) -> None:
    """Write the report of the run whose results lie in ``results`` to ``target``.

    Reads ``zonal_stats.parquet``, ``zones.parquet``, ``manifest.json`` and, where it exists, ``verify.json``.
    Raises ZonalflowError when one is missing, or when they do not belong together.
    """
    results = Path(results)
    for name in ("zonal_stats.parquet", "zones.parquet", "manifest.json"):
        if not (results / name).exists():
            raise ZonalflowError(f"{results / name} is missing, and the report is made of it: run the workflow.")
    manifest = _read(results / "manifest.json")
    verification = _read(results / "verify.json") if (results / "verify.json").exists() else None
    config = manifest["config"]
    id_column, units = config["zones"]["id"], config["raster"].get("units") or {}
    zones = geopandas.read_parquet(results / "zones.parquet")
    ids = zones[id_column].astype(str).to_numpy()
    inside = zones["inside_fraction"].to_numpy(float)
    names = labels.zone_labels(zones, id_column)
    series = data.read_series(results / "zonal_stats.parquet", ids, config)
    variables = [data.variable_data(one, config["years"], config.get("baseline"), units) for one in series]
    page = {
        "run": config["run"],
        "where": labels.region_name(zones),
        "years": config["years"],
        "span": span(config["years"]),
        "synthetic": bool(manifest.get("synthetic")),
        "zones": {
            "id": ids.tolist(),
            "label": names,
            "inside": np.round(inside, 4).tolist(),
            **data.outline_data(zones),
        },
        "variables": variables,
    }
    html = (
        _environment()
        .get_template(TEMPLATE.name)
        .render(
            data=embedded_json(page),
            title=text.title([v["label"] for v in variables], page["where"] or page["run"], page["years"]),
            run=config["run"],
            synthetic=page["synthetic"],
            years=config["years"],
            variables=variables,
            summary=text.summary(manifest, len(ids)),
            quality=text.quality(manifest, names, ids, inside, series),
            verdict=text.verdict(verification, sha256(results / "manifest.json")),
            citations=text.citations(manifest),
            provenance=text.provenance(manifest),
            **{name: path.read_text(encoding="utf-8") for name, path in PARTS.items()},
        )
    )
    write_text(target, html)


def embedded_json(value: Any) -> str:
    """Return JSON that is safe between script tags: no text in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment
