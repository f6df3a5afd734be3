"""A study in a few lines."""

from zonalflow.common.dates import format_years
from zonalflow.study.cost import forecast
from zonalflow.study.study import Study


def describe_study(study: Study) -> str:
    """Return the study in a few lines, for the head of a run and of a preview."""
    raster, zones = study.raster, study.zones
    if zones["source"] == "census":
        polygons = f"Census {zones['geography']} boundaries {zones['year']}, {zones['resolution']}"
    else:
        polygons = zones["path"]
    cells = {
        "geocdl": f"{raster['dataset']} from GeoCDL ({raster['url']})",
        "prism": f"PRISM {raster['resolution']} from its own web service",
        "local": f"local files, {raster.get('path')}",
        "demo": "synthetic demo rasters on PRISM's grid",
    }[raster["source"]]
    box = "west {:g}, south {:g}, east {:g}, north {:g}".format(*study.bbox) if study.bbox else "the whole grid"
    weights = study.config["weights"]
    rows = {
        "run": study.run,
        "years": f"{format_years(study.years)} ({len(study.years)}), {raster['grain']}"
        + (f", months {', '.join(map(str, raster['months']))}" if raster["months"] else ""),
        "box": box,
        "zones": f"{polygons}, by {zones['id']}",
        "rasters": f"{', '.join(study.variables)}: {cells}",
        "statistics": f"{', '.join(study.config['stats'])}; method {study.config['method']}"
        + (f", cells covered by {least:g} or more" if (least := study.config["min_coverage"]) else "")
        + ("" if weights == "none" else f", weights {weights if weights == 'area' else weights['path']}"),
        "estimate": forecast(study),
        "results": f"{study.results}/   logs: {study.logs}/",
    }
    return "\n".join(f"  {name:<11}{text}" for name, text in rows.items())
