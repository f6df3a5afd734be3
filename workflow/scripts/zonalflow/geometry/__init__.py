"""Plain geometry of grids, boxes and polygons; nothing here reads a file."""
