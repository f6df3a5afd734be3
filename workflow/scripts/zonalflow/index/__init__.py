"""Find which cells of a grid each zone holds, once, and store that for all rasters on the grid; it reads no values."""
