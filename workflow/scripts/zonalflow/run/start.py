"""The start of the controlling process: messages in place of some of Snakemake's tracebacks, and less overhead.

The profiles call :func:`check` before Snakemake reads its command line. They run this file by its path, so it needs the
standard library only, and PyYAML, which Snakemake brings. docs/upstream.md says what Snakemake could change to make all
of this superfluous.
"""

import atexit
import difflib
import functools
import gc
import itertools
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path

_CONFIG, _CONFIGFILE = ("--config", "-C"), ("--configfile", "--configfiles")
_KEY = re.compile(r"[A-Za-z_][\w-]*\w(\..+)*")  # Snakemake's pattern, and keys within it
_NEEDED = 1 << 18  # bytes that Snakemake's copies of its sources take, and more


def check(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """End with a message if a command line cannot be right; let Snakemake write its cache elsewhere if it must."""
    if message := mistake(arguments):
        sys.exit(f"zonalflow: {message}")
    use_writable_cache(environment)


# ------------------------------------------------------------------------------------------------- the command line


def mistake(arguments: Sequence[str]) -> str:
    """Return what is wrong with the configuration on a command line, and what to write instead; empty if nothing is."""
    dotted = {}
    for option, number, value in _values(arguments):
        key, is_pair, of_key = value.partition("=")
        if option in _CONFIGFILE and not Path(value).exists():
            is_target = number > 0 and Path(value).suffix not in (".yaml", ".yml", ".json")
            return _target_first(option, value, arguments) if is_target else _no_such_file(option, value)
        if option in _CONFIGFILE and (problem := syntax_mistake(Path(value))):
            return problem
        if option in _CONFIG and not is_pair and number > 0:
            return _target_first(option, value, arguments)
        if option in _CONFIG and not (is_pair and _KEY.fullmatch(key)):
            what = f"{key!r} is not the name of a key" if is_pair else "it has no value"
            return f"{option} {shlex.quote(value)}: {what}. Write {option} KEY=VALUE"
        if option in _CONFIG and len(parts := key.split(".")) > 1:
            dotted[value] = functools.reduce(lambda inner, part: f"{{{part}: {inner}}}", parts[:0:-1], of_key)
    if not dotted:
        return ""
    given = next(iter(dotted))
    outer = given.partition(".")[0]
    inner = ", ".join(text[1:-1] for value, text in dotted.items() if value.startswith(f"{outer}."))
    return f"--config {given}: a key within another is written as YAML: --config {outer}={shlex.quote(f'{{{inner}}}')}"


def _values(arguments: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield the values that options for the configuration take: all up to the next option, with their number."""
    option, number = "", 0
    for argument in itertools.takewhile(lambda argument: argument != "--", arguments):
        name, equals, value = argument.partition("=")
        if equals and name in (*_CONFIG, *_CONFIGFILE):
            yield name, 0, value
            option = ""
        elif argument.startswith("-"):
            option, number = argument, 0
        elif option in (*_CONFIG, *_CONFIGFILE):
            yield option, number, argument
            number += 1


def _target_first(option: str, value: str, arguments: Sequence[str]) -> str:
    others = list(arguments)
    others.remove(value)
    what = "a file" if option in _CONFIGFILE else "KEY=VALUE"
    command = shlex.join(["snakemake", value, *others])
    return f"{option} takes all names that follow it, and {value!r} is not {what}. Write a target first:\n    {command}"


def _no_such_file(option: str, value: str) -> str:
    folders = dict.fromkeys([Path(value).parent, Path("config"), Path()])
    files = [str(path) for folder in folders for path in sorted(folder.glob("*.y*ml"))]
    close = difflib.get_close_matches(value, files, n=1) or files[:3]
    return f"{option} {value}: there is no such file" + (f". Do you mean {', or '.join(close)}?" if close else "")


def syntax_mistake(path: Path) -> str:
    """Return the line of a configuration file that is no YAML, and why; empty if all are, or the file is missing."""
    import yaml  # not at the head: each job imports this module

    try:
        text = path.read_text(encoding="utf-8-sig")
        yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except UnicodeError:
        return f"{path}: not encoded in UTF-8; save it as UTF-8"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = mark.line if mark else 0
        line = (text.splitlines() or [""])[number:][:1]
        if line and "\t" in line[0][: len(line[0]) - len(line[0].lstrip())]:
            return f"{path}, line {number + 1}: begins with a tab; YAML wants spaces"
        hint = "Check brackets, quotes, colons and indentation here and above"
        return f"{path}, line {number + 1}: is not YAML: {error.problem or error.context}. {hint}"
    except (yaml.YAMLError, OSError, RecursionError, ValueError):
        pass  # Snakemake reads it next, and reports these itself
    return ""


# --------------------------------------------------------------------------------------------------------- the cache


def use_writable_cache(environment: MutableMapping[str, str]) -> None:
    """Name another folder for caches if Snakemake cannot keep copies of its sources in the home folder."""
    usual = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/"), ".cache"))
    if not (reason := _not_writable(usual)):
        return
    for other in (Path(".snakemake/cache").absolute(), Path(tempfile.gettempdir(), f"zonalflow-{os.getuid()}")):
        if not _not_writable(other):
            environment["XDG_CACHE_HOME"] = str(other)
            environment.setdefault("MPLCONFIGDIR", str(other / "matplotlib"))
            print(f"zonalflow: {usual} cannot be written ({reason}). Caches go to {other}", file=sys.stderr)
            return


def _not_writable(cache: Path) -> str:
    """Return why Snakemake cannot write into a folder for caches; empty if it can."""
    try:
        folder = cache / "snakemake/snakemake/source-cache"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_NEEDED))
    except OSError as error:
        return error.strerror or str(error)
    return ""


# ---------------------------------------------------------------------------------------------------------- the plan


def begin_planning() -> None:
    """Collect no garbage until :func:`end_planning`, nor at the exit; parse the address of a source file only once.

    Snakemake builds millions of objects that stay until the end. Python looks through them for circular garbage, again
    and again while they are made and once more at the exit.
    """
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter's last collection would look through everything
    if smart_open := sys.modules.get("smart_open"):  # Snakemake calls it five times a job, for the rule's script
        smart_open.parse_uri = functools.cache(smart_open.parse_uri)  # type: ignore[attr-defined]


def end_planning() -> None:
    """Collect garbage again, but not among what has been planned."""
    gc.freeze()
    gc.enable()
