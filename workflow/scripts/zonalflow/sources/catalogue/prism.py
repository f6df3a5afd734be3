"""PRISM's own web service: its address, variables, resolutions and first years.

Source: https://prism.oregonstate.edu/documents/PRISM_downloads_web_service.pdf.
"""

from collections.abc import Iterable

from zonalflow.common.errors import ConfigError

BASE_URL = "https://services.nacse.org/prism/data/get"
VARIABLES = ("ppt", "tmean", "tmin", "tmax", "tdmean", "vpdmin", "vpdmax")
RESOLUTIONS = ("4km", "800m")
FIRST_YEAR = {"annual": 1895, "monthly": 1895, "daily": 1981}


def check_request(variables: Iterable[str], resolution: str, grain: str, years: Iterable[int]) -> None:
    """Check, without a request, that the service has all that a study asks for.

    Raises:
        ConfigError: naming the variable, resolution or years that it does not have.
    """
    for variable in variables:
        if variable not in VARIABLES:
            raise ConfigError(f"raster.variables: PRISM has no {variable!r}; it has {', '.join(VARIABLES)}")
    if resolution not in RESOLUTIONS:
        raise ConfigError(f"raster.resolution {resolution!r}: PRISM has {' and '.join(RESOLUTIONS)}")
    early = [str(year) for year in years if year < FIRST_YEAR[grain]]
    if early:
        raise ConfigError(f"years: PRISM's {grain} grids begin in {FIRST_YEAR[grain]}, not {', '.join(early)}")


def grid_url(base: str, resolution: str, variable: str, date: str) -> str:
    """Return the address of one grid; `date` is ``2000``, ``2000-01`` or ``2000-01-31``."""
    return f"{base.rstrip('/')}/us/{resolution}/{variable}/{date.replace('-', '')}"
