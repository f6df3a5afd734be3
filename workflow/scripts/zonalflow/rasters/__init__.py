"""rasters."""
