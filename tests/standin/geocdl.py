"""GeoCDL's answers, as the real server gives them: its texts, its types, and what it cannot do."""

import calendar
import datetime
import io
import itertools
import json
import zipfile
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import rasterio.crs

from standin import grids
from standin.answers import Answer

Box = tuple[float, float, float, float]  # west, south, east, north
_serial = itertools.count()
_GRAINS = ("year", "month", "day")
_INTERNAL = Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")


class RequestError(ValueError):
    """What the server answers with 400 and this detail."""


class InternalError(Exception):
    """What the server answers with 500 and no explanation."""


@dataclass
class Service:
    """One worker of the server.

    `odd` are dates whose file has a header that differs from the others' in a late digit. `loaded` is the file that the
    worker has loaded last, and `clip` the box to which it was cut, for datasets that keep it.
    """

    odd: set[str] = field(default_factory=set)
    loaded: str | None = None
    clip: Box | None = None

    def answer(self, base: str, path: str, query: str) -> Answer:
        """Answer a GET; never with a byte-identical zip, since metadata.json tells the time."""
        # A plus sign in a query is a space: a client must send %2B.
        given = {key: values[-1] for key, values in parse_qs(query).items()}
        if path == "/list_datasets":
            entries = [{"id": key, "name": data.title} for key, data in grids.DATASETS.items()]
            return _json(200, sorted(entries, key=lambda entry: entry["name"]))
        if path == "/ds_info":
            return describe(given)
        if "datasets" not in given:
            missing = {"loc": ["query", "datasets"], "msg": "field required", "type": "value_error.missing"}
            return _json(422, {"detail": [missing]})
        try:
            return self.subset(f"{base}{path}?{query}", given)
        except ValueError as error:  # int() raises it as well, and its text goes out
            return _json(400, {"detail": str(error)})
        except (InternalError, grids.OffGridError):
            return _INTERNAL

    def subset(self, url: str, given: dict[str, str]) -> Answer:
        """Answer a request for rasters."""
        corners = _corners(given.get("clip", ""))
        name, variables = _variables(given["datasets"])
        dataset = grids.DATASETS[name]
        if not corners:
            raise RequestError("One of clip or geom_guid needs to be provided.")
        if given.get("crs", dataset.crs) != dataset.crs:
            raise InternalError
        grain, dates = _dates(given)
        dates = _available(name, dataset, grain, dates, given) if dataset.ranges else [""]
        x, y = [point[0] for point in corners], [point[1] for point in corners]
        box = min(x), min(y), max(x), max(y)
        try:
            window = dataset.window(*box)
        except grids.OffGridError:
            raise InternalError from None
        about = {"request": {"url": url, "datetime": datetime.datetime.now(datetime.UTC).isoformat()}}
        members = {"metadata.json": json.dumps({**about, "serial": next(_serial)}).encode()}
        for variable in variables:
            if variable not in dataset.variables or {variable, grain} & dataset.dead:
                raise InternalError
            held = [date for date in dates if dataset.dates(date[:10])]
            scrambles = len(held) > 1 and not self.odd.isdisjoint(held) and not self.odd.issuperset(held)
            for date in held:
                self.load(name, dataset, variable, date, box)
                file = "_".join(part for part in (name, variable, date) if part) + ".tif"
                picture = dataset.picture(variable, date, window)
                if scrambles:
                    members[file] = dataset.scrambled(picture, window, variable, date in self.odd)
                else:
                    members[file] = dataset.geotiff(picture, window, variable)
                if dataset.classes:
                    members[f"{file}.aux.xml"] = grids.class_names(dataset.classes)
        return Answer(200, packed(members), headers={"Content-Disposition": 'attachment; filename="subset.zip"'})

    def load(self, name: str, dataset: grids.Dataset, variable: str, date: str, box: Box) -> None:
        """Load the file of a date; the one that is loaded already cannot be cut to another box."""
        if dataset.file is None:
            return
        file = f"{name} {dataset.file(variable, date)}"
        if file == self.loaded and box != self.clip:
            raise InternalError
        self.loaded, self.clip = file, box


