"""GeoCDL, the geospatial library inside SCINet: its address, the address of a request, and what can be asked for."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from zonalflow.common.dates import FULL_DAY, dates_of, format_years
from zonalflow.common.errors import ConfigError
from zonalflow.common.text import nearest
from zonalflow.sources.catalogue.datasets import Dataset, check_served, dataset_id, describe_dataset

BASE_URL = "http://10.1.1.80:8000"
Box = tuple[float, float, float, float]  # west, south, east, north


def check_request(dataset: str, variables: Iterable[str], grain: str, bbox: Sequence[float] | None) -> None:
    """Check, without a request, that GeoCDL has all that a study asks for.

    Raises:
        ConfigError: naming the dataset, variable or grain that it does not have or cannot serve, or a missing `bbox`.
    """
    known, names = describe_dataset(dataset), list(variables)
    check_served(dataset, names, grain)
    for variable in names:
        if variable not in known.variables:
            listed = ", ".join(known.variables[:12]) + (", …" if len(known.variables) > 12 else "")
            raise ConfigError(
                f"raster.variables: {dataset} has no variable {variable!r}; it has {listed}"
                f"{nearest(variable, known.variables)}"
            )
    if grain not in (known.grains or ("annual",)):
        offered = " and ".join(known.grains) + " only" if known.grains else "without dates; write annual"
        raise ConfigError(f"raster.grain {grain}: {dataset} is {offered}")
    if bbox is None and known.extent is None:
        raise ConfigError(f"bbox: GeoCDL cuts {dataset} to a box; write [west, south, east, north] in degrees")


def dates_in(dataset: str, year: int, grain: str, months: Sequence[int] | None = None) -> list[str]:
    """Return the dates of a year of a dataset, in the given months or in all; those of a sparse one are fewer."""
    return dates_of(year, grain, months, describe_dataset(dataset).hours or FULL_DAY)


def available_years(dataset: str, grain: str) -> list[int]:
    """Return all years of a dataset that are there in full, as far as is known without a request.

    Raises:
        ConfigError: for a dataset without dates, or without this grain.
    """
    known = describe_dataset(dataset)
    check_request(dataset, (), grain, (0, 0, 0, 0))
    if not known.grains:
        raise ConfigError(f"years: {dataset} has no dates, so available names no years; write any one year")
    first, last = known.grains[grain]
    years = known.years or range(int(first[:4]), int(last[:4]) + 1)
    return [year for year in years if not _outside(dataset, grain, [year], None, (first, last))]


def check_years(
    dataset: str,
    grain: str,
    years: Sequence[int],
    held: tuple[str, str] | None = None,
    months: Sequence[int] | None = None,
    only: Sequence[int] = (),
) -> None:
    """Check that a dataset holds every year in full.

    `held` is the first and last date that the server holds, and `only` the years that it has, where these are not all
    of them, from :func:`zonalflow.sources.geocdl.listing.catalogue_range`. Without `held` only years before the
    dataset's known beginning are refused: later ones may have been added.

    Raises:
        ConfigError: naming the years that are missing in whole or in part.
    """
    known = describe_dataset(dataset)
    if grain not in known.grains:
        return
    if some := list(only or known.years):
        if missing := [year for year in years if year not in some]:
            raise ConfigError(
                f"years: GeoCDL's {dataset} has only the years {format_years(some)}, not {format_years(missing)}; "
                "write some of these, or years: available for all of them"
            )
        return
    first, last = held or (known.grains[grain][0], "9999-12-31")
    if outside := _outside(dataset, grain, years, months, (first, last)):
        period = f"{first} to {last}" if held else f"{first} on"
        raise ConfigError(
            f"years: GeoCDL's {grain} {dataset}, which holds {period}, lacks all or part of {format_years(outside)}"
        )


def _outside(
    dataset: str, grain: str, years: Sequence[int], months: Sequence[int] | None, held: tuple[str, str]
) -> list[int]:
    """Return the years that are not wholly within the first and last date that are held."""
    first, last = held
    dates = {year: [date[:10] for date in dates_in(dataset, year, grain, months)] for year in years}
    return [year for year in years if dates[year][0] < first or dates[year][-1] > last]


def subset_url(
    base: str,
    dataset: str,
    variable: str,
    box: Sequence[float],
    dates: Sequence[str],
) -> str:
    """Return the address of a request for some dates of a variable within a box.

    Args:
        base: the server's address.
        dataset: its name; the address has the server's own id.
        variable: one variable.
        box: (west, south, east, north) in the dataset's own CRS, from :func:`box_in_crs`.
        dates: all of one grain and of one year; at daily and hourly grain of one month, without gaps.
    """
    name = f"{quote(dataset_id(dataset), safe='')}%3A{quote(variable, safe='')}"
    west, south, east, north = (f"{edge:.12g}" for edge in box)
    clip = f"({west},{north}),({east},{south})"
    when = _when(dates) if describe_dataset(dataset).grains else ""
    return f"{base.rstrip('/')}/subset_polygon?datasets={name}{when}&clip={clip}"


def _when(dates: Sequence[str]) -> str:
    """Return the parameters that name dates: ``&years=2000&months=1:12``."""
    year, months = dates[0][:4], sorted({int(date[5:7]) for date in dates if len(date) > 4})
    if not months:
        return f"&years={year}"
    if len(dates[0]) == 7:
        return f"&years={year}&months={_numbers(months)}"
    days = sorted({int(date[8:10]) for date in dates})
    hours = sorted({int(date[11:13]) for date in dates if len(date) > 10})
    whole = len(days) > 27 and len({date[:10] for date in dates}) == len(dates_of(int(year), "daily", months))
    suffix = f"&hours={','.join(map(str, hours))}" if hours else ""
    return f"&years={year}&months={_numbers(months)}&days={'1:N' if whole else _numbers(days)}{suffix}"


def _numbers(numbers: Sequence[int]) -> str:
    """Return sorted whole numbers as the server reads them: ``1:12``, ``6``, ``1,7``."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}:{numbers[-1]}"
    return ",".join(map(str, numbers))


def box_in_crs(dataset: str, bbox: Sequence[float] | None) -> Box:
    """Return the box in the dataset's CRS that holds all of a box in degrees, or of the whole grid.

    Raises:
        ConfigError: for a dataset that needs a box and gets none.
    """
    known = describe_dataset(dataset)
    if bbox is None:
        if known.extent is None:
            raise ConfigError("bbox: this dataset is cut to a box; write [west, south, east, north] in degrees")
        return known.extent
    west, south, east, north = bbox
    from zonalflow.geometry.box import bounds_in  # here, since jobs read this module without numpy

    return bounds_in(known.crs, "EPSG:4269", bbox) if known.crs else (west, south, east, north)


def cells_of(known: Dataset, box: Sequence[float]) -> tuple[int, int]:
    """Return about how many columns and rows a box in the dataset's CRS has."""
    west, south, east, north = box
    return round((east - west) / known.cell) + 1, round((north - south) / known.cell) + 1
