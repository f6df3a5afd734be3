"""The report's page: one HTML file that holds all it shows and sends no requests.

The template, its style and its script are files of the folder ``page``; the numbers are put into the page as JSON, the
outlines as SVG paths.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

TEMPLATE = "page.html.j2"
_EMBEDDED = {"style": "style.css", "script": "report.js", "d3": "d3.min.js"}


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
    return environment.get_template(TEMPLATE).render(
        vars(page),
        embedded_data=embedded_json(page.data),
        **{name: (folder / file).read_text(encoding="utf-8") for name, file in _EMBEDDED.items()},
    )


def embedded_json(value: Any) -> str:
    """Return JSON that is safe between script tags: no text in it can end the element or open a comment.

    Raises ValueError for NaN and infinities, which JSON cannot store.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
