"""Step write_report: the report of a run, made of its results alone, so that it can be made again at any time."""

from pathlib import Path

import geopandas

from zonalflow.common.columns import INSIDE
from zonalflow.common.files import read_json, sha256, write_text
from zonalflow.report import text
from zonalflow.report.data import page_data, read_series
from zonalflow.report.page import Page, render
from zonalflow.zones.labels import region_name, zone_labels


def write_report(target: str, *, table: str, zones: str, manifest: str, verification: str | None) -> None:
    """Write the report's page, one HTML file.

    Args:
        target: the file to write.
        table: the tidy table (Parquet, a file or a partitioned folder).
        zones: the prepared zones (GeoParquet).
        manifest: the run's manifest (JSON), which holds the resolved configuration.
        verification: the verdict of the verification (JSON), None when there is none yet.

    Raises:
        ZonalflowError: the table lacks a zone or a year.
    """
    facts = read_json(manifest)
    config, synthetic = facts["config"], facts["synthetic"]
    frame = geopandas.read_parquet(zones)
    ids, inside = frame[config["zones"]["id"]].astype(str).to_numpy(), frame[INSIDE].to_numpy(float)
    labels, region = zone_labels(frame, config["zones"]["id"]), region_name(frame)
    series = read_series(Path(table), ids, config)
    data = page_data(config, frame, labels, region, series, synthetic=synthetic)
    page = Page(
        title=text.title([one["label"] for one in data["variables"]], region or config["run"], config["years"]),
        data=data,
        summary=text.summary(facts, len(ids)),
        quality=text.quality(facts, labels, ids, inside, series),
        verdict=text.verdict(read_json(verification) if verification else None, sha256(manifest)),
        citations=text.citations(facts),
        provenance=text.provenance(facts),
    )
    write_text(target, render(page))
