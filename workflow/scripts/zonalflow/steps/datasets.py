"""Step datasets: a table of what a GeoCDL server has. The only step that asks a server for a list."""

import re
from typing import Any

from zonalflow.common.dates import format_years
from zonalflow.common.text import count_of
from zonalflow.report.quantities import quantity_of
from zonalflow.sources.catalogue.datasets import DATASETS, UNSERVED
from zonalflow.sources.geocdl.listing import describe, held_dates, list_datasets
from zonalflow.sources.http import RetryPolicy

_HEAD = ("dataset", "variables", "unit", "grains", "years", "cell size")
_MOST_VARIABLES = 4
_UNIT = re.compile(r"[\[(]([^\[\]()]+)[\])]")


def datasets_table(base: str, policy: RetryPolicy) -> str:
    """Return a table of the datasets of the server at `base`, as text, and what it lists but cannot serve.

    Raises:
        FetchError: when the server cannot be reached, or answers something else.
    """
    rows: list[tuple[str, ...]] = [_HEAD]
    for name in list_datasets(base, policy):
        rows.append(_row(name, describe(base, name, policy)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    listed = {row[0] for row in rows}
    notes = [
        f"{row.dataset} {row.grain or row.variable or ''}".rstrip() + f": listed, but cannot be served: {row.reason}"
        for row in UNSERVED
        if row.dataset in listed
    ]
    new = sorted(listed - set(DATASETS) - {row.dataset for row in UNSERVED} - {_HEAD[0]})
    if new:
        notes.append(f"not known to this version of zonalflow, and so not to be used: {', '.join(new)}")
    return "\n".join([f"GeoCDL at {base} has {count_of(len(rows) - 1, 'dataset')}:", "", *lines, "", *notes])


def _row(name: str, about: Any) -> tuple[str, ...]:
    """Return a dataset's row; what its description lacks stays empty."""
    about = about if isinstance(about, dict) else {}
    variables = about.get("vars") if isinstance(about.get("vars"), dict) else {}
    unserved = {row.grain or row.variable for row in UNSERVED if row.dataset == name}
    names = [variable for variable in variables if variable not in unserved]
    more = f", … ({len(names)})" if len(names) > _MOST_VARIABLES else ""
    daily = "hourly" if name in DATASETS and DATASETS[name].hours else "daily"
    held = {grain: dates for grain in ("annual", "monthly", daily) if (dates := held_dates(about, grain))}
    grains = [grain for grain in held if grain not in unserved and None not in unserved]
    years = {_years(held[grain]) for grain in grains}
    size, unit = about.get("grid_size"), str(about.get("grid_unit") or "")
    return (
        name,
        ", ".join(names[:_MOST_VARIABLES]) + more,
        ", ".join(dict.fromkeys(filter(None, (_unit(variable, variables[variable]) for variable in names)))),
        ", ".join(grains) or ("" if held else "no dates"),
        "; ".join(sorted(years)),
        f"{size:.4g} {unit}".rstrip() if isinstance(size, int | float) else "",
    )


def _years(held: Any) -> str:
    """Return the years that are held, without the months and days of a range."""
    first, last = (int(date[:4]) for date in held.span)
    return format_years(list(held.years or range(first, last + 1)))


def _unit(variable: str, description: object) -> str:
    """Return a variable's unit, if it is known or stands in brackets in its description."""
    found = _UNIT.search(str(description))
    known = quantity_of(variable, {}).unit
    return known or (found[1] if found and not found[1].startswith(("rain", "mean of")) else "")