def packed(members: dict[str, bytes]) -> bytes:
    """Return a flat, deflated zip."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


def _json(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode(), "application/json")


def describe(given: dict[str, str]) -> Answer:
    """Answer /ds_info."""
    if "id" not in given:
        return _json(422, {"detail": [{"loc": ["query", "id"], "msg": "field required"}]})
    if given["id"] not in grids.DATASETS:
        return _json(404, {"detail": f"Invalid dataset ID: {given['id']}"})
    dataset = grids.DATASETS[given["id"]]
    ranges = {grain: list(dataset.ranges.get(grain, (None, None))) for grain in _GRAINS}
    ranges["year"] = [year and int(year) for year in ranges["year"]]
    crs = rasterio.crs.CRS.from_user_input(dataset.crs)
    return _json(
        200,
        {
            "name": dataset.title,
            "id": given["id"],
            "url": "https://example.org",
            "description": "",
            "provider_name": "",
            "provider_url": "",
            "grid_size": dataset.cell,
            "grid_unit": dataset.unit,
            "vars": dataset.variables,
            "date_ranges": ranges,
            "temporal_resolution": {grain: dataset.resolution.get(grain) for grain in _GRAINS},
            "notes": dataset.notes,
            "crs": {"name": "", "epsg": crs.to_epsg(), "wkt": crs.to_wkt(), "is_geographic": crs.is_geographic},
        },
    )


def _variables(text: str) -> tuple[str, list[str]]:
    dataset, colon, variables = text.partition(":")
    if not colon or not variables or ";" in text:
        raise RequestError("Incorrect dataset specification.")
    if dataset not in grids.DATASETS:
        raise RequestError("Invalid dataset ID: {dsid}")  # the braces are the server's own
    return dataset, variables.split(",")


def _available(name: str, dataset: grids.Dataset, grain: str, dates: list[str], given: dict[str, str]) -> list[str]:
    """Return the dates, with hours where the dataset has them, after the server's checks."""
    if grain not in dataset.ranges:
        raise RequestError(f"{name} does not have requested date granularity")
    hours = _numbers(given["hours"], 23, 0) if "hours" in given else None
    if dataset.hours and hours is None:
        raise RequestError('"hours" is required for sub-daily datasets.')
    first, last = dataset.ranges[grain]
    if dates[0] < first or dates[-1] > last:
        raise RequestError(f'Date range not available for dataset: "{name}".')
    if not dataset.hours:
        return dates
    return [f"{date}-{hour:02}" for date in dates for hour in hours or () if hour in dataset.hours]


def _dates(given: dict[str, str]) -> tuple[str, list[str]]:
    """Return grain and dates of a request; the grain is empty for a request without dates."""
    if given.get("dates"):
        items = given["dates"].split(",")
        grain = _GRAINS[items[0].split(":")[0].count("-")]
        return grain, sorted(date for item in items for date in _date_range(item, grain))
    if not any(given.get(key) for key in ("years", "months", "days")):
        return "", []
    if not given.get("years"):
        raise RequestError("The years to include were not specified.")
    years = _numbers(given["years"], None)
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


def _numbers(text: str, last: int | None, least: int = 1) -> list[int]:
    """Return the numbers of ``1,3:5,2:10+2``; N stands for the `last` one."""
    numbers: set[int] = set()
    for item in text.split(","):
        first, colon, rest = item.partition(":")
        end, _, step = rest.partition("+")
        if not colon:
            numbers.add(int(first))
            continue
        if last is None and end == "N":
            raise RequestError(f'Cannot interpret range string "{item}": no maximum value was provided.')
        start, stop = int(first), last if end == "N" else int(end)
        if start > stop:
            raise RequestError(f'Invalid range string: "{item}". The starting value cannot exceed the ending value.')
        numbers.update(range(start, stop + 1, int(step or 1)))
    if last is not None and max(numbers) > last:
        raise RequestError(f'Invalid date values string: "{text}". The values cannot exceed {last}.')
    if min(numbers) < least:
        raise RequestError(
            f'Invalid date values string: "{text}". The values must be greater than or equal to {least}.'
        )
    return sorted(numbers)


def _date_range(item: str, grain: str) -> list[str]:
    """Return the dates of ``2000:2020``, ``2000-01:2000-12`` or ``2000-01-01:2000-12-31``."""
    first, _, last = item.partition(":")
    last = last or first
    if last < first:
        raise RequestError("The end date cannot precede the start date.")
    if grain == "year":
        return [str(year) for year in range(int(first), int(last) + 1)]
    if grain == "month":
        (year, month), (to_year, to_month) = (map(int, text.split("-")) for text in (first, last))
        count = (to_year - year) * 12 + to_month - month + 1
        return [f"{year + (month - 1 + k) // 12}-{(month - 1 + k) % 12 + 1:02}" for k in range(count)]
    start, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    return [(start + datetime.timedelta(k)).isoformat() for k in range((end - start).days + 1)]


def _corners(text: str) -> list[tuple[float, ...]]:
    """Return the points in `text`, which are the upper left and lower right corner of a box."""
    if not text:
        return []
    if text.startswith("(") and not text.endswith(")"):
        raise RequestError("Incorrect coordinate specification.")
    corners = text[1:-1].split("),(") if text.startswith("(") else text.split(";")
    try:
        points = [tuple(map(float, corner.split(","))) for corner in corners]
    except ValueError:
        points = []
    if not points or any(len(point) != 2 for point in points):
        raise RequestError("Incorrect coordinate specification.")
    if len(points) < 2:
        raise RequestError("Invalid clip geometry specification.")
    return points
