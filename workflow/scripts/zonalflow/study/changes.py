"""How Snakemake learns which results are out of date, and which of them are left after a run.

For each result that is out of date or missing there is to be an empty file ``.changes/<step>/<name>.<n>``, which its
job reads. It does not exist yet, so the rule that makes these files runs, and with it the jobs that read them. A later
change asks for the next number.
"""

import glob
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from zonalflow.common.files import write_json
from zonalflow.common.text import count_of
from zonalflow.recipes.contents import Memory
from zonalflow.study.jobs import job_name
from zonalflow.study.plan import Plan
from zonalflow.study.study import Study

MEMORY = Path(".snakemake/zonalflow/contents")


class Changes:
    """The plan of a study, as Snakemake's inputs and as text."""

    def __init__(self, study: Study, page: Iterable[str]):
        self._study = study
        self._page = list(page)
        self._memory = MEMORY / f"{study.run}.json"
        self.plan = self.now()
        self._numbers = _numbers(Path(study.results) / ".changes")
        unsettled = [state.job.name for state in self.plan.states.values() if not state.is_settled]
        self.new = {name: self._file(name, 1) for name in unsettled} if unsettled and self._has_begun() else {}
        self._reasons = {
            path: "; ".join(state.reasons) for state in self.plan.out_of_date for path in state.job.outputs
        }

    def _has_begun(self) -> bool:
        """Whether anything exists that the study makes or fetches."""
        return any(state.present for state in self.plan.states.values()) or any(
            Path(receipt).exists() for receipt in self._study.receipts
        )

    def asked(self, targets: Collection[str]) -> list[str]:
        """Return what must be made so that the jobs run which the targets need: one of the new files, or none.

        Snakemake does not make a missing input for results that are there, only what it is forced to make. Once it
        makes one it also overlooks what is missing behind jobs that need not run, so each of those jobs reads one.
        """
        needed = self.plan.needed_by(targets)
        return [path for name, path in self.new.items() if name in needed][:1]

    def settle(self) -> None:
        """Drop the results that jobs of a killed run have finished since the plan was made."""
        if self.new:
            states = self.now().states
            self.new = {name: path for name, path in self.new.items() if not states[name].is_settled}

    def now(self) -> Plan:
        """Return a new plan of the study."""
        return Plan(self._study, self._page, Memory.read(self._memory))

    def inputs(self, step: str, wildcards: Sequence[str], ancient: Callable[[str], Any]) -> list[Any]:
        """Return the file that a job reads: a new one if its results are out of date, else the last one."""
        name = job_name(step, wildcards)
        if name in self.new:
            return [self.new[name].removeprefix(self._study.root)]
        return [ancient(self._file(name, 0).removeprefix(self._study.root))] if name in self._numbers else []

    def _file(self, name: str, further: int) -> str:
        return f"{self._study.results}/.changes/{name}.{self._numbers.get(name, 0) + further}"

    def edited_results(self) -> list[str]:
        """Return the files in the results folder that are not what their jobs wrote."""
        states = self.plan.states.values()
        return [path for state in states for path in state.edited if path.startswith(f"{self._study.results}/")]

    def explain(self, files: Iterable[str]) -> str:
        """Return why the files of a job are out of date; empty if they are not."""
        return next((self._reasons[path] for path in files if path in self._reasons), "")

    def remember(self) -> None:
        """Store checksums that had to be computed, for the next start; and list what is out of date."""
        self.plan.memory.write(self._memory)
        for name, number in self._numbers.items():
            for path in Path(self._file(name, 0)).parent.glob(f"{glob.escape(name.rpartition('/')[2])}.*"):
                if path.suffix != f".{number}" and path.suffix[1:].isdigit():
                    path.unlink(missing_ok=True)
        mark(self.plan)


def mark(plan: Plan) -> None:
    """Write ``out_of_date.json`` into the results, for other programs: which files are out of date, and why.

    There is no such file if none is.
    """
    path = Path(plan.study.results) / "out_of_date.json"
    if not plan.out_of_date:
        path.unlink(missing_ok=True)
        return
    results = f"{plan.study.results}/"
    named = [
        {
            "files": [file.removeprefix(results) for file in state.job.outputs if Path(file).exists()],
            "why": "; ".join(state.reasons),
        }
        for state in plan.out_of_date
    ]
    write_json(path, {"out_of_date": named, "advice": "Run the same command again to make them again."})


def leftovers(plan: Plan) -> str:
    """Return a message on results of a former configuration, input or code; empty if there are none."""
    years = sum(state.job.step == "zonal_stats" for state in plan.out_of_date)
    others = len(plan.out_of_date) - years
    counts = " and ".join(
        text
        for number, text in ((years, count_of(years, "year")), (others, count_of(others, "other result")))
        if number
    )
    if not counts:
        return ""
    return (
        f"{counts} of a former configuration, input or code {'is' if years + others == 1 else 'are'} still in "
        f"{plan.study.results}/ (listed in out_of_date.json); run again to replace them"
    )


def _numbers(folder: Path) -> dict[str, int]:
    """Return the last number of each job's files."""
    found: dict[str, int] = {}
    for path in folder.glob("*/*"):
        name, _, number = path.name.rpartition(".")
        if number.isdigit():
            key = f"{path.parent.name}/{name}"
            found[key] = max(found.get(key, 0), int(number))
    return found
