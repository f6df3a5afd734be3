"""The zones: reading polygons from files and bringing them to a grid; the index finds which cells they hold."""
