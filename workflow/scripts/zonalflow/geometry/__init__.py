"""Where things lie: grids, boxes and polygons as plain geometry, without reading any file."""
