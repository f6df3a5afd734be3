"""Open rasters of any format: their grids, bands and variables, and what their stored numbers mean; no statistics."""
