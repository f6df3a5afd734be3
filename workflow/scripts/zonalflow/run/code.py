"""Which code makes a result: a digest of a rule's step and of all of ours that it imports.

The digest is part of a result's recipe, see :mod:`zonalflow.recipes`. Comments, docstrings and blank lines do not
count.

Every cluster job computes a digest, so modules are read with regular expressions instead of Python's parser, which
takes five times as long. What these cannot make out ends in an error, and a test compares them with the parser.
"""

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "zonalflow"
_ROOT = Path(__file__).parents[2]  # the folder with the package and the rules' scripts
_STRING_OR_COMMENT = re.compile(
    r"""[rbfu]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"|(?P<comment>\#[^\n]*)",
    re.DOTALL | re.IGNORECASE,
)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+(\([^)]*\)|[^\n;]+)", re.MULTILINE)
_DEFINITION = re.compile(
    r"^(?:def|class)[ \t]+(\w+)|^\(?(\w+(?:, *\w+)*)\)?(?:[ \t]*:[^=\n]*)?[ \t]*=(?!=)", re.MULTILINE
)


class UnresolvedImportError(Exception):
    """An import of ours names a module, or something in a module, that is not there."""


@dataclass(frozen=True)
class _Module:
    """A module of ours.

    Attributes:
        code: its text without comments, docstrings and blank lines.
        imports: the module that each import statement names, and what it takes of it, with ``import x`` as ``x: []``.
        names: what it defines or imports at its top.
        is_package: whether it is the ``__init__`` of a package.
    """

    code: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    names: frozenset[str]
    is_package: bool


@functools.cache
def code_digest(step: str) -> str:
    """Return 16 hexadecimal digits over the code of `step`, of all modules of ours that it imports, and its script.

    `step` is the name of a module in ``zonalflow.steps``, or a dotted name below ``zonalflow``.

    Raises:
        UnresolvedImportError: a module, or a name imported from one, does not exist.
    """
    text = hashlib.sha256()
    for name in sorted(modules_of(step)):
        text.update(f"{name}\0{_module(name).code}\0".encode())
    script = _ROOT / f"{step}.py"
    if script.is_file():  # there is none where the library is installed by itself
        text.update(_without_comments(script.read_text(encoding="utf-8"))[0].encode())
    return text.hexdigest()[:16]


def modules_of(step: str) -> set[str]:
    """Return the dotted names of the modules of ours that `step` runs, itself and its packages among them."""
    waiting = _with_packages(f"{PACKAGE}.{step}" if "." in step else f"{PACKAGE}.steps.{step}")
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            for source, taken in _module(name).imports:
                waiting += [part for found in _resolved(name, source, taken) for part in _with_packages(found)]
    return seen


def _with_packages(name: str) -> list[str]:
    """Return a dotted name and those of the packages around it, whose ``__init__`` is run as well."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _resolved(importer: str, source: str, taken: tuple[str, ...]) -> list[str]:
    """Return the modules of ours that an import in the module `importer` runs."""
    if source.startswith("."):
        package = importer if _module(importer).is_package else importer.rpartition(".")[0]
        up = len(source) - len(source.lstrip(".")) - 1
        above = package.split(".")[: len(package.split(".")) - up]
        source = ".".join([*above, *filter(None, [source.lstrip(".")])])
    if source.split(".")[0] != PACKAGE:
        return []
    module, found = _module(source), [source]
    for name in taken:
        if name in module.names:
            continue
        if not module.is_package or not _path(f"{source}.{name}"):
            raise UnresolvedImportError(f"{source} has no {name!r}, which {importer} imports")
        found.append(f"{source}.{name}")
    return found


def _path(name: str) -> Path | None:
    path = _ROOT.joinpath(*name.split("."))
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in found if candidate.is_file()), None)


@functools.cache
def _module(name: str) -> _Module:
    path = _path(name)
    if path is None:
        raise UnresolvedImportError(f"there is no module {name}")
    code, masked = _without_comments(path.read_text(encoding="utf-8"))
    imports: list[tuple[str, tuple[str, ...]]] = []
    names: set[str] = set()
    for found in _IMPORT.finditer(masked):
        parts = [part.split() for part in found[2].strip("() \t").split(",") if part.strip()]
        if found[1]:
            imports.append((found[1], tuple(part[0] for part in parts)))
        else:
            imports += [(part[0], ()) for part in parts]
        names.update(part[-1] for part in parts)
    for found in _DEFINITION.finditer(masked):
        names.update((found[1] or found[2]).replace(" ", "").split(","))
    return _Module(code, tuple(imports), frozenset(names), path.name == "__init__.py")


def _without_comments(source: str) -> tuple[str, str]:
    """Return source code without comments, docstrings and blank lines; and, line by line, without strings as well.

    A docstring is a string in triple quotes that stands alone and begins the file, a class or a function.
    """
    code: list[str] = []
    masked: list[str] = []
    end = 0
    for found in _STRING_OR_COMMENT.finditer(source):
        before = source[end : found.start()]
        code.append(before)
        masked.append(before)
        end = found.end()
        if found["comment"]:
            continue
        if not (found[0].endswith(('"""', "'''")) and _begins_a_block(code)):
            code.append(found[0])
        masked.append("''")
    code.append(source[end:])
    masked.append(source[end:])
    return "\n".join(line.rstrip() for line in "".join(code).splitlines() if line.strip()), "".join(masked)


def _begins_a_block(code: list[str]) -> bool:
    """Whether what follows `code` stands first in a line, and in the file, a class or a function."""
    before = ""
    for part in reversed(code):
        before = part + before
        if before.strip():
            break
    alone = not before.rpartition("\n")[2].strip()
    return alone and before.rstrip()[-1:] in ("", ":")
