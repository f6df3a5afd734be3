"""The zones: reading polygons from files and bringing them to a grid; which cells they hold is the index's part."""
