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

from zonalflow import naming, report_data, report_text
from zonalflow.atomic import sha256, write_text
from zonalflow.errors import ZonalflowError
from zonalflow.years import span

PAGE = Path(__file__).resolve().parents[2] / "report" / "page"
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
    labels = naming.zone_labels(zones, id_column)
    series = report_data.read_series(results / "zonal_stats.parquet", ids, config)
    variables = [report_data.variable_data(one, config["years"], config.get("baseline"), units) for one in series]
    data = {
        "run": config["run"],
        "where": naming.place(zones),
        "years": config["years"],
        "span": span(config["years"]),
        "synthetic": bool(manifest.get("synthetic")),
        "zones": {
            "id": ids.tolist(),
            "label": labels,
            "inside": np.round(inside, 4).tolist(),
            **report_data.outline_data(zones),
        },
        "variables": variables,
    }
    html = (
        _environment()
        .get_template(TEMPLATE.name)
        .render(
            data=embedded_json(data),
            title=report_text.title([v["label"] for v in variables], data["where"] or data["run"], data["years"]),
            run=config["run"],
            synthetic=data["synthetic"],
            years=config["years"],
            variables=variables,
            summary=report_text.summary(manifest, len(ids)),
            quality=report_text.quality(manifest, labels, ids, inside, series),
            verdict=report_text.verdict(verification, sha256(results / "manifest.json")),
            citations=report_text.citations(manifest),
            provenance=report_text.provenance(manifest),
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
