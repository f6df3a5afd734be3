"""The study of the shipped configuration, with changes."""

from pathlib import Path

import yaml

from zonalflow.study.resolve import resolve
from zonalflow.study.schema import load_schema
from zonalflow.study.study import Study

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")


def shipped_study(**changes) -> Study:
    """Return the study of config/config.yaml, the tutorial's, with other keys; a dict changes keys of a section."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for key, value in changes.items():
        config[key] = config.get(key, {}) | value if isinstance(value, dict) else value
    return Study(resolve(config, SCHEMA))
