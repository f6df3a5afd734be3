"""Where a study's files lie.

Every path of the workflow is built here, from the resolved configuration (see :mod:`zonalflow.study.resolve`); the
rules only name them. Importing this is cheap: every cluster job parses the workflow again.
"""

import json
import re
from pathlib import Path
from typing import Any

from zonalflow.common.columns import column_of_ids, further_maps
from zonalflow.common.formats import VECTOR_SUFFIXES
from zonalflow.sources.catalogue.census import boundary_url, needs_state
from zonalflow.timeline.patterns import inputs_of_year, may_be_arrays

DOWNLOADS = 12  # of the profiles' ``resources``: `fetch.at_once`, 1 to 4, divides it
TABLES = {
    "parquet": "zonal_stats.parquet",
    "csv": "zonal_stats.csv",
    "wide": "zonal_stats_wide.csv",
    "xlsx": "zonal_stats.xlsx",
}


class Study:
    """A resolved configuration, asked for paths.

    `root` is put before every path that the workflow makes, not before the user's own files: the ``prefix:`` of a
    workflow that uses this one as a module, for looking at the disk. The rules themselves name paths without it.
    """

    def __init__(self, config: dict[str, Any], root: str = ""):
        self.config = config
        self.root = root
        self.run: str = config["run"]
        self.years: list[int] = config["years"]
        self.bbox: list[float] | None = config["bbox"]
        self.zones: dict[str, Any] = config["zones"]
        self.raster: dict[str, Any] = config["raster"]
        self.variables: list[str] = self.raster["variables"]
        self.formats: list[str] = config["output"]["formats"]
        self.further: list[str] = further_maps(config["stats"], config["output"]["maps"])
        self.results = f"{root}results/{self.run}"
        self.work = f"{self.results}/work"
        self.logs = f"{root}logs/{self.run}"
        self.manifest = f"{self.results}/manifest.json"  # the provenance
        self.readme = f"{self.results}/README.txt"  # what each file and column is
        self.report = f"{self.results}/report.html"
        self.verification = f"{self.results}/verify.json"  # the verdict, where one has been made

    @property
    def id_column(self) -> str:
        """The column of the zones' ids in the results."""
        return column_of_ids(self.zones["id"])

    # ---------------------------------------------------------------------------------------------------------- inputs

    @property
    def zones_inputs(self) -> list[str]:
        """The files that preparing the zones waits for: receipts, or the user's file with a shapefile's other parts."""
        if self.zones["source"] == "census":
            return [f"{self.root}resources/census/{name}.json" for name in self.boundaries]
        path = Path(self.zones["path"])
        parts = [path.with_suffix(suffix) for suffix in VECTOR_SUFFIXES["shp"]] if path.suffix == ".shp" else []
        return [str(path), *(str(part) for part in parts if part != path and part.exists())]

    def zone_files(self, inputs: list[str]) -> list[str]:
        """The files with the zones as they came, from the rules' `inputs`: a receipt lies beside its file."""
        if self.zones["source"] == "census":
            return [path.removesuffix(".json") for path in inputs]
        return list(inputs[:1])

    @property
    def boundaries(self) -> dict[str, str]:
        """The Census Bureau's files that hold the zones: name to address."""
        zones = self.zones
        what = (zones["year"], zones["geography"], zones["resolution"])
        by_state = zones["states"] if needs_state(*what[:2]) else None
        urls = [boundary_url(*what, state, base=zones["url"]) for state in by_state or [None]]
        return {url.rpartition("/")[2]: url for url in urls}

    @property
    def raster_folder(self) -> str:
        """The folder pattern of fetched rasters, with ``{variable}``; one for each box: none is fetched twice."""
        source, grain = self.raster["source"], self.raster["grain"]
        if source == "prism":
            return f"{self.root}resources/prism/{self.raster['resolution']}/{{variable}}/{grain}"
        box = "_".join(f"{edge:.12g}" for edge in self.bbox) if self.bbox else "all"
        return f"{self.root}resources/{source}/{self.raster['dataset']}/{{variable}}/{grain}/{box}"

    @property
    def zone_keys(self) -> dict[str, Any]:
        """The keys of ``zones`` on which the prepared zones depend: not the server, nor what only tables show."""
        return {key: value for key, value in self.zones.items() if key not in ("url", "name", "columns")}

    @property
    def grid_keys(self) -> dict[str, Any]:
        """The keys of ``raster`` on which the study's grid depends."""
        own = ("crs",) if self.raster["source"] == "local" else ("months", "crs")
        keys = ("source", "dataset", "grain", "resolution", *own)
        return {**{key: self.raster.get(key) for key in keys}, **self.local_keys}

    @property
    def value_keys(self) -> dict[str, Any]:
        """The keys of ``raster`` on which a year's numbers depend, besides its files."""
        keys = ("source", "grain", "crs", "nodata", "on_grid_change")
        return {**{key: self.raster.get(key) for key in keys}, **self.local_keys}

    @property
    def local_keys(self) -> dict[str, Any]:
        """The keys of ``raster`` that say which local files, bands and time steps hold which dates.

        ``of_years`` are the years of the study where the files' names do not tell the year: the bands of one file are
        theirs, and a file without dates is that of an only year. ``shared``: each file holds all variables.
        """
        raster = self.raster
        if raster["source"] != "local":
            return {"path": None}
        keys = ("path", "months", "missing_dates", "select", "band")
        found = {**{key: raster[key] for key in keys}, "names": raster.get("names", {})}
        if "{year}" not in raster["path"] and (len(self.years) == 1 or not may_be_arrays(raster["path"])):
            found["of_years"] = self.years
        if "{variable}" not in raster["path"] and len(self.variables) > 1:
            found["shared"] = True
        return found

    def receipt(self, variable: str, year: int | str) -> str:
        """The receipt of a year's fetched rasters, which lie beside it; that of some months has a name of its own."""
        months = "-".join(f"{month:02}" for month in self.raster["months"] or ())
        return f"{self.raster_folder.format(variable=variable)}/{year}{months and f'_months-{months}'}.json"

    def rasters(self, variable: str, year: int | str) -> list[str]:
        """The files that a year's job waits for: its receipt, or the user's own rasters."""
        if self.raster["source"] == "local":
            return inputs_of_year(self.raster, variable, int(year))
        return [self.receipt(variable, year)]

    @property
    def weights_inputs(self) -> list[str]:
        """The user's raster of weights, if there is one."""
        weights = self.config["weights"]
        return [weights["path"]] if isinstance(weights, dict) else []

    @property
    def allows_other_grids(self) -> bool:
        """Whether rasters may lie on other grids than the study's."""
        return bool(self.raster["on_grid_change"] == "reindex")

    @property
    def all_rasters(self) -> list[str]:
        """What the jobs of all years wait for."""
        paths = [path for variable in self.variables for year in self.years for path in self.rasters(variable, year)]
        return list(dict.fromkeys(paths))

    @property
    def receipts(self) -> list[str]:
        """The receipts among the inputs: files that other studies may read, and make, as well."""
        zones = self.zones_inputs if self.zones["source"] == "census" else []
        return [*zones, *(self.all_rasters if self.raster["source"] != "local" else [])]

    @property
    def fetches_here(self) -> bool:
        """Whether downloads run on the machine that controls the run, rather than as cluster jobs."""
        return bool(self.config["fetch"]["where"] == "here")

    @property
    def download_share(self) -> int:
        """How much of the run-wide resource ``downloads`` (12 in the profiles) a download takes."""
        return DOWNLOADS // int(self.config["fetch"]["at_once"])

    @property
    def reference(self) -> tuple[str, int]:
        """The variable and year whose raster gave, or will give, the study's grid.

        A fetched raster stays the reference for as long as it is there: another first year in ``years``, which may
        still be to fetch, must not make everything else out of date. Of local rasters it is always the first, since
        their grids may differ.
        """
        if self.raster["source"] == "local":
            return self.variables[0], self.years[0]
        try:
            recorded = json.loads(Path(self.grid).read_text(encoding="utf-8"))["reference"]
            variable, year = recorded["variable"], recorded["year"]
            if all(Path(path).exists() for path in self.rasters(variable, year)):
                return variable, year
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        return self.variables[0], self.years[0]

    # --------------------------------------------------------------------------------------------------------- results

    @property
    def grid(self) -> str:
        """The study's grid and box, as JSON."""
        return f"{self.work}/grid.json"

    @property
    def prepared(self) -> str:
        """The prepared zones, as GeoParquet."""
        return f"{self.results}/zones.parquet"

    @property
    def preparation(self) -> str:
        """What preparing the zones did, as JSON."""
        return f"{self.work}/zones.json"

    @property
    def template(self) -> str:
        """The stem of the zones' shapefile without statistics."""
        return f"{self.work}/zones"

    @property
    def index(self) -> str:
        """Which zone index the study uses, as JSON; the index itself is shared among runs."""
        return f"{self.work}/index.json"

    def year_table(self, variable: str, year: int | str) -> str:
        """The numbers of one variable and year."""
        return f"{self.work}/{variable}/{year}.npz"

    def checksums(self, what: str) -> str:
        """The checksums of what one job wrote: of ``tables``, ``report``, ``maps_<variable>`` and others."""
        return f"{self.work}/{what}.sha256"

    def record(self, what: str) -> str:
        """The record of what one job's results were made from; hidden, since it holds times."""
        return f"{self.results}/.recipes/{what}.json"

    @property
    def variable_pattern(self) -> str:
        """The wildcard ``variable``, as a regular expression."""
        return "|".join(map(re.escape, self.variables))

    @property
    def year_keys(self) -> list[tuple[str, int]]:
        """Every variable and year, in the order of the tables."""
        return [(variable, year) for variable in self.variables for year in self.years]

    @property
    def year_tables(self) -> list[str]:
        """The numbers of every variable and year, in the order of :attr:`year_keys`."""
        return [self.year_table(*key) for key in self.year_keys]

    def year_stem(self, variable: str, year: int | str) -> str:
        """The vector files of one variable and year, without suffix."""
        return f"{self.results}/{variable}/stats_{year}"

    @property
    def vector_suffixes(self) -> list[str]:
        """The suffixes of a year's vector files, in all the formats asked for."""
        return [suffix for kind in self.formats for suffix in VECTOR_SUFFIXES.get(kind, ())]

    def year_vectors(self, variable: str, year: int | str) -> list[str]:
        """The vector files of one variable and year; none when only tables are asked for."""
        return [self.year_stem(variable, year) + suffix for suffix in self.vector_suffixes]

    @property
    def vectors(self) -> list[str]:
        """All vector files of all years."""
        return [path for key in self.year_keys for path in self.year_vectors(*key)]

    @property
    def tables(self) -> dict[str, str]:
        """The tables of all years. Parquet is always written, since the report and other tools read it."""
        kinds = ["parquet", *(kind for kind in ("csv", "wide", "xlsx") if kind in self.formats)]
        return {kind: f"{self.results}/{TABLES[kind]}" for kind in kinds}

    def year_map(self, variable: str, year: int | str) -> str:
        """The map of one variable and year."""
        return f"{self.results}/maps/{variable}_{year}.png"

    def further_maps(self, variable: str) -> list[str]:
        """The same of each statistic of ``output.maps``: its years, then all years."""
        names = [*map(str, self.years), "overview"]
        return [f"{self.results}/maps/{stat}/{variable}_{name}.png" for stat in self.further for name in names]

    def styles(self, variable: str) -> list[str]:
        """The styles of the years' vector files for QGIS; none of a year with more dates than months."""
        draws = self.vector_suffixes and self.raster["grain"] in ("annual", "monthly")
        return [f"{self.year_stem(variable, year)}.qml" for year in self.years] if draws else []

    def overview(self, variable: str) -> str:
        """The picture of all years of one variable."""
        return f"{self.results}/maps/{variable}_overview.png"

    @property
    def maps(self) -> list[str]:
        """All pictures."""
        further = [path for variable in self.variables for path in self.further_maps(variable)]
        return [*(self.year_map(*key) for key in self.year_keys), *map(self.overview, self.variables), *further]

    @property
    def products(self) -> list[str]:
        """Everything that a full run makes."""
        styles = [path for variable in self.variables for path in self.styles(variable)]
        return [*self.vectors, *self.tables.values(), *self.maps, *styles, self.manifest, self.readme, self.report]
