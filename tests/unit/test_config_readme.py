"""config/README.md against the schema, the examples and the statistics: nothing left out, nothing invented."""

import re
from pathlib import Path

import pytest

from zonalflow.stats.statistics import STATISTICS
from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema

ROOT = Path(__file__).parents[2]
README = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
SCHEMA = load_schema(ROOT / "workflow" / "schemas" / "config.schema.yaml")
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.yaml"))


def keys(schema=SCHEMA, prefix=""):
    """Yield the dotted name and schema of each key that holds no further keys."""
    for name, part in schema["properties"].items():
        if "properties" in part:
            yield from keys(part, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", part


def row(key: str) -> str:
    """Return the table's rows about a key."""
    return "\n".join(line for line in README.splitlines() if line.startswith(f"| `{key}` |"))


@pytest.mark.parametrize(
    "key", [key for key, _ in keys() if key not in ("stats", "method", "weights", "output.formats")]
)
def test_every_key_has_a_row_with_its_default(key):
    part = dict(keys())[key]
    assert row(key), f"config/README.md has no row for {key}"
    default = part.get("default")
    if isinstance(default, bool):
        default = str(default).lower()
    if isinstance(default, int | float) or (isinstance(default, str) and not default.startswith("http")):
        assert re.search(rf"\| `?{default}`? \|", row(key)), f"{key}: its default is {default}"
    if default is None and "default" in part and not key.endswith(".url"):
        assert "| `null` |" in row(key)
    for value in part.get("enum", ()):
        assert f"`{value}`" in row(key)


def test_the_other_keys_have_sections_with_their_values_and_defaults():
    for key in ("stats", "method", "weights", "output.formats"):
        assert f"`{key}`" in README
    properties = SCHEMA["properties"]
    for value in properties["method"]["enum"]:
        assert re.search(rf"^\| `{value}`", README, re.MULTILINE)
    for value in properties["output"]["properties"]["formats"]["items"]["enum"]:
        assert f"`{value}`" in README.partition("## Outputs")[2].partition("## Columns")[0]
    for name in STATISTICS:
        assert f"`{name}`" in README.partition("## Statistics")[2].partition("## Methods")[0]


def test_every_example_is_listed_and_only_those():
    assert re.findall(r"\(examples/(\w+\.yaml)\)", README) != []
    assert sorted(re.findall(r"\(examples/(\w+\.yaml)\)", README)) == [path.name for path in EXAMPLES]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid_and_has_its_own_run(path):
    config = resolve(load_schema(path), SCHEMA)
    assert config["run"].startswith("example-")
    runs = [load_schema(other)["run"] for other in EXAMPLES]
    assert len(set(runs)) == len(runs)


@pytest.mark.parametrize("file", ["config.yaml", "demo.yaml"])
def test_the_shipped_configurations_use_documented_keys(file):
    resolve(load_schema(ROOT / "config" / file), SCHEMA)
