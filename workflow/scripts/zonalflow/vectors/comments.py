"""What the columns of a GeoPackage mean, in the file itself: the table ``gpkg_data_columns`` of its schema extension.

GeoPackage Encoding Standard 1.3, annex F.9 (OGC 12-128r17). GDAL and QGIS show the title as a field's alias and the
description as its comment; programs that do not know the extension leave it alone.
"""

from contextlib import closing
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
  max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
"""
_DEFINITION = "http://www.geopackage.org/spec/#extension_schema"


def add_comments(path: Path, layer: str, meanings: dict[str, dict[str, str]]) -> None:
    """Write what columns of a GeoPackage's layer mean into the file.

    Args:
        path: the GeoPackage, which has no comments yet.
        layer: the name of its table.
        meanings: column to ``long_name``, ``unit`` (if there is one) and ``description``.
    """
    import sqlite3  # here, since few jobs write GeoPackages

    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_SCHEMA)
        database.executemany(
            "INSERT INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', ?, 'read-write')",
            [(table, _DEFINITION) for table in ("gpkg_data_columns", "gpkg_data_column_constraints")],
        )
        database.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, title, description) VALUES (?, ?, ?, ?)",
            [(layer, name, _title(of), of["description"]) for name, of in meanings.items()],
        )


def _title(meaning: dict[str, str]) -> str:
    unit = meaning.get("unit", "1")
    return meaning["long_name"] if unit == "1" else f"{meaning['long_name']} ({unit})"
