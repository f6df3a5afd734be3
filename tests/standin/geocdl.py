"""GeoCDL's answers, for three of its datasets, as the real server gives them."""

import calendar
import datetime
import io
import itertools
import json
import re
import zipfile
from urllib.parse import parse_qs

from standin import grids
from standin.answers import Answer

_serial = itertools.count()


class RequestError(ValueError):
    """What the server answers with 400 and this detail."""


def answer(base: str, path: str, query: str) -> Answer:
    """Answer a GET; never with a byte-identical zip, since metadata.json tells the time."""
    # A plus sign in a query is a space: a client must send %2B.
    given = {key: values[-1] for key, values in parse_qs(query).items()}
    if path == "/list_datasets":
        return _json(200, [{"id": key, "name": data.title} for key, data in grids.DATASETS.items()])
    if path == "/ds_info":
        return _describe(given)
    if "datasets" not in given:
        missing = {"loc": ["query", "datasets"], "msg": "field required", "type": "value_error.missing"}
        return _json(422, {"detail": [missing]})
    try:
        name, variables = _variables(given["datasets"])
        dataset = grids.DATASETS[name]
        dates = _dates(given, dataset.ranges) if dataset.ranges else [""]
        box = _box(given.get("clip", ""))
    except RequestError as error:
        return _json(400, {"detail": str(error)})
    if not set(variables) <= set(dataset.variables) or given.get("crs", dataset.crs) != dataset.crs:
        return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
    try:
        window = dataset.window(*box)
    except grids.OffGridError:
        return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
    members = {
        "metadata.json": json.dumps(
            {
                "request": {"url": f"{base}{path}?{query}", "serial": next(_serial)},
                "datetime": datetime.datetime.now(datetime.UTC).isoformat(),
            }
        ).encode()
    }
    for variable in variables:
        for date in dates:
            file = "_".join(part for part in (name, variable, date) if part) + ".tif"
            members[file] = dataset.geotiff(dataset.picture(variable, date, window), window, variable)
            if dataset.classes:
                members[f"{file}.aux.xml"] = grids.class_names(dataset.classes)
    return Answer(200, packed(members), headers={"Content-Disposition": 'attachment; filename="subset.zip"'})


def packed(members: dict[str, bytes]) -> bytes:
    """Return a flat, deflated zip."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


def _json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode(), "application/json")


def _describe(given: dict[str, str]) -> Answer:
    if "id" not in given:
        return _json(422, {"detail": [{"loc": ["query", "id"], "msg": "field required"}]})
    if given["id"] not in grids.DATASETS:
        return _json(404, {"detail": f"Invalid dataset ID: {given['id']}"})
    dataset = grids.DATASETS[given["id"]]
    ranges = {grain: list(dataset.ranges.get(grain, (None, None))) for grain in ("year", "month", "day")}
    ranges["year"] = [year and int(year) for year in ranges["year"]]
    return _json(
        200,
        {
            "name": dataset.title,
            "id": given["id"],
            "vars": {variable: variable for variable in dataset.variables},
            "date_ranges": ranges,
            "grid_size": dataset.cell,
            "crs": {"epsg": int(dataset.crs.removeprefix("EPSG:"))},
        },
    )


def _variables(text: str) -> tuple[str, list[str]]:
    dataset, colon, variables = text.partition(":")
    if not colon or not variables or ";" in text:
        raise RequestError("Incorrect dataset specification.")
    if dataset not in grids.DATASETS:
        raise RequestError(f"Invalid dataset ID: {dataset}")
    return dataset, variables.split(",")


def _dates(given: dict[str, str], ranges: dict[str, tuple[str, str]]) -> list[str]:
    if "dates" in given:
        grain = {0: "year", 1: "month", 2: "day"}[given["dates"].split(":")[0].split(",")[0].count("-")]
        dates = [date for item in given["dates"].split(",") for date in _date_range(item, grain)]
    else:
        grain, dates = _recurring(given)
    if grain not in ranges:
        raise RequestError(f"The requested date grain ({grain}) is not available.")
    first, last = ranges[grain]
    if not dates or min(dates) < first or max(dates) > last:
        raise RequestError(f"The requested dates are outside of the available range, {first} to {last}.")
    return dates


def _recurring(given: dict[str, str]) -> tuple[str, list[str]]:
    years = _numbers(given.get("years", ""), None)
    if "months" in given:
        months = _numbers(given["months"], 12)
        if "days" not in given:
            return "month", [f"{year}-{month:02}" for year in years for month in months]
        return "day", [
            f"{year}-{month:02}-{day:02}"
            for year in years
            for month in months
            for day in _numbers(given["days"], calendar.monthrange(year, month)[1])
        ]
    if "days" in given:
        dates = []
        for year in years:
            january = datetime.date(year, 1, 1)
            for day in _numbers(given["days"], 366 if calendar.isleap(year) else 365):
                dates.append((january + datetime.timedelta(day - 1)).isoformat())
        return "day", dates
    return "year", [str(year) for year in years]


def _numbers(text: str, last: int | None) -> list[int]:
    """Return the numbers of ``1,3:5,2:10+2``; N stands for the `last` one."""
    numbers = []
    for item in text.split(","):
        found = re.fullmatch(r"(\d+)(?::(\d+|N)(?:\+(\d+))?)?", item)
        if not found or (found[2] == "N" and last is None):
            raise RequestError(f'Invalid date range specification: "{text}".')
        start = int(found[1])
        end = last if found[2] == "N" else int(found[2] or start)
        numbers.extend(range(start, end + 1, int(found[3] or 1)))
    if last is not None and numbers and max(numbers) > last:
        raise RequestError(f'Invalid date range specification: "{text}".')
    return numbers


def _date_range(item: str, grain: str) -> list[str]:
    """Return the dates of ``2000:2020``, ``2000-01:2000-12`` or ``2000-01-01:2000-12-31``."""
    first, _, last = item.partition(":")
    last = last or first
    try:
        if grain == "year":
            return [str(year) for year in range(int(first), int(last) + 1)]
        if grain == "month":
            (year, month), (to_year, to_month) = (map(int, text.split("-")) for text in (first, last))
            count = (to_year - year) * 12 + to_month - month + 1
            return [f"{year + (month - 1 + k) // 12}-{(month - 1 + k) % 12 + 1:02}" for k in range(count)]
        start, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
        return [(start + datetime.timedelta(k)).isoformat() for k in range((end - start).days + 1)]
    except ValueError:
        raise RequestError(f'Invalid date range specification: "{item}".') from None


def _box(text: str) -> tuple[float, float, float, float]:
    """Return west, south, east, north of the upper left and lower right corners in `text`."""
    if not text:
        raise RequestError("No clip geometry was specified.")
    corners = text[1:-1].split("),(") if text.startswith("(") and text.endswith(")") else text.split(";")
    try:
        points = [tuple(map(float, corner.split(","))) for corner in corners]
        if len(points) < 2 or any(len(point) != 2 for point in points):
            raise ValueError
    except ValueError:
        raise RequestError("Incorrect coordinate specification.") from None
    x, y = [point[0] for point in points], [point[1] for point in points]
    return min(x), min(y), max(x), max(y)
