"""The paths of local rasters: a pattern such as ``rasters/PRISM_{variable}_{year}.tif``, and a raster in a zip."""

import zipfile
from pathlib import Path

from zonalflow.common.dates import dates_of, format_years
from zonalflow.common.errors import ConfigError, RasterError
from zonalflow.common.text import count_of

RASTER_SUFFIXES = (".tif", ".tiff", ".bil", ".img", ".asc", ".vrt")  # what is looked for in a zip
KEYS = ("variable", "year", "month", "day")


def check_pattern(pattern: str, variables: list[str], years: list[int]) -> None:
    """Raise ConfigError unless the pattern gives each variable and year of the study files of its own."""
    unknown = [key for key in _keys(pattern) if key not in KEYS]
    if unknown:
        known = ", ".join(f"{{{key}}}" for key in KEYS)
        raise ConfigError(f"raster.path: {{{unknown[0]}}} in {pattern!r} is unknown; a pattern may hold {known}")
    if is_netcdf(pattern):
        return  # one file may hold several variables, and all years along its time dimension
    if len(variables) > 1 and "{variable}" not in pattern:
        raise ConfigError(f"raster.path: {pattern!r} needs {{variable}}, since raster.variables names several")
    if len(years) > 1 and "{year}" not in pattern:
        raise ConfigError(f"raster.path: {pattern!r} needs {{year}}, since the study has {len(years)} years")


def local_path(pattern: str, variable: str, date: str) -> str:
    """Return the path of ``variable`` at ``date``: the pattern with its keys replaced, month and day by two digits."""
    year, month, day = (*date.split("-"), "", "")[:3]
    for key, text in (("variable", variable), ("year", year), ("month", month), ("day", day)):
        pattern = pattern.replace(f"{{{key}}}", text)
    return pattern


def local_paths(pattern: str, variable: str, year: int, grain: str) -> list[str]:
    """Return the files of ``year``, in the order of their dates, each once."""
    return list(dict.fromkeys(local_path(pattern, variable, date) for date in dates_of(year, grain)))


def check_local_files(pattern: str, variables: list[str], years: list[int], grain: str) -> None:
    """Raise RasterError that names the years whose files are missing, if any are."""
    for variable in variables:
        missing: dict[int, str] = {}
        for year in years:
            for path in local_paths(pattern, variable, year, grain):
                if not Path(path).is_file():
                    missing.setdefault(year, path)
        if missing:
            first = next(iter(missing.values()))
            raise RasterError(
                f"{variable}: no raster for {len(missing)} of {count_of(len(years), 'year')}: "
                f"{format_years(list(missing))}. "
                f"Looked for {first}, from raster.path: {pattern}. Put the files there, or leave these years out"
            )


def is_netcdf(path: str) -> bool:
    """Return whether ``path`` is that of a NetCDF file, by its suffix."""
    return str(path).lower().endswith((".nc", ".nc4", ".netcdf"))


def gdal_name(path: str) -> str:
    """Return what GDAL calls a raster; a zip must hold exactly one, which is read in place."""
    if not str(path).lower().endswith(".zip"):
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]  # a Mac's metadata
            rasters = [name for name in names if name.lower().endswith(RASTER_SUFFIXES)]
    except zipfile.BadZipFile as error:
        raise RasterError(f"{path} is not a readable zip file ({error}); fetch it again") from None
    if len(rasters) != 1:
        raise RasterError(
            f"{path} holds {count_of(len(rasters), 'raster')} {rasters[:5]}; a zip must hold exactly one GeoTIFF or BIL"
        )
    return f"/vsizip/{{{Path(path).resolve()}}}/{rasters[0]}"


def _keys(pattern: str) -> list[str]:
    return [part.partition("}")[0] for part in pattern.split("{")[1:]]
