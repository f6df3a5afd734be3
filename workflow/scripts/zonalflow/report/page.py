"""The report's page: one HTML file that holds all it shows and sends no requests.

The template, its style and its script are files of the folder ``page``; the numbers are put into the page as JSON, the
outlines as SVG paths.
"""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

TEMPLATE = "page.html.j2"
SCRIPTS = (  # in this order: a script uses only the ones before it while the page opens
    "data", "format", "state", "view", "colour", "tip", "maps", "overview", "classes", "series", "seasons", "table",
    "downloads", "controls", "main",
)  # fmt: skip
_LINK = re.compile(r"https?://[^\s<>]*[^\s<>.,;:)]")


@dataclass(frozen=True)
class Page:
    """What the page shows, as plain data.

    ``data`` is what its script draws (:func:`zonalflow.report.data.page_data`); the rest are the texts that
    :mod:`zonalflow.report.text` makes.
    """

    title: str
    data: dict[str, Any]
    summary: list[tuple[str, str]]
    quality: list[dict[str, Any]]
    verdict: dict[str, Any]
    method_error: list[str]
    citations: dict[str, list[str]]
    provenance: dict[str, Any]


def page_folder() -> Path:
    """Return the folder of the page's files: beside this module when installed, ``workflow/report/page`` in a checkout.

    Raises FileNotFoundError when neither has them.
    """
    here = Path(__file__).resolve()
    candidates = (here.with_name("page_files"), here.parents[3] / "report" / "page")
    for folder in candidates:
        if (folder / TEMPLATE).is_file():
            return folder
    raise FileNotFoundError(f"the report's {TEMPLATE} is neither in {candidates[0]} nor in {candidates[1]}")


def render(page: Page) -> str:
    """Return the page as HTML, with style, script and data in it."""
    folder = page_folder()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["linked"] = linked
    layers = [layer for variable in page.data["variables"] for layer in variable["layers"]]
    return environment.get_template(TEMPLATE).render(
        vars(page),
        has_trends=any("slope" in period for layer in layers for period in layer["periods"].values()),
        embedded_data=embedded_json(page.data),
        style=_read(folder, "style.css"),
        d3=_read(folder, "d3.min.js"),
        script="\n".join(_read(folder, f"scripts/{name}.js") for name in SCRIPTS),
    )


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def linked(text: str) -> str:
    """Return a text as HTML, where each address of a web page, such as that of a DOI, is a link."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        address = html.escape(found[0])
        parts += [html.escape(text[end : found.start()]), f'<a href="{address}" rel="noreferrer">{address}</a>']
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])


def embedded_json(value: Any) -> str:
    """Return JSON that is safe between script tags: no text in it can end the element or open a comment.

    Raises ValueError for NaN and infinities, which JSON cannot store.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
