"""The vector formats of ``output.formats``, and the suffixes of the files that each gives a year."""

VECTOR_SUFFIXES = {
    "shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"),
    "gpkg": (".gpkg",),
    "geojson": (".geojson",),
    "geoparquet": (".parquet",),
}
