"""A study on a running cluster: started, disturbed, and compared with one that ran undisturbed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
SNAKEMAKE = str(Path(sys.executable).with_name("snakemake"))
YEARS = tuple(str(year) for year in range(2000, 2005))
ACCOUNT = "ceres_test"
CROWDED = "ceres_crowded"  # three of its jobs run concurrently
LIMITED = "ceres_limited"  # it may have two jobs in the queue
UNDER_WAY = ("PENDING", "CONFIGURING", "RUNNING")
CLUSTER_LOCK = Path(os.environ.get("ZONALFLOW_SLURM", "/tmp/zonalflow-slurm"), "tests.lock")

CONFIG = """\
run: test
years: {years}
bbox: [-87.5, 24.5, -79.0, 31.0]
zones: {{source: file, path: {repository}/config/demo/zones.zip, id: GEOID}}
raster: {{source: local, variables: [ppt], path: "rasters/PRISM_{{variable}}_{{year}}.tif"}}
stats: [mean, median]
"""


def cluster(*arguments: str) -> None:
    """Call the script that runs the cluster."""
    subprocess.run([HERE / "cluster", *arguments], check=True, timeout=120, capture_output=True)


def ask(command: str) -> list[str]:
    """Return the lines that a SLURM command prints."""
    return subprocess.run(command.split(), check=True, text=True, timeout=60, capture_output=True).stdout.splitlines()


def until(condition, seconds: float, what: str):
    """Wait until `condition()` is true, and return what it returned."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.25)
    return result


class Run:
    """A controlling process and what it said."""

    def __init__(self, process: subprocess.Popen, log: Path):
        self.process = process
        self.log = log

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Return the exit code, which must come within that time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the run did not end within {seconds} s; it said:\n{self.text}") from None

    def succeed(self, seconds: float) -> str:
        assert self.wait(seconds) == 0, self.text
        return self.text

    def fail(self, seconds: float) -> str:
        assert self.wait(seconds) != 0, self.text
        return self.text


class Study:
    """A working directory with a study, a profile, and a place to lay faults."""

    def __init__(self, folder: Path, years: tuple[str, ...] = YEARS):
        self.folder = folder
        self.years = years
        self.runs: list[Run] = []
        self.since = time.strftime("%Y-%m-%dT%H:%M:%S")  # an earlier session's study may have had the same folder
        (folder / "faults").mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG.format(years=",".join(years), repository=REPOSITORY))
        for cluster_name in ("ceres", "atlas"):
            self.profile(cluster_name, slurm_account=ACCOUNT)

    def profile(self, name: str = "ceres", **values: object) -> None:
        """Lay down a cluster's profile with other values for some of its keys, as a user would edit it."""
        path = self.folder / f"profiles/{name}/profile.yaml"
        text = (path if path.exists() else REPOSITORY / f"profiles/{name}/profile.yaml").read_text()
        for key, value in values.items():
            text, found = re.subn(rf"(?m)^( *{key}: *)[^#\n]*", rf"\g<1>{value} ", text)
            assert found, f"the profile has no {key}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def fault(self, job: str, statements: str, *, once: bool = False) -> None:
        """Let the script of a job (``zonal_stats.ppt.2003``) execute these statements first."""
        (self.folder / "faults" / (job + ".once" * once)).write_text(statements)

    def slow(self, seconds: float, *years: str) -> None:
        """Let years, all unless named, take at least so long, the first time."""
        for year in years or self.years:
            self.fault(f"zonal_stats.ppt.{year}", f"import time; time.sleep({seconds})", once=True)

    def at_work(self, year: str, seconds: float = 60) -> str:
        """Return the number of a slow year's job, as soon as its script is at work."""
        fault = self.folder / f"faults/zonal_stats.ppt.{year}.once"
        until(lambda: not fault.exists(), seconds, f"{year} at work")
        return self.queue("R")[f"rule_zonal_stats_wildcards_ppt_{year}"]

    def start(
        self, *arguments: str, profile: str = "ceres", terminal: int | None = None, path: str = "", within: str = ""
    ) -> Run:
        """Start `snakemake --profile …`: on a `terminal`, if one is given, and `within` another command."""
        log = self.folder / f"run-{len(self.runs)}.log"
        environment = os.environ | {"PYTHONPATH": str(HERE / "faults"), "ZONALFLOW_FAULTS": str(self.folder / "faults")}
        if path:
            environment["PATH"] = f"{path}:{environment['PATH']}"
        where = [] if (self.folder / "profiles" / profile).exists() else [str(REPOSITORY)]
        command = [*within.split(), SNAKEMAKE, *arguments, "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--configfile", "config.yaml", "--profile", "/".join([*where, "profiles", profile])]
        with log.open("w") as stream:
            output = {"stdout": stream, "stderr": stream, "stdin": subprocess.DEVNULL, "start_new_session": True}
            if terminal is not None:
                output = {"preexec_fn": lambda: os.login_tty(terminal)}
            process = subprocess.Popen(command, cwd=self.folder, env=environment, **output)
        self.runs.append(Run(process, log))
        return self.runs[-1]

    # ------------------------------------------------------------------------------------------------ what SLURM knows

    def queue(self, state: str = "all") -> dict[str, str]:
        """Return the jobs of this study in the queue: what they are for, and their numbers."""
        states = [] if state == "all" else ["-t", state]
        rows = ask(" ".join(["squeue", "-h", *states, "--format=%A|%Z|%k"]))
        mine = (row.split("|") for row in rows)
        return {comment: number for number, folder, comment in mine if folder == str(self.folder)}

    def rows(self, fields: str = "Comment,State") -> list[list[str]]:
        """Return the accounting rows of this study's jobs, in their order, once it has what the queue knows."""
        return until(lambda: self._accounted(fields), 60, "the accounting has what the queue knows")[0]

    def _accounted(self, fields: str) -> tuple[list[list[str]]] | None:
        """Return the accounting's rows, None while it lags behind the queue."""
        told = [row.split("|") for row in ask("squeue -h -t all --format=%A|%T|%Z")]
        ended = {number for number, state, folder in told if folder == str(self.folder) and state not in UNDER_WAY}
        fields = f"WorkDir,JobIDRaw,State,{fields}"
        rows = [row.split("|") for row in ask(f"sacct -n -P -X -S {self.since} --format={fields}")]
        mine = [row[1:] for row in rows if row[0] == str(self.folder)]
        behind = ended - {number for number, state, *_ in mine if state not in UNDER_WAY}
        return None if behind else ([row[2:] for row in mine],)

    # -------------------------------------------------------------------------------------------------------- results

    def products(self) -> dict[str, object]:
        """Return what each result holds, by its path: the years' tables and vector files, and the tables of all."""
        results = self.folder / "results/test"
        found = {}
        for path in sorted(
            [*results.glob("*/**/stats_*"), *results.glob("**/*.npz"), *results.glob("zonal_stats.csv")]
        ):
            if path.suffix == ".qml":
                continue  # a style, which comes with the maps
            name = str(path.relative_to(results))
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    found[name] = {
                        key: (value.dtype.str, value.shape, value.tobytes()) for key, value in arrays.items()
                    }
            elif path.suffix == ".dbf":
                content = path.read_bytes()
                found[name] = content[:1] + content[4:]  # without the date of the last change
            else:
                found[name] = path.read_bytes()
        return found

    def of_years(self, products: dict[str, object], years) -> dict[str, object]:
        """Return those products that belong to some years."""
        return {name: value for name, value in products.items() if any(year in name for year in years)}

    @property
    def locked(self) -> bool:
        return any((self.folder / ".snakemake/locks").glob("*.lock"))
