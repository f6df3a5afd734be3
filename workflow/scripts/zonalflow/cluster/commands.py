"""The commands that a run puts before SLURM's own on its PATH, and the notes that they leave (:mod:`submit`)."""

import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zonalflow.cluster import submit

_SCRIPTS = Path(__file__).parents[2]  # the folder that holds the package
# variables that a user's shell may set for commands given by hand; they would change a run's jobs, or hide them from it
_FOREIGN = ("SBATCH_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_")


@dataclass(frozen=True)
class Note:
    """A submission that waits or was refused: `kind` as in :mod:`submit`, why, and the comment of the job."""

    kind: str
    reason: str
    comment: str


class Commands:
    """A private folder with `sbatch`, `squeue` and `sacctmgr`, first on the PATH of this process until the end."""

    def __init__(self, accounts: str, attempts: int, environment: MutableMapping[str, str] = os.environ):
        """Write the commands.

        `accounts` are those of the profile, `attempts` how often a submission is tried.
        """
        self.folder = _executable_folder()
        path = environment.get("PATH", "")
        for name in ("sbatch", "squeue"):
            real = shutil.which(name, path=path)
            call = f"main({real!r}, {str(self.folder)!r}, {os.getpid()}, {attempts}, sys.argv[1:])"
            code = f"import sys; sys.path.insert(0, {str(_SCRIPTS)!r}); from {submit.__name__} import main"
            code += f"; sys.exit({call})"
            # without site packages: finding them takes longer than everything else
            self._write(name, f'exec {shlex.quote(sys.executable)} -SE -c {shlex.quote(code)} "$@"')
        # The plugin asks for the user's accounts before each job, and fails without an answer. They have been checked.
        names = " ".join(shlex.quote(name) for name in accounts.replace(",", " ").split())
        self._write("sacctmgr", f"printf '%s\\n' {names}")
        environment["PATH"] = f"{self.folder}{os.pathsep}{path}"

    def _write(self, name: str, line: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o700)

    def notes(self) -> list[Note]:
        """Return the submissions that wait or were refused."""
        found = []
        for path in sorted(self.folder.glob("note-*.json")):
            with suppress(OSError, ValueError):  # it may just have been submitted
                found.append(Note(**json.loads(path.read_text())))
        return found

    def end(self) -> None:
        """Stop submitting: commands that wait to submit a job end."""
        with suppress(OSError):
            (self.folder / submit.ENDED).touch()

    def remove(self) -> None:
        """Remove the folder; from now on the PATH leads to SLURM's own commands."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _executable_folder() -> Path:
    """Return a new private folder in which programs may be executed: /tmp does not allow it everywhere."""
    folder = Path(tempfile.mkdtemp(prefix="zonalflow-"))
    probe = folder / "probe"
    probe.touch(mode=0o700)
    if os.access(probe, os.X_OK):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="zonalflow-", dir=Path(".snakemake").absolute()))


def forget_foreign_settings(environment: MutableMapping[str, str]) -> None:
    """Remove what the user's shell sets for SLURM commands given by hand."""
    for name in [name for name in environment if name.startswith(_FOREIGN)]:
        del environment[name]


def missing_commands(environment: Mapping[str, str]) -> list[str]:
    """Return which of SLURM's commands that a run needs are not on the PATH."""
    return [
        name
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo")
        if not shutil.which(name, path=environment.get("PATH", ""))
    ]
