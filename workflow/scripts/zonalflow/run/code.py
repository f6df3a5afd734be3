"""Which code makes a result: a digest of a rule's step and of all of ours that it imports.

Snakemake runs a job again when its script changes, but not when a module that the script imports does. Rules therefore
carry the digest of their step among their parameters. Comments, docstrings and blank lines do not count.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "zonalflow"
_ROOT = Path(__file__).parents[2]  # the folder that holds the package
_STRING_OR_COMMENT = re.compile(
    r"""[rbfu]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"|(?P<comment>\#[^\n]*)",
    re.DOTALL | re.IGNORECASE,
)


class UnresolvedImportError(Exception):
    """An import of ours names a module, or something in a module, that is not there."""


@dataclass(frozen=True)
class _Module:
    """A module of ours: its code without comments and docstrings, what it imports of ours, the names that it has."""

    code: str
    imports: tuple[str, ...]
    names: frozenset[str]


def code_digest(step: str) -> str:
    """Return 16 hexadecimal digits over the code of `step` and of every module of ours that it imports, in turn.

    `step` is the name of a module in ``zonalflow.steps``, or a dotted name below ``zonalflow``.

    Raises:
        UnresolvedImportError: a module, or a name imported from one, does not exist.
    """
    text = hashlib.sha256()
    for name in sorted(modules_of(step)):
        text.update(f"{name}\0{_module(name).code}\0".encode())
    return text.hexdigest()[:16]


def modules_of(step: str) -> set[str]:
    """Return the dotted names of the modules of ours that `step` runs, itself and its packages among them."""
    waiting = _with_packages(f"{PACKAGE}.{step}" if "." in step else f"{PACKAGE}.steps.{step}")
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [part for imported in _module(name).imports for part in _with_packages(imported)]
    return seen


def _with_packages(name: str) -> list[str]:
    """Return a dotted name and those of the packages around it, whose ``__init__`` is run as well."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _path(name: str) -> Path | None:
    path = _ROOT.joinpath(*name.split("."))
    found = (path / "__init__.py", path.with_suffix(".py"))
    return next((candidate for candidate in found if candidate.is_file()), None)


@functools.cache
def _module(name: str) -> _Module:
    path = _path(name)
    if path is None:
        raise UnresolvedImportError(f"there is no module {name}")
    source = path.read_text(encoding="utf-8")
    statements = list(_statements(ast.parse(source).body))
    names = frozenset(found for statement in statements for found in _names(statement))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imports = [found for statement in statements for found in _imports(statement, package)]
    return _Module(_without_comments(source, statements), tuple(dict.fromkeys(imports)), names)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield all statements, those within others included."""
    for statement in body:
        yield statement
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, ()))
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(part.body)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def _imports(statement: ast.stmt, package: str) -> Iterator[str]:
    """Yield the dotted names of the modules of ours that a statement imports; `package` holds the module."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if alias.name.split(".")[0] == PACKAGE)
    elif isinstance(statement, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - statement.level + 1] if statement.level else []
        source = ".".join([*above, *([statement.module] if statement.module else [])])
        if source.split(".")[0] != PACKAGE:
            return
        yield source
        for alias in statement.names:
            if _path(f"{source}.{alias.name}"):
                yield f"{source}.{alias.name}"
            elif source != package and alias.name not in _module(source).names:
                raise UnresolvedImportError(f"{source} has no {alias.name!r}, which a module of {package} imports")


def _without_comments(source: str, statements: Iterable[ast.stmt]) -> str:
    """Return source code without comments, docstrings and blank lines: the same text on every version of Python."""
    lines = source.splitlines()
    for statement in statements:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
            lines[first:last] = [""] * (last - first)
    text = _STRING_OR_COMMENT.sub(lambda found: "" if found["comment"] else found[0], "\n".join(lines))
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
