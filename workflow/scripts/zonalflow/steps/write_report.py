"""Step write_report: the report of a run, made of its results alone, so that it can be made again at any time."""

from dataclasses import dataclass
from pathlib import Path

import geopandas

from zonalflow.common.columns import INSIDE, column_of_ids
from zonalflow.common.files import read_json, record_checksums, sha256, write_text
from zonalflow.common.text import count_of
from zonalflow.report import text
from zonalflow.report.data import page_data
from zonalflow.report.layers import read_series
from zonalflow.report.page import Page, render
from zonalflow.run.rule import Log
from zonalflow.zones.labels import region_name, state_names, zone_labels


@dataclass(frozen=True)
class Inputs:
    """The results of a run.

    Args:
        table: the tidy table (Parquet).
        zones: the prepared zones (GeoParquet).
        manifest: the manifest (JSON), which holds the resolved configuration.
        verification: the verdict of the verification (JSON), a list of one path, or of none before it has run.
    """

    table: str
    zones: str
    manifest: str
    verification: list[str]


@dataclass(frozen=True)
class Outputs:
    """The page (HTML) and its checksum."""

    report: str
    checksums: str


def write_report(inputs: Inputs, outputs: Outputs, log: Log, verify: str = "snakemake verify") -> None:
    """Write the report's page, which names the command that verifies the study, and its checksum.

    Raises:
        ZonalflowError: the table lacks a zone or a year.
    """
    page = read_page(inputs)
    page.verdict["command"] = verify
    write_text(outputs.report, render(page))
    record_checksums(outputs.checksums, [outputs.report])
    log(f"{page.title}; verification: {page.verdict['state']}")


def read_page(inputs: Inputs) -> Page:
    """Return what the page shows of a run's results."""
    facts = read_json(inputs.manifest)
    verification = [read_json(path) for path in inputs.verification]
    config, id_column = facts["config"], column_of_ids(facts["config"]["zones"]["id"])
    config = {**config, "raster": {**config["raster"], "units": facts.get("units", config["raster"]["units"])}}
    zones = geopandas.read_parquet(inputs.zones)
    ids, inside = zones[id_column].astype(str).to_numpy(), zones[INSIDE].to_numpy(float)
    labels, region = zone_labels(zones, id_column, config["zones"].get("name")), region_name(zones)
    lacking = {name: set(map(int, years)) for name, years in facts.get("missing_dates", {}).items()}
    series = read_series(Path(inputs.table), ids, config, facts.get("classes"), lacking)
    data = page_data(
        config,
        zones,
        labels,
        region,
        series,
        synthetic=facts["synthetic"],
        states=state_names(zones),
        colours=facts.get("class_colours"),
    )
    verified = verification[0] if verification else None
    return Page(
        title=text.title(
            data["variables"], region or count_of(len(ids), "zone"), config["years"], config["raster"]["grain"]
        ),
        data=data,
        summary=text.summary(facts, len(ids)),
        quality=text.quality(facts, labels, ids, inside, series),
        verdict=text.verdict(verified, sha256(inputs.manifest)),
        method_error=text.method_error(verified, config),
        citations=text.citations(facts),
        provenance=text.provenance(facts),
    )
