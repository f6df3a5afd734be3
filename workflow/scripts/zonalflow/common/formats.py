"""The vector formats of ``output.formats``."""

VECTOR_SUFFIXES = {
    "shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"),
    "gpkg": (".gpkg",),
    "geojson": (".geojson",),
    "geoparquet": (".parquet",),
}
"""Format to the suffixes of the files that it writes for each year."""
